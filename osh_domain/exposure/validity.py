"""The range of validity of a method's arguments, checked in one way."""

from __future__ import annotations

import math


def within(name: str, value: float, low: float, high: float, unit: str) -> float:
    """Return `value` if it is finite and in [low, high]; else ValueError naming argument, range and unit.

    >>> within("humidity", 60.0, 0.0, 100.0, "%")
    60.0
    """
    if not low <= value <= high:  # NaN compares false and is refused here as well
        raise ValueError(f"{name} must be {low:g} to {high:g} {unit}, not {value!r}")
    return value


def finite(name: str, value: float, unit: str) -> float:
    """Return `value` if it is a finite number; else ValueError naming the argument.

    >>> finite("globe temperature", 33.5, "C")
    33.5
    """
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number of {unit or 'its unit'}, not {value!r}")
    return value


def positive(name: str, value: float, unit: str) -> float:
    """Return `value` if it is finite and above 0; else ValueError naming the argument.

    >>> positive("duration", 8.0, "h")
    8.0
    """
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be above 0 {unit}, not {value!r}")
    return value
