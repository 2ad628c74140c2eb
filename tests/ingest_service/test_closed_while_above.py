"""A case that both sides closed while it was above: it comes again when it is above anew, not before."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from alert_rules.alerts import CaseChange, Deed
from alert_rules.engine import Change, Transition
from ingest_service.cases.keeping import CaseKeeper
from ingest_service.cases.store import Cases
from ingest_service.database import write
from ingest_service.register.entries import Person
from ingest_service.register.store import Register
from ingest_service.series.sqlite import open_series
from tests.ingest_service.plant import START, Plant


@pytest.fixture
def plant(engine: sa.Engine, register: Register, tmp_path: Path) -> Iterator[Plant]:
    series = open_series(tmp_path / "data")
    yield Plant(engine, register, series)
    series.close()


def close(plant: Plant) -> None:
    (case,) = [case for case in plant.heat() if case["state"] == "open"]
    people: list[Person] = list(plant.register.snapshot().people)
    cases = Cases(plant.engine)
    cases.agree_to_close(case["id"], people[0], "worker", plant.clock.t, "the globe was wrong")
    assert cases.agree_to_close(case["id"], people[1], "management", plant.clock.t, "the globe was wrong")


def states(plant: Plant) -> list[str]:
    return [case["state"] for case in plant.heat()]


def test_it_is_not_opened_again_while_it_stays_above(plant: Plant) -> None:
    plant.live([31.2] * 12, START + 1)
    close(plant)
    plant.live([31.2] * 60, START + 13)
    assert states(plant) == ["closed"]


def test_it_is_told_anew_when_it_is_above_for_a_whole_hold_after_a_gap(plant: Plant) -> None:
    plant.live([31.2] * 12, START + 1)
    close(plant)
    plant.live([31.2] * 9, START + 80)
    assert states(plant) == ["closed"]
    plant.live([31.2] * 3, START + 89)
    assert states(plant) == ["closed", "open"]
    assert plant.heat()[1]["severity"] == "danger"
    plant.live([27.0] * 31, START + 92)
    assert states(plant) == ["closed", "cleared"]


def test_an_open_case_does_not_note_every_return_above(plant: Plant) -> None:
    plant.live([31.2] * 12, START + 1)
    (case,) = plant.heat()
    before = plant.kinds(case["id"])
    for n in range(2):
        plant.live([29.9] * 3 + [31.2] * 12, START + 13 + 15 * n)
    assert plant.kinds(case["id"]) == before


def test_opening_what_is_open_voids_no_signature(plant: Plant) -> None:
    plant.live([31.2] * 12, START + 1)
    (case,) = plant.heat()
    person = next(iter(plant.register.snapshot().people))
    cases = Cases(plant.engine)
    assert cases.acknowledge(case["id"], person, "worker", plant.clock.t)
    with write(plant.engine) as connection:
        keeper = CaseKeeper(connection, plant.register.snapshot(), "http://osh.example", plant.clock.t)
        transition = Transition(Change.RAISED, START + 12, START + 3, "by a second runner")
        keeper.change(CaseChange(Deed.OPENED, "danger", case["rule"], transition), case["event"])
    assert [signature["side"] for signature in cases.signatures(case["id"])] == ["worker"]
