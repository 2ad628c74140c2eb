"""The alerts runner over real stores: exposures in, cases and notices out, whatever is killed in between."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alert_rules.notifier import AppriseNotifier
from ingest_service.alert_runner import run
from ingest_service.cases.keeping import CaseKeeper
from ingest_service.cases.schema import JUDGEMENTS, NOTICES, RULE_STATES
from ingest_service.cases.store import Cases
from ingest_service.heartbeat import read_all
from ingest_service.register.store import Register
from ingest_service.series.sqlite import open_series
from ingest_service.settings import Settings
from tests.ingest_service.plant import START, ZONE, Plant

RULES = {"heat-iso7243-newcomers", "heat-iso7243-reference", "heat-niosh-ral", "heat-niosh-rel"}


@pytest.fixture
def plant(engine: sa.Engine, register: Register, tmp_path: Path) -> Iterator[Plant]:
    series = open_series(tmp_path / "data")
    yield Plant(engine, register, series)
    series.close()


def test_a_hot_hour_opens_one_case_and_tells_both_sides_the_same_at_the_same_time(plant: Plant) -> None:
    plant.live([31.2] * 12, START + 1)
    (case,) = plant.heat()
    assert (case["state"], case["severity"], case["zone"]) == ("open", "danger", ZONE)
    assert case["opened_at"] == 60.0 * (START + 10)
    assert case["event"]["value"] == 31.2
    notices = [n for n in plant.rows(NOTICES) if n["case_id"] == case["id"]]
    assert {n["side"] for n in notices} == {"worker", "management"}
    assert len({(n["subject"], n["body"], n["created_at"]) for n in notices}) == 1
    assert "31.2 °C; limit 30.0 °C (ISO 7243:2017" in notices[0]["body"]


def test_every_judged_minute_is_written_and_cannot_tell_stays_so(plant: Plant) -> None:
    plant.live([31.2, None, 20.0], START + 1)
    plant.live([31.2], START + 4, coverage=0.5)
    judged = {(row["rule"], row["minute"] - START): row["verdict"] for row in plant.rows(JUDGEMENTS)}
    for rule in RULES:
        verdicts = [judged[rule, minute] for minute in (1, 2, 3, 4)]
        assert verdicts == ["above", "cannot_tell", "within", "cannot_tell"]
    assert plant.heat() == []


def test_outside_the_shift_heat_is_not_judged(plant: Plant) -> None:
    plant.live([35.0] * 30, START - 30)
    assert plant.heat() == []
    assert plant.rows(JUDGEMENTS) == []


def test_a_restart_at_any_moment_repeats_nothing_and_forgets_nothing(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCut(BaseException):
        pass

    def cut(*_: Any, **__: Any) -> None:
        raise PowerCut

    values = [31.2] * 12 + [29.3] * 3
    for n, value in enumerate(values):
        plant.measure([value], START + 1 + n)
        plant.clock.t = 60.0 * (START + 1 + n) + 2.0
        with monkeypatch.context() as patch:
            # Die within the transaction, after cases and notices were written but before its commit.
            patch.setattr("ingest_service.alert_cycle.upsert", cut)
            with pytest.raises(PowerCut):
                plant.cycle.judge_new()
        plant.cycle = plant.fresh()
        plant.cycle.judge_new()
        plant.cycle = plant.fresh()
        assert plant.cycle.judge_new() == 0
    (case,) = plant.heat()
    assert plant.kinds(case["id"])[:4] == ["opened", "joined", "joined", "joined"]
    assert plant.kinds(case["id"]).count("cleared") == 0
    keys = [notice["key"] for notice in plant.rows(NOTICES)]
    assert len(keys) == len(set(keys))
    assert len(keys) == 2
    assert len([1 for row in plant.rows(JUDGEMENTS) if row["rule"] in RULES]) == 4 * len(values)


def test_the_case_clears_after_half_an_hour_below_and_both_sides_hear_it(plant: Plant) -> None:
    plant.live([31.2] * 12 + [27.0] * 29, START + 1)
    assert plant.heat()[0]["state"] == "open"
    plant.live([27.0], START + 42)
    (case,) = plant.heat()
    assert case["state"] == "cleared"
    assert plant.told("cleared") == {"Sok Dara", "Chan Vanna"}


def test_it_begins_again_in_the_same_case(plant: Plant) -> None:
    plant.live([31.2] * 12 + [27.0] * 30 + [31.0] * 12, START + 1)
    (case,) = plant.heat()
    assert case["state"] == "open"
    assert case["cleared_at"] is None
    assert "raised_again" in plant.kinds(case["id"])


def test_the_end_of_the_shift_ends_it_by_the_clock_alone(plant: Plant) -> None:
    end = START + 9 * 60
    plant.live([31.2] * 15, end - 14)
    plant.clock.t = 60.0 * end + 200.0
    plant.cycle.look_at_clock()
    assert plant.heat()[0]["state"] == "open"
    plant.clock.t = 60.0 * end + 301.0
    plant.cycle.look_at_clock()
    (case,) = plant.heat()
    assert case["state"] == "cleared"
    assert case["cleared_at"] == 60.0 * end
    body = next(
        n["body"] for n in plant.rows(NOTICES) if n["kind"] == "cleared" and n["case_id"] == case["id"]
    )
    assert "it was not measured below the limit before" in body


def test_a_service_that_was_down_at_the_end_of_the_shift_ends_it_before_it_judges_the_next(
    plant: Plant,
) -> None:
    end, day = START + 9 * 60, 1440
    plant.live([31.2] * 15, end - 14)
    plant.cycle = plant.fresh()
    plant.live([31.2] * 12, START + day + 60)
    (case,) = plant.heat()
    kinds = plant.kinds(case["id"])
    assert kinds[kinds.index("cleared") :][:2] == ["cleared", "raised_again"]
    assert case["event"]["since"] == 60.0 * (START + day + 59)


def test_every_shift_of_several_late_days_has_its_own_finding(plant: Plant) -> None:
    day = 1440
    plant.clock.t = 60.0 * (START + 3 * day)
    plant.cycle = plant.fresh()
    for n in range(3):
        plant.measure([31.2] * 60, START + n * day + 1)
    plant.cycle.judge_new()
    found = [case["opened_at"] for case in plant.heat() if case["rule"] == "heat-iso7243-reference"]
    assert found == [60.0 * (START + n * day + 10) for n in range(3)]


def test_hours_that_arrive_late_are_found_afterwards_once_and_call_nobody(plant: Plant) -> None:
    plant.clock.t = 60.0 * (START + 300)
    plant.cycle = plant.fresh()
    plant.measure([31.2] * 120, START + 1)
    plant.cycle.judge_new()
    plant.measure([31.4] * 120, START + 1)
    plant.cycle.judge_new()
    found = plant.heat()
    assert {case["state"] for case in found} == {"found_afterwards"}
    assert {case["rule"] for case in found} == RULES
    assert len(found) == len(RULES)
    assert not [n for n in plant.rows(NOTICES) if n["case_id"] in {case["id"] for case in found}]


def test_late_data_of_a_time_that_was_told_live_finds_nothing_new(plant: Plant) -> None:
    plant.live([31.2] * 20, START + 1)
    plant.clock.t = 60.0 * (START + 60)
    plant.measure([31.5] * 20, START + 1)
    plant.cycle.judge_new()
    assert {case["state"] for case in plant.heat()} == {"open"}


def test_a_revised_minute_is_judged_again(plant: Plant) -> None:
    plant.live([31.2] * 4 + [None, None] + [31.2] * 3, START + 1)
    plant.measure([31.2, 31.2], START + 5)
    plant.cycle.judge_new()
    assert plant.heat() == []
    plant.live([31.2], START + 10)
    (case,) = plant.heat()
    assert case["event"]["since"] == 60.0 * START


def test_escalation_comes_by_the_clock_and_stops_when_it_was_seen(plant: Plant) -> None:
    plant.live([31.2] * 12, START + 1)
    (case,) = plant.heat()
    people = {person.name: person for person in plant.register.snapshot().people}
    plant.clock.t = case["opened_at"] + 3600.0 + 60.0
    plant.cycle.look_at_clock()
    plant.cycle.look_at_clock()
    assert plant.told("escalation-1") == {"Sok Dara", "Chan Vanna"}
    assert sum(n["kind"] == "escalation-1" and n["case_id"] == case["id"] for n in plant.rows(NOTICES)) == 2
    cases = Cases(plant.engine)
    cases.acknowledge(case["id"], people["Sok Dara"], "worker", plant.clock.t)
    cases.acknowledge(case["id"], people["Chan Vanna"], "management", plant.clock.t)
    plant.clock.t += 3 * 3600.0
    plant.cycle.look_at_clock()
    assert "escalation-2" not in plant.kinds(case["id"])


def test_a_day_without_action_is_told_to_the_labour_administration_though_shifts_end(plant: Plant) -> None:
    day = 1440
    plant.live([31.2] * 12, START + 60)
    (case,) = plant.heat()
    plant.clock.t = 60.0 * (START + 10 * 60)
    plant.cycle.look_at_clock()
    assert plant.heat()[0]["state"] == "cleared"
    plant.live([31.2] * 12, START + day + 30)  # earlier than a day after it began
    assert plant.told("escalation-3") == set()
    plant.clock.t = case["opened_at"] + 24 * 3600.0 + 60.0
    plant.cycle.look_at_clock()
    assert plant.told("escalation-3") == {"Inspector Bopha"}
    plant.clock.t += 24 * 3600.0
    plant.cycle.look_at_clock()
    assert plant.kinds(case["id"]).count("escalation-3") == 1


def test_the_runner_follows_a_series_store_that_was_built_again(plant: Plant) -> None:
    plant.live([20.0] * 3, START + 1)
    plant.series.wipe()
    plant.cycle.look_at_clock()
    plant.live([31.2] * 12, START + 5)
    assert len(plant.heat()) == 1


def test_a_stored_state_is_plain_json(plant: Plant) -> None:
    plant.live([31.2] * 3, START + 1)
    (state,) = [r["state"] for r in plant.rows(RULE_STATES) if r["rule"] == "exposures"]
    track = json.loads(json.dumps(state))["tracks"]["heat-iso7243-reference"]
    assert track[6:] == ["pending", START + 3, START + 1, -1]


def test_a_writing_error_leaves_the_runner_where_the_store_is(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.measure([31.2] * 12, START + 1)
    plant.clock.t = 60.0 * (START + 12) + 2.0
    with monkeypatch.context() as patch:
        patch.setattr(CaseKeeper, "change", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            plant.cycle.judge_new()
    plant.cycle.judge_new()
    assert len(plant.heat()) == 1


def test_the_runner_judges_delivers_beats_and_stops(
    plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.measure([31.2] * 12, START + 1)
    settings = Settings(data_dir=tmp_path / "data", clock=f"1@{time.time()!r}={60.0 * (START + 12) + 2.0!r}")
    monkeypatch.setattr(AppriseNotifier, "send", lambda *_: "accepted by nobody")
    stop = threading.Event()
    runner = threading.Thread(target=run, args=(settings, stop))
    runner.start()
    try:
        deadline = time.monotonic() + 20.0

        def done() -> bool:
            sent = [n for n in plant.rows(NOTICES) if n["state"] == "sent"]
            return bool(sent) and "alerts" in read_all(settings.data_dir)

        while not done() and time.monotonic() < deadline:
            stop.wait(0.05)
    finally:
        stop.set()
        runner.join(10.0)
    assert not runner.is_alive()
    assert [n["name"] for n in plant.rows(NOTICES) if n["state"] == "sent"] == ["Sok Dara"]
    assert read_all(settings.data_dir)["alerts"].facts["cursor"] == 12
