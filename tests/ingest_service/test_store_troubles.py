"""A projector that starts while its series store is away waits, says so once, and begins when it is there."""

import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ingest_service import projector
from ingest_service.database import migrate, open_database
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.settings import Settings
from tests.influx_server import InfluxServer
from tests.servers import wait_for


def test_a_projector_waits_for_influxdb_without_ending(influx: InfluxServer, tmp_path: Path) -> None:
    if influx.is_given:
        pytest.skip("a server outside the suite is not stopped")
    engine = open_database(tmp_path)
    migrate(engine)
    engine.dispose()
    open_ledger(tmp_path).close()
    settings = Settings(
        data_dir=tmp_path,
        influx_url=influx.url,
        influx_org=influx.org,
        influx_bucket=influx.new_bucket(),
        influx_token=influx.token or None,
    )
    stop = threading.Event()
    runner = threading.Thread(target=projector.run, args=(settings, stop))
    with capture_logs() as said:
        influx.stop()
        runner.start()
        try:
            wait_for(lambda: bool(said), what="a word about what it waits for")
            stop.wait(2.5)  # time in which it would try again, and say it again
            assert runner.is_alive()
            assert [line["event"] for line in said] == ["the work waits for a store; nothing is lost"]
            assert "InfluxDB at" in said[0]["reason"]
            assert "exception" not in said[0]
            influx.start()
            wait_for(lambda: said[-1]["event"] == "the work goes on", within_s=20, what="the work")
        finally:
            stop.set()
            runner.join(20)
    assert not runner.is_alive()
