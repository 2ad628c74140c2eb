"""What only a store of two halves can get wrong: a real InfluxDB that is down, slow, full or another's."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest_service.series.feed import CHANGE
from ingest_service.series.influx.lines import tag, untag
from ingest_service.series.influx.state import FILE_NAME
from ingest_service.series.influx.store import InfluxSeries, open_influx_series
from ingest_service.series.influx.where import Where
from ingest_service.series.port import ExposureRow, SeriesError, Summary
from tests.influx_server import InfluxServer
from tests.ingest_service import hall as halls
from tests.ingest_service.hall import START, ZONE, Hall, loud, moving
from tests.ingest_service.series_stores import Open, contents, influx_opener, sqlite_opener
from tests.postgres import Postgres
from tests.servers import wait_for

KIND = "wbgt.minute"


@pytest.fixture
def opened(influx: InfluxServer) -> Iterator[Open]:
    """Opens stores that are closed after the test."""
    opener = influx_opener(influx)
    stores: list[InfluxSeries] = []

    def make(folder: Path, **more: Any) -> InfluxSeries:
        stores.append(opener(folder, **more))
        return stores[-1]

    yield make
    for one in stores:
        one.close()


def exposure(minute: int, value: float | None, received: int = 60, calc: str = "heat-1") -> ExposureRow:
    return ExposureRow(ZONE, KIND, minute, value, 1.0, 60, received, 1.0, "globe", 0, calc)


def own_server(influx: InfluxServer) -> InfluxServer:
    if influx.adapter is None:
        pytest.skip("needs a server that may be stopped: Debian's influxdb package")
    return influx


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


# Trouble


def test_while_influxdb_is_down_nothing_counts_and_afterwards_it_catches_up(
    opened: Open, influx: InfluxServer, tmp_path: Path
) -> None:
    server = own_server(influx)
    series = opened(tmp_path, timeout_s=2.0)
    channel = series.channel_id("s", "g", "st1", "ta", "Cel")
    rows = [(channel, 60_000_001, 1.0, 0, 0)]
    server.stop()
    with pytest.raises(SeriesError, match=r"cannot be reached.*nothing is lost"):
        series.write(rows, [], "ledger", 7)
    assert series.cursor("ledger") == 0
    assert "cannot be reached" in str(series.trouble())
    reader = opened(tmp_path, read_only=True)  # pages start all the same
    assert len(reader.channels()) == 1
    server.start()
    series.write(rows, [], "ledger", 7)
    assert (series.cursor("ledger"), len(series.points_between(channel, 0, 100))) == (7, 1)
    assert series.trouble() is None


def test_a_server_that_hangs_is_told_from_one_that_is_gone(
    opened: Open, influx: InfluxServer, tmp_path: Path
) -> None:
    server = own_server(influx)
    series = opened(tmp_path, timeout_s=0.5)
    server.pause()
    try:
        with pytest.raises(SeriesError, match="does not answer in time"):
            series.write_exposures([exposure(1, 28.0)])
        assert "does not answer in time" in str(series.trouble())
    finally:
        server.resume()
    wait_for(lambda: series.trouble() is None, what="InfluxDB")
    assert series.write_exposures([exposure(1, 28.0)]) == 1
    assert [row.minute for row in series.exposures_changed(0, 9)] == [1]


@pytest.mark.parametrize(
    ("status", "message", "told"),
    [
        (500, "engine: error writing WAL entry: write: no space left on device", "has no room.*free some"),
        (401, "unauthorized access", "does not accept the token.*influx-setup"),
        (404, "bucket 'x' not found: bucket not found", "there is no bucket.*influx-setup"),
        (422, "failure writing points to database: partial write: points beyond retention policy dropped=1",
         "drops what is older"),
        (503, "timeout", "has trouble of its own"),
    ],
)  # fmt: skip
def test_a_refusal_is_told_with_its_cause_and_the_way_out(
    opened: Open, influx: InfluxServer, tmp_path: Path, status: int, message: str, told: str
) -> None:
    server = own_server(influx)
    series = opened(tmp_path)
    assert server.adapter is not None
    server.adapter.refuse = status, message
    with pytest.raises(SeriesError, match=told):
        series.write_exposures([exposure(1, 28.0)])
    server.adapter.refuse = None
    assert series.write_exposures([exposure(1, 28.0)]) == 1


def test_a_field_that_somebody_made_an_integer_is_named(opened: Open, tmp_path: Path) -> None:
    series = opened(tmp_path)
    series.session.link.write(["exposure,zone=x value=3i 60000000000"])
    with pytest.raises(SeriesError, match=r"another type.*(?s:.)*value.*influx-setup --clear"):
        series.write_exposures([exposure(1, 28.0)])
    assert series.cursor(CHANGE) == 0


def test_a_bucket_of_another_is_refused(influx: InfluxServer, tmp_path: Path) -> None:
    bucket = influx.new_bucket()
    where = Where(influx.url, influx.org, bucket, influx.token)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = open_influx_series(where, tmp_path / "a")
    with pytest.raises(SeriesError, match=r"belongs to another installation.*--clear"):
        open_influx_series(where, tmp_path / "b")
    assert first.trouble() is None
    first.close()
    other = Where(influx.url, influx.org, influx.new_bucket(), influx.token)
    store = open_influx_series(where, tmp_path / "a")
    store.session.link.where = other
    store.session.link.write(["cpu,host=a load=1.0 1"])
    store.close()
    (tmp_path / "c").mkdir()
    with pytest.raises(SeriesError, match=r"holds what OSHWatch did not write \(cpu\)"):
        open_influx_series(other, tmp_path / "c")


def test_there_is_no_bucket(influx: InfluxServer, tmp_path: Path) -> None:
    with pytest.raises(SeriesError, match=r"there is no bucket nowhere.*influx-setup"):
        open_influx_series(Where(influx.url, influx.org, "nowhere", influx.token), tmp_path)


def test_bookkeeping_of_another_schema(influx: InfluxServer, tmp_path: Path) -> None:
    opener = influx_opener(influx)
    store = opener(tmp_path)
    store.write_exposures([exposure(1, 28.0)])
    store.set_cursor("ledger", 7)
    store.close()
    file = sa.create_engine(f"sqlite:///{tmp_path / FILE_NAME}")

    def set_schema(number: int) -> None:
        with file.begin() as connection:
            connection.execute(sa.text(f"UPDATE series_facts SET value = '{number}' WHERE name = 'schema'"))  # noqa: S608

    set_schema(99)
    with pytest.raises(SeriesError, match=r"has schema 99.*start the newer program"):
        opener(tmp_path)
    set_schema(0)
    again = opener(tmp_path)
    assert again.cursor("ledger") == 0
    assert again.exposures(ZONE, KIND, 0, 9) == []
    again.write_exposures([exposure(1, 28.0)])
    assert again.exposures_changed(1, 9)[0].change == 2
    again.close()
    file.dispose()


def test_bookkeeping_that_was_lost_does_not_go_on_over_a_bucket_it_does_not_know(
    influx: InfluxServer, tmp_path: Path
) -> None:
    opener = influx_opener(influx)
    opener(tmp_path).close()
    for file in tmp_path.glob(f"{FILE_NAME}*"):
        file.unlink()
    with pytest.raises(SeriesError, match="its bookkeeping was lost"):
        opener(tmp_path)
    shutil.rmtree(tmp_path)


def test_a_bucket_that_was_emptied_or_exchanged_is_filled_again(influx: InfluxServer, tmp_path: Path) -> None:
    buckets = [influx.new_bucket(), influx.new_bucket()]
    places = [Where(influx.url, influx.org, bucket, influx.token) for bucket in buckets]
    store = open_influx_series(places[0], tmp_path)
    store.write_exposures([exposure(1, 28.0)])
    store.set_cursor("ledger", 7)
    for name in ("exposure", "oshwatch_installation"):
        store.session.link.ask_one(f'DROP MEASUREMENT "{name}"')
    assert "emptied by somebody" in str(store.trouble())
    store.close()
    store = open_influx_series(places[0], tmp_path)
    assert (store.cursor("ledger"), store.cursor(CHANGE), store.trouble()) == (0, 1, None)
    store.write_exposures([exposure(1, 28.0)])
    store.set_cursor("ledger", 7)
    store.close()
    for where in (places[1], places[0]):
        store = open_influx_series(where, tmp_path)
        assert store.cursor("ledger") == 0
        assert store.exposures(ZONE, KIND, 0, 9) == []
        store.set_cursor("ledger", 7)
        store.close()
    store = open_influx_series(places[0], tmp_path)
    assert store.cursor("ledger") == 7
    store.close()
