"""Late and revised exposures: found afterwards whatever the order, and noted where one stands no more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest_service.cases.afterwards import BACK, CHANGED, GONE
from ingest_service.cases.schema import CASE_EVENTS, CASES, NOTICES
from ingest_service.register.store import Register
from ingest_service.series.sqlite import open_series
from tests.ingest_service.plant import START, Plant

BOTH_ENGINES = True

RULE = "heat-iso7243-reference"


@pytest.fixture
def plant(engine: sa.Engine, register: Register, tmp_path: Path) -> Iterator[Plant]:
    series = open_series(tmp_path / "data")
    plant = Plant(engine, register, series)
    plant.clock.t = 60.0 * (START + 300)
    plant.cycle = plant.fresh()
    yield plant
    series.close()


def found(plant: Plant) -> dict[str, Any]:
    (case,) = [case for case in plant.heat() if case["rule"] == RULE]
    return case


def revisions(plant: Plant, case: int) -> list[dict[str, Any]]:
    return [line for line in plant.rows(CASE_EVENTS) if line["case_id"] == case and line["kind"] == "revised"]


def test_a_finding_that_a_revision_takes_away_says_so_in_its_history_and_stays(plant: Plant) -> None:
    plant.measure([31.2] * 30, START + 1)
    plant.cycle.judge_new()
    case = found(plant)
    plant.measure([28.0] * 30, START + 1)
    plant.cycle.judge_new()
    (line,) = revisions(plant, case["id"])
    assert line["text"] == GONE
    assert (line["data"]["value_before"], line["data"]["value"], line["data"]["revision"]) == (31.2, 28.0, 1)
    assert found(plant)["state"] == "found_afterwards"
    plant.cycle = plant.fresh()
    plant.measure([28.0] * 30 + [27.0], START + 1)
    plant.cycle.judge_new()
    assert len(revisions(plant, case["id"])) == 1
    plant.measure([31.4] * 30, START + 1)
    plant.cycle.judge_new()
    assert [line["text"] for line in revisions(plant, case["id"])] == [GONE, BACK]
    plant.measure([31.5] * 30, START + 1)
    plant.cycle.judge_new()
    assert [line["text"] for line in revisions(plant, case["id"])] == [GONE, BACK, CHANGED]
    assert not [n for n in plant.rows(NOTICES) if n["case_id"] == case["id"]]


def test_a_live_case_whose_numbers_are_revised_below_the_limit_keeps_both(plant: Plant) -> None:
    plant.live([31.2] * 12, START + 320)
    case = found(plant)
    assert case["state"] == "open"
    plant.clock.t += 3600.0
    plant.measure([29.0] * 12, START + 320)
    plant.cycle.judge_new()
    assert [line["text"] for line in revisions(plant, case["id"])] == [GONE]
    assert found(plant)["event"]["value"] == 31.2
    assert found(plant)["state"] == "open"


def test_late_data_calls_nobody_while_a_case_of_the_present_goes_on(plant: Plant) -> None:
    plant.live([31.2] * 12, START + 320)
    told = len(plant.rows(NOTICES))
    plant.measure([31.2] * 60, START + 100)
    plant.cycle.judge_new()
    heat = [case for case in plant.heat() if case["rule"] == RULE]
    assert sorted(case["state"] for case in heat) == ["found_afterwards", "open"]
    assert len(plant.rows(NOTICES)) == told


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_what_is_found_does_not_depend_on_the_order_of_arrival(plant: Plant, data: st.DataObject) -> None:
    day = data.draw(st.integers(1, 300))
    first = START - 7 * 1440 * (day + 1) + 1  # a Monday long ago, each example its own
    values = data.draw(st.lists(st.sampled_from([31.2, 28.0]), min_size=20, max_size=40))
    order = data.draw(st.permutations(range(len(values))))
    cut = data.draw(st.integers(0, len(values)))
    for number, n in enumerate(order):
        plant.measure([values[n]], first + n)
        if number == cut:
            plant.cycle.judge_new()
            plant.cycle = plant.fresh()
    plant.cycle.judge_new()
    hot = "".join("a" if value > 30.0 else "." for value in values)
    cases = [
        case
        for case in plant.rows(CASES)
        if case["rule"] == RULE and first <= case["opened_at"] / 60.0 <= first + len(values)
    ]
    # What was found when half was known stays there, with its note.
    stands = [
        case for case in cases if not (notes := revisions(plant, case["id"])) or notes[-1]["data"]["stands"]
    ]
    assert len(stands) == int("a" * 10 in hot)
    assert len(cases) <= 1
