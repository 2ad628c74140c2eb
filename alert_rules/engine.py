"""The state machine of one rule in one zone: quiet, pending, raised. Pure: time and state are arguments.

A rule is raised when every minute of the hold was above the limit, and cleared only when every minute of a
longer hold was below a lower line. A gap and a minute that cannot tell both interrupt a hold; neither raises
nor clears. Observations older than the live age never change the state, so late data never raises a live
alarm; `holds` judges whole stretches for findings made afterwards.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from alert_rules.conditions import ABOVE, CLEAR, Condition, Observation, beyond, judge, mark

NEVER: Final = -1


class Phase(StrEnum):
    """Where a rule stands in a zone."""

    QUIET = "quiet"
    PENDING = "pending"
    RAISED = "raised"


class Change(StrEnum):
    """What a step changed. `AGAIN`: raised all along, but above for a whole hold anew after it was not; it
    matters where people closed the case in between."""

    PENDING = "pending"
    DROPPED = "dropped"
    RAISED = "raised"
    AGAIN = "again"
    CLEARED = "cleared"


TOLD: Final = frozenset({Change.RAISED, Change.CLEARED})


class RuleState(NamedTuple):
    """All that the next step needs. Minutes are `NEVER` where nothing holds.

    `minute`: last minute judged. `above_since`: first minute of the unbroken run above the limit.
    `clear_since`: first minute of the unbroken run below the clearing line.
    """

    phase: Phase = Phase.QUIET
    minute: int = NEVER
    above_since: int = NEVER
    clear_since: int = NEVER


@dataclass(frozen=True, slots=True)
class ZoneRule:
    """A rule as it stands for one zone. Holds in minutes of event time, `live_age_s` in seconds.

    `gap`: steps between two observations of up to this many minutes do not interrupt a hold.
    """

    id: str
    condition: Condition
    raise_after: int
    clear_after: int
    gap: int = 2
    live_age_s: float = 900.0


@dataclass(frozen=True, slots=True)
class Transition:
    """A change and its reason. `since` is the first minute of the hold that led to it."""

    change: Change
    minute: int
    since: int
    reason: str


class Hold(NamedTuple):
    """A stretch above the limit: its first minute, the one in which the rule's hold was met, and its last."""

    since: int
    met: int
    last: int


def is_late(minute: int, now: float, live_age_s: float) -> bool:
    """Whether a minute ended too long ago to be told as live."""
    return now - 60.0 * minute > live_age_s


def step(
    state: RuleState, observation: Observation, rule: ZoneRule, now: float
) -> tuple[RuleState, tuple[Transition, ...]]:
    """Take one live observation, in ascending minutes; late and repeated ones change nothing."""
    if observation.minute <= state.minute or is_late(observation.minute, now, rule.live_age_s):
        return state, ()
    condition = rule.condition
    letter = mark(observation.value, observation.coverage, observation.method, condition)
    after = advance(state, observation.minute, letter, rule)
    return after, changes(state, after, observation, rule)


def shift_over(state: RuleState, minute: int) -> tuple[RuleState, tuple[Transition, ...]]:
    """End what holds: nobody is exposed any more. Said as what it is, not as a measurement."""
    return stop(state, minute, "the shift is over")


def stop(state: RuleState, minute: int, reason: str) -> tuple[RuleState, tuple[Transition, ...]]:
    """End what holds for a reason that is no measurement."""
    quiet = RuleState(minute=max(state.minute, minute))
    if state.phase is Phase.RAISED:
        return quiet, (Transition(Change.CLEARED, minute, minute, reason),)
    if state.phase is Phase.PENDING:
        return quiet, (Transition(Change.DROPPED, minute, state.above_since, reason),)
    return state, ()


def holds(marks: Iterable[tuple[int, str]], rule: ZoneRule) -> list[Hold]:
    """Every stretch of (minute, mark), ascending, that was above for as long as the rule asks."""
    found: list[Hold] = []
    since = last = met = NEVER
    for minute, letter in marks:
        if since != NEVER and (letter != ABOVE or minute - last > rule.gap):
            if met != NEVER:
                found.append(Hold(since, met, last))
            since = met = NEVER
        if letter == ABOVE:
            since, last = (minute if since == NEVER else since), minute
            if met == NEVER and _held(since, minute) >= rule.raise_after:
                met = minute
    if met != NEVER:
        found.append(Hold(since, met, last))
    return found


def advance(state: RuleState, minute: int, letter: str, rule: ZoneRule) -> RuleState:
    """The state after one more minute; its changes show in the phases before and after."""
    phase, before, above_since, clear_since = state
    broken = before == NEVER or minute - before > rule.gap
    if letter == ABOVE:
        above_since = minute if broken or above_since == NEVER else above_since
        clear_since = NEVER
        if phase is not Phase.RAISED:
            held = minute - above_since + 1 >= rule.raise_after
            phase = Phase.RAISED if held else Phase.PENDING
        return RuleState(phase, minute, above_since, NEVER)
    if letter != CLEAR:
        return RuleState(phase if phase is Phase.RAISED else Phase.QUIET, minute, NEVER, NEVER)
    clear_since = minute if broken or clear_since == NEVER else clear_since
    if phase is not Phase.RAISED or minute - clear_since + 1 >= rule.clear_after:
        phase = Phase.QUIET
    return RuleState(phase, minute, NEVER, clear_since)


def _held(since: int, minute: int) -> int:
    """Minutes of a run that includes both its first and its last minute."""
    return minute - since + 1


def changes(
    before: RuleState, after: RuleState, observation: Observation | None, rule: ZoneRule
) -> tuple[Transition, ...]:
    """What one step from `before` to `after` changed, in words."""
    minute = after.minute
    if before.phase is Phase.RAISED and after.phase is Phase.RAISED:
        if not _held_anew(before, after, rule):
            return ()
        reason = f"{_seen(observation, rule, within=False)} for {_held(after.above_since, minute)} min again"
        return (Transition(Change.AGAIN, minute, after.above_since, reason),)
    if before.phase is after.phase and before.above_since == after.above_since:
        return ()
    if before.phase is Phase.RAISED:
        reason = f"{_seen(observation, rule, within=True)}; {_cleared(after, rule)}"
        return (Transition(Change.CLEARED, minute, after.clear_since, reason),)
    if after.phase is Phase.RAISED:
        span = f"for {_held(after.above_since, minute)} min"
        reason = f"{_seen(observation, rule, within=False)} {span}"
        return (Transition(Change.RAISED, minute, after.above_since, reason),)
    return tuple(_pending(before, after, observation, rule))


def _held_anew(before: RuleState, after: RuleState, rule: ZoneRule) -> bool:
    """Whether a run that began after the rule was raised reached the hold with this minute."""
    if after.above_since == NEVER or _held(after.above_since, after.minute) < rule.raise_after:
        return False
    return (
        before.above_since != after.above_since or _held(before.above_since, before.minute) < rule.raise_after
    )


def _pending(
    before: RuleState, after: RuleState, observation: Observation | None, rule: ZoneRule
) -> Iterable[Transition]:
    if before.phase is Phase.PENDING and after.above_since != before.above_since:
        quiet = after.phase is Phase.QUIET
        reason = _seen(observation, rule, within=True) if quiet else "a gap interrupted the hold"
        yield Transition(Change.DROPPED, after.minute, before.above_since, reason)
    if after.phase is Phase.PENDING and after.above_since == after.minute:
        yield Transition(Change.PENDING, after.minute, after.minute, _seen(observation, rule, within=False))


def _cleared(state: RuleState, rule: ZoneRule) -> str:
    condition = rule.condition
    side = "above" if condition.below else "below"
    minutes = _held(state.clear_since, state.minute)
    return f"{side} {condition.clear_below:.6g} {condition.unit} for {minutes} min"


def _seen(observation: Observation | None, rule: ZoneRule, *, within: bool) -> str:
    """The numbers of a step; without them (they are not remembered) what they were compared with."""
    if observation is not None:
        return judge(observation, rule.condition).reason
    word = "within" if within else beyond(rule.condition)
    return f"{word} {rule.condition.limit:.6g} {rule.condition.unit}"
