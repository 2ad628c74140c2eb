"""When the clock alone may end what holds in a zone: the ends of shifts and of days."""

import heapq
from collections.abc import Iterable
from typing import Final

from osh_domain.shifts import ShiftCalendar

SHIFT_END_GRACE_S: Final = 300.0
"""Exposures of a shift's last minutes may come this long after it; only then is the shift over for a rule."""


class Agenda:
    """Zones by the instant at which they are to be looked at next; each at most once."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}

    def at_once(self, zones: Iterable[str]) -> None:
        """Look at these zones at the next occasion, and at no others until they are expected again."""
        self._due = dict.fromkeys(zones, float("-inf"))
        self._heap = sorted((due, zone) for zone, due in self._due.items())

    def expect(self, zone: str, calendar: ShiftCalendar, t: float) -> None:
        """Look at a zone when the shift that is on at `t` is over, or the day, whichever is first."""
        shift = calendar.shift_at(t)
        due = calendar.local_day(t)[1]
        if shift is not None:
            due = min(due, shift.end + SHIFT_END_GRACE_S)
        elif calendar.shifts:
            # After the shift: as soon as its grace is over.
            due = min(due, t + SHIFT_END_GRACE_S)
        if due < self._due.get(zone, float("inf")):
            self._due[zone] = due
            heapq.heappush(self._heap, (due, zone))

    def take(self, now: float) -> list[str]:
        """The zones that are due; they are taken off."""
        found: list[str] = []
        while self._heap and self._heap[0][0] <= now:
            due, zone = heapq.heappop(self._heap)
            if self._due.get(zone) == due:
                del self._due[zone]
                found.append(zone)
        return found


def shift_end(calendar: ShiftCalendar, minute: int, now: float) -> int | None:
    """The minute in which the shift of `minute` ended; None while it, or one right after it, is on."""
    if not calendar.shifts:
        return None
    shift = calendar.shift_of_minute(minute)
    over = shift.end if shift else 60.0 * minute
    present = calendar.shift_at(now)
    if present is not None and present.start - over < SHIFT_END_GRACE_S:
        return None
    return int(over // 60) if now - over >= SHIFT_END_GRACE_S else None
