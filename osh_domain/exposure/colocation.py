"""Co-location of a sensor with a reference, and of sensors with one another; EPA/600/R-20/280 targets.

At least 14 days (EPA's base test: 30) that cover production and idle time, hourly means, at least 75 % of
them. The targets are general knowledge of the EPA report, unverified.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .validity import within

LEAST_DAYS: Final = 14
LEAST_CAPTURE: Final = 0.75
LEAST_R2: Final = 0.70
LARGEST_SLOPE_ERROR: Final = 0.35
LARGEST_CV: Final = 0.30
_LEAST_PAIRS: Final = 3


@dataclass(frozen=True, slots=True)
class Colocation:
    """Least-squares line sensor = intercept + slope x reference, R2, RMSE and bias [unit], pairs used."""

    slope: float
    intercept: float
    r2: float
    rmse: float
    bias: float
    pairs: int
    capture: float

    @property
    def shortcomings(self) -> tuple[str, ...]:
        """What keeps it from being accepted; empty: accepted.

        >>> Colocation(1.2, 0.0, 0.9, 2.0, 1.0, 300, 0.9).shortcomings
        ()
        """
        hours = LEAST_DAYS * 24
        found = (
            (self.pairs >= LEAST_CAPTURE * hours, f"fewer than {LEAST_CAPTURE * hours:g} hours in common"),
            (self.capture >= LEAST_CAPTURE, "fewer than 75 % of the hours"),
            (self.r2 >= LEAST_R2, f"R2 below {LEAST_R2:g}"),
            (abs(self.slope - 1.0) <= LARGEST_SLOPE_ERROR, f"slope not within {LARGEST_SLOPE_ERROR:g} of 1"),
        )
        return tuple(text for good, text in found if not good)


def colocate(sensor: Sequence[float | None], reference: Sequence[float | None]) -> Colocation:
    """Return how hourly means of a sensor follow those of a reference beside it, hour by hour.

    Ordinary least squares over hours that both have (None: missing). EPA/600/R-20/280. ValueError for lists
    of different length, infinite values, fewer than 3 pairs or a reference that never changes.

    >>> found = colocate([2.0, 4.0, None, 8.0], [1.0, 2.0, 3.0, 4.0])
    >>> found.slope, found.intercept, round(found.r2, 6), found.pairs, found.capture
    (2.0, 0.0, 1.0, 3, 0.75)
    """
    if len(sensor) != len(reference):
        raise ValueError(f"{len(sensor)} hours of the sensor, but {len(reference)} of the reference")
    pairs = [
        (within("sensor", y, -1e9, 1e9, ""), within("reference", x, -1e9, 1e9, ""))
        for y, x in zip(sensor, reference, strict=True)
        if y is not None and x is not None
    ]
    if len(pairs) < _LEAST_PAIRS:
        raise ValueError(f"co-location needs at least {_LEAST_PAIRS} hours in common, not {len(pairs)}")
    count = len(pairs)
    mean_y = math.fsum(y for y, _ in pairs) / count
    mean_x = math.fsum(x for _, x in pairs) / count
    xx = math.fsum((x - mean_x) ** 2 for _, x in pairs)
    yy = math.fsum((y - mean_y) ** 2 for y, _ in pairs)
    xy = math.fsum((x - mean_x) * (y - mean_y) for y, x in pairs)
    if xx == 0.0:
        raise ValueError("the reference never changes: no line can be drawn through one point")
    return Colocation(
        slope=xy / xx,
        intercept=mean_y - xy / xx * mean_x,
        r2=xy * xy / (xx * yy) if yy > 0.0 else 0.0,
        rmse=math.sqrt(math.fsum((y - x) ** 2 for y, x in pairs) / count),
        bias=mean_y - mean_x,
        pairs=count,
        capture=count / len(sensor),
    )


def pairwise_cv(one: Sequence[float | None], other: Sequence[float | None]) -> float:
    """Return the pairwise coefficient of variation of two sensors side by side, as a share (0.3 is 30 %).

    Root mean square over the hours both have of the pair's standard deviation over its mean; accepted up to
    0.30. ValueError for lists of different length, no common hour, or a pair whose mean is not above 0.

    >>> round(pairwise_cv([10.0, 20.0], [12.0, 20.0]), 4)
    0.0909
    """
    if len(one) != len(other):
        raise ValueError(f"{len(one)} hours of one sensor, but {len(other)} of the other")
    squares = [_pair_cv(a, b) ** 2 for a, b in zip(one, other, strict=True) if None not in (a, b)]
    if not squares:
        raise ValueError("the two sensors have no hour in common")
    return math.sqrt(math.fsum(squares) / len(squares))


def _pair_cv(one: float | None, other: float | None) -> float:
    a, b = within("value", one or 0.0, -1e9, 1e9, ""), within("value", other or 0.0, -1e9, 1e9, "")
    mean = (a + b) / 2.0
    if mean <= 0.0:
        raise ValueError(f"a pair of {a:g} and {b:g} has no coefficient of variation")
    return abs(a - b) / math.sqrt(2.0) / mean
