"""Tracks: minutes that come late, twice, in any order and across restarts lead to what is known, once."""

import json
import math
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alert_rules.conditions import ABOVE, CLEAR, Condition, Observation, mark
from alert_rules.engine import TOLD, Change, Phase, RuleState, Transition, ZoneRule, advance
from alert_rules.track import Track, can_revise, end, pack, take, unpack

CONDITION = Condition(limit=30.0, strict=True, clear_below=29.5, coverage=0.75, unit="Cel")
VALUES = st.sampled_from([31.0, 31.0, 31.0, 30.0, 29.4, 29.4, 29.4, None, math.nan])
LIVE_S = 900.0


def observed(minute: int, value: float | None) -> Observation:
    return Observation(minute, value, 1.0)


def letter(observation: Observation) -> str:
    return mark(observation.value, observation.coverage, observation.method, CONDITION)


class Course(RuleBasedStateMachine):
    """A track beside the plainest model: everything known since people were last told, played from there."""

    hot: ZoneRule

    @initialize(raise_after=st.integers(1, 6), clear_after=st.integers(1, 8), gap=st.integers(1, 3))
    def start(self, raise_after: int, clear_after: int, gap: int) -> None:
        self.hot = ZoneRule("hot", CONDITION, raise_after, clear_after, gap=gap, live_age_s=LIVE_S)
        self.track, self.now_minute = Track(), 1000
        self.known: dict[int, str] = {}
        self.floor = 1000
        self.base = RuleState()
        self.told: list[Transition] = []

    def _take(self, minute: int, value: float | None, late_by_s: float = 0.0) -> None:
        one = observed(minute, value)
        now = 60.0 * self.now_minute + late_by_s
        live = now - 60.0 * minute <= LIVE_S
        before = self.track
        self.track, made = take(self.track, one, self.hot, now)
        told = [change for change in made if change.change in TOLD]
        if not live:
            assert (self.track, made) == (before, ())
            return
        if minute <= self.floor or (minute <= before.state.minute and not can_revise(before, minute)):
            assert not told
            return
        self.known[minute] = letter(one)
        expected = list(self._model())
        assert [(one.change, one.minute, one.since) for one in told] == expected
        self.told += told

    def _model(self) -> Iterator[tuple[Change, int, int]]:
        """What has to be told now; moves the base past it, for what was told is not taken back."""
        state = self.base
        for minute in sorted(self.known):
            if minute <= self.floor:
                continue
            before, state = state, advance(state, minute, self.known[minute], self.hot)
            if before.phase is not Phase.RAISED and state.phase is Phase.RAISED:
                self.base, self.floor = state, minute
                yield Change.RAISED, minute, state.above_since
            elif before.phase is Phase.RAISED and state.phase is not Phase.RAISED:
                self.base, self.floor = state, minute
                yield Change.CLEARED, minute, state.clear_since
        self.state = state

    @rule(ahead=st.integers(1, 4), value=VALUES)
    def the_next_minute_comes(self, ahead: int, value: float | None) -> None:
        self.now_minute += ahead
        self._take(self.now_minute, value)

    @rule(values=st.lists(st.sampled_from([31.0, 29.4]), min_size=3, max_size=12))
    def a_stretch_comes(self, values: list[float]) -> None:
        for value in values:
            self.the_next_minute_comes(1, value)

    @precondition(lambda self: bool(self.known))
    @rule(back=st.integers(0, 12), value=VALUES)
    def a_minute_is_revised_or_filled_in(self, back: int, value: float | None) -> None:
        if can_revise(self.track, self.now_minute - back):
            self._take(self.now_minute - back, value)

    @rule(back=st.integers(16, 60), value=VALUES)
    def a_late_minute_changes_nothing(self, back: int, value: float | None) -> None:
        self._take(self.now_minute - back, value)

    @rule(value=VALUES)
    def the_newest_minute_comes_too_late(self, value: float | None) -> None:
        self._take(self.now_minute + 1, value, late_by_s=LIVE_S + 61.0)

    @rule()
    def the_service_starts_again(self) -> None:
        again = unpack(json.loads(json.dumps(pack(self.track))))
        assert again == self.track
        self.track = again

    @precondition(lambda self: self.track.state.minute > 0)
    @rule()
    def the_shift_ends(self) -> None:
        raised = self.track.state.phase is Phase.RAISED
        self.track, made = end(self.track, self.now_minute, "the shift is over")
        assert [one.change for one in made if one.change in TOLD] == ([Change.CLEARED] if raised else [])
        assert self.track.state.phase is Phase.QUIET
        if made:
            self.base, self.floor = self.track.state, self.now_minute
            self.state = self.base

    @invariant()
    def it_stands_where_everything_that_is_known_says(self) -> None:
        if hasattr(self, "state"):
            assert self.track.state == self.state


TestCourse = Course.TestCase
TestCourse.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@given(st.data(), st.integers(1, 12))
def test_the_order_in_which_minutes_come_makes_no_difference(data: st.DataObject, raise_after: int) -> None:
    """Where every minute counts (a gap of 1), the same minutes raise or do not, whichever comes when."""
    hot = ZoneRule("hot", CONDITION, raise_after=raise_after, clear_after=30, gap=1, live_age_s=LIVE_S)
    values = data.draw(st.lists(st.sampled_from([31.0, 31.0, 30.0, 29.4, None]), min_size=2, max_size=14))
    known = dict(enumerate(values, 100))
    first, *between, last = known
    now = 60.0 * last
    in_order, told = _played(dict(known), hot, now)
    # The first minute and the last come first; the others fill in.
    order = [first, last, *data.draw(st.permutations(between))] if between else [first, last]
    shuffled, also = _played({minute: known[minute] for minute in order}, hot, now)
    assert bool(told) == bool(also)
    if not told:
        assert shuffled.state == in_order.state


def _played(values: dict[int, float | None], hot: ZoneRule, now: float) -> tuple[Track, list[Transition]]:
    track, told = Track(), []
    for minute, value in values.items():
        track, made = take(track, observed(minute, value), hot, now)
        told += [one for one in made if one.change in TOLD]
    return track, told


@given(st.lists(st.sampled_from([31.0, 29.4, 30.0, None]), max_size=80), st.integers(0, 80))
def test_a_restart_after_any_minute_leads_to_the_same(values: list[float | None], cut: int) -> None:
    hot = ZoneRule("hot", CONDITION, raise_after=5, clear_after=8)
    whole, broken = Track(), Track()
    for n, value in enumerate(values):
        minute = 100 + n
        if n == cut:
            broken = unpack(json.loads(json.dumps(pack(broken))))
        whole, made = take(whole, observed(minute, value), hot, 60.0 * minute)
        broken, also = take(broken, observed(minute, value), hot, 60.0 * minute)
        assert (whole, made) == (broken, also)


def test_a_minute_that_was_missing_completes_the_hold_and_its_reason_has_the_numbers() -> None:
    hot = ZoneRule("hot", CONDITION, raise_after=10, clear_after=30)
    track, seen = Track(), {}
    for minute in range(1, 13):
        seen[minute] = observed(minute, None if minute == 3 else 31.0)
        track, made = take(track, seen[minute], hot, 60.0 * minute)
        if minute == 11:
            assert made == ()
    assert track.state.above_since == 4
    track, (raised,) = take(track, observed(3, 32.0), hot, 720.0, seen.get)
    assert (raised.change, raised.since, raised.minute) == (Change.RAISED, 1, 10)
    assert raised.reason == "31 Cel is above 30 Cel for 10 min"


def test_what_people_were_told_is_not_taken_back_by_a_revision() -> None:
    hot = ZoneRule("hot", CONDITION, raise_after=10, clear_after=30)
    track = Track()
    for minute in range(1, 12):
        track, _ = take(track, observed(minute, 31.0), hot, 60.0 * minute)
    after, made = take(track, observed(5, 20.0), hot, 660.0)
    assert (after, made) == (track, ())
    assert not can_revise(track, 10)
    assert can_revise(track, 11)


def test_a_rule_that_now_raises_sooner_still_tells_when_it_is_raised() -> None:
    slow = ZoneRule("hot", CONDITION, raise_after=10, clear_after=30)
    quick = ZoneRule("hot", CONDITION, raise_after=5, clear_after=30)
    track = Track()
    for minute in range(1, 9):
        track, _ = take(track, observed(minute, 31.0), slow, 60.0 * minute)
    track = unpack(json.loads(json.dumps(pack(track))))
    track, made = take(track, observed(9, 31.0), quick, 540.0)
    assert [one.change for one in made] == [Change.RAISED]


def test_the_stored_minutes_do_not_grow() -> None:
    track, rule_ = Track(), ZoneRule("hot", CONDITION, raise_after=500, clear_after=30)
    for minute in range(1, 400):
        track, _ = take(track, observed(minute, 31.0 if minute % 2 else 29.4), rule_, 60.0 * minute)
        assert len(track.marks) <= 3 * 16
    assert track.marks[-2:] == CLEAR + ABOVE
