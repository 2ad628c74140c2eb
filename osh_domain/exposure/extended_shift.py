"""Limits for shifts longer than eight hours: Brief & Scala (1975), AIHAJ 36:467."""

from __future__ import annotations

from .validity import within


def daily_reduction(hours_a_day: float) -> float:
    """Return the factor (8/h)(24-h)/16 on an 8-hour limit for a day of `hours_a_day`, at most 1.

    Use the smaller of this and `weekly_reduction`. Not for ceilings, short-term limits, noise or heat.
    Example: 12 h gives 0.5.
    """
    h = within("hours a day", hours_a_day, 0.1, 24.0, "h")
    return min(1.0, 8.0 / h * (24.0 - h) / 16.0)


def weekly_reduction(hours_a_week: float) -> float:
    """Return the factor (40/h)(168-h)/128 on an 8-hour limit for a week of `hours_a_week`, at most 1.

    Example: 60 h gives 0.5625.
    """
    h = within("hours a week", hours_a_week, 0.1, 168.0, "h")
    return min(1.0, 40.0 / h * (168.0 - h) / 128.0)
