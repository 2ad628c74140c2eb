"""A zone's values of one kind, minute after minute, and windows over them.

Windows are summed exactly (`math.fsum`), so a number does not depend on the order in which data came, nor on
where a program was started: rebuilding gives the same bits.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Mapping
from typing import NamedTuple

_MISSING = re.compile(rb"\0+")


Entry = tuple[float, int] | tuple[float, int, int]
"""Value and grade of a minute, and method bits where there are any."""


class Window(NamedTuple):
    """The minutes of a window that have data: how many, their sum, the longest gap in minutes.

    `grade` is the worst, `code` joins the method bits; both are 0 without data.
    """

    expected: int
    received: int
    total: float
    gap: int
    grade: int
    code: int


class Track:
    """Values from minute `base` on; every minute before and after what was put is without data."""

    __slots__ = ("base", "coded", "codes", "grades", "mask", "values")

    def __init__(self, base: int) -> None:
        self.base = base
        self.coded = False
        """Whether any minute ever had method bits."""
        self.values = array("d")
        self.mask = bytearray()
        self.grades = bytearray()
        self.codes = bytearray()

    def put(self, minute: int, value: float, grade: int, code: int = 0) -> None:
        """Set the value of a minute at or after `base`."""
        at = minute - self.base
        missing = at + 1 - len(self.mask)
        if missing > 0:
            self.values.extend((0.0,) * missing)
            for column in (self.mask, self.grades, self.codes):
                column.extend(bytes(missing))
        self.values[at], self.mask[at], self.grades[at] = value, 1, grade
        self.codes[at] = code
        if code:
            self.coded = True

    def replace(self, first: int, last: int, column: Mapping[int, Entry]) -> None:
        """Set the minutes `first` to `last` to what the column holds, the others of them to no data."""
        start, stop = max(first - self.base, 0), min(last + 1 - self.base, len(self.mask))
        if first == last and stop <= start:  # the next minute, as nearly always
            if first in column and first >= self.base:
                self.put(first, *column[first])
            return
        if stop > start:
            self.values[start:stop] = array("d", bytes(8 * (stop - start)))
            for part in (self.mask, self.grades, self.codes):
                part[start:stop] = bytes(stop - start)
        for minute in sorted(column):
            if max(first, self.base) <= minute <= last:
                self.put(minute, *column[minute])

    def forget_before(self, minute: int) -> None:
        """Drop what lies before a minute."""
        drop = min(minute - self.base, len(self.mask))
        if drop > 0:
            for column in (self.values, self.mask, self.grades, self.codes):
                del column[:drop]
            self.base += drop

    def get(self, minute: int) -> float | None:
        at = minute - self.base
        return self.values[at] if 0 <= at < len(self.mask) and self.mask[at] else None

    def entry(self, minute: int) -> tuple[float, int, int] | None:
        """Value, grade and method bits of a minute, None without data."""
        at = minute - self.base
        if not 0 <= at < len(self.mask) or not self.mask[at]:
            return None
        return self.values[at], self.grades[at], self.codes[at]

    def window(self, first: int, last: int, *, summed: bool = True) -> Window:
        """The window of the minutes `first` to `last`, both included; without the sum where nobody asks."""
        start, stop = max(first - self.base, 0), max(last + 1 - self.base, 0)
        expected = last - first + 1
        received = self.mask.count(1, start, stop)
        if not received:
            return Window(expected, 0, 0.0, expected, 0, 0)
        grades = self.grades[start:stop]
        return Window(
            expected,
            received,
            math.fsum(self.values[start:stop]) if summed else 0.0,
            0 if received == expected else longest_gap(self.present(first, last)),
            2 if 2 in grades else 1 if 1 in grades else 0,
            _joined(self.codes[start:stop]) if self.coded else 0,
        )

    def sum(self, first: int, last: int) -> tuple[int, float]:
        """How many of the minutes have data, and the sum of their values."""
        start, stop = max(first - self.base, 0), max(last + 1 - self.base, 0)
        received = self.mask.count(1, start, stop)
        return received, math.fsum(self.values[start:stop]) if received else 0.0

    def every(self, first: int, step: int, count: int) -> tuple[int, float]:
        """Like `sum`, of `count` minutes from `first` (not before `base`) on, `step` apart."""
        start = first - self.base
        stop = start + step * count
        received = self.mask[start:stop:step].count(1)
        return received, math.fsum(self.values[start:stop:step]) if received else 0.0

    def received(self, first: int, last: int) -> int:
        """How many of the minutes have data."""
        return self.mask.count(1, max(first - self.base, 0), max(last + 1 - self.base, 0))

    def last_before(self, minute: int) -> int | None:
        """The last minute with data before a minute."""
        at = self.mask.rfind(1, 0, max(minute - self.base, 0))
        return None if at < 0 else self.base + at

    def first_after(self, minute: int) -> int | None:
        """The first minute with data after a minute."""
        at = self.mask.find(1, max(minute + 1 - self.base, 0))
        return None if at < 0 else self.base + at

    def present(self, first: int, last: int) -> bytes:
        """One byte for each minute of `first` to `last`: 1 with data, 0 without; empty when last < first."""
        if last < first:
            return b""
        ahead = bytes(max(min(self.base - first, last + 1 - first), 0))
        inside = self.mask[max(first - self.base, 0) : max(last + 1 - self.base, 0)]
        return (ahead + inside).ljust(last + 1 - first, b"\0")


def longest_gap(present: bytes) -> int:
    """The longest run of minutes without data."""
    return max(map(len, _MISSING.findall(present)), default=0)


def _joined(codes: bytearray) -> int:
    joined = 0
    for code in set(codes):
        joined |= code
    return joined
