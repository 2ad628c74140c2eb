"""``oshwatch admin rebuild`` where the series are in InfluxDB and divided into shards."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest_service import heartbeat
from ingest_service.database import open_database
from ingest_service.settings import environment_of
from ingest_service.shards import SHARDS
from ingest_service.stores import open_series_of
from oshwatch.commands.admin import app
from tests.influx_server import InfluxServer
from tests.postgres import Postgres

runner = CliRunner()


def test_every_shard_is_emptied_and_a_projector_anywhere_keeps_it_from_that(
    postgres: Postgres, influx: InfluxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {"influx_token": influx.token} if influx.token else {}
    settings = postgres.settings(
        tmp_path,
        influx_url=influx.url,
        influx_org=influx.org,
        influx_bucket=influx.new_bucket(),
        **more,
    )
    for name, text in environment_of(settings).items():
        monkeypatch.setenv(name, text)
    for shard in (0, SHARDS - 1):
        series = open_series_of(settings, shard=shard)
        series.set_cursor("ledger", 7)
        series.close()
    engine = open_database(postgres.url)
    beats = heartbeat.beats_of(engine, tmp_path)
    beats.beat("projector")
    refused = runner.invoke(app, ["rebuild"])
    assert refused.exit_code == 1
    assert "still runs" in refused.output
    beats.end("projector")
    engine.dispose()
    done = runner.invoke(app, ["rebuild"])
    assert done.exit_code == 0, done.output
    for shard in (0, SHARDS - 1):
        series = open_series_of(settings, shard=shard)
        assert series.cursor("ledger") == 0
        series.close()
