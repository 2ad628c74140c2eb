"""A silence ends with what ended it, and is told as that."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from alert_rules.pack_model import SilenceRule
from ingest_service.cases.schema import CASES, NOTICES
from ingest_service.register.store import Register
from ingest_service.series.sqlite import open_series
from tests.ingest_service.plant import Plant


@pytest.fixture
def plant(engine: sa.Engine, register: Register, tmp_path: Path) -> Iterator[Plant]:
    series = open_series(tmp_path / "data")
    plant = Plant(engine, register, series)
    for _ in range(40):
        plant.clock.t += 60.0
        plant.cycle.look_at_clock()
    yield plant
    series.close()


def silence(plant: Plant) -> tuple[str, str]:
    """The state of the one case of silence, and its newest notice."""
    (case,) = [case for case in plant.rows(CASES) if case["hazard"] == "silence"]
    bodies = [notice["body"] for notice in plant.rows(NOTICES) if notice["case_id"] == case["id"]]
    return case["state"], bodies[-1]


def test_nobody_is_asked_to_sign_a_silence_that_nobody_can_sign(plant: Plant) -> None:
    state, body = silence(plant)
    assert state == "open"
    assert "channels report nothing" in body
    assert "sign" not in body


def test_a_silence_whose_rule_is_taken_away_is_closed_and_says_so(plant: Plant) -> None:
    plant.packs = [
        pack.model_copy(
            update={"rules": tuple(rule for rule in pack.rules if not isinstance(rule, SilenceRule))}
        )
        for pack in plant.packs
    ]
    plant.cycle = plant.fresh()
    plant.clock.t += 400.0
    plant.cycle.look_at_clock()
    state, body = silence(plant)
    assert state == "closed"
    assert "The rule is not in force any more; readings did not come back." in body


def test_a_silent_gateway_that_was_revoked_is_not_said_to_report_again(plant: Plant) -> None:
    plant.register.now = plant.clock.now
    with plant.register.change("test") as changes:
        for gateway in plant.register.snapshot().gateways_of("kh-f0123"):
            changes.revoke_gateway(gateway.id, "another", "a test")
    plant.clock.t += 400.0
    plant.cycle.look_at_clock()
    state, body = silence(plant)
    assert state == "closed"
    assert "Readings flow again" not in body
    assert "Nothing is expected of it any more; readings did not come back." in body
