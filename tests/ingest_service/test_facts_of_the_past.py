"""Classes of work and shifts that are corrected for the past: what was judged then is judged again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_service.cases.afterwards import GONE
from ingest_service.cases.schema import CASE_EVENTS, JUDGED_SHIFTS, JUDGEMENTS, NOTICES
from ingest_service.register.store import Register
from ingest_service.series.sqlite import open_series
from tests.ingest_service.plant import NIGHT_END, START, ZONE, Plant

RULE = "heat-iso7243-reference"
DAY = 1440


@pytest.fixture
def plant(engine: sa.Engine, register: Register, tmp_path: Path) -> Iterator[Plant]:
    series = open_series(tmp_path / "data")
    plant = Plant(engine, register, series)
    plant.register.now = plant.clock.now
    yield plant
    series.close()


def correct(plant: Plant, metabolic_class: int) -> None:
    """Say that the work of the zone was always of this class."""
    zone = plant.register.snapshot().zone(ZONE)
    assert zone is not None
    with plant.register.change("test") as change:
        change.put_zone(replace(zone, metabolic_class=metabolic_class))
        change.connection.execute(sa.text("DELETE FROM zone_facts"))
        change.put_zone(replace(zone, metabolic_class=metabolic_class), 0.0)


def look(plant: Plant, times: int = 6) -> None:
    for _ in range(times):
        plant.cycle.look_at_clock()


def counted(plant: Plant) -> int:
    return sum(row["above"] for row in plant.rows(JUDGED_SHIFTS) if row["rule"] == RULE)


def measured(plant: Plant, value: float) -> None:
    """Thirty minutes of the morning, told live, and then the afternoon of the next day."""
    plant.live([value] * 30, START + 1)
    plant.clock.t = NIGHT_END + 86400.0 + 6 * 3600.0
    look(plant)


def test_heavier_work_than_was_registered_makes_a_finding_and_calls_nobody(plant: Plant) -> None:
    measured(plant, 27.5)
    assert (plant.heat_of(RULE), counted(plant)) == ([], 0)
    told = len(plant.rows(NOTICES))
    correct(plant, 3)
    plant.cycle = plant.fresh()
    look(plant)
    assert [case["state"] for case in plant.heat_of(RULE)] == ["found_afterwards"]
    assert counted(plant) == 30
    assert len(plant.rows(NOTICES)) == told


def test_lighter_work_than_was_registered_is_noted_in_the_case_of_then(plant: Plant) -> None:
    measured(plant, 31.2)
    (case,) = plant.heat_of(RULE)
    assert counted(plant) == 30
    correct(plant, 0)
    plant.cycle = plant.fresh()
    look(plant)
    lines = [line for line in plant.rows(CASE_EVENTS) if line["kind"] == "revised"]
    assert [(one["case_id"], one["text"], one["data"]["cause"]) for one in lines] == [
        (case["id"], GONE, "register_changed")
    ]
    assert counted(plant) == 0
    assert not [row for row in plant.rows(JUDGEMENTS) if row["rule"] == RULE and row["verdict"] == "above"]


def test_a_restart_in_between_forgets_nothing_and_repeats_nothing(plant: Plant) -> None:
    measured(plant, 27.5)
    correct(plant, 3)
    for _ in range(8):
        plant.cycle = plant.fresh()
        plant.cycle.look_at_clock()
    assert [case["state"] for case in plant.heat_of(RULE)] == ["found_afterwards"]
    before = plant.rows(JUDGEMENTS)
    plant.cycle = plant.fresh()
    look(plant)
    assert plant.rows(JUDGEMENTS) == before
