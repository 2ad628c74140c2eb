"""Shifts of a site in its own time zone: several a day, across midnight, with breaks, valid between dates.

A shift is written in wall time; its instances are instants. A wall time becomes the first instant at which
the site's clock shows that time or later (`wall_clock`). The order of wall times is kept, so an instance
never ends before it begins, and it lasts as long as people really work (a night shift of eight hours may be
seven or nine). Days off, overtime and seasons are honoured by every question that a calendar answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from osh_domain.calendar_exceptions import NO_EXCEPTIONS, CalendarExceptions, DayOff, Overtime, Season
from osh_domain.roster import Shift, ShiftInstance
from osh_domain.shift_conflicts import conflicts, worked_on
from osh_domain.wall_clock import ONE_DAY, wall_clock

__all__ = [
    "CalendarExceptions",
    "DayOff",
    "Overtime",
    "Season",
    "Shift",
    "ShiftCalendar",
    "ShiftInstance",
]

_REMEMBERED_DAYS = 800


class ShiftCalendar:
    """The shifts of one site, whatever order they are given in.

    Shifts may overlap (offices and production); where they do, `shift_at` gives the one that started first,
    so that every shift is followed to its end. A shift may not overlap itself (another of its name).
    ValueError, with every mistake on a line of its own, for an unknown time zone and for what
    `shift_conflicts.conflicts` finds; `checked` False takes a calendar that was accepted earlier as it is.
    """

    def __init__(
        self,
        timezone: str,
        shifts: Sequence[Shift],
        *,
        exceptions: CalendarExceptions = NO_EXCEPTIONS,
        checked: bool = True,
    ) -> None:
        self._clock = wall_clock(timezone)
        self.timezone = timezone
        self.roster = tuple(shifts)
        self.exceptions = exceptions
        self.shifts = (*self.roster, *(shift for season in exceptions.seasons for shift in season.shifts))
        if checked and (mistakes := conflicts(self.roster, exceptions)):
            raise ValueError("\n".join(mistakes))
        self._days: dict[date, tuple[ShiftInstance, ...]] = {}

    def shift_at(self, t: float) -> ShiftInstance | None:
        """Return the shift that is on at an instant, or None."""
        return next((one for one in self._near(t) if one.covers(t)), None)

    def shift_of_minute(self, minute: int) -> ShiftInstance | None:
        """Return the shift of a minute that is numbered by its end, or None.

        The minute is judged by its middle: the one that ends with the shift belongs to it.
        """
        return self.shift_at(60.0 * minute - 30.0)

    def instances(self, t0: float, t1: float) -> list[ShiftInstance]:
        """Return the shifts that share at least a moment with [t0, t1), by start."""
        found: list[ShiftInstance] = []
        day = self.local_date(t0) - ONE_DAY
        while day <= self.local_date(t1):
            found += [one for one in self.starting_on(day) if one.start < t1 and one.end > t0]
            day += ONE_DAY
        return sorted(found, key=lambda one: (one.start, one.end, one.name))

    def working(self, t: float) -> bool:
        """Say whether a shift is on at an instant and not on its break."""
        return any(one.covers(t) and not one.on_break(t) for one in self._near(t))

    def local_date(self, t: float) -> date:
        """Return the site's local date at an instant."""
        return self._clock.local_date(t)

    def local_day(self, t: float) -> tuple[float, float]:
        """Return the start and the end of the site's local day that holds an instant (23, 24 or 25 h)."""
        day = self.local_date(t)
        return self._clock.midnight(day), self._clock.midnight(day + ONE_DAY)

    def week(self, t: float) -> tuple[float, float]:
        """Return the start and the end of the site's local week, Monday to Monday, that holds an instant."""
        day = self.local_date(t)
        monday = day - timedelta(days=day.weekday())
        return self._clock.midnight(monday), self._clock.midnight(monday + timedelta(days=7))

    def starting_on(self, day: date) -> tuple[ShiftInstance, ...]:
        """Return the shifts that start on a local date, in the order in which `shift_at` prefers them."""
        known = self._days.get(day)
        if known is None:
            if len(self._days) >= _REMEMBERED_DAYS:
                self._days.clear()
            instances = (self._instance(shift, day) for shift in worked_on(day, self.roster, self.exceptions))
            # A shift that lies wholly in the hour clocks skip does not take place.
            known = tuple(
                sorted(
                    (one for one in instances if one.end > one.start),
                    key=lambda one: (one.start, one.end, one.name, one.breaks),
                )
            )
            self._days[day] = known
        return known

    def _near(self, t: float) -> Iterator[ShiftInstance]:
        """The shifts that may be on at an instant: no shift lasts longer than to the end of the next day."""
        day = self.local_date(t)
        yield from self.starting_on(day - ONE_DAY)
        yield from self.starting_on(day)

    def _instance(self, shift: Shift, day: date) -> ShiftInstance:
        instant = self._clock.instant
        walls = (
            (instant(day if begins >= shift.start else day + ONE_DAY, begins),
             instant(day if ends > shift.start else day + ONE_DAY, ends))
            for begins, ends in (*shift.breaks, (shift.start, shift.end))
        )  # fmt: skip
        *breaks, (start, end) = walls
        kept = tuple((begins, ends) for begins, ends in breaks if ends > begins)
        return ShiftInstance(shift.name, start, end, kept)
