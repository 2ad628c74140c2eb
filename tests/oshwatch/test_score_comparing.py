"""The scoring code catches what it is for: missed, false, late, doubled, ended too early, lost."""

from dataclasses import replace

import numpy as np
import pytest
import yaml

from firmware_sim.expectations import Expectation
from firmware_sim.fleet import fleet_named
from firmware_sim.scenario_files import Course, course, read
from oshwatch.scoring.comparing import Score, compare
from oshwatch.scoring.judging import _Judgement
from oshwatch.scoring.limits import limits_of, margin
from oshwatch.scoring.oracle import ZoneTruth, natural_wet_bulb, stretches
from oshwatch.scoring.tellings import Standing, Telling, Told
from oshwatch.scoring.truth_needs import Need, needs_of

ZONE = "kh-f0123/sewing-3"
HEAT = Need(ZONE, "heat", "", "danger", 1000.0, 2800.0, 20_000.0, "hot")


def told(
    at: float, *, severity: str = "danger", end: float = 20_000.0, place: str = ZONE, case: int = 1
) -> Told:
    telling = Telling(at, "opened", case, place, "heat", "", severity, "rule", people=2, limit=30.0)
    return Told((telling,), (Standing(case, place, "heat", "", severity, at, end),))


def score(
    found: Told,
    *,
    needs: tuple[Need, ...] = (HEAT,),
    expect: tuple[Expectation, ...] = (),
    allowed: tuple[Expectation, ...] = (),
    unseen: tuple[Expectation, ...] = (),
    true: bool = True,
    lasting: bool = True,
) -> Score:
    return compare(found, needs, expect, allowed, unseen, lambda _: true, lambda _before, _after: lasting)


def test_what_is_told_in_time_is_good_and_has_its_delay() -> None:
    found = score(told(1600.0))
    assert (found.good, found.expected, found.told, found.delays) == (True, 1, 1, [10.0])
    assert not found.late


def test_what_is_never_told_is_missed() -> None:
    found = score(Told((), ()))
    assert len(found.missed) == 1
    assert not found.good


def test_what_is_told_elsewhere_or_less_severely_is_missed() -> None:
    assert score(told(1600.0, place="kh-f0123/sewing-1")).missed
    assert score(told(1600.0, severity="warning")).missed


def test_what_is_told_after_its_time_is_late_by_so_much() -> None:
    found = score(told(7000.0))
    assert not found.missed
    assert len(found.late) == 1
    assert found.worst_delay == 100.0
    assert found.late[0].startswith("100 min after danger heat")


def test_what_is_said_to_be_over_while_it_lasts_is_missed() -> None:
    (missed,) = score(told(1600.0, end=5000.0)).missed
    assert missed.startswith("said to be over 250 min too early")


def test_what_nobody_can_see_is_named_and_not_called_missed() -> None:
    reason = Expectation(ZONE, "heat", "", "notice", 0.0, 9000.0, "not in the calendar")
    found = score(Told((), ()), unseen=(reason,))
    assert (found.expected, found.missed) == (0, [])
    assert "not in the calendar" in found.unseen[0]
    early = score(told(1600.0, end=5000.0), unseen=(reason,))
    assert (early.missed, len(early.unseen)) == ([], 1)


def test_what_the_truth_does_not_bear_out_is_false() -> None:
    found = score(told(1600.0), needs=(), true=False)
    assert len(found.false) == 1
    assert not found.good


def test_what_may_be_told_is_not_false_within_its_time_and_place() -> None:
    allowed = Expectation(ZONE, "heat", "", "notice", 1000.0, 2000.0, "why")
    assert score(told(1600.0), needs=(), allowed=(allowed,), true=False).good
    assert not score(told(2600.0), needs=(), allowed=(allowed,), true=False).good
    assert not score(told(1600.0), needs=(), allowed=(replace(allowed, hazard="air"),), true=False).good


@pytest.mark.parametrize("at", ["kh-f0123-a", "kh-f0123-a/st1", "kh-f0123-a/st1/ta"])
def test_an_expectation_holds_for_what_is_within_its_place(at: str) -> None:
    wanted = Expectation(at, "silence", "", "warning", 0.0, 600.0, "")
    silence = Telling(300.0, "opened", 1, ZONE, "silence", "kh-f0123-a/st1/ta", "warning", "watch", people=3)
    assert score(Told((silence,), ()), needs=(), expect=(wanted,)).good
    other = replace(silence, subject="kh-f0123-b/st1/ta")
    found = score(Told((other,), ()), needs=(), expect=(wanted,), true=False)
    assert (len(found.missed), len(found.false)) == (1, 1)


def test_two_cases_of_one_thing_at_once_are_doubled() -> None:
    first, second = told(1600.0), told(1800.0, case=2)
    both = Told(first.tellings, first.standings + second.standings)
    assert len(score(both).doubled) == 1
    apart = Told(first.tellings, (*told(1600.0, end=1700.0).standings, *second.standings))
    assert score(apart).doubled == []


def test_what_is_told_again_without_having_ended_is_doubled() -> None:
    again = replace(told(9000.0).tellings[0], what="raised_again")
    twice = Told((*told(1600.0).tellings, again), told(1600.0).standings)
    assert len(score(twice).doubled) == 1
    assert score(twice, lasting=False).doubled == []
    worse = Told((*told(1600.0).tellings, replace(again, what="worsened")), told(1600.0).standings)
    assert score(worse).doubled == []


def test_a_notice_that_one_person_has_twice_is_doubled() -> None:
    assert not score(replace(told(1600.0), twice=("Sok Dara was told twice",))).good


# -- the truth ------------------------------------------------------------------------------------------


def a_course(faults: str = "[]", start: str = "2026-04-20T05:00", span: str = "12h") -> Course:

    text = (
        f"{{scenario: made-up, sites: [kh-f0123, kh-f0207], start: '{start}', for: {span}, faults: {faults}}}"
    )
    return course(read(yaml.safe_load(text), "made-up"), fleet_named("demo", 7))


@pytest.fixture(scope="module")
def truth() -> ZoneTruth:
    return ZoneTruth(a_course(), ZONE)


def test_the_wick_of_the_worked_example_is_at_its_temperature() -> None:
    values = [np.array([x]) for x in (32.0, 32.0, 65.0, 0.2, 1013.25)]
    assert natural_wet_bulb(*values)[0] == pytest.approx(26.8, abs=0.1)


def test_stretches_name_their_first_and_last_element() -> None:
    assert stretches(np.array([True, True, False, True])) == [(0, 1), (3, 3)]
    assert stretches(np.array([False])) == []


def test_the_hot_hall_in_april_must_be_told_of_once_a_severity(truth: ZoneTruth) -> None:
    needs = needs_of(a_course(), [truth], lambda _z, _k, first, last: set(range(first, last + 1)))
    heat = [need for need in needs.needs if need.hazard == "heat"]
    assert sorted(need.severity for need in heat) == ["danger", "warning"]
    assert all(need.onset < need.deadline < need.end for need in heat)
    assert needs.cannot_tell_min == 0


def test_what_the_server_had_no_value_of_need_not_be_told_and_is_counted(truth: ZoneTruth) -> None:
    needs = needs_of(a_course(), [truth], lambda *_: set())
    assert needs.needs == ()
    assert needs.cannot_tell_min > 300


def test_a_gateway_that_is_cut_off_need_not_tell(truth: ZoneTruth) -> None:
    cut = a_course("[{fault: silence, target: kh-f0123-a, at: '06:00', for: 20h}]")
    assert needs_of(cut, [truth], lambda _z, _k, a, b: set(range(a, b + 1))).needs == ()


def test_an_alarm_is_borne_out_by_the_truth_of_its_own_exposure(truth: ZoneTruth) -> None:
    judgement = _Judgement({ZONE: truth})
    noon = truth.instant(420)
    heat = Telling(
        noon, "opened", 1, ZONE, "heat", "", "danger", "rule", 2, "wbgt_eff.twa60", 30.0,
        since=noon - 600.0, event_at=noon,
    )  # fmt: skip
    assert judgement.justified(heat)
    assert not judgement.justified(replace(heat, limit=45.0))
    assert not judgement.justified(replace(heat, limit=20.0, below=True))
    assert not judgement.justified(replace(heat, exposure="no such kind"))
    assert not judgement.justified(replace(heat, place="kh-f0123/nowhere"))
    assert judgement.same_stretch(heat, replace(heat, at=noon + 3600.0, since=noon + 3000.0))
    later = replace(heat, at=noon + 3600.0, since=noon + 3000.0, limit=45.0)
    assert not judgement.same_stretch(heat, later)


def test_a_release_of_carbon_monoxide_must_be_told_within_minutes() -> None:
    zone = "kh-f0207/sole-press-1"
    gas = a_course("[{fault: co-release, target: kh-f0207/sole-press-1, at: '09:00', for: 20m, by: 450ppm}]")
    needs = needs_of(gas, [ZoneTruth(gas, zone)], lambda _z, _k, a, b: set(range(a, b + 1)))
    (ceiling,) = [need for need in needs.needs if need.subject == "co"]
    begun = gas.start + 4 * 3600.0
    assert begun < ceiling.onset < begun + 360.0
    assert ceiling.deadline <= begun + 720.0


def test_people_who_are_not_acclimatised_have_the_lower_limit_as_danger(truth: ZoneTruth) -> None:
    heat = [limit for limit in limits_of(truth) if limit.hazard == "heat"]
    assert [(limit.severity, round(limit.value, 2)) for limit in heat] == [
        ("danger", 30.0),
        ("warning", 28.1),
    ]
    assert margin("wbgt_eff.twa60", 30.0) == 0.5
