"""Rules that judge no more end what they raised, and say that this was no measurement."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_service.cases.schema import JUDGED_SHIFTS, JUDGEMENTS, NOTICES
from ingest_service.queries.judged import Counts
from ingest_service.register.store import Register
from ingest_service.series.sqlite import open_series
from tests.ingest_service.plant import NIGHT_END, START, ZONE, Plant


@pytest.fixture
def plant(engine: sa.Engine, register: Register, tmp_path: Path) -> Iterator[Plant]:
    series = open_series(tmp_path / "data")
    yield Plant(engine, register, series)
    series.close()


def ends(plant: Plant) -> list[tuple[str, str]]:
    """State of the heat case, and what its notice of the end says."""
    (case,) = plant.heat()
    bodies = {n["body"] for n in plant.rows(NOTICES) if n["kind"] == "cleared" and n["case_id"] == case["id"]}
    return [(case["state"], body) for body in bodies]


def test_a_pack_that_is_not_in_force_any_more_ends_its_cases_at_midnight(plant: Plant) -> None:
    last = date(2026, 6, 1)
    plant.packs = [
        pack.model_copy(update={"valid_to": last}) if pack.pack == "intl-heat" else pack
        for pack in plant.packs
    ]
    plant.cycle = plant.fresh()
    plant.live([31.2] * 12, START + 1)
    plant.cycle = plant.fresh()
    # The shift goes on past midnight in no sample; what is left open ends with the day at the latest.
    plant.clock.t = NIGHT_END + 17 * 3600.0 + 1.0
    plant.cycle.look_at_clock()
    ((state, body),) = ends(plant)
    assert state == "cleared"
    assert "it was not measured below the limit before" in body


def test_a_rule_whose_pack_was_taken_away_ends_after_a_restart(plant: Plant) -> None:
    plant.live([31.2] * 12, START + 1)
    plant.packs = [pack for pack in plant.packs if pack.pack != "intl-heat"]
    plant.cycle = plant.fresh()
    plant.cycle.look_at_clock()
    ((state, body),) = ends(plant)
    assert state == "cleared"
    assert body.startswith("Judged no more: Too hot, Sewing line 3")
    assert "The rule is not in force any more" in body
    plant.cycle = plant.fresh()
    plant.cycle.look_at_clock()
    assert plant.kinds(plant.heat()[0]["id"]).count("cleared") == 1


def test_a_zone_that_was_reclassified_ends_the_rules_that_are_for_others_only(plant: Plant) -> None:
    plant.live([29.2] * 12, START + 1)  # above the limit for newcomers only
    assert plant.heat()[0]["rule"] in {"heat-iso7243-newcomers", "heat-niosh-ral"}
    zone = plant.register.snapshot().zone(ZONE)
    assert zone is not None
    plant.register.now = plant.clock.now
    with plant.register.change("somebody") as change:
        change.put_zone(replace(zone, acclimatised=False))
    plant.clock.t += 2.0
    plant.cycle.look_at_clock()
    ((state, body),) = ends(plant)
    assert state == "cleared"
    assert "The facts of the zone were changed" in body


def test_a_minute_is_judged_by_the_facts_that_held_then(plant: Plant) -> None:
    zone = plant.register.snapshot().zone(ZONE)
    assert zone is not None
    plant.register.now = lambda: 60.0 * (START + 60)
    with plant.register.change("somebody") as change:
        change.put_zone(replace(zone, metabolic_class=4), 60.0 * (START + 60))
    plant.clock.t = 60.0 * (START + 600)
    plant.measure([26.0] * 120, START + 1)
    plant.cycle = plant.fresh()
    plant.cycle.judge_new()
    rule = "heat-iso7243-reference"
    verdicts = {
        row["minute"] - START: row["verdict"] for row in plant.rows(JUDGEMENTS) if row["rule"] == rule
    }
    assert {verdicts[minute] for minute in range(1, 61)} == {"within"}
    assert {verdicts[minute] for minute in range(61, 121)} == {"above"}


def test_hours_above_stay_when_single_verdicts_are_gone_but_not_those_of_an_open_case(plant: Plant) -> None:
    plant.keep_days = 2.0
    plant.cycle = plant.fresh()
    # Warm enough to be above for a while; the case is closed by nobody and keeps its verdicts.
    plant.live([20.0] * 30 + [27.0] * 20, START + 1)
    rule = "heat-iso7243-reference"
    end = NIGHT_END + 9 * 3600.0
    with plant.engine.connect() as connection:
        before = Counts(connection).between(ZONE, rule, NIGHT_END, end)
    for day in range(1, 6):
        plant.clock.t = NIGHT_END + day * 86400.0
        for _ in range(12):
            plant.cycle.look_at_clock()
    assert [row for row in plant.rows(JUDGEMENTS) if row["rule"] == rule] == []
    (kept,) = [
        row
        for row in plant.rows(JUDGED_SHIFTS)
        if row["rule"] == rule and (row["start"], row["end"]) == (START, START + 540)
    ]
    assert (kept["above"], kept["within"]) == (0, 50)
    with plant.engine.connect() as connection:
        assert Counts(connection).between(ZONE, rule, NIGHT_END, end) == before
        day_long = Counts(connection).between(ZONE, rule, NIGHT_END - 7 * 3600.0, NIGHT_END + 17 * 3600.0)
    assert day_long.known == before.known


def test_the_verdicts_of_a_case_that_is_not_closed_are_kept(plant: Plant) -> None:
    plant.keep_days = 2.0
    plant.cycle = plant.fresh()
    plant.live([31.2] * 12, START + 1)
    for day in range(1, 6):
        plant.clock.t = NIGHT_END + day * 86400.0
        for _ in range(12):
            plant.cycle.look_at_clock()
    assert plant.heat()[0]["state"] == "cleared"
    assert len([row for row in plant.rows(JUDGEMENTS) if row["rule"] == "heat-niosh-rel"]) == 12
