"""Exposures that the rollup takes away: what was judged of them is judged again without them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_service.alert_cycle import ROWS_AT_ONCE
from ingest_service.cases.afterwards import GONE
from ingest_service.cases.schema import CASE_EVENTS, JUDGED_SHIFTS, JUDGEMENTS
from ingest_service.register.store import Register
from ingest_service.series.sqlite import open_series
from tests.ingest_service.plant import START, ZONE, Plant

KIND = "wbgt_eff.twa60"
RULE = "heat-iso7243-reference"


@pytest.fixture
def plant(engine: sa.Engine, register: Register, tmp_path: Path) -> Iterator[Plant]:
    series = open_series(tmp_path / "data")
    yield Plant(engine, register, series)
    series.close()


def take_away(plant: Plant, minutes: Iterable[int]) -> None:
    plant.series.write_exposures(
        [], gone=[(ZONE, KIND, minute) for minute in minutes], cause=lambda *_: "register_changed"
    )


def judged(plant: Plant) -> list[int]:
    return [row["minute"] for row in plant.rows(JUDGEMENTS) if row["rule"] == RULE]


def test_a_finding_on_exposures_that_are_gone_says_so_and_counts_no_hours(plant: Plant) -> None:
    plant.clock.t = 60.0 * (START + 1440)
    plant.measure([31.2] * 30, START + 1)
    plant.cycle.judge_new()
    assert [row["above"] for row in plant.rows(JUDGED_SHIFTS) if row["rule"] == RULE] == [30]
    take_away(plant, range(START + 1, START + 31))
    assert plant.cycle.judge_new() == 30
    assert judged(plant) == []
    assert [row["above"] for row in plant.rows(JUDGED_SHIFTS) if row["rule"] == RULE] == []
    (case,) = [case for case in plant.heat() if case["rule"] == RULE]
    notes = [line for line in plant.rows(CASE_EVENTS) if line["kind"] == "revised"]
    assert [(line["text"], line["data"]["cause"]) for line in notes if line["case_id"] == case["id"]] == [
        (GONE, "register_changed")
    ]
    assert plant.cycle.judge_new() == 0


def test_minutes_that_are_gone_interrupt_a_hold_before_it_is_told(plant: Plant) -> None:
    plant.live([31.2] * 8, START + 1)
    take_away(plant, [START + 4])
    plant.live([31.2] * 4, START + 9)
    assert plant.heat() == []
    plant.live([31.2] * 4, START + 13)
    assert plant.heat()


def test_a_row_that_is_there_again_is_judged_whatever_is_read_at_once(plant: Plant) -> None:
    plant.live([31.2] * 3, START + 1)
    take_away(plant, [START + 2])
    plant.measure([31.3], START + 2)
    plant.cycle.judge_new()
    assert judged(plant) == [START + 1, START + 2, START + 3]
    take_away(plant, [START + 2])
    plant.cycle.judge_new()
    plant.cycle = plant.fresh()
    plant.measure([31.3], START + 2)
    plant.cycle.judge_new()
    assert judged(plant) == [START + 1, START + 2, START + 3]


def test_more_than_a_portion_of_rows_and_losses_is_followed_to_the_end(plant: Plant) -> None:
    plant.clock.t = 60.0 * (START + 20_000)
    many = ROWS_AT_ONCE + 500
    plant.measure([20.0] * many, START + 1)
    take_away(plant, range(START + 1, START + 1 + many, 2))
    plant.measure([20.5] * many, START + 1)
    take_away(plant, range(START + 2, START + 1 + many, 2))
    while plant.cycle.judge_new():
        pass
    stored = {row.minute for row in plant.series.exposures(ZONE, KIND, 0, 2**40)}
    calendar = plant.register.snapshot().calendar("kh-f0123")
    on = {minute for minute in stored if calendar.shift_of_minute(minute) is not None}
    assert set(judged(plant)) == on
    assert on
