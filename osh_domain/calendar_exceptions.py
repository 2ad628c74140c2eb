"""What a calendar has besides its regular roster: days off, overtime, seasons such as the fasting month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time
from itertools import pairwise

from osh_domain.roster import Breaks, Shift


@dataclass(frozen=True, slots=True)
class DayOff:
    """A local date on which no shift starts; a night shift that began the evening before still ends."""

    day: date
    name: str


@dataclass(frozen=True, slots=True)
class Overtime:
    """A shift that starts on `day` is worked on until a wall time, past midnight where that is earlier.

    `breaks` are those of the added part. Of several shifts of this name on that day the one that starts last
    is lengthened.
    """

    shift: str
    day: date
    until: time
    breaks: Breaks = ()


@dataclass(frozen=True, slots=True)
class Season:
    """From `first` to `last` (local dates of the start, both included) these shifts replace the roster.

    ValueError for a season that ends before it begins or has no shifts.
    """

    name: str
    first: date
    last: date
    shifts: tuple[Shift, ...]

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(
                f"season {self.name!r}: its last day {self.last} is before its first {self.first}"
            )
        if not self.shifts:
            raise ValueError(
                f"season {self.name!r} has no shifts; write the shifts that are worked in it, "
                "or its days as days off"
            )

    def holds_on(self, day: date) -> bool:
        """Say whether the local date lies in the season."""
        return self.first <= day <= self.last


class CalendarExceptions:
    """Days off, overtime and seasons of one site, in any order.

    ValueError, with every mistake on a line of its own, for a day that is off twice, a shift with two
    overtimes on one day, and two seasons on one day.
    """

    def __init__(
        self,
        days_off: Iterable[DayOff] = (),
        overtime: Iterable[Overtime] = (),
        seasons: Iterable[Season] = (),
    ) -> None:
        self.days_off = tuple(sorted(days_off, key=lambda one: (one.day, one.name)))
        self.overtime = tuple(sorted(overtime, key=lambda one: (one.day, one.shift, one.until)))
        self.seasons = tuple(sorted(seasons, key=lambda one: (one.first, one.last, one.name)))
        if mistakes := [*self._doubles(), *self._season_overlaps()]:
            raise ValueError("\n".join(mistakes))
        self._days_off = {one.day: one for one in self.days_off}
        self._overtime = {(one.shift, one.day): one for one in self.overtime}

    def day_off(self, day: date) -> DayOff | None:
        """Return why nobody starts work on this local date, or None."""
        return self._days_off.get(day)

    def overtime_of(self, shift: str, day: date) -> Overtime | None:
        """Return the overtime of the shift that starts on this local date, or None."""
        return self._overtime.get((shift, day))

    def season(self, day: date) -> Season | None:
        """Return the season whose shifts replace the roster on this local date, or None."""
        return next((one for one in self.seasons if one.holds_on(day)), None)

    def _doubles(self) -> Iterable[str]:
        days = Counter(one.day for one in self.days_off)
        for day in (day for day, count in days.items() if count > 1):
            names = " and ".join(repr(one.name) for one in self.days_off if one.day == day)
            yield f"{day} is a day off twice: {names}; keep one"
        times = Counter((one.shift, one.day) for one in self.overtime)
        for (shift, day), count in times.items():
            if count > 1:
                yield f"overtime of shift {shift!r} on {day} is there {count} times; keep the true one"

    def _season_overlaps(self) -> Iterable[str]:
        for earlier, later in pairwise(self.seasons):
            if later.first <= earlier.last:
                yield (
                    f"seasons {earlier.name!r} ({earlier.first} to {earlier.last}) and {later.name!r} "
                    f"({later.first} to {later.last}) share days; end one before the other begins"
                )


NO_EXCEPTIONS = CalendarExceptions()
