"""The periods that exposures are summed up over, as minutes: hours (UTC), shifts, local days, local weeks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from ingest_service.series.port import Period
from osh_domain.shifts import ShiftCalendar, ShiftInstance

HOUR = 60


class Stretch(NamedTuple):
    """A period from minute `first` to minute `last`, both included; a shift's carries its instance."""

    period: Period
    first: int
    last: int
    shift: ShiftInstance | None = None


def first_minute(start: float) -> int:
    """The first minute whose middle is not before an instant [s]."""
    return math.ceil((start + 30.0) / 60.0)


def day_of(calendar: ShiftCalendar, minute: int) -> tuple[int, int]:
    """First and last minute of the local day that holds a minute."""
    start, end = calendar.local_day(60.0 * minute - 30.0)
    return first_minute(start), first_minute(end) - 1


def week_of(calendar: ShiftCalendar, minute: int) -> tuple[int, int]:
    """First and last minute of the local week that holds a minute."""
    start, end = calendar.week(60.0 * minute - 30.0)
    return first_minute(start), first_minute(end) - 1


def shifts_holding(calendar: ShiftCalendar, first: int, last: int) -> list[Stretch]:
    """The shifts that hold any of the minutes, by their end."""
    instances = calendar.instances(60.0 * first - 30.0, 60.0 * last - 29.0)
    found = [Stretch("shift", first_minute(one.start), first_minute(one.end) - 1, one) for one in instances]
    return sorted((one for one in found if one.first <= one.last), key=lambda one: (one.last, one.first))


def holding(calendar: ShiftCalendar, first: int, last: int) -> Iterator[Stretch]:
    """Every period that holds any of the minutes; hours first, then shifts, days, weeks."""
    for hour in range(-(-first // HOUR), -(-last // HOUR) + 1):
        yield Stretch("hour", HOUR * hour - HOUR + 1, HOUR * hour)
    yield from shifts_holding(calendar, first, last)
    minute = first
    while minute <= last:
        begin, minute = day_of(calendar, minute)
        yield Stretch("day", begin, minute)
        minute += 1
    minute = first
    while minute <= last:
        begin, minute = week_of(calendar, minute)
        yield Stretch("week", begin, minute)
        minute += 1
