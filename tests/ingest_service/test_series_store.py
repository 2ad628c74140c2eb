import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest_service.series.port import Anchor, ExposureRow, HeldBatch, SeriesError, SeriesStore, Span
from ingest_service.series.sqlite import FILE_NAME, open_series
from tests.ingest_service.series_stores import Open

ZONE = "kh-f0123/sewing-3"


@pytest.fixture
def series(opener: Open, tmp_path: Path) -> Iterator[SeriesStore]:
    store = opener(tmp_path)
    yield store
    store.close()


def exposure(
    minute: int, value: float | None, kind: str = "wbgt.minute", coverage: float = 1.0, received: int = 60
) -> ExposureRow:
    return ExposureRow(ZONE, kind, minute, value, coverage, 60, received, 1.0, "globe", 0, "heat-1")


def test_a_channel_keeps_its_number_and_its_newest_reading(series: SeriesStore) -> None:
    first = series.channel_id("kh-f0123", "kh-f0123-a", "st1", "ta", "Cel")
    assert series.channel_id("kh-f0123", "kh-f0123-a", "st1", "ta", "Cel") == first
    series.write(
        [(first, 60_000_001, 31.0, 0, 0), (first, 50_000_001, 30.0, 4, 1)],
        [],
        "ledger",
        7,
        received={first: 61.0},
    )
    series.write([(first, 40_000_002, 29.0, 0, 0)], [], "ledger", 8, received={first: 62.0})
    (entry,) = series.latest("kh-f0123-a")
    assert entry[6:] == (60.0, 31.0, None, 0, 0, 62.0)
    assert series.cursor("ledger") == 8


def test_a_point_at_the_last_instant_of_a_minute_belongs_to_it_whatever_its_discriminator(
    series: SeriesStore,
) -> None:
    channel = series.channel_id("s", "g", "st1", "ta", "Cel")
    series.write([(channel, 60_000_999, 1.0, 0, 0), (channel, 60_001_000, 2.0, 0, 0)], [], "ledger", 1)
    assert series.take_dirty(10) == [(channel, 1), (channel, 2)]
    assert [p.value for p in series.points_between(channel, 0, 60)] == [1.0]
    assert [p.time for p in series.points_between(channel, 60, 120)] == [60.001]


def test_writing_the_same_points_again_changes_nothing_but_marks_them_dirty(series: SeriesStore) -> None:
    channel = series.channel_id("s", "g", "st1", "ta", "Cel")
    rows = [(channel, 60_000_001, 1.0, 0, 0)]
    series.write(rows, [], "ledger", 1)
    series.clear_dirty(series.take_dirty(10))
    assert series.take_dirty(10) == []
    series.write(rows, [], "ledger", 1)
    assert len(series.points_between(channel, 0, 100)) == 1
    assert series.take_dirty(10) == [(channel, 1)]


def test_aggregates_are_read_by_their_end(series: SeriesStore) -> None:
    assert series.channel_id("s", "g", "st1", "ta", "Cel") == 1
    assert series.channel_id("s", "g", "st2", "ta", "Cel") == 2
    series.write_minutes([Span(1, 2, 6, 30.0, 29.0, 31.0, 0, 0), Span(1, 3, 6, 32.0, 31.0, 33.0, 0, 0)])
    series.write_hours([Span(1, 1, 60, 31.0, 29.0, 33.0, 0, 0)])
    assert [(s.time, s.value) for s in series.read(1, 60, 180, "minute")] == [(120, 30.0), (180, 32.0)]
    assert [(s.time, s.low, s.high) for s in series.read(1, 0, 3600, "hour")] == [(3600, 29.0, 33.0)]
    assert [s.end for s in series.minutes_between([1, 2], 3, 9)] == [3]


def test_an_exposure_gets_a_revision_only_when_its_number_differs(series: SeriesStore) -> None:
    assert series.write_exposures([exposure(10, 28.0), exposure(11, None, coverage=0.2)]) == 2
    assert series.write_exposures([exposure(10, 28.0)]) == 0
    assert series.write_exposures([exposure(10, 28.0, received=61)]) == 1
    assert series.write_exposures([exposure(10, 28.4)]) == 1
    first, second = series.exposures(ZONE, "wbgt.minute", 0, 99)
    assert (first.value, first.revision) == (28.4, 1)
    assert first.change > second.change
    assert (second.value, second.revision) == (None, 0)
    assert [row.minute for row in series.exposures_changed(2, 10)] == [10]


def test_the_newest_exposure_of_each_kind_is_found(series: SeriesStore) -> None:
    series.write_exposures([exposure(m, 20.0 + m) for m in (1, 2, 3)] + [exposure(2, 85.0, kind="la.leq1")])
    found = {row.kind: row.minute for row in series.latest_exposures([ZONE, "elsewhere"])}
    assert found == {"wbgt.minute": 3, "la.leq1": 2}


def test_exceedance_counts_only_what_is_above_and_never_what_is_unknown(series: SeriesStore) -> None:
    series.write_exposures([exposure(1, 28.0), exposure(2, 28.1), exposure(3, None)])
    assert series.exceedance(ZONE, "wbgt.minute", 28.0, 0, 9) == (1, 2, 28.1, 2)
    assert series.exceedance(ZONE, "co.twa8h", 28.0, 0, 9) == (0, 0, None, None)


def test_the_highest_of_every_few_minutes_skips_what_is_unknown(series: SeriesStore) -> None:
    values = [28.0, 31.0, 29.0, None, None, None, None, None, None, None, 27.0]
    series.write_exposures([exposure(m, value) for m, value in enumerate(values, start=1)])
    assert series.highest(ZONE, "wbgt.minute", 1, 11, 5) == {5: 31.0, 15: 27.0}
    assert series.highest(ZONE, "wbgt.minute", 1, 3, 1) == {1: 28.0, 2: 31.0, 3: 29.0}


def test_a_transaction_is_all_or_nothing(series: SeriesStore) -> None:
    def write_and_fail() -> None:
        with series.transaction():
            series.write_exposures([exposure(1, 28.0)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert series.exposures(ZONE, "wbgt.minute", 0, 9) == []


def test_wiping_keeps_the_change_number_growing(series: SeriesStore) -> None:
    series.write_exposures([exposure(1, 28.0)])
    series.hold([HeldBatch(1, "g", "b", 5.0)])
    series.add_anchors("g", "b", [Anchor(1.0, 2.0, 0.1)])
    assert [w.batches for w in series.held()] == [1]
    series.wipe()
    assert series.held() == []
    assert series.anchors("g", "b") == []
    series.write_exposures([exposure(1, 28.0)])
    assert series.exposures_changed(1, 9)[0].change == 2


def test_a_reader_sees_what_another_process_wrote_and_cannot_write(
    series: SeriesStore, opener: Open, tmp_path: Path
) -> None:
    channel = series.channel_id("s", "g", "st1", "ta", "Cel")
    reader = opener(tmp_path, read_only=True)
    series.write([(channel, 60_000_001, 1.0, 0, 0)], [], "ledger", 1)
    assert reader.latest()[0].last_value == 1.0
    with pytest.raises(SeriesError, match="cannot write"):
        reader.set_cursor("x", 1)
    reader.close()


def test_a_file_of_another_schema_is_refused_with_the_way_out(tmp_path: Path) -> None:
    store = open_series(tmp_path)
    store._connections.here().execute("PRAGMA user_version=99")
    store.close()
    with pytest.raises(SeriesError, match=f"{FILE_NAME} has schema 99.*delete the file"):
        open_series(tmp_path)


def test_a_file_of_an_older_form_is_emptied_and_its_changes_go_on_growing(tmp_path: Path) -> None:
    store = open_series(tmp_path)
    store.write_exposures([exposure(1, 28.0)])
    store.set_cursor("ledger", 7)
    store._connections.here().executescript("DROP TABLE summaries; DROP TABLE quality; PRAGMA user_version=1")
    store.close()
    reader = open_series(tmp_path, read_only=True)
    assert reader.cursor("ledger") == 0
    assert reader.exposures(ZONE, "wbgt.minute", 0, 9) == []
    assert reader.summaries(ZONE, "wbgt.minute", "hour", 0, 99) == []
    reader.close()
    again = open_series(tmp_path)
    again.write_exposures([exposure(1, 28.0)])
    assert again.exposures_changed(1, 9)[0].change == 2
    again.close()


def test_processes_that_start_together_share_one_new_file(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ingest_service.series.sqlite import open_series\n"
        "store = open_series(Path(sys.argv[1]), read_only=sys.argv[2] == 'r'); "
        "store.channels(); store.close()"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), kind], cwd=Path(__file__).parents[2])
        for kind in "rwrr"
    ]
    assert [process.wait(60) for process in started] == [0, 0, 0, 0]


def test_a_data_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SeriesError, match=r"cannot use the data directory .*missing"):
        open_series(tmp_path / "missing")
