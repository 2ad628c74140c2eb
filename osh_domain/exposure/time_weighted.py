"""Time-weighted and height-weighted means: NIOSH 2016-106 section 1.1, ISO 7243:2017."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from .validity import finite, positive


def time_weighted_mean(samples: Iterable[tuple[float, float]]) -> float:
    """Return sum(x t)/sum(t) of (value, duration) pairs; any unit of time, the value's own unit.

    NIOSH 2016-106 section 1.1: WBGT and metabolic rate are one-hour means of this kind. Rest in another area
    enters with that area's own value. Missing time is left out, never filled. Not for decibels.
    ValueError without samples or for a duration that is not above 0.

    >>> time_weighted_mean([(31.0, 45.0), (24.0, 15.0)])
    29.25
    """
    pairs = [(finite("value", value, ""), positive("duration", duration, "")) for value, duration in samples]
    if not pairs:
        raise ValueError("a mean needs at least one sample")
    return math.fsum(value * duration for value, duration in pairs) / math.fsum(t for _, t in pairs)


def height_weighted_wbgt(head: float, abdomen: float, ankles: float) -> float:
    """Return (head + 2 abdomen + ankles)/4 [C] for a workplace whose heat differs with height.

    ISO 7243:2017, heterogeneous environments; heights about 1.7/1.1/0.1 m standing, 1.1/0.6/0.1 m seated.

    >>> round(height_weighted_wbgt(head=28.6, abdomen=27.9, ankles=26.4), 9)
    27.7
    """
    for name, value in (("head", head), ("abdomen", abdomen), ("ankles", ankles)):
        finite(f"WBGT at the {name}", value, "C")
    return (head + 2.0 * abdomen + ankles) / 4.0


def highest_running_mean(values: Sequence[float], length: int) -> float:
    """Return the largest mean of any `length` consecutive values.

    29 CFR 1910.1000 and NIOSH short-term limits: any 15 consecutive minutes. ValueError when there are fewer
    values than that: a shorter record cannot answer.

    >>> highest_running_mean([1.0, 5.0, 3.0], 2)
    4.0
    """
    if length < 1 or len(values) < length:
        raise ValueError(f"{len(values)} values hold no run of {length}")
    for value in values:
        finite("value", value, "")
    return max(math.fsum(values[i : i + length]) / length for i in range(len(values) - length + 1))
