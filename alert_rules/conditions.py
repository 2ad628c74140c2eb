"""Compares one exposure with one limit: within, above, or cannot tell. Nothing is rounded here."""

import math
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What one minute's exposure says about a limit. Missing data is never `within` and never `above`."""

    WITHIN = "within"
    ABOVE = "above"
    CANNOT_TELL = "cannot_tell"


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

    `strict`: exceeded only above the limit (else at the limit already). `clear_below`: a raised rule clears
    when the value is below this. `coverage`: least share of data. `estimate`: where the exposure's method
    contains this word, values within `margin` below the limit are uncertain (possibly exceeded), and beside
    a known radiant source (`radiant`) nothing below the limit is.
    """

    limit: float
    strict: bool
    clear_below: float
    coverage: float
    unit: str = ""
    estimate: str = ""
    margin: float = 0.0
    radiant: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, whether the value is low enough to clear a raised rule, and why."""

    verdict: Verdict
    clears: bool
    reason: str


def judge(observation: Observation, condition: Condition) -> Judgement:
    """Compare an exposure with a limit; the reason carries the numbers."""
    value, unit = observation.value, condition.unit
    if observation.coverage < condition.coverage:
        return _cannot_tell(f"coverage {observation.coverage:.0%} is below {condition.coverage:.0%}")
    if value is None:
        return _cannot_tell("too little was measured for a value")
    if not math.isfinite(value):
        return _cannot_tell("the value is not a number")
    if value > condition.limit if condition.strict else value >= condition.limit:
        word = "is above" if condition.strict else "is at or above"
        return Judgement(
            Verdict.ABOVE, clears=False, reason=f"{value:.6g} {unit} {word} {condition.limit:.6g} {unit}"
        )
    if condition.estimate and condition.estimate in observation.method:
        doubt = _doubt(value, condition)
        if doubt:
            return _cannot_tell(doubt)
    clears = value < condition.clear_below
    return Judgement(Verdict.WITHIN, clears, f"{value:.6g} {unit} is within {condition.limit:.6g} {unit}")


def _cannot_tell(reason: str) -> Judgement:
    return Judgement(Verdict.CANNOT_TELL, clears=False, reason=reason)


def _doubt(value: float, condition: Condition) -> str:
    """Why an estimate below the limit says nothing; an empty text where it does say something."""
    if condition.radiant:
        return "an estimate without a globe says nothing beside a source of radiant heat"
    if value >= condition.limit - condition.margin:
        return (
            f"{value:.6g} {condition.unit} estimated without a globe: {condition.limit:.6g} {condition.unit} "
            "is possibly exceeded"
        )
    return ""
