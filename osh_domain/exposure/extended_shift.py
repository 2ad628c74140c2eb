"""Limits for shifts longer than eight hours: Brief & Scala (1975), AIHAJ 36:467."""

from __future__ import annotations

from typing import Final, Literal

from .validity import positive, within

LimitKind = Literal["twa", "stel", "ceiling", "noise", "heat"]
_KINDS: Final = ("twa", "stel", "ceiling", "noise", "heat")


def daily_reduction(hours_a_day: float) -> float:
    """Return the factor (8/h)(24-h)/16 on an 8-hour limit for a day of `hours_a_day`, at most 1.

    Use the smaller of this and `weekly_reduction`. Not for ceilings, short-term limits, noise or heat.

    >>> daily_reduction(12.0)
    0.5
    """
    h = within("hours a day", hours_a_day, 0.1, 24.0, "h")
    return min(1.0, 8.0 / h * (24.0 - h) / 16.0)


def weekly_reduction(hours_a_week: float) -> float:
    """Return the factor (40/h)(168-h)/128 on an 8-hour limit for a week of `hours_a_week`, at most 1.

    >>> weekly_reduction(60.0)
    0.5625
    """
    h = within("hours a week", hours_a_week, 0.1, 168.0, "h")
    return min(1.0, 40.0 / h * (168.0 - h) / 128.0)


def adjusted_limit(
    limit: float, hours_a_day: float, hours_a_week: float, *, kind: LimitKind = "twa", irritant: bool = False
) -> float:
    """Return an eight-hour limit lowered for a longer day or week: limit x the smaller factor, unit kept.

    Brief & Scala (1975), British Columbia OHS Regulation 5.50. OSHA itself adjusts only lead this way. The
    model is not for ceilings, short-term limits, irritants, noise or heat: ValueError for those, and for
    hours outside 0.1 to 24 a day or 168 a week.

    >>> adjusted_limit(50.0, hours_a_day=12.0, hours_a_week=60.0)
    25.0
    """
    if kind not in _KINDS:
        raise ValueError(f"limit of kind {kind!r} is unknown; known: {', '.join(_KINDS)}")
    if kind != "twa" or irritant:
        what = "an irritant" if kind == "twa" else f"a limit of kind {kind!r}"
        raise ValueError(f"the limit of {what} is not lowered for long shifts; compare with it as it stands")
    factor = min(daily_reduction(hours_a_day), weekly_reduction(hours_a_week))
    return positive("limit", limit, "") * factor
