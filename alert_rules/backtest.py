"""Judges stored exposures again, whole years at once: the same answers as the engine minute by minute.

Exposures come in columns, ascending by minute. The comparison and the holds are computed over whole columns;
stepping remains only from one raised or cleared rule to the next. Pure, and the only part of deciding that
uses arrays, because nothing else looks at half a million minutes at a time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from alert_rules.conditions import ABOVE, CLEAR, UNKNOWN, WITHIN, Condition
from alert_rules.engine import NEVER, ZoneRule

Minutes: TypeAlias = NDArray[np.int64]
Values: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Marks: TypeAlias = NDArray[np.uint8]
"""What each minute says about a limit: the letters of `conditions.mark`."""

ABOVE_MARK: Final = np.uint8(ord(ABOVE))
CLEAR_MARK: Final = np.uint8(ord(CLEAR))
WITHIN_MARK: Final = np.uint8(ord(WITHIN))
UNKNOWN_MARK: Final = np.uint8(ord(UNKNOWN))


@dataclass(frozen=True, slots=True)
class Columns:
    """Exposures of one kind in one zone, ascending by minute, each minute once.

    `value` is not finite where there is none. `coverage` is a share 0-1. `estimated`: the method contains the
    word that the rules of this kind name for estimates.
    """

    minute: Minutes
    value: Values
    coverage: Values
    estimated: Flags

    def __len__(self) -> int:
        return len(self.minute)

    def between(self, first: int, last: int) -> "Columns":
        """The rows with first <= minute <= last."""
        low, high = np.searchsorted(self.minute, (first, last + 1))
        return self.rows(slice(int(low), int(high)))

    def rows(self, chosen: slice | Flags) -> "Columns":
        """Some of the rows."""
        return Columns(self.minute[chosen], self.value[chosen], self.coverage[chosen], self.estimated[chosen])


class Stop(NamedTuple):
    """What holds ends here and for no measured reason (the shift is over, the rule holds no longer).

    `row`: the first row of what begins anew. `minute`: when the old ended.
    """

    row: int
    minute: int
    reason: str


class Episode(NamedTuple):
    """One time that a rule would have been raised. `ended` is `NEVER` while it lasts; `reason` is empty where
    a measurement cleared it. `row`: the row in which it was raised."""

    since: int
    raised: int
    ended: int
    reason: str
    row: int


def marks(columns: Columns, condition: Condition) -> Marks:
    """Compare every minute with a limit: `conditions.mark` over whole columns."""
    value, limit, clear = columns.value, condition.limit, condition.clear_below
    # Comparisons with what is not a number are false without a warning, and such rows are unknown anyway.
    if condition.below:
        above = value < limit if condition.strict else value <= limit
        clears = value > clear
        doubtful = value <= limit + condition.margin
    else:
        above = value > limit if condition.strict else value >= limit
        clears = value < clear
        doubtful = value >= limit - condition.margin
        if condition.radiant:
            doubtful = np.ones_like(doubtful)
    found = np.where(clears, CLEAR_MARK, WITHIN_MARK)
    if condition.estimate:
        found[columns.estimated & doubtful] = UNKNOWN_MARK
    found[above] = ABOVE_MARK
    found[~(columns.coverage >= condition.coverage) | ~np.isfinite(value)] = UNKNOWN_MARK
    return found


def episodes(
    minute: Minutes, found: Marks, stops: Sequence[Stop], rule: ZoneRule, ends: Stop | None = None
) -> list[Episode]:
    """Every time that the rule would have been raised.

    `stops` ascend by row, at most one a row. `ends`: what ends after the last row, if anything does.
    """
    broken = np.ones(len(minute), dtype=np.bool_)
    broken[1:] = np.diff(minute) > rule.gap
    broken[[stop.row for stop in stops]] = True
    above_since = _since(minute, found == ABOVE_MARK, broken)
    met = np.flatnonzero((above_since != NEVER) & (minute - above_since + 1 >= rule.raise_after))
    clear_since = _since(minute, found == CLEAR_MARK, broken)
    cleared = np.flatnonzero((clear_since != NEVER) & (minute - clear_since + 1 >= rule.clear_after))
    stop_rows = np.array([stop.row for stop in stops], dtype=np.int64)
    result: list[Episode] = []
    row = 0
    while (at := int(np.searchsorted(met, row))) < len(met):
        raised = int(met[at])
        row, ended, reason = _end(raised, minute, cleared, stop_rows, stops, ends)
        result.append(Episode(int(above_since[raised]), int(minute[raised]), ended, reason, raised))
    return result


def _since(minute: Minutes, holds: Flags, broken: Flags) -> Minutes:
    """For each row that holds the first minute of its unbroken run, `NEVER` for the others."""
    starts = holds.copy()
    starts[1:] &= broken[1:] | ~holds[:-1]
    first = np.maximum.accumulate(np.where(starts, np.arange(len(minute)), 0)) if len(minute) else minute
    return np.where(holds, minute[first], NEVER)


def _end(
    raised: int,
    minute: Minutes,
    cleared: Minutes,
    stop_rows: Minutes,
    stops: Sequence[Stop],
    ends: Stop | None,
) -> tuple[int, int, str]:
    """The row to go on from, the minute in which an episode ended, and why, if not by a measurement."""
    after = len(minute)
    by_value = int(np.searchsorted(cleared, raised + 1))
    clear_row = int(cleared[by_value]) if by_value < len(cleared) else after
    by_stop = int(np.searchsorted(stop_rows, raised + 1))
    stop_row = int(stop_rows[by_stop]) if by_stop < len(stops) else after
    # A stop comes before the row that it stands at.
    if stop_row <= clear_row and stop_row < after:
        return stop_row, stops[by_stop].minute, stops[by_stop].reason
    if clear_row < after:
        return clear_row + 1, int(minute[clear_row]), ""
    return (after, NEVER, "") if ends is None else (after, ends.minute, ends.reason)


class Span(NamedTuple):
    """A stretch of minutes, both included, in which people are at work: the first shift that is on.

    `start` and `end` are the shift's [s since 1970 UTC].
    """

    first: int
    last: int
    start: float
    end: float


class Roster:
    """The shifts of a site over a range of minutes. No shifts at all: always at work, never over."""

    def __init__(self, spans: Iterable[Span], *, always: bool, grace_s: float) -> None:
        """`always`: the site has no calendar. `grace_s`: a shift that follows within it goes on."""
        self.always = always
        self._grace_s = grace_s
        self.spans = tuple(spans)
        self._first = np.array([span.first for span in self.spans], dtype=np.int64)
        self._last = np.array([span.last for span in self.spans], dtype=np.int64)

    def minutes(self, first: int, last: int) -> int:
        """How many minutes of a stretch people are at work in."""
        if self.always:
            return max(0, last - first + 1)
        low, high = np.maximum(self._first, first), np.minimum(self._last, last)
        return int(np.maximum(0, high - low + 1).sum())

    def at_work(self, minute: Minutes) -> Flags:
        """Whether a shift is on, for each minute."""
        if self.always or not self.spans:
            return np.full(len(minute), self.always)
        number = np.searchsorted(self._first, minute, side="right") - 1
        return (number >= 0) & (minute <= self._last[number])

    def stops(self, minute: Minutes, reason: str) -> list[Stop]:
        """Where, between rows that all lie in shifts, one shift is over before the other begins."""
        if self.always or len(minute) == 0:
            return []
        number = np.searchsorted(self._first, minute, side="right") - 1
        found: list[Stop] = []
        for row in np.flatnonzero(number[1:] != number[:-1]) + 1:
            before, then = self.spans[int(number[row - 1])], self.spans[int(number[row])]
            if then.start - before.end >= self._grace_s:
                found.append(Stop(int(row), int(before.end // 60), reason))
        return found

    def over_by(self, minute: int, by: float, reason: str) -> Stop | None:
        """What ends the shift of a minute before the instant `by`, if it is over by then."""
        if self.always:
            return None
        before = self.spans[int(np.searchsorted(self._first, minute, side="right")) - 1]
        present = next((one for one in self.spans if one.start <= by < one.end), None)
        if present is not None and present.start - before.end < self._grace_s:
            return None
        if by - before.end < self._grace_s:
            return None
        return Stop(NEVER, int(before.end // 60), reason)
