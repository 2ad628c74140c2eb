"""While the series is behind the ledger nothing is called silent, and pages and readiness say why."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_service.alert_cycle import AlertCycle
from ingest_service.cases.schema import CASES
from ingest_service.catching_up import BEHIND_S, NO_HEADWAY_S, Behind, CatchingUp
from ingest_service.intake import Intake
from ingest_service.ledger.sqlite import SqliteLedger, open_ledger
from ingest_service.projection import CURSOR
from ingest_service.register.store import Register
from ingest_service.series.sqlite import SqliteSeries, open_series
from tests.ingest_service.gateways import NOW, Device, arrival, snapshot
from tests.ingest_service.plant import NIGHT_END, HandClock, Plant
from tests.ingest_service.serving import serving


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    found = open_ledger(tmp_path)
    device, intake = Device(), Intake(found, snapshot)
    for minute in range(5):
        at = NOW + 60.0 * minute
        intake.take([arrival(device.batch(), at=at)], at)
    yield found
    found.close()


@pytest.fixture
def series(tmp_path: Path) -> Iterator[SqliteSeries]:
    found = open_series(tmp_path)
    yield found
    found.close()


@pytest.fixture
def plant(engine: sa.Engine, register: Register, tmp_path: Path) -> Iterator[Plant]:
    series = open_series(tmp_path / "data")
    plant = Plant(engine, register, series)
    yield plant
    series.close()


def test_it_is_behind_until_the_newest_rows_are_projected(ledger: SqliteLedger, series: SqliteSeries) -> None:
    clock = HandClock(NOW + 241.0)
    lag = CatchingUp(ledger, series, clock)
    assert lag.since() == NOW, "nothing is projected yet"
    series.set_cursor(CURSOR, 2)
    assert lag.since() == NOW + 120.0
    series.set_cursor(CURSOR, 3)
    assert lag.since() is None, f"the third row is not {BEHIND_S} s old"
    series.set_cursor(CURSOR, 5)
    clock.t += 1e6
    assert lag.since() is None, "all is projected, however long ago the last row came"


def test_a_projector_that_makes_no_headway_excuses_nothing(
    ledger: SqliteLedger, series: SqliteSeries
) -> None:
    real = [0.0]
    lag = CatchingUp(ledger, series, HandClock(NOW + 3600.0), lambda: real[0])
    assert lag.since() == NOW
    real[0] = NO_HEADWAY_S + 1.0
    assert lag.look() == Behind(None, NOW), "but it is told"
    series.set_cursor(CURSOR, 1)
    assert lag.since() == NOW + 60.0, "it moves again"


def test_pages_and_readiness_say_that_measurements_are_computed_again(
    ledger: SqliteLedger, series: SqliteSeries, tmp_path: Path
) -> None:
    assert ledger.last_row() == 5
    with serving(tmp_path) as server:
        client = server.client()
        assert "Measurements are being computed again" in client.get("/evidence").text
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert "projection" in ready.json()["not_ready"]
        series.set_cursor(CURSOR, 5)
        assert "Measurements are being computed again" not in client.get("/evidence").text
        assert "projection" not in client.get("/readyz").json()["not_ready"]


def test_pages_and_readiness_say_that_nobody_computes_what_was_received(
    ledger: SqliteLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ledger.last_row() == 5
    monkeypatch.setattr("ingest_service.catching_up.NO_HEADWAY_S", -1.0)
    with serving(tmp_path) as server:
        client = server.client()
        assert "that it does not compute" in client.get("/evidence").text
        assert "standing still" in client.get("/readyz").text


def test_no_silence_is_told_while_the_series_is_caught_up(plant: Plant) -> None:
    behind: list[float | None] = [NIGHT_END - 86_400.0]
    plant.cycle = AlertCycle(
        plant.engine,
        plant.register,
        plant.series,
        plant.packs,
        clock=plant.clock,
        link_base="http://osh.example",
        live_age_s=900.0,
        catching_up=lambda: behind[0],
    )
    for _ in range(4):
        plant.clock.t += 1800.0
        plant.cycle.look_at_clock()
    assert plant.rows(CASES) == []
    behind[0] = None
    plant.clock.t += 60.0
    plant.cycle.look_at_clock()
    assert {case["hazard"] for case in plant.rows(CASES)} == {"silence"}
