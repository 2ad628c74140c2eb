"""Statistics of one channel over a minute or an hour. Decibels average as energy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

from ingest_service.series.port import Point, Span
from osh_domain.exposure.noise import energy_average
from osh_domain.quality import NEVER_EXPOSURE
from osh_domain.quantities import UnknownQuantity, quantity

_EXCLUDED = int(NEVER_EXPOSURE)


def minute_of(t: float) -> int:
    """The minute that holds an instant [s]: minute m is the interval (60 (m-1), 60 m], named by its end."""
    return -(-round(t * 1000) // 60_000)


def hour_of(minute: int) -> int:
    """The hour that holds a minute, named by its end like the minute."""
    return -(-minute // 60)


@lru_cache(maxsize=1024)
def averages_as_energy(name: str) -> bool:
    """Whether a quantity, as it stands on the wire, averages as energy; unknown ones do not."""
    try:
        return quantity(name).averaging == "energy"
    except UnknownQuantity:
        return False


def minute_spans(channel: int, points: Iterable[Point], *, as_energy: bool) -> list[Span]:
    """One `Span` for each minute with at least one reading that may enter an exposure, ascending.

    Readings with a flag of `NEVER_EXPOSURE` are left out; flags are joined, the worst grade counts.
    """
    minutes: dict[int, list[Point]] = {}
    for point in points:
        if not point.flags & _EXCLUDED:
            minutes.setdefault(minute_of(point.time), []).append(point)
    return [_span(channel, minute, minutes[minute], as_energy) for minute in sorted(minutes)]


def _span(channel: int, minute: int, points: Sequence[Point], as_energy: bool) -> Span:
    values = [point.value for point in points]
    flags = 0
    for point in points:
        flags |= point.flags
    low, high = min(values), max(values)
    mean = _mean(values, low, high, as_energy)
    return Span(channel, minute, len(values), mean, low, high, flags, max(point.grade for point in points))


def _mean(values: Sequence[float], low: float, high: float, as_energy: bool) -> float:
    if low == high:
        return low
    mean = energy_average(values) if as_energy else math.fsum(values) / len(values)
    return min(max(mean, low), high)  # a mean lies between its values; logarithms may miss that by a bit


def hour_span(channel: int, hour: int, minutes: Sequence[Span], *, as_energy: bool) -> Span | None:
    """The hour's statistics from its minutes, each of equal weight; None when it has none."""
    if not minutes:
        return None
    means = [span.mean for span in minutes]
    flags = 0
    for span in minutes:
        flags |= span.flags
    return Span(
        channel,
        hour,
        sum(span.n for span in minutes),
        _mean(means, min(means), max(means), as_energy),
        min(span.low for span in minutes),
        max(span.high for span in minutes),
        flags,
        max(span.grade for span in minutes),
    )
