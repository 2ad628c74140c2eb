"""Statistics of one channel over a minute or longer. Decibels average as energy."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache

from ingest_service.series.port import Span, StoredPoint
from osh_domain.exposure.noise import energy_average
from osh_domain.quality import NEVER_EXPOSURE
from osh_domain.quantities import UnknownQuantity, quantity

_EXCLUDED = int(NEVER_EXPOSURE)


def minute_of(t: float) -> int:
    """The minute that holds an instant [s]: minute m is the interval (60 (m-1), 60 m], named by its end."""
    return -(-round(t * 1000) // 60_000)


@lru_cache(maxsize=1024)
def averages_as_energy(name: str) -> bool:
    """Whether a quantity, as it stands on the wire, averages as energy; unknown ones do not."""
    try:
        return quantity(name).averaging == "energy"
    except UnknownQuantity:
        return False


def minute_spans(channel: int, points: Sequence[StoredPoint], *, as_energy: bool) -> list[Span]:
    """One `Span` for each minute with at least one reading that may enter an exposure, ascending.

    `points` ascend. Readings with a flag of `NEVER_EXPOSURE` are left out; flags are joined, the worst grade
    counts.
    """
    spans: list[Span] = []
    begin = 0
    if len(points) == 1:
        span = _span(channel, -(-(points[0][0] // 1000) // 60_000), points, as_energy)
        return [] if span is None else [span]
    while begin < len(points):
        minute = -(-(points[begin][0] // 1000) // 60_000)
        end = bisect_left(points, (60_000 * minute + 1) * 1000, begin, key=_time_us)
        span = _span(channel, minute, points[begin:end], as_energy)
        if span is not None:
            spans.append(span)
        begin = end
    return spans


def _time_us(point: StoredPoint) -> int:
    return point[0]


def _span(channel: int, minute: int, points: Sequence[StoredPoint], as_energy: bool) -> Span | None:
    if len(points) == 1:  # as nearly always
        _, value, flag, grade = points[0]
        return None if flag & _EXCLUDED else Span(channel, minute, 1, value, value, value, flag, grade)
    _, values, flags, grades = zip(*points, strict=True)
    seen = set(flags)
    if any(flag & _EXCLUDED for flag in seen):
        kept = [point for point in points if not point[2] & _EXCLUDED]
        return _span(channel, minute, kept, as_energy) if kept else None
    joined = 0
    for flag in seen:
        joined |= flag
    low, high = min(values), max(values)
    mean = _mean(values, low, high, as_energy)
    return Span(channel, minute, len(values), mean, low, high, joined, max(grades))


def _mean(values: Sequence[float], low: float, high: float, as_energy: bool) -> float:
    if low == high:
        return low
    mean = energy_average(values) if as_energy else math.fsum(values) / len(values)
    return min(max(mean, low), high)  # a mean lies between its values; logarithms may miss that by a bit


def span_of_minutes(number: int, minutes: Sequence[Span], *, as_energy: bool) -> Span:
    """The statistics of a longer span of one channel from its minutes, each of equal weight."""
    means = [span.mean for span in minutes]
    flags = 0
    for span in minutes:
        flags |= span.flags
    return Span(
        minutes[0].channel,
        number,
        sum(span.n for span in minutes),
        _mean(means, min(means), max(means), as_energy),
        min(span.low for span in minutes),
        max(span.high for span in minutes),
        flags,
        max(span.grade for span in minutes),
    )
