"""What only a store of two halves can get wrong: a real InfluxDB, and a commit that may not come."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest_service.series.feed import CHANGE
from ingest_service.series.influx.lines import tag, untag
from ingest_service.series.influx.store import InfluxSeries
from ingest_service.series.port import SeriesError, Summary
from tests.influx_server import InfluxServer
from tests.ingest_service import hall as halls
from tests.ingest_service.hall import START, Hall, loud, moving
from tests.ingest_service.series_stores import (
    KIND,
    ZONE,
    Open,
    contents,
    exposure,
    influx_opener,
    sqlite_opener,
)
from tests.postgres import Postgres

# The same numbers


def fill(hall: Hall) -> Hall:
    """A morning of heat, noise and dust; then what came late, and an hour that a mended sensor takes back."""
    for quantity, base in (("ta", 31.0), ("rh", 60.0), ("tg", 36.0)):
        hall.put("st1", quantity, moving(START, 130, base, 0.01))
    hall.put("mic", "la.eq60", loud(START, 70, 84.0))
    hall.put("pm", "pm2_5", moving(START, 130, 40.0, 0.5))
    hall.roll(START + 140)
    hall.put("mic", "la.eq60", loud(START + 70, 60, 91.0))
    hall.put("st1", "tg", moving(START + 20, 30, 44.0, 0.01))
    hall.roll(START + 250)
    return hall


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_both_stores_hold_the_same_to_the_last_bit_and_the_last_revision(
    tmp_path: Path, influx: InfluxServer, monkeypatch: pytest.MonkeyPatch, database: str,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    filled = []
    opener: Open = influx_opener(influx)
    if database == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        opener = influx_opener(influx, lambda _folder: postgres.owner_url)
    for name, how in (("a", sqlite_opener()), ("b", opener)):
        monkeypatch.setattr(halls, "open_series", how)
        (tmp_path / name).mkdir()
        filled.append(fill(Hall(tmp_path / name)))
    plain, mixed = (contents(hall.series, written=True) for hall in filled)
    assert plain["exposures"]
    for what, rows in plain.items():
        assert mixed[what] == rows, what
    told = []
    for hall in filled:
        kinds = hall.series.kinds_of(ZONE)
        told.append([hall.series.revisions(ZONE, kind, 0, 2**31) for kind in kinds])
    assert any(told[0])
    assert told[1] == told[0]
    for hall in filled:
        hall.series.close()


@pytest.fixture(scope="module")
def names(influx_session: InfluxServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxSeries]:
    store = influx_opener(influx_session)(tmp_path_factory.mktemp("names"))
    yield store
    store.close()


HOSTILE = st.text(max_size=20) | st.sampled_from(
    ["", " ", "a b", "a,b", "a=b", "a\\", "\\", "'", '"', "a\nb", "a\rb", "%00", "%", "#x", "é",
     "\u2028", "🏭", "' OR 1=1; DROP MEASUREMENT reading", "\ud800", "\x00", ",=, \\,", "_field"]
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gateway=HOSTILE,
    sensor=HOSTILE,
    said=st.text(max_size=40),
    value=st.floats(allow_nan=False, allow_infinity=False),
)
def test_any_name_any_text_and_any_number_come_back_as_they_went(
    names: InfluxSeries, gateway: str, sensor: str, said: str, value: float
) -> None:
    assert untag(tag(sensor)) == sensor
    if any("\ud800" <= letter <= "\udfff" or letter == "\x00" for letter in gateway + sensor + said):
        return  # no database takes them as text; nothing that was read from the wire has them
    channel = names.channel_id("s", gateway, sensor, "ta", None)
    at = 1_780_279_200_123_456
    names.write(
        [(channel, at, value, 4, 1), (channel, at + 1, -value, 0, 0)], [(channel, at, said)], "ledger", 1
    )
    names._forget_recent(False)  # what is in memory proves nothing
    found = names.rows_between(channel, 1_780_279_200.0, 1_780_279_201.0)
    assert [(us, repr(v), flags, grade) for us, v, flags, grade in found] == [
        (at, repr(value), 4, 1),
        (at + 1, repr(-value), 0, 0),
    ]
    assert [one.text for one in names.texts_between(channel, 1_780_279_200.0, 1_780_279_201.0)] == [said]


def test_a_number_that_becomes_unknown_does_not_stay_to_be_seen(opened: Open, tmp_path: Path) -> None:
    series = opened(tmp_path)
    series.write_exposures([exposure(10, 28.0), exposure(11, 28.5)])
    assert series.write_exposures([exposure(10, None)], cause=lambda *_: "late_data", at=5.0) == 1
    rows = series.exposures(ZONE, KIND, 0, 99)
    assert [(row.minute, row.value, row.revision) for row in rows] == [(10, None, 1), (11, 28.5, 0)]
    row = Summary(ZONE, KIND, "shift", 1, 60, 28.0, 28.0, 29.0, 5, 27.0, 60, 60, 0)
    series.write_summaries([row])
    series.write_summaries([row._replace(value=None, high=None, high_minute=None)])
    (found,) = series.summaries(ZONE, KIND, "shift", 0, 99)
    assert (found.value, found.high, found.mean, found.revision) == (None, None, 28.0, 1)


def test_two_shifts_that_end_together_keep_apart(opened: Open, tmp_path: Path) -> None:
    series = opened(tmp_path)
    long = Summary(ZONE, KIND, "shift", 1, 120, 28.0, 28.0, 29.0, 5, 27.0, 60, 60, 0)
    series.write_summaries([long, long._replace(first=61, value=30.0)])
    found = series.summaries(ZONE, KIND, "shift", 0, 200)
    assert [(one.first, one.value) for one in found] == [
        (1, 28.0),
        (61, 30.0),
    ]


# A commit that did not come


def fail(*_: object) -> None:
    raise SeriesError("killed here")


def lose(series: InfluxSeries, write: Callable[[], object]) -> None:
    """InfluxDB has it, the commit beside it does not come."""
    calls = iter([lambda *_: None, fail])

    def fence(connection: sa.Connection) -> None:
        next(calls)(connection)

    series.session.fence = fence
    with pytest.raises(SeriesError, match="killed here"):
        write()
    series.session.fence = None


def test_what_was_written_and_never_told_is_told_when_it_is_written_again(
    opened: Open, tmp_path: Path
) -> None:
    series = opened(tmp_path)
    series.write_exposures([exposure(10, 28.0)])
    late = [exposure(10, 29.0), exposure(11, 27.0)]

    def write() -> int:
        return int(series.write_exposures(late, cause=lambda *_: "late_data", at=7.0))

    lose(series, write)
    assert series.exposures_changed(1, 99) == []
    assert series.cursor(CHANGE) == 1
    series.write_exposures([exposure(90, 20.0)])  # its number must not make the lost ones look told
    assert write() == 2
    told = series.exposures_changed(0, 99)
    assert [(row.minute, row.value, row.revision) for row in told] == [
        (90, 20.0, 0),
        (10, 29.0, 1),
        (11, 27.0, 0),
    ]
    (revised,) = series.revisions(ZONE, KIND, 0, 99)
    assert (revised.old, revised.new, revised.revision) == (28.0, 29.0, 1)


def test_a_process_that_was_killed_after_sending_tells_after_its_restart(
    influx: InfluxServer, tmp_path: Path
) -> None:
    opener = influx_opener(influx)
    killed = opener(tmp_path)
    killed.write_exposures([exposure(10, 28.0)])
    lose(killed, lambda: killed.write_exposures([exposure(11, 29.0)]))
    killed.session.link.close()  # no orderly end: what was reserved is not given back
    again = opener(tmp_path)
    assert again.write_exposures([exposure(11, 29.0)]) == 1
    assert [row.minute for row in again.exposures_changed(1, 9)] == [11]
    again.close()


def test_what_was_to_be_taken_away_is_still_there_for_the_next_try(opened: Open, tmp_path: Path) -> None:
    series = opened(tmp_path)
    series.write_exposures([exposure(10, 28.0)])

    def take_away() -> int:
        gone = [(ZONE, KIND, 10)]
        return int(series.write_exposures([], gone=gone, cause=lambda *_: "register_changed", at=1.0))

    lose(series, take_away)
    assert [row.minute for row in series.exposures(ZONE, KIND, 0, 99)] == [10]
    take_away()
    assert series.exposures(ZONE, KIND, 0, 99) == []
    assert [one.minute for one in series.exposures_gone(0, 9)] == [10]


def test_a_holder_that_lost_its_lease_writes_nothing(opened: Open, tmp_path: Path) -> None:
    series = opened(tmp_path, fence=fail)
    with pytest.raises(SeriesError, match="killed here"):
        series.write_exposures([exposure(10, 28.0)])
    assert series.exposures(ZONE, KIND, 0, 99) == []


def test_old_changes_are_kept_by_the_hour_and_read_as_before(opened: Open, tmp_path: Path) -> None:
    series = opened(tmp_path)
    for minute in range(1, 30):
        series.write_exposures([exposure(minute, 20.0 + minute)])
    before = series.exposures_changed(3, 20)
    series._changes.coarsen(4e9)
    assert series.exposures_changed(3, 20) == before
    with series.session.sql() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM series_changes")).scalar() in {1, 2}


# Shards


def test_shards_count_for_themselves_and_a_reader_of_all_sees_every_one(
    influx: InfluxServer, tmp_path: Path
) -> None:
    opener = influx_opener(influx)
    stores = [opener(tmp_path, shard=shard) for shard in (3, 7)]
    for number, store in enumerate(stores):
        store.write_exposures([exposure(10, 28.0)._replace(zone=f"f{number}/hall")])
        store.channel_id(f"f{number}", f"g{number}", "st1", "ta", "Cel")
        store.set_cursor("ledger", 5 + number)
    reader = opener(tmp_path, read_only=True)
    assert [row.zone for store in stores for row in store.exposures_changed(0, 9)] == ["f0/hall", "f1/hall"]
    assert reader.cursors("ledger") == {3: 5, 7: 6}
    assert (reader.cursor("ledger"), reader.cursor(CHANGE), len(reader.channels())) == (5, 2, 2)
    stores[0].wipe()
    assert reader.exposures("f0/hall", KIND, 0, 99) == []
    assert [row.value for row in reader.exposures("f1/hall", KIND, 0, 99)] == [28.0]
    for store in (*stores, reader):
        store.close()
