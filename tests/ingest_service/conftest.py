"""A fresh register for each test, and the sample factory in it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from ingest_service.database import migrate, open_database
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from ingest_service.series.influx.store import InfluxSeries
from tests.influx_server import InfluxServer
from tests.ingest_service import hall
from tests.ingest_service.series_stores import Open, influx_opener, sqlite_opener

SAMPLE = Path(__file__).parents[2] / "docs" / "site-description.sample.yaml"


@pytest.fixture
def sample_description() -> Any:
    """The documented sample: factory kh-f0123 and its people."""
    return yaml.safe_load(SAMPLE.read_text("utf-8"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module that says `BOTH_ENGINES = True` runs what needs a register on SQLite and on PostgreSQL."""
    if "engine" in metafunc.fixturenames and getattr(metafunc.module, "BOTH_ENGINES", False):
        metafunc.parametrize("engine", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty register of the newest schema; on PostgreSQL with the rights of the service's role."""
    if getattr(request, "param", "sqlite") == "sqlite":
        engine = open_database(tmp_path / "data")
        migrate(engine)
    else:
        (tmp_path / "data").mkdir()
        engine = open_database(request.getfixturevalue("postgres").url)
    yield engine
    engine.dispose()


@pytest.fixture
def register(engine: sa.Engine, sample_description: Any) -> Register:
    """The sample factory's register; its clock stands at 2026-06-01 02:00 UTC."""
    register = Register(engine, now=lambda: 1780279200.0)
    import_description(register, sample_description, "test")
    return register


@pytest.fixture(params=["sqlite", "influx"])
def opener(request: pytest.FixtureRequest) -> Open:
    """Opens the series of a folder in either store: what is held by one suite is the same in both."""
    if request.param == "sqlite":
        return sqlite_opener()
    return influx_opener(request.getfixturevalue("influx"))


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


EVERYWHERE = bool(os.environ.get("OSHWATCH_TEST_INFLUX_ALL") or os.environ.get("OSHWATCH_TEST_INFLUX_URL"))
"""Whether the long tests of the rollup run over InfluxDB too: some minutes more."""


@pytest.fixture(params=["sqlite", "influx"] if EVERYWHERE else ["sqlite"])
def both_stores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Halls of this test keep their series in either store."""
    if request.param == "influx":
        monkeypatch.setattr(hall, "open_series", influx_opener(request.getfixturevalue("influx")))
