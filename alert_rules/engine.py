"""The state machine of one rule in one zone: quiet, pending, raised. Pure: time and state are arguments.

A rule is raised when every minute of the hold was above the limit, and cleared only when every minute of a
longer hold was below a lower line. A gap and a minute that cannot tell both interrupt a hold; neither raises
nor clears. Observations older than the live age never change the state, so late data never raises a live
alarm; `retrospect` judges those for findings made afterwards.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from alert_rules.conditions import Condition, Judgement, Observation, Verdict, judge

NEVER = -1


class Phase(StrEnum):
    """Where a rule stands in a zone."""

    QUIET = "quiet"
    PENDING = "pending"
    RAISED = "raised"


class Change(StrEnum):
    """What a step changed."""

    PENDING = "pending"
    DROPPED = "dropped"
    RAISED = "raised"
    CLEARED = "cleared"


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


def is_late(minute: int, now: float, live_age_s: float) -> bool:
    """Whether a minute ended too long ago to be told as live."""
    return now - 60.0 * minute > live_age_s


def step(
    state: RuleState, observation: Observation, rule: ZoneRule, now: float
) -> tuple[RuleState, tuple[Transition, ...]]:
    """Take one live observation, in ascending minutes; late and repeated ones change nothing."""
    if observation.minute <= state.minute or is_late(observation.minute, now, rule.live_age_s):
        return state, ()
    return _advance(state, observation, judge(observation, rule.condition), rule)


def retrospect(
    state: RuleState, observation: Observation, rule: ZoneRule
) -> tuple[RuleState, tuple[Transition, ...]]:
    """The same for late observations: `raised` here means that the hold was met at that past time.

    An observation that goes back in time starts a new run.
    """
    if observation.minute <= state.minute:
        state = RuleState()
    return _advance(state, observation, judge(observation, rule.condition), rule)


def shift_over(state: RuleState, minute: int) -> tuple[RuleState, tuple[Transition, ...]]:
    """End what holds: nobody is exposed any more. Said as what it is, not as a measurement."""
    quiet = RuleState(minute=max(state.minute, minute))
    if state.phase is Phase.RAISED:
        return quiet, (Transition(Change.CLEARED, minute, minute, "the shift is over"),)
    if state.phase is Phase.PENDING:
        return quiet, (Transition(Change.DROPPED, minute, state.above_since, "the shift is over"),)
    return state, ()


def _advance(
    state: RuleState, observation: Observation, judgement: Judgement, rule: ZoneRule
) -> tuple[RuleState, tuple[Transition, ...]]:
    minute = observation.minute
    unbroken = state.minute != NEVER and minute - state.minute <= rule.gap
    above = judgement.verdict is Verdict.ABOVE
    above_since = _run(state.above_since, minute, unbroken=unbroken, holds=above)
    clear_since = _run(state.clear_since, minute, unbroken=unbroken, holds=judgement.clears)
    if state.phase is Phase.RAISED:
        return _from_raised(RuleState(Phase.RAISED, minute, above_since, clear_since), judgement, rule)
    following = RuleState(Phase.PENDING if above else Phase.QUIET, minute, above_since, clear_since)
    return _toward_raised(state, following, judgement, rule)


def _run(since: int, minute: int, *, unbroken: bool, holds: bool) -> int:
    if not holds:
        return NEVER
    return since if unbroken and since != NEVER else minute


def _held(since: int, minute: int) -> int:
    """Minutes of a run that includes both its first and its last minute."""
    return minute - since + 1


def _from_raised(
    state: RuleState, judgement: Judgement, rule: ZoneRule
) -> tuple[RuleState, tuple[Transition, ...]]:
    if state.clear_since == NEVER or _held(state.clear_since, state.minute) < rule.clear_after:
        return state, ()
    reason = (
        f"{judgement.reason}; below {rule.condition.clear_below:.6g} {rule.condition.unit} "
        f"for {_held(state.clear_since, state.minute)} min"
    )
    cleared = Transition(Change.CLEARED, state.minute, state.clear_since, reason)
    return state._replace(phase=Phase.QUIET), (cleared,)


def _toward_raised(
    before: RuleState, state: RuleState, judgement: Judgement, rule: ZoneRule
) -> tuple[RuleState, tuple[Transition, ...]]:
    minute = state.minute
    if state.above_since != NEVER and _held(state.above_since, minute) >= rule.raise_after:
        reason = f"{judgement.reason} for {_held(state.above_since, minute)} min"
        raised = Transition(Change.RAISED, minute, state.above_since, reason)
        return state._replace(phase=Phase.RAISED), (raised,)
    changes: list[Transition] = []
    if before.phase is Phase.PENDING and state.above_since != before.above_since:
        reason = judgement.reason if state.phase is Phase.QUIET else "a gap interrupted the hold"
        changes.append(Transition(Change.DROPPED, minute, before.above_since, reason))
    if state.phase is Phase.PENDING and state.above_since == minute:
        changes.append(Transition(Change.PENDING, minute, minute, judgement.reason))
    return state, tuple(changes)


class Recent:
    """The last live steps of one rule in one zone, so that a revised minute can be judged again.

    Exposures of the last minutes are revised while readings come in. A revision takes the state back to
    before its minute and steps forward over what was observed since, unless the rule was raised or cleared
    in between: what people were told is not taken back.
    """

    def __init__(self, steps: int = 16) -> None:
        self._steps: deque[tuple[RuleState, Observation, bool]] = deque(maxlen=steps)

    def take(
        self, state: RuleState, observation: Observation, rule: ZoneRule, now: float
    ) -> tuple[RuleState, tuple[Transition, ...]]:
        """Step with a new or a revised observation."""
        if observation.minute <= state.minute:
            return self._revise(state, observation, rule, now)
        return self._forward(state, (observation,), rule, now)

    def _forward(
        self, state: RuleState, observations: Iterable[Observation], rule: ZoneRule, now: float
    ) -> tuple[RuleState, tuple[Transition, ...]]:
        changes: list[Transition] = []
        for observation in observations:
            before = state
            state, made = step(before, observation, rule, now)
            if state is not before:
                told = any(one.change in (Change.RAISED, Change.CLEARED) for one in made)
                self._steps.append((before, observation, told))
            changes += made
        return state, tuple(changes)

    def _revise(
        self, state: RuleState, observation: Observation, rule: ZoneRule, now: float
    ) -> tuple[RuleState, tuple[Transition, ...]]:
        again = [one for one in self._steps if one[1].minute >= observation.minute]
        if not again or any(told for _, _, told in again):
            return state, ()
        if not is_late(observation.minute, now, rule.live_age_s):
            for _ in again:
                self._steps.pop()
            later = [seen for _, seen, _ in again if seen.minute > observation.minute]
            return self._forward(again[0][0], (observation, *later), rule, now)
        return state, ()
