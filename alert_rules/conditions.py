"""Compares one exposure with one limit: within, above, or cannot tell. Nothing is rounded here.

A few limits are lower ones (so little moving air, so cold): there "above" means that the limit is not kept,
and a raised rule clears on the other side of its line.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

Mark = Literal["a", "w", "c", "?"]
"""One minute in one letter: above; within; within and far enough from the limit to clear; cannot tell."""

ABOVE: Final = "a"
WITHIN: Final = "w"
CLEAR: Final = "c"
UNKNOWN: Final = "?"


class Verdict(StrEnum):
    """What one minute's exposure says about a limit. Missing data is never `within` and never `above`.

    `above` means that the limit is not kept; of a lower limit, that the value is below it.
    """

    WITHIN = "within"
    ABOVE = "above"
    CANNOT_TELL = "cannot_tell"


VERDICTS: Final[dict[str, Verdict]] = {
    ABOVE: Verdict.ABOVE,
    WITHIN: Verdict.WITHIN,
    CLEAR: Verdict.WITHIN,
    UNKNOWN: Verdict.CANNOT_TELL,
}


@dataclass(frozen=True, slots=True)
class Observation:
    """One exposure of one minute. `minute` is the end of the minute / 60; `coverage` is a share 0-1.

    `value` None means that the data-capture rule of the exposure was not met.
    """

    minute: int
    value: float | None
    coverage: float
    method: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """A rule's comparison for one zone, all in the exposure's unit.

    `strict`: exceeded only beyond the limit (else at the limit already). `below`: a lower limit, exceeded by
    values under it. `clear_below`: a raised rule clears when the value is on the safe side of this line,
    below it, or above it for a lower limit. `coverage`: least share of data. `estimate`: where the exposure's
    method contains this word, values within `margin` on the safe side of the limit are uncertain (possibly
    exceeded), and beside a known radiant source (`radiant`) nothing below an upper limit is certain.
    """

    limit: float
    strict: bool
    clear_below: float
    coverage: float
    unit: str = ""
    estimate: str = ""
    margin: float = 0.0
    radiant: bool = False
    below: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, whether the value is far enough from the limit to clear a raised rule, and why."""

    verdict: Verdict
    clears: bool
    reason: str


def mark(value: float | None, coverage: float, method: str, condition: Condition) -> Mark:
    """Compare an exposure with a limit, without words: `judge` gives the same with its reason."""
    # A coverage that is not a number is not enough either, so it is not asked the other way round.
    if value is None or not coverage >= condition.coverage or not math.isfinite(value):
        return UNKNOWN
    limit, clear = condition.limit, condition.clear_below
    if condition.below:
        if value < limit if condition.strict else value <= limit:
            return ABOVE
        clears = value > clear
    else:
        if value > limit if condition.strict else value >= limit:
            return ABOVE
        clears = value < clear
    if condition.estimate and condition.estimate in method and _doubtful(value, condition):
        return UNKNOWN
    return CLEAR if clears else WITHIN


def judge(observation: Observation, condition: Condition) -> Judgement:
    """Compare an exposure with a limit; the reason carries the numbers."""
    letter = mark(observation.value, observation.coverage, observation.method, condition)
    return Judgement(VERDICTS[letter], letter == CLEAR, _reason(letter, observation, condition))


def beyond(condition: Condition) -> str:
    """What it means that the limit is not kept, in words: `above`, `at or above`, `below`, `at or below`."""
    side = "below" if condition.below else "above"
    return side if condition.strict else f"at or {side}"


def _reason(letter: Mark, observation: Observation, condition: Condition) -> str:
    value, unit, limit = observation.value, condition.unit, condition.limit
    if letter != UNKNOWN and value is not None:
        word = beyond(condition) if letter == ABOVE else "within"
        return f"{value:.6g} {unit} is {word} {limit:.6g} {unit}"
    if not observation.coverage >= condition.coverage:
        return f"coverage {observation.coverage:.0%} is below {condition.coverage:.0%}"
    if value is None:
        return "too little was measured for a value"
    if not math.isfinite(value):
        return "the value is not a number"
    if condition.radiant and not condition.below:
        return "an estimate without a globe says nothing beside a source of radiant heat"
    return f"{value:.6g} {unit} estimated without a globe: {limit:.6g} {unit} is possibly exceeded"


def _doubtful(value: float, condition: Condition) -> bool:
    """Whether an estimate on the safe side of the limit says nothing."""
    if condition.below:
        return value <= condition.limit + condition.margin
    return condition.radiant or value >= condition.limit - condition.margin
