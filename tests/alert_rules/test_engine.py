"""The engine and its conditions: properties that no series of observations may break."""

import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.conditions import Condition, Observation, Verdict, judge, mark
from alert_rules.engine import (
    Change,
    Phase,
    RuleState,
    Transition,
    ZoneRule,
    holds,
    shift_over,
    step,
)

CONDITION = Condition(limit=30.0, strict=True, clear_below=29.5, coverage=0.75, unit="Cel")
RULE = ZoneRule("hot", CONDITION, raise_after=10, clear_after=30)
VALUES = st.one_of(st.none(), st.sampled_from([29.0, 29.5, 29.7, 30.0, 30.1, 35.0, math.nan]))
OBSERVATIONS = st.lists(
    st.tuples(st.integers(1, 4), VALUES, st.sampled_from([0.5, 0.74, 0.75, 1.0])), max_size=150
)


def play(entries: list[tuple[int, float | None, float]]) -> list[tuple[Observation, RuleState, Transition]]:
    state, minute, made = RuleState(), 100, []
    for ahead, value, coverage in entries:
        minute += ahead
        observation = Observation(minute, value, coverage)
        state, changes = step(state, observation, RULE, 60.0 * minute)
        made += [(observation, state, one) for one in changes]
    return made


def run(values: Sequence[float | None], first: int = 1, state: RuleState | None = None) -> list[Change]:
    changes: list[Change] = []
    state = state or RuleState()
    for n, value in enumerate(values):
        minute = first + n
        state, made = step(state, Observation(minute, value, 1.0), RULE, 60.0 * minute)
        changes += [one.change for one in made]
    return changes


@given(OBSERVATIONS)
def test_it_raises_only_after_a_full_unbroken_hold_above(
    entries: list[tuple[int, float | None, float]],
) -> None:
    minute, history = 100, []
    for ahead, value, coverage in entries:
        minute += ahead
        history.append(Observation(minute, value, coverage))
    for raised in (one for _, _, one in play(entries) if one.change is Change.RAISED):
        hold = [one for one in history if raised.since <= one.minute <= raised.minute]
        assert raised.minute - raised.since + 1 >= RULE.raise_after
        assert all(judge(one, CONDITION).verdict is Verdict.ABOVE for one in hold)
        assert all(b.minute - a.minute <= RULE.gap for a, b in pairwise(hold))


@given(OBSERVATIONS)
def test_it_clears_only_after_a_full_unbroken_hold_below_the_lower_line(
    entries: list[tuple[int, float | None, float]],
) -> None:
    minute, history = 100, []
    for ahead, value, coverage in entries:
        minute += ahead
        history.append(Observation(minute, value, coverage))
    for cleared in (one for _, _, one in play(entries) if one.change is Change.CLEARED):
        hold = [one for one in history if cleared.since <= one.minute <= cleared.minute]
        assert cleared.minute - cleared.since + 1 >= RULE.clear_after
        assert all(one.value is not None and one.value < 29.5 and one.coverage >= 0.75 for one in hold)


@given(OBSERVATIONS)
def test_it_never_raises_or_clears_on_what_cannot_be_told(
    entries: list[tuple[int, float | None, float]],
) -> None:
    for observation, _, change in play(entries):
        if change.change in (Change.RAISED, Change.CLEARED):
            assert judge(observation, CONDITION).verdict is not Verdict.CANNOT_TELL


@given(st.lists(st.sampled_from([29.0, 31.0]), min_size=1, max_size=60))
def test_late_observations_change_nothing_live(values: list[float]) -> None:
    state = RuleState()
    for n, value in enumerate(values):
        after, made = step(state, Observation(n + 1, value, 1.0), RULE, 60.0 * (n + 1) + 900.1)
        assert (after, made) == (state, ())


def test_exactly_at_the_limit_is_within_and_an_action_value_counts_at_the_value() -> None:
    assert judge(Observation(1, 30.0, 1.0), CONDITION).verdict is Verdict.WITHIN
    action = Condition(limit=80.0, strict=False, clear_below=79.0, coverage=0.75)
    assert judge(Observation(1, 80.0, 1.0), action).verdict is Verdict.ABOVE
    assert judge(Observation(1, math.nextafter(80.0, 0.0), 1.0), action).verdict is Verdict.WITHIN


def test_nothing_is_rounded_before_it_is_compared() -> None:
    assert judge(Observation(1, 30.0 + 1e-9, 1.0), CONDITION).verdict is Verdict.ABOVE


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_cannot_be_told(value: float | None) -> None:
    assert judge(Observation(1, value, 1.0), CONDITION).verdict is Verdict.CANNOT_TELL


def test_an_estimate_without_a_globe_is_never_fine_near_the_limit_or_beside_radiant_heat() -> None:
    estimate = Condition(30.0, True, 29.5, 0.75, estimate="assumed_tg_eq_ta", margin=1.0)
    radiant = Condition(30.0, True, 29.5, 0.75, estimate="assumed_tg_eq_ta", margin=1.0, radiant=True)
    method = "assumed_tg_eq_ta"
    assert judge(Observation(1, 29.0, 1.0, method), estimate).verdict is Verdict.CANNOT_TELL
    assert judge(Observation(1, 28.9, 1.0, method), estimate).verdict is Verdict.WITHIN
    assert judge(Observation(1, 30.1, 1.0, method), estimate).verdict is Verdict.ABOVE
    assert judge(Observation(1, 20.0, 1.0, method), radiant).verdict is Verdict.CANNOT_TELL
    assert judge(Observation(1, 29.2, 1.0, "measured_globe"), radiant).verdict is Verdict.WITHIN


def test_ten_minutes_raise_and_thirty_below_clear() -> None:
    assert run([31.0] * 9) == [Change.PENDING]
    assert run([31.0] * 10) == [Change.PENDING, Change.RAISED]
    assert run([31.0] * 10 + [29.0] * 29) == [Change.PENDING, Change.RAISED]
    assert run([31.0] * 10 + [29.0] * 30) == [Change.PENDING, Change.RAISED, Change.CLEARED]
    assert run([31.0] * 10 + [29.0] * 20 + [29.6] + [29.0] * 29)[-1] is Change.RAISED


def test_a_gap_drops_what_was_pending() -> None:
    state, _ = step(RuleState(), Observation(1, 31.0, 1.0), RULE, 60.0)
    state, made = step(state, Observation(5, 31.0, 1.0), RULE, 300.0)
    assert [one.change for one in made] == [Change.DROPPED, Change.PENDING]
    assert state.above_since == 5


def test_the_end_of_the_shift_says_that_it_was_no_measurement() -> None:
    raised = RuleState(Phase.RAISED, 100, 91)
    state, (cleared,) = shift_over(raised, 110)
    assert (state.phase, cleared.change, cleared.reason) == (
        Phase.QUIET,
        Change.CLEARED,
        "the shift is over",
    )


@pytest.mark.parametrize(
    ("strict", "at_limit"), [(True, Verdict.WITHIN), (False, Verdict.ABOVE)], ids=["below", "at or below"]
)
def test_a_lower_limit_is_not_kept_by_values_under_it_and_clears_above_its_line(
    strict: bool, at_limit: Verdict
) -> None:
    moving = Condition(limit=0.3, strict=strict, clear_below=0.4, coverage=0.75, unit="m/s", below=True)
    assert judge(Observation(1, 0.3, 1.0), moving).verdict is at_limit
    assert judge(Observation(1, math.nextafter(0.3, 0.0), 1.0), moving).verdict is Verdict.ABOVE
    assert judge(Observation(1, 0.29, 1.0), moving).reason.endswith("below 0.3 m/s")
    within = [judge(Observation(1, value, 1.0), moving) for value in (0.35, 0.4, 0.41)]
    assert [(one.verdict, one.clears) for one in within] == [
        (Verdict.WITHIN, False),
        (Verdict.WITHIN, False),
        (Verdict.WITHIN, True),
    ]
    estimate = Condition(0.3, strict, 0.4, 0.75, estimate="guess", margin=0.1, below=True, radiant=True)
    assert judge(Observation(1, 0.4, 1.0, "guess"), estimate).verdict is Verdict.CANNOT_TELL
    assert judge(Observation(1, 0.41, 1.0, "guess"), estimate).verdict is Verdict.WITHIN


@given(
    st.lists(st.tuples(st.integers(1, 3), VALUES), max_size=60),
    st.booleans(),
    st.sampled_from([(30.0, 29.5), (29.7, 29.0)]),
)
def test_a_lower_limit_is_the_mirror_of_an_upper_one(
    entries: list[tuple[int, float | None]], strict: bool, lines: tuple[float, float]
) -> None:
    limit, clear = lines
    upper = ZoneRule("up", Condition(limit, strict, clear, 0.75), raise_after=3, clear_after=5)
    lower = ZoneRule("low", Condition(-limit, strict, -clear, 0.75, below=True), raise_after=3, clear_after=5)
    one, other, minute = RuleState(), RuleState(), 0
    for ahead, value in entries:
        minute += ahead
        one, made = step(one, Observation(minute, value, 1.0), upper, 60.0 * minute)
        mirrored = None if value is None else -value
        other, also = step(other, Observation(minute, mirrored, 1.0), lower, 60.0 * minute)
        assert one == other
        assert [change.change for change in made] == [change.change for change in also]


@given(OBSERVATIONS)
def test_what_is_known_afterwards_was_raised_live_in_the_same_minutes(
    entries: list[tuple[int, float | None, float]],
) -> None:
    minute, marks = 100, []
    for ahead, value, coverage in entries:
        minute += ahead
        marks.append((minute, mark(value, coverage, "", CONDITION)))
    live = [change for _, _, change in play(entries) if change.change is Change.RAISED]
    found = holds(marks, RULE)
    # A raise that follows while the last one is not cleared yet is no new one for people, but a hold it is.
    assert {(one.since, one.minute) for one in live} <= {(hold.since, hold.met) for hold in found}
    if found:
        assert live
        assert (live[0].since, live[0].minute) == (found[0].since, found[0].met)
