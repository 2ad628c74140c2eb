"""Says in which respects a rule is looser than the one whose place it takes: a layer may only be stricter.

Limits are compared in every class of work and both states of acclimatisation: a table that is stricter for
light work and looser for heavy work is looser.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

from alert_rules.pack_limits import limit_value
from alert_rules.pack_model import SEVERITIES, Escalation, ExposureRule, Rule, Silence, SilenceRule, WatchRule

_CLASSES: Final = range(5)
_LAST_BIT: Final = 1e-9
_STATES: Final = ((True, "acclimatised"), (False, "not acclimatised"))


def comparable(rule: Rule, other: Rule) -> str:
    """Why one rule can never take the place of another; an empty text where it can."""
    if type(rule) is not type(other):
        return "it judges another kind of thing"
    if isinstance(rule, ExposureRule) and isinstance(other, ExposureRule):
        if rule.exposure != other.exposure:
            return f"it judges {rule.exposure}, the other {other.exposure}: different quantities"
        if rule.upward != other.upward:
            return "one is an upper limit, the other a lower one"
    if isinstance(rule, SilenceRule) and isinstance(other, SilenceRule):
        return "" if rule.silence.cause == other.silence.cause else "it watches another cause"
    if isinstance(rule, WatchRule) and isinstance(other, WatchRule):
        return "" if rule.watch.what == other.watch.what else "it watches another thing"
    return ""


def looser(rule: Rule, other: Rule) -> list[str]:
    """In which respects `rule` asks for less than `other`; empty where it is as strict or stricter."""
    found = [*_telling(rule, other)]
    if isinstance(rule, ExposureRule) and isinstance(other, ExposureRule):
        found += [*_limits(rule, other), *_judging(rule, other), *_clearing(rule, other)]
    elif isinstance(rule, SilenceRule) and isinstance(other, SilenceRule):
        found += _silence(rule.silence, other.silence)
    elif isinstance(rule, WatchRule) and isinstance(other, WatchRule):
        found += [*_later(rule.watch.after, other.watch.after), *_sooner(rule.watch.back, other.watch.back)]
        if (rule.watch.over or 0.0) > (other.watch.over or 0.0):
            found.append(f"it is too much from {rule.watch.over:g} on instead of {other.watch.over or 0:g}")
    return found


def _later(after: float, before: float) -> list[str]:
    return [f"it waits {after / 60:g} min instead of {before / 60:g} min"] if after > before else []


def _sooner(after: float, before: float) -> list[str]:
    return [f"it is over after {after / 60:g} min instead of {before / 60:g} min"] if after < before else []


def _silence(rule: Silence, other: Silence) -> Iterator[str]:
    yield from _later(rule.after, other.after)
    if rule.periods > other.periods:
        yield f"it waits {rule.periods:g} periods instead of {other.periods:g}"
    if rule.together > other.together:
        yield f"it waits {rule.together / 60:g} min instead of {other.together / 60:g} min for one cause"
    if rule.grace > other.grace:
        yield f"it says nothing for {rule.grace / 60:g} min after a start instead of {other.grace / 60:g} min"
    yield from _sooner(rule.back, other.back)


def _telling(rule: Rule, other: Rule) -> Iterator[str]:
    if SEVERITIES.index(rule.severity) < SEVERITIES.index(other.severity):
        yield f"it is a {rule.severity} instead of a {other.severity}"
    missing = [one for one in other.tell if one not in rule.tell]
    if missing:
        yield f"it does not tell {', '.join(missing)}"
    if other.advice and not rule.advice:
        yield "it says nothing of what to do"
    for step in other.escalate:
        if not any(_reaches_as_soon(one, step) for one in rule.escalate):
            told = f"{', '.join(step.to)} after {step.after / 3600:g} h"
            yield f"it does not escalate to {told} unless {step.unless.replace('_', ' ')}"


def _reaches_as_soon(step: Escalation, other: Escalation) -> bool:
    return step.unless == other.unless and step.after <= other.after and not set(other.to).difference(step.to)


def _limits(rule: ExposureRule, other: ExposureRule) -> Iterator[str]:
    """Where the limit itself is looser, one example for each state."""
    for acclimatised, state in _STATES:
        if other.applies.acclimatised not in {None, acclimatised}:
            continue
        if rule.applies.acclimatised not in {None, acclimatised}:
            yield f"it is not for people who are {state}"
            continue
        worst = [
            text for number in _CLASSES if (text := _limit(rule, other, number, acclimatised=acclimatised))
        ]
        if worst:
            yield f"{worst[0]}, {state}"


def _limit(rule: ExposureRule, other: ExposureRule, number: int, *, acclimatised: bool) -> str:
    there = limit_value(other.limit, number, acclimatised=acclimatised)
    if there is None:
        return ""
    here = limit_value(rule.limit, number, acclimatised=acclimatised)
    if here is None:
        return f"it has no number for class of work {number}"
    gap = here.value - there.value if rule.upward else there.value - here.value
    if gap > 0 or (gap == 0 and rule.strict and not other.strict):
        words = f"{rule.compare} {here.value:g} instead of {other.compare} {there.value:g}"
        return f"{words.replace('_', ' ')} in class of work {number}"
    return ""


def _judging(rule: ExposureRule, other: ExposureRule) -> Iterator[str]:
    if rule.judge == "shift" and other.judge == "always":
        yield "it judges in shifts only"
    if rule.raise_.after > other.raise_.after:
        yield f"it waits {rule.raise_.after} min instead of {other.raise_.after} min"
    if rule.coverage > other.coverage:
        yield f"it needs {rule.coverage:.0%} of the data instead of {other.coverage:.0%}"
    doubt, before = rule.estimate, other.estimate
    if before is not None and (
        doubt is None or doubt.margin < before.margin or doubt.method != before.method
    ):
        yield "it doubts estimates less"


def _clearing(rule: ExposureRule, other: ExposureRule) -> Iterator[str]:
    """What ends sooner is looser; a gap is bridged when a rule is raised and when it clears."""
    if rule.clear.for_ < other.clear.for_:
        yield f"it clears after {rule.clear.for_} min instead of {other.clear.for_} min"
    if rule.raise_.gap != other.raise_.gap:
        yield f"it bridges gaps of {rule.raise_.gap} min instead of {other.raise_.gap} min"
    for acclimatised, number in product((True, False), _CLASSES):
        here = limit_value(rule.limit, number, acclimatised=acclimatised)
        there = limit_value(other.limit, number, acclimatised=acclimatised)
        if here is None or there is None:
            continue
        sign = -1 if rule.upward else 1
        line, before = (
            here.value + sign * rule.clear.offset.value,
            there.value + sign * other.clear.offset.value,
        )
        if sign * (line - before) < -_LAST_BIT:
            words = "below" if rule.upward else "above"
            yield f"it clears {words} {line:g} instead of {before:g} in class of work {number}"
            return
