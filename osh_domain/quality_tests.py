"""Automatic tests of measured values after QARTOD: range, rate, flat line, spike; and how flags roll up.

Each test takes evenly spaced values of one channel, oldest first, None or NaN where one is missing, and
returns one flag for each. The flags are those of QARTOD and IODE. Rate, flat line and range look back only
(they are causal); the spike test looks at both neighbours. Cross-checks between quantities are in
`quality_physics`, default thresholds in `quality_defaults`.

A minute that fails never enters an exposure; one that is suspect enters and lowers its grade.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from enum import IntEnum, IntFlag
from typing import Final

from osh_domain.quality import FUTURE_S

Values = Sequence[float | None]
Span = tuple[float, float]

_LEAST_OF_WINDOW: Final = 0.75


class QcFlag(IntEnum):
    """IOOS QARTOD and IODE primary flags."""

    PASS = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


class QcTest(IntFlag):
    """Which test raised a flag: bits, stored beside it."""

    GROSS_RANGE = 1
    RATE = 2
    FLAT_LINE = 4
    SPIKE = 8
    PHYSICS = 16
    CLOCK = 32


_RANK: Final = {
    QcFlag.FAIL: 4,
    QcFlag.SUSPECT: 3,
    QcFlag.PASS: 2,
    QcFlag.NOT_EVALUATED: 1,
    QcFlag.MISSING: 0,
}


def roll_up(flags: Iterable[QcFlag]) -> QcFlag:
    """Return the flag that several tests of one value give together; NOT_EVALUATED for none.

    QARTOD order: fail, suspect, pass, not evaluated, missing.

    >>> roll_up([QcFlag.PASS, QcFlag.SUSPECT, QcFlag.NOT_EVALUATED]).name
    'SUSPECT'
    """
    return max(flags, key=_RANK.__getitem__, default=QcFlag.NOT_EVALUATED)


def gross_range(values: Values, *, fail: Span | None = None, suspect: Span | None = None) -> list[QcFlag]:
    """Flag values outside a sensor's span (`fail`) or outside the plausible one (`suspect`).

    QARTOD gross range test. Spans are (low, high) in the value's unit, their ends belong to them. ValueError
    for an infinite value, a span upside down, or no span at all.

    >>> gross_range([25.0, 46.0, 86.0], fail=(-40, 85), suspect=(0, 45)) == [1, 3, 4]
    True
    """
    if fail is None and suspect is None:
        raise ValueError("the range test needs a span to fail or to suspect")
    for name, span in (("fail", fail), ("suspect", suspect)):
        if span is not None and not span[0] <= span[1]:
            raise ValueError(f"the {name} span must be (low, high), not {span!r}")

    def flag(value: float | None) -> QcFlag:
        if value is None:
            return QcFlag.MISSING
        if fail is not None and not fail[0] <= value <= fail[1]:
            return QcFlag.FAIL
        if suspect is not None and not suspect[0] <= value <= suspect[1]:
            return QcFlag.SUSPECT
        return QcFlag.PASS

    return [flag(value) for value in _finite_or_missing(values)]


def rate_of_change(values: Values, interval_s: float, threshold_per_s: float) -> list[QcFlag]:
    """Suspect a value that differs from the one before it by more than the threshold [unit/s] allows.

    QARTOD rate of change test, `interval_s` between values. The first value and the first after a gap have
    nothing to be compared with and pass. ValueError for an interval or threshold that is not above 0.

    >>> rate_of_change([30.0, 30.2, 33.0], 60, 0.02) == [1, 1, 3]
    True
    """
    _above_zero("interval_s", interval_s)
    _above_zero("threshold_per_s", threshold_per_s)
    flags: list[QcFlag] = []
    before: float | None = None
    for value in _finite_or_missing(values):
        if value is None:
            flags.append(QcFlag.MISSING)
        elif before is not None and abs(value - before) / interval_s > threshold_per_s:
            flags.append(QcFlag.SUSPECT)
        else:
            flags.append(QcFlag.PASS)
        before = value
    return flags


def flat_line(
    values: Values,
    interval_s: float,
    *,
    suspect_s: float,
    fail_s: float,
    tolerance: float,
    floor: float | None = None,
) -> list[QcFlag]:
    """Suspect, then fail, a value whose record has stayed within `tolerance` for `suspect_s`, `fail_s`.

    QARTOD flat line test: the difference of highest and lowest is compared strictly, so a tolerance of 0
    never fires. The record must reach back over the whole time, to a value that is there; those missing in
    between are passed over as long as three quarters are there: a stuck sensor with gaps is still stuck.
    A value at or below `floor` (clean air for a gas sensor) is NOT_EVALUATED: standing still there is what a
    good one does.
    ValueError for times that are not above 0 or a `fail_s` below `suspect_s`.

    >>> flat_line([1.0] * 4, 60, suspect_s=120, fail_s=180, tolerance=0.1) == [1, 1, 3, 4]
    True
    """
    _above_zero("interval_s", interval_s)
    _above_zero("suspect_s", suspect_s)
    if not fail_s >= suspect_s:
        raise ValueError(f"fail_s must be at least suspect_s ({suspect_s:g} s), not {fail_s!r}")
    clean = _finite_or_missing(values)
    suspect_steps, fail_steps = int(suspect_s / interval_s), int(fail_s / interval_s)

    def flag(at: int, value: float | None) -> QcFlag:
        if value is None:
            return QcFlag.MISSING
        if floor is not None and value <= floor:
            return QcFlag.NOT_EVALUATED
        steps = _flat_steps(clean, at, fail_steps, tolerance)
        if steps >= fail_steps:
            return QcFlag.FAIL
        return QcFlag.SUSPECT if steps >= suspect_steps else QcFlag.PASS

    return [flag(at, value) for at, value in enumerate(clean)]


def _flat_steps(values: Sequence[float | None], at: int, most: int, tolerance: float) -> int:
    """How many steps, at most `most`, the record has stood still before `at`."""
    low, high = math.inf, -math.inf
    present = steps = 0
    for back in range(min(at, most) + 1):
        value = values[at - back]
        if value is None:
            continue
        low, high = min(low, value), max(high, value)
        if not high - low < tolerance:
            break
        present += 1
        if present >= _LEAST_OF_WINDOW * (back + 1):
            steps = back
    return steps


def spike(values: Values, *, suspect: float, fail: float) -> list[QcFlag]:
    """Flag a value further than `suspect` or `fail` from the mean of its two neighbours.

    QARTOD spike test, average method. First, last and gap-adjacent values have no two neighbours and are
    NOT_EVALUATED; a large spike marks its neighbours as well. ValueError for a `fail` below `suspect`.

    >>> spike([30.0, 36.0, 30.2], suspect=1, fail=5) == [2, 4, 2]
    True
    """
    if not 0 <= suspect <= fail:
        raise ValueError(f"a spike's thresholds must be 0 <= suspect <= fail, not {suspect!r}, {fail!r}")
    clean = _finite_or_missing(values)
    return [_spike_flag(clean, at, suspect, fail) for at in range(len(clean))]


def _spike_flag(values: Sequence[float | None], at: int, suspect: float, fail: float) -> QcFlag:
    value = values[at]
    if value is None:
        return QcFlag.MISSING
    before = values[at - 1] if at > 0 else None
    after = values[at + 1] if at + 1 < len(values) else None
    if before is None or after is None:
        return QcFlag.NOT_EVALUATED
    distance = abs(value - (before + after) / 2.0)
    if distance > fail:
        return QcFlag.FAIL
    return QcFlag.SUSPECT if distance > suspect else QcFlag.PASS


def clock(times: Sequence[float], interval_s: float, now: float) -> list[QcFlag]:
    """Flag stamps [s] that a sound clock does not write, in the order in which they came.

    More than 5 minutes after `now`: fail. The stamp of the one before, an earlier one, or less than half an
    interval after it: suspect. A longer step is a gap, and no fault of the clock.

    >>> clock([0.0, 60.0, 60.0, 900.0], 60, now=120.0) == [1, 1, 3, 4]
    True
    """
    _above_zero("interval_s", interval_s)
    flags: list[QcFlag] = []
    before: float | None = None
    for stamp in times:
        if not math.isfinite(stamp) or stamp > now + FUTURE_S:
            flags.append(QcFlag.FAIL)
            continue
        close = before is not None and stamp - before < interval_s / 2.0
        flags.append(QcFlag.SUSPECT if close else QcFlag.PASS)
        before = stamp
    return flags


def _finite_or_missing(values: Values) -> list[float | None]:
    clean: list[float | None] = []
    for at, value in enumerate(values):
        if value is not None and math.isinf(value):
            raise ValueError(f"value {at + 1} is infinite, which is no measurement")
        clean.append(None if value is None or math.isnan(value) else value)
    return clean


def _above_zero(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be above 0, not {value!r}")
