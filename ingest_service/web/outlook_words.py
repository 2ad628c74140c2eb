"""What is ahead, in sentences: projections with their span, and work and rest. Never a number without it."""

from __future__ import annotations

import math
from typing import Final

from ingest_service.queries.outlook import Ahead, LimitAhead, WorkRestAdvice
from ingest_service.web.vocabulary import N_
from ingest_service.web.words import Words

_UNTOLD: Final = {
    "no_shift": N_("No shift is on, so nothing is projected."),
    "old": N_("The newest minute is too old to project from."),
    "too_little": N_("Too little was measured so far to project from."),
    "nearly_over": N_("The shift is nearly over: what was measured says it all."),
    "trend_uncertain": N_("The last hour was too restless for a trend."),
    "unknown_clothing": N_("Nobody has registered what people wear here, so nothing is projected."),
    "estimate_beside_radiant": N_(
        "Beside a source of radiant heat an estimate without a globe thermometer may be far too low, so "
        "nothing is projected."
    ),
}
_NO_ADVICE: Final = {
    "no_value": N_("Too little of the last hour was measured to advise on work and rest."),
    "old": N_("The newest value is too old to advise on work and rest."),
    "unknown_clothing": N_(
        "Nobody has registered what people wear here. Clothing can add up to 11 degrees, so nothing is "
        "advised."
    ),
    "unknown_class": N_("Nobody has registered how heavy the work is here, so nothing is advised."),
    "resting": N_("People rest here (class 0); the tables know no cycle of work and rest for them."),
    "estimate_beside_radiant": N_(
        "Beside a source of radiant heat an estimate without a globe thermometer may be far too low, so "
        "nothing is advised. Measure with a globe."
    ),
}
_IF: Final = {
    "heat": N_("If the trend of the last hour goes on, slowing down as usual, %(then)s."),
    "noise": N_("If it stays as loud as in the last hour, %(then)s."),
}
_RANK: Final = {"danger": 0, "warning": 1, "notice": 2}


def untold(words: Words, one: Ahead) -> str:
    """Why nothing is projected."""
    return words._(_UNTOLD.get(one.reason, one.reason))


def no_advice(words: Words, reason: str) -> str:
    """Why no work and rest is advised."""
    return words._(_NO_ADVICE.get(reason, reason))


def projection(words: Words, one: Ahead, timezone: str) -> str:
    """What comes first: the most severe limit that is reached, or where the shift ends."""
    _ = words._
    if one.reason:
        return untold(words, one)
    coming = [limit for limit in one.limits if limit.at is not None and not limit.already]
    if coming:
        severe = min(coming, key=lambda limit: (_RANK[limit.limit.severity], limit.limit.value))
        when = reached(words, severe, timezone)
        then = _("the limit of %(limit)s is reached at %(when)s", limit=_value(words, severe), when=when)
    else:
        end, value = words.clock(one.shift_end or 0.0, timezone), end_value(words, one)
        then = _("the shift ends at %(time)s with about %(value)s", time=end, value=value)
    return _(_IF[one.hazard], then=then)


def _value(words: Words, one: LimitAhead) -> str:
    return f"{words.number(one.limit.value, one.limit.decimals)} {words.unit(one.limit.unit)}"


def end_value(words: Words, one: Ahead) -> str:
    """The value at the end of the shift with its span: `28.9 °C (27.3 to 30.5)`."""
    _ = words._
    low, value, high = (words.number(v, one.decimals) for v in (one.end_low, one.end_value, one.end_high))
    unit = words.unit(one.unit)
    if low == value == high:
        return f"{value} {unit}"
    return _("%(value)s %(unit)s (%(low)s to %(high)s)", value=value, unit=unit, low=low, high=high)


def reached(words: Words, one: LimitAhead, timezone: str) -> str:
    """When a limit is reached: `about 14:20 (between 13:55 and 15:05)`."""
    _ = words._
    if one.already:
        return _("above already")
    if one.at is None:
        if one.earliest is None:
            return _("not in this shift")
        early = words.clock(one.earliest, timezone)
        return _("probably not in this shift, at %(time)s at the earliest", time=early)
    about = _("about %(time)s", time=words.clock(one.at, timezone))
    if one.earliest is None or one.earliest == one.at == one.latest:
        return about
    early = words.clock(one.earliest, timezone)
    if one.latest is None:
        return about + " " + _("(%(early)s at the earliest; perhaps not in this shift)", early=early)
    late = words.clock(one.latest, timezone)
    return about + " " + _("(between %(early)s and %(late)s)", early=early, late=late)


def shortly(words: Words, one: Ahead, timezone: str) -> str:
    """For a card: `Heat: limit of 30.0 °C at about 14:20`."""
    _ = words._
    coming = [limit for limit in one.limits if limit.at is not None and not limit.already]
    severe = min(coming, key=lambda limit: (_RANK[limit.limit.severity], limit.limit.value))
    return _(
        "%(hazard)s: limit of %(limit)s at %(when)s",
        hazard=words.hazard(one.hazard),
        limit=_value(words, severe),
        when=reached(words, severe, timezone),
    )


def cycle(words: Words, one: WorkRestAdvice) -> str:
    """Work and rest of an hour by the screening table."""
    _ = words._
    text = _cycle(words, one.work)
    if one.cautious < one.work:
        text += " " + _(
            "If the estimate is as low as it may be: %(cycle)s", cycle=_cycle(words, one.cautious)
        )
    return text


def _cycle(words: Words, work: float) -> str:
    _ = words._
    if work >= 60.0:
        return _("Work the whole hour, with the usual breaks.")
    if work <= 0.0:
        return _("Stop this work; only medical monitoring of each person could allow it.")
    return _(
        "At most %(work)s min of work, at least %(rest)s min of rest in each hour.",
        work=words.number(work),
        rest=words.number(60.0 - work),
    )


def niosh(words: Words, one: WorkRestAdvice) -> str:
    """The band of NIOSH: minutes are cut, never rounded up."""
    _ = words._
    least, most = math.floor(one.niosh_least), math.floor(one.niosh_most)
    low, high = (words.number(limit, 1) for limit in one.niosh_limit)
    if least >= 60:
        return _("the whole hour, however heavy within the class (limit %(low)s to %(high)s °C)",
                 low=low, high=high)  # fmt: skip
    if most <= 0:
        return _("no work, even rest here is too hot (limit %(low)s to %(high)s °C)", low=low, high=high)
    return _(
        "between %(least)s and %(most)s min of work in each hour, by how heavy it is within the class "
        "(limit %(low)s to %(high)s °C)",
        least=words.number(least),
        most=words.number(most),
        low=low,
        high=high,
    )
