"""Where an exposure will stand when the shift ends, and when it comes to its limit. Nothing acts on it.

Heat: the minutes measured so far stand; those to come follow the trend of the last hour (Theil-Sen slope of
the medians of five minutes), which dies away with a time constant of 90 minutes, because no hall warms for
ever. The value is the hour's mean, as the limit's, so part of the next hour is measured already. The span
holds what 80 % of the projections on simulated days kept (`HEAT_PAST_ERROR_K`), wider in a restless hour.
Noise: the energy so far is exact (ISO 1999); what is to come is as loud as the last hour of work, breaks are
quiet. The span is what the half hours of this shift vary by, and always holds the mean of the shift so far.
Minutes are named by their end, as in the series; a minute belongs to the shift that holds its middle.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import median, stdev
from typing import Final, Literal

from osh_domain.exposure.noise import energy, level
from osh_domain.shifts import ShiftInstance

Reason = Literal["no_shift", "old", "too_little", "nearly_over", "trend_uncertain"]
"""Why nothing is projected."""

TREND_MINUTES: Final = 60
BLOCK_MINUTES: Final = 5
DAMPING_MINUTES: Final = 90.0
HEAT_PAST_ERROR_K: Final = ((0.0, 0.0), (60.0, 0.6), (120.0, 1.35), (180.0, 1.6), (240.0, 1.7))
"""(minutes ahead, K): 80 % of the projections of simulated days were no further off."""

NEARLY_OVER_MINUTES: Final = 15
OLD_MINUTES: Final = 15
_LEAST_BLOCKS: Final = 9
_LEAST_IN_BLOCK: Final = 3
_LEVEL_MINUTES: Final = 30
_WIDEST_K: Final = 2.5
_EIGHTY_PERCENT: Final = 1.28
# Half hours that follow each other are alike, so 1.28 of their spread held fewer than 80 % of simulated days.
_EIGHTY_PERCENT_NOISE: Final = 1.5
_LEAST_NOISE_MINUTES: Final = 60
_LEAST_SHARE: Final = 0.75
_HALF_HOUR: Final = 30
_MINUTES_8H: Final = 480.0
_SPREAD_OF_NORMAL: Final = 1.4826


@dataclass(frozen=True, slots=True)
class Record:
    """How projections did on simulated days: errors of the shift's end, and of the time of the limit [min].

    Half of them were off by `half` at most, 80 % by `most`; `held` is the share of ends within their span.
    """

    projections: int
    half: float
    most: float
    half_minutes: float
    most_minutes: float
    held: float


HEAT_RECORD: Final = Record(240, 0.77, 1.76, 3.0, 18.0, 0.80)
"""In K. Made anew by `tests/osh_domain/test_projection_record.py`, as is the next."""
NOISE_RECORD: Final = Record(240, 0.13, 0.31, 8.0, 22.0, 0.76)
"""In dB."""


@dataclass(frozen=True, slots=True)
class Point:
    """The exposure at the end of a minute: what is expected, and the span that holds it in 4 of 5 cases."""

    minute: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Path:
    """The exposure from the last measured minute to the end of the shift; the first point is measured."""

    points: tuple[Point, ...]
    measured: int
    """Minutes that were measured of those the projection stands on."""
    rate: float
    """Heat: trend [K/h] of the last hour. Noise: the level [dB] that the rest of the shift is taken at."""

    @property
    def now(self) -> Point:
        return self.points[0]

    @property
    def end(self) -> Point:
        return self.points[-1]


@dataclass(frozen=True, slots=True)
class Reach:
    """When a limit is reached: minutes by their end, None for not in this shift. `already`: it was before."""

    at: int | None
    earliest: int | None
    latest: int | None
    already: bool = False


def first_minute(shift: ShiftInstance) -> int:
    """The first minute whose middle is in the shift."""
    return math.ceil((shift.start + 30.0) / 60.0)


def last_minute(shift: ShiftInstance) -> int:
    """The last minute whose middle is in the shift."""
    return math.ceil((shift.end + 30.0) / 60.0) - 1


def reach(path: Path, limit: float, *, strict: bool = True) -> Reach:
    """Return when a path comes to a limit in its unit: above it, or at it for limits that act at the value.

    Example: a path that rises 1 K/h from 29 C is above 30 C in the first minute past the hour.
    """

    def over(value: float) -> bool:
        return value > limit if strict else value >= limit

    if over(path.now.value):
        return Reach(path.now.minute, path.now.minute, path.now.minute, already=True)
    ahead = path.points[1:]
    return Reach(
        at=next((one.minute for one in ahead if over(one.value)), None),
        earliest=next((one.minute for one in ahead if over(one.high)), None),
        latest=next((one.minute for one in ahead if over(one.low)), None),
    )


def project_heat(minutes: Mapping[int, float], now: int, shift: ShiftInstance | None) -> Path | Reason:
    """Return the path of the hour's mean of effective WBGT [Cel] to the shift's end, or why there is none.

    `minutes`: WBGT with clothing [Cel] by minute, those that were measured; `now`: the minute just over.
    Needs 9 of the 12 five-minute spans of the last hour, and a quarter of an hour to go.
    Example: 28 C in every minute of the last hour projects 28 C for any time ahead.
    """
    at = _newest(minutes, now, shift)
    if not isinstance(at, int) or shift is None:
        return at if not isinstance(at, int) else "no_shift"
    blocks = _blocks(minutes, at)
    if len(blocks) < _LEAST_BLOCKS:
        return "too_little"
    slope = median((b - a) / (u - t) for (t, a), (u, b) in combinations(blocks, 2))
    start = median(value + slope * (at - t) for t, value in blocks if t > at - _LEVEL_MINUTES)
    unsure = _slope_error(blocks, slope)
    points = tuple(_heat_points(minutes, at, last_minute(shift), start, slope, unsure))
    if points[-1].high - points[-1].value > _WIDEST_K:
        return "trend_uncertain"
    measured = sum(at - TREND_MINUTES < minute <= at for minute in minutes)
    return Path(points, measured, 60.0 * slope)


def project_noise(levels: Mapping[int, float], now: int, shift: ShiftInstance | None) -> Path | Reason:
    """Return the path of LEX,8h [dB] of the shift so far to its end, or why there is none. ISO 1999:2013.

    `levels`: LAeq [dB] by minute, those that were measured. The others are taken as loud as their mean, as
    the value so far takes them. Needs 60 minutes and 75 % of the working time so far.
    Example: 85 dB all along from the start of a shift of 8 h is 78.98 dB after 2 h and ends at 85 dB.
    """
    at = _newest(levels, now, shift)
    if not isinstance(at, int) or shift is None:
        return at if not isinstance(at, int) else "no_shift"
    first = first_minute(shift)
    heard = {minute: energy(one) for minute, one in levels.items() if first <= minute <= at}
    due = [minute for minute in range(first, at + 1) if not _at_break(shift, minute)]
    work = [heard[minute] for minute in due if minute in heard]
    if len(work) < max(_LEAST_NOISE_MINUTES, _LEAST_SHARE * len(due)):
        return "too_little"
    so_far = math.fsum(heard.values()) / len(heard) * (at - first + 1)
    ahead = [not _at_break(shift, minute) for minute in range(at + 1, last_minute(shift) + 1)]
    rate, low, high = _rates(work, sum(ahead))
    points = [_noise_point(at, so_far, so_far, so_far)]
    totals = [so_far] * 3
    for number, working in enumerate(ahead, start=1):
        if working:
            totals = [total + one for total, one in zip(totals, (rate, low, high), strict=True)]
        points.append(_noise_point(at + number, *totals))
    return Path(tuple(points), len(work), level(rate))


def _newest(minutes: Mapping[int, float], now: int, shift: ShiftInstance | None) -> int | Reason:
    """The newest minute that was measured, if a projection may start there."""
    if shift is None:
        return "no_shift"
    at = max((minute for minute in minutes if minute <= now), default=None)
    if at is None:
        return "too_little"
    if now - at > OLD_MINUTES:
        return "old"
    return at if last_minute(shift) - at >= NEARLY_OVER_MINUTES else "nearly_over"


def _blocks(minutes: Mapping[int, float], at: int) -> list[tuple[float, float]]:
    """(middle, median) of each five minutes of the last hour of which three were measured."""
    found = []
    for end in range(at - TREND_MINUTES + BLOCK_MINUTES, at + 1, BLOCK_MINUTES):
        known = [minutes[one] for one in range(end - BLOCK_MINUTES + 1, end + 1) if one in minutes]
        if len(known) >= _LEAST_IN_BLOCK:
            found.append((end - (BLOCK_MINUTES - 1) / 2.0, median(known)))
    return found


def _slope_error(blocks: list[tuple[float, float]], slope: float) -> float:
    """Standard error [K/min] of the slope, from the median absolute residual."""
    rest = [value - slope * t for t, value in blocks]
    middle = median(rest)
    spread = _SPREAD_OF_NORMAL * median(abs(one - middle) for one in rest)
    mean = math.fsum(t for t, _ in blocks) / len(blocks)
    return spread / math.sqrt(math.fsum((t - mean) ** 2 for t, _ in blocks))


def _heat_points(
    minutes: Mapping[int, float], at: int, last: int, start: float, slope: float, unsure: float
) -> Iterator[Point]:
    """The mean of the hour that ends with each minute, of measured minutes and of those to come."""
    course = {one: minutes[one] for one in range(at - TREND_MINUTES + 1, at + 1) if one in minutes}
    total, known = math.fsum(course.values()), len(course)
    yield Point(at, total / known, total / known, total / known)
    for minute in range(at + 1, last + 1):
        ahead = float(minute - at)
        grown = DAMPING_MINUTES * (1.0 - math.exp(-ahead / DAMPING_MINUTES))
        course[minute] = start + slope * grown
        gone = course.pop(minute - TREND_MINUTES, None)
        total += course[minute] - (gone or 0.0)
        known += 1 if gone is None else 0
        half = math.hypot(past_error(ahead), _EIGHTY_PERCENT * unsure * grown)
        yield Point(minute, total / known, total / known - half, total / known + half)


def past_error(ahead: float) -> float:
    """What 80 % of the heat projections so many minutes ahead were off by at most [K]; flat past the table.

    Example: 90 minutes ahead, half way between 0.6 and 1.35 K, is 0.975 K.
    """
    table = HEAT_PAST_ERROR_K
    for (t, a), (u, b) in pairwise(table):
        if ahead <= u:
            return a + (b - a) * (ahead - t) / (u - t)
    return table[-1][1]


def _at_break(shift: ShiftInstance, minute: int) -> bool:
    return shift.on_break(60.0 * minute - 30.0)


def _rates(work: list[float], ahead: int) -> tuple[float, float, float]:
    """Energy of a working minute to come: as in the last hour, and the span by how half hours vary."""
    rate = math.fsum(work[-_LEAST_NOISE_MINUTES:]) / min(len(work), _LEAST_NOISE_MINUTES)
    halves = [
        math.fsum(work[end - _HALF_HOUR : end]) / _HALF_HOUR
        for end in range(len(work), _HALF_HOUR - 1, -_HALF_HOUR)
    ]
    varies = stdev(halves) * math.sqrt(
        _HALF_HOUR / _LEAST_NOISE_MINUTES + _HALF_HOUR / max(ahead, _HALF_HOUR)
    )
    mean = math.fsum(work) / len(work)
    low = max(0.0, min(rate - _EIGHTY_PERCENT_NOISE * varies, mean))
    return rate, low, max(rate + _EIGHTY_PERCENT_NOISE * varies, mean)


def _noise_point(minute: int, *energies: float) -> Point:
    value, low, high = (level(one / _MINUTES_8H) for one in energies)
    return Point(minute, value, low, high)
