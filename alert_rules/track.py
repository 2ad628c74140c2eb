"""A rule's live course in one zone whose newest minutes are revised while readings come in, in any order.

A track keeps the marks of the last minutes and the state before them, and a revision plays them again: what
comes out depends on what is known now, not on the order in which it came. What people were told is not taken
back: a raise or a clear ends the stretch that can be revised.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from alert_rules.conditions import Observation, mark
from alert_rules.engine import (
    NEVER,
    TOLD,
    Phase,
    RuleState,
    Transition,
    ZoneRule,
    advance,
    changes,
    is_late,
    stop,
)

NOTHING: Final = "."
"""In marks: a minute of which nothing came."""

Recall = Callable[[int], Observation | None]
"""Gives what was observed in a minute, where that is still known."""


class Track(NamedTuple):
    """A rule's live course in a zone: `before` the minutes that can still be revised, the marks of those
    (one letter a minute from `first` on), and where the rule stands after them."""

    before: RuleState = RuleState()
    first: int = NEVER
    marks: str = ""
    state: RuleState = RuleState()


def take(
    track: Track, observation: Observation, rule: ZoneRule, now: float, recall: Recall | None = None
) -> tuple[Track, tuple[Transition, ...]]:
    """Take a new or revised live observation, in any order; a late one changes nothing.

    `recall` gives the numbers of other minutes, for the reason of a hold that a revision completes.
    """
    minute = observation.minute
    if is_late(minute, now, rule.live_age_s):
        return track, ()
    letter = mark(observation.value, observation.coverage, observation.method, rule.condition)
    state = track.state
    if minute > state.minute:
        after = advance(state, minute, letter, rule)
        made = changes(state, after, observation, rule)
        if made and made[0].change in TOLD:
            return Track(after, minute + 1, "", after), made
        return _extended(track, minute, letter, after, rule), made
    place = minute - track.first
    if not can_revise(track, minute) or track.marks[place] == letter:
        return track, ()
    marks = f"{track.marks[:place]}{letter}{track.marks[place + 1 :]}"
    known = {minute: observation}

    def seen(asked: int) -> Observation | None:
        return known.get(asked) or (recall(asked) if recall else None)

    return _play(track.before, track.first, marks, rule, seen)


def can_revise(track: Track, minute: int) -> bool:
    """Whether a minute that was passed already can still change where the rule stands."""
    return bool(track.marks) and track.first <= minute <= track.state.minute


def end(track: Track, minute: int, reason: str) -> tuple[Track, tuple[Transition, ...]]:
    """End what holds for a reason that is no measurement; nothing before it is revised any more."""
    state, made = stop(track.state, minute, reason)
    return (Track(state, state.minute + 1, "", state), made) if made else (track, ())


def put_back(track: Track, minute: int) -> Track:
    """A track that a clock which ran ahead took beyond the present, after that clock was put back: what was
    raised stays raised, and whatever comes after `minute` is judged live again."""
    phase = track.state.phase if track.state.phase is Phase.RAISED else Phase.QUIET
    state = RuleState(phase, minute)
    return Track(state, minute + 1, "", state)


def pack(track: Track) -> list[Any]:
    """A track as plain JSON; `unpack` gives it back."""
    return [*track.before, track.first, track.marks, *track.state]


def unpack(raw: Sequence[Any]) -> Track:
    """A stored track. Where it stands is stored too: played again under a changed rule it might be raised
    without anybody being told."""
    before = RuleState(Phase(raw[0]), int(raw[1]), int(raw[2]), int(raw[3]))
    state = RuleState(Phase(raw[6]), int(raw[7]), int(raw[8]), int(raw[9]))
    return Track(before, int(raw[4]), str(raw[5]), state)


def _extended(track: Track, minute: int, letter: str, after: RuleState, rule: ZoneRule) -> Track:
    """The track with one more mark; the oldest marks go into `before` now and then."""
    before, first, marks, state = track
    window = int(rule.live_age_s // 60) + 1
    if not marks or minute - state.minute > window:
        return Track(state, minute, letter, after)
    marks += NOTHING * (minute - first - len(marks)) + letter
    if len(marks) > 3 * window:
        old = len(marks) - window
        before, first, marks = _walk(before, first, marks[:old], rule), first + old, marks[old:]
    return Track(before, first, marks, after)


def _walk(state: RuleState, first: int, marks: str, rule: ZoneRule) -> RuleState:
    for minute, letter in enumerate(marks, first):
        if letter != NOTHING:
            state = advance(state, minute, letter, rule)
    return state


def _play(
    before: RuleState, first: int, marks: str, rule: ZoneRule, seen: Recall
) -> tuple[Track, tuple[Transition, ...]]:
    """Play marks again; what has to be told ends the stretch that can be revised."""
    state, start = before, first
    told: list[Transition] = []
    for minute, letter in enumerate(marks, start):
        if letter == NOTHING:
            continue
        earlier, state = state, advance(state, minute, letter, rule)
        if (earlier.phase is Phase.RAISED) != (state.phase is Phase.RAISED):
            told += changes(earlier, state, seen(minute), rule)
            before, first = state, minute + 1
    return Track(before, first, marks[first - start :], state), tuple(told)
