"""Judging whole columns gives what the engine gives minute by minute."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alert_rules.backtest import Columns, Episode, Roster, Span, Stop, episodes, marks
from alert_rules.conditions import Condition, Observation, mark
from alert_rules.engine import NEVER, Change, Phase, RuleState, ZoneRule, shift_over, step

LIMIT = 28.0
WORD = "assumed_tg_eq_ta"
# The limit itself, the clearing line, the margin of an estimate and what lies just beside each.
VALUES = st.one_of(
    st.sampled_from([None, 27.0, 27.5, 27.9999, 28.0, 28.0001, 28.5, 29.0, float("nan"), float("inf")]),
    st.floats(26.0, 30.0),
)
OBSERVATIONS = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 1, 1, 1, 2, 3, 4, 40]),
        VALUES,
        st.sampled_from([1.0, 1.0, 1.0, 0.75, 0.7499, 0.0]),
        st.sampled_from(["measured_globe", "measured_globe", WORD + "+assumed_va"]),
        st.integers(1, 12),
    ),
    max_size=120,
)
CONDITIONS = st.builds(
    Condition,
    limit=st.just(LIMIT),
    strict=st.booleans(),
    clear_below=st.sampled_from([27.5, 28.0, 28.5]),
    coverage=st.just(0.75),
    estimate=st.sampled_from(["", WORD]),
    margin=st.sampled_from([0.0, 1.0]),
    radiant=st.booleans(),
    below=st.booleans(),
)
RULES = st.builds(
    ZoneRule,
    id=st.just("rule"),
    condition=CONDITIONS,
    raise_after=st.integers(1, 6),
    clear_after=st.integers(1, 6),
    gap=st.integers(1, 4),
)


def observed(drawn: Sequence[tuple[int, float | None, float, str, int]]) -> list[Observation]:
    found, minute = [], 1000
    for ahead, value, coverage, method, repeat in drawn:
        minute += ahead
        found += [Observation(minute + number, value, coverage, method) for number in range(repeat)]
        minute += repeat - 1
    return found


def columns_of(observations: Sequence[Observation]) -> Columns:
    return Columns(
        np.array([one.minute for one in observations], dtype=np.int64),
        np.array([np.nan if one.value is None else one.value for one in observations], dtype=np.float64),
        np.array([one.coverage for one in observations], dtype=np.float64),
        np.array([WORD in one.method for one in observations], dtype=np.bool_),
    )


def stepped(observations: Sequence[Observation], rule: ZoneRule, stops: Sequence[Stop]) -> list[Episode]:
    """The same by the engine, one minute after the other."""
    state, found = RuleState(), list[Episode]()
    by_row = {stop.row: stop for stop in stops}

    def close(minute: int, reason: str) -> None:
        found[-1] = found[-1]._replace(ended=minute, reason=reason)

    for row, observation in enumerate(observations):
        if row in by_row and state.phase is not Phase.QUIET:
            if state.phase is Phase.RAISED:
                close(by_row[row].minute, by_row[row].reason)
            state, _ = shift_over(state, by_row[row].minute)
        state, made = step(state, observation, rule, 60.0 * observation.minute)
        for one in made:
            if one.change is Change.RAISED:
                found.append(Episode(one.since, one.minute, NEVER, "", row))
            elif one.change is Change.CLEARED:
                close(one.minute, "")
    return found


@given(OBSERVATIONS, CONDITIONS)
def test_whole_columns_are_marked_as_single_minutes_are(
    drawn: list[tuple[int, float | None, float, str, int]], condition: Condition
) -> None:
    observations = observed(drawn)
    letters = "".join(chr(code) for code in marks(columns_of(observations), condition))
    assert letters == "".join(mark(one.value, one.coverage, one.method, condition) for one in observations)


@settings(max_examples=400)
@given(OBSERVATIONS, RULES, st.sets(st.integers(1, 400), max_size=5))
def test_a_rule_is_raised_and_cleared_as_the_engine_does_it(
    drawn: list[tuple[int, float | None, float, str, int]], rule: ZoneRule, cuts: set[int]
) -> None:
    observations = observed(drawn)
    columns = columns_of(observations)
    stops = [
        Stop(row, observations[row - 1].minute, "the shift is over")
        for row in sorted(cuts)
        if row < len(observations)
    ]
    found = episodes(columns.minute, marks(columns, rule.condition), stops, rule)
    assert found == stepped(observations, rule, stops)


def test_no_minutes_raise_nothing() -> None:
    rule = ZoneRule("rule", Condition(LIMIT, True, 27.5, 0.75), 1, 1)
    columns = columns_of([])
    assert episodes(columns.minute, marks(columns, rule.condition), [], rule) == []


def test_what_lasts_at_the_end_ends_with_what_comes_after_the_last_minute() -> None:
    rule = ZoneRule("rule", Condition(LIMIT, True, 27.5, 0.75), 2, 3)
    columns = columns_of([Observation(minute, 29.0, 1.0) for minute in range(1, 5)])
    found = marks(columns, rule.condition)
    assert episodes(columns.minute, found, [], rule) == [Episode(1, 2, NEVER, "", 1)]
    ends = Stop(NEVER, 9, "the shift is over")
    assert episodes(columns.minute, found, [], rule, ends)[0].ended == 9


def test_a_column_gives_the_rows_between_two_minutes() -> None:
    columns = columns_of([Observation(minute, 29.0, 1.0) for minute in (3, 5, 8)])
    assert columns.between(4, 8).minute.tolist() == [5, 8]
    assert len(columns.between(9, 20)) == 0


@pytest.fixture
def roster() -> Roster:
    """Two shifts with a pause of four minutes between them, one an hour later."""
    spans = [
        Span(11, 20, 600.0, 1200.0),
        Span(25, 30, 1440.0, 1800.0),
        Span(91, 100, 5400.0, 6000.0),
    ]
    return Roster(spans, always=False, grace_s=300.0)


def test_a_shift_that_follows_at_once_goes_on_and_one_that_does_not_is_over(roster: Roster) -> None:
    minute = np.array([12, 20, 25, 30, 91, 92], dtype=np.int64)
    assert roster.stops(minute, "over") == [Stop(4, 30, "over")]
    assert roster.at_work(np.array([10, 11, 20, 21, 25, 101])).tolist() == [
        False,
        True,
        True,
        False,
        True,
        False,
    ]
    assert roster.minutes(1, 200) == 26
    assert roster.minutes(15, 26) == 8


def test_a_shift_is_over_some_minutes_after_its_end(roster: Roster) -> None:
    assert roster.over_by(95, 6200.0, "over") is None
    assert roster.over_by(95, 6300.0, "over") == Stop(NEVER, 100, "over")
    assert roster.over_by(15, 1500.0, "over") is None
    assert roster.over_by(15, 5600.0, "over") == Stop(NEVER, 20, "over")


def test_without_a_calendar_people_are_always_at_work() -> None:
    always = Roster([], always=True, grace_s=300.0)
    assert always.at_work(np.array([1, 2])).tolist() == [True, True]
    assert always.minutes(1, 10) == 10
    assert always.stops(np.array([1, 900]), "over") == []
    assert always.over_by(1, 1e9, "over") is None
    never = Roster([], always=False, grace_s=300.0)
    assert never.at_work(np.array([1, 2])).tolist() == [False, False]
    assert never.minutes(1, 10) == 0


def test_the_limit_of_a_rule_may_be_a_lower_one() -> None:
    rule = ZoneRule("rule", replace(Condition(18.0, False, 18.5, 0.75), below=True), 2, 2)
    columns = columns_of(
        [Observation(minute, value, 1.0) for minute, value in enumerate([19, 18, 17, 18.2, 18.6, 18.7], 1)]
    )
    found = episodes(columns.minute, marks(columns, rule.condition), [], rule)
    assert found == [Episode(2, 3, 6, "", 2)]
