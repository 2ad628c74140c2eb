"""Counts of shifts and notes of revisions after the past was changed; what a finding keeps."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_service.cases.counting import count_piece
from ingest_service.cases.schema import CASE_EVENTS, JUDGED_SHIFTS
from ingest_service.register.store import Register
from ingest_service.retention import protected_zones
from ingest_service.series.sqlite import open_series
from tests.ingest_service.plant import NIGHT_END, START, ZONE, Plant

RULE = "heat-iso7243-reference"


@pytest.fixture
def plant(engine: sa.Engine, register: Register, tmp_path: Path) -> Iterator[Plant]:
    series = open_series(tmp_path / "data")
    yield Plant(engine, register, series)
    series.close()


def counted(plant: Plant) -> list[tuple[int, int, int]]:
    rows = [row for row in plant.rows(JUDGED_SHIFTS) if row["rule"] == RULE]
    return sorted((row["start"], row["end"], row["above"]) for row in rows)


def test_a_shift_that_was_made_longer_is_counted_once(plant: Plant) -> None:
    plant.live([31.2] * 20, START + 1)
    with plant.engine.begin() as connection:
        count_piece(connection, "kh-f0123", ZONE, [RULE], START, START + 15)
        count_piece(connection, "kh-f0123", ZONE, [RULE], START, START + 20)
    assert counted(plant) == [(START, START + 20, 20)]
    with plant.engine.begin() as connection:
        count_piece(connection, "kh-f0123", ZONE, [RULE], START - 60, START + 20)
    assert counted(plant) == [(START - 60, START + 20, 20)]


def test_a_stretch_without_verdicts_any_more_is_not_counted_any_more(plant: Plant) -> None:
    plant.live([31.2] * 20, START + 1)
    with plant.engine.begin() as connection:
        count_piece(connection, "kh-f0123", ZONE, [RULE], START, START + 20)
        connection.execute(sa.text("DELETE FROM judgements"))
        count_piece(connection, "kh-f0123", ZONE, [RULE], START, START + 20)
    assert counted(plant) == []


def test_numbers_that_still_come_in_are_no_revisions_of_a_live_case(plant: Plant) -> None:
    """Backlog of an hour drains while the case is minutes old: its own minute is not settled yet."""
    plant.clock.t = 60.0 * (START + 60)
    plant.live([31.2] * 11, START + 60)
    (case,) = plant.heat()
    for value in (31.3, 31.4):
        plant.measure([31.0] * 3, START + 10)
        plant.measure([31.0 + value - 31.3] * 3, START + 20)
        plant.measure([value] * 11, START + 60)
        plant.cycle.judge_new()
    assert "revised" not in plant.kinds(case["id"])


def test_a_case_that_began_again_days_after_it_was_opened_notes_what_is_revised(plant: Plant) -> None:
    plant.live([31.2] * 12, START + 1)
    plant.clock.t = NIGHT_END + 17 * 3600.0
    plant.cycle.look_at_clock()
    third_day = START + 2 * 1440
    plant.live([31.2] * 12, third_day + 1)
    (case,) = plant.heat()
    assert plant.kinds(case["id"])[-1] != "opened"
    plant.clock.t = 60.0 * (third_day + 100)
    plant.measure([28.0] * 12, third_day + 1)
    plant.cycle.judge_new()
    lines = [line for line in plant.rows(CASE_EVENTS) if line["kind"] == "revised"]
    assert [line["text"] for line in lines] == ["revised: no longer above"]


def test_a_finding_which_nobody_can_close_does_not_hold_data_for_ever(plant: Plant) -> None:
    plant.clock.t = 60.0 * (START + 300)
    plant.measure([31.2] * 30, START + 1)
    plant.cycle.judge_new()
    assert [case["state"] for case in plant.heat()] == ["found_afterwards"] * len(plant.heat())
    assert plant.heat()
    assert protected_zones(plant.engine)(plant.register.snapshot()) == {}
