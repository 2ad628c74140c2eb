"""An InfluxDB that is down, hangs, is full, another's or emptied: what is said, and nothing is lost."""

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_service.series.feed import CHANGE
from ingest_service.series.influx.state import FILE_NAME
from ingest_service.series.influx.store import open_influx_series
from ingest_service.series.influx.where import Where
from ingest_service.series.port import SeriesError
from tests.influx_server import InfluxServer
from tests.ingest_service.series_stores import KIND, ZONE, Open, exposure, influx_opener
from tests.servers import wait_for


def own_server(influx: InfluxServer) -> InfluxServer:
    if influx.adapter is None:
        pytest.skip("needs a server that may be stopped: Debian's influxdb package")
    return influx


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
