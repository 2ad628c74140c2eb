"""Shifts of a site in its own time zone: several a day, across midnight, with breaks, valid between dates.

A shift is written in wall time; its instances are instants. A wall time becomes the first instant at which
the site's clock shows that time or later: when clocks go back that is the earlier of the two, and a time that
clocks skip is the moment of the jump. The order of wall times is kept, so an instance never ends before it
begins, and it lasts as long as people really work (a night shift of eight hours may be seven or nine).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DAY = timedelta(days=1)
_REMEMBERED_DAYS = 800


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift in wall time. An `end` not after `start` is on the next day; equal times are refused.

    `days` are weekdays of the start (0 Monday to 6 Sunday). `valid_from` and `valid_to` are the first and
    the last local date on which the shift may start, both included; None has no end. A break before `start`
    on the clock belongs to the part after midnight. Breaks lie inside the shift, in order, without overlap.
    """

    name: str
    start: time
    end: time
    days: frozenset[int]
    breaks: tuple[tuple[time, time], ...] = ()
    valid_from: date = date.min
    valid_to: date | None = None

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise ValueError(
                f"shift {self.name!r}: start and end are both {self.start:%H:%M}; write when it ends"
            )
        if not self.days or not self.days <= frozenset(range(7)):
            raise ValueError(f"shift {self.name!r}: days are weekdays 0 (Monday) to 6, at least one")
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError(
                f"shift {self.name!r}: valid_to {self.valid_to} is before valid_from {self.valid_from}"
            )
        before = 0.0
        for begins, ends in self.breaks:
            if (
                not before
                <= self._after_start(begins)
                < self._after_start(ends)
                <= self._after_start(self.end)
            ):
                raise ValueError(
                    f"shift {self.name!r}: break {begins:%H:%M}-{ends:%H:%M} is not inside the shift "
                    "or not after the break before it"
                )
            before = self._after_start(ends)

    def _after_start(self, wall: time) -> float:
        """Wall seconds from the start, on the next day where the clock shows less."""
        return (_seconds(wall) - _seconds(self.start)) % 86400.0

    def starts_on(self, day: date) -> bool:
        """Say whether an instance starts on this local date."""
        return (
            day.weekday() in self.days
            and self.valid_from <= day
            and (self.valid_to is None or day <= self.valid_to)
        )


@dataclass(frozen=True, slots=True)
class ShiftInstance:
    """One shift of one day as instants (seconds since 1970 UTC); its end and its breaks' ends are outside."""

    name: str
    start: float
    end: float
    breaks: tuple[tuple[float, float], ...] = ()

    @property
    def length_s(self) -> float:
        """Seconds from start to end, breaks included."""
        return self.end - self.start

    def covers(self, t: float) -> bool:
        """Say whether the instant lies in the shift, breaks included."""
        return self.start <= t < self.end

    def on_break(self, t: float) -> bool:
        """Say whether the instant lies in one of the breaks."""
        return any(begins <= t < ends for begins, ends in self.breaks)


class ShiftCalendar:
    """The shifts of one site. ValueError for an unknown time zone.

    Shifts may overlap (offices and production); where they do, `shift_at` gives the one that started first,
    so that every shift is followed to its end.
    """

    def __init__(self, timezone: str, shifts: Sequence[Shift]) -> None:
        try:
            self._zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"time zone {timezone!r} is unknown; write it like Asia/Phnom_Penh") from error
        self.timezone = timezone
        self.shifts = tuple(shifts)
        self._days: dict[date, tuple[ShiftInstance, ...]] = {}

    def shift_at(self, t: float) -> ShiftInstance | None:
        """Return the shift that is on at an instant, or None."""
        day = self._local_date(t)
        for instance in (*self._starting_on(day - _DAY), *self._starting_on(day)):
            if instance.covers(t):
                return instance
        return None

    def shift_of_minute(self, minute: int) -> ShiftInstance | None:
        """Return the shift of a minute that is numbered by its end, or None.

        The minute is judged by its middle: the one that ends with the shift belongs to it.
        """
        return self.shift_at(60.0 * minute - 30.0)

    def instances(self, t0: float, t1: float) -> list[ShiftInstance]:
        """Return the shifts that share at least a moment with [t0, t1), by start."""
        found: list[ShiftInstance] = []
        day = self._local_date(t0) - _DAY
        while day <= self._local_date(t1):
            found += [one for one in self._starting_on(day) if one.start < t1 and one.end > t0]
            day += _DAY
        return sorted(found, key=lambda one: (one.start, one.end, one.name))

    def working(self, t: float) -> bool:
        """Say whether a shift is on at an instant and not on its break."""
        day = self._local_date(t)
        return any(
            one.covers(t) and not one.on_break(t)
            for one in (*self._starting_on(day - _DAY), *self._starting_on(day))
        )

    def local_day(self, t: float) -> tuple[float, float]:
        """Return the start and the end of the site's local day that holds an instant (23, 24 or 25 h)."""
        day = self._local_date(t)
        return self._instant(day, time.min), self._instant(day + _DAY, time.min)

    def _local_date(self, t: float) -> date:
        return datetime.fromtimestamp(t, self._zone).date()

    def _starting_on(self, day: date) -> tuple[ShiftInstance, ...]:
        known = self._days.get(day)
        if known is None:
            if len(self._days) >= _REMEMBERED_DAYS:
                self._days.clear()
            instances = (self._instance(shift, day) for shift in self.shifts if shift.starts_on(day))
            # A shift that lies wholly in the hour clocks skip does not take place.
            known = tuple(
                sorted((one for one in instances if one.end > one.start), key=lambda one: one.start)
            )
            self._days[day] = known
        return known

    def _instance(self, shift: Shift, day: date) -> ShiftInstance:
        def at(wall: time) -> float:
            return self._instant(day if wall >= shift.start else day + _DAY, wall)

        breaks = tuple((at(begins), at(ends)) for begins, ends in shift.breaks)
        kept = tuple((begins, ends) for begins, ends in breaks if ends > begins)
        return ShiftInstance(shift.name, at(shift.start), at(shift.end), kept)

    def _instant(self, day: date, wall: time) -> float:
        """First instant at which the site's clock shows this wall time or later."""
        local = datetime.combine(day, wall, self._zone)
        instant = local.timestamp()
        if datetime.fromtimestamp(instant, self._zone).replace(tzinfo=None) == local.replace(tzinfo=None):
            return instant
        return self._jump(local.replace(fold=1).timestamp(), instant)

    def _jump(self, before: float, after: float) -> float:
        """Whole second between two instants at which the zone's offset changes."""
        offset = self._offset(before)
        low, high = int(before), int(after)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._offset(middle) == offset else (low, middle)
        return float(high)

    def _offset(self, t: float) -> timedelta | None:
        return datetime.fromtimestamp(t, UTC).astimezone(self._zone).utcoffset()


def _seconds(wall: time) -> float:
    return wall.hour * 3600.0 + wall.minute * 60.0 + wall.second + wall.microsecond / 1e6
