"""Reads the calendar of a site description: roster, days off, overtime, seasons."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ingest_service.register.description_format import DayOffItem, OvertimeItem, SeasonItem, ShiftItem
from ingest_service.register.description_reading import DocumentReader
from ingest_service.register.description_values import Pauses
from osh_domain.calendar_exceptions import NO_EXCEPTIONS, CalendarExceptions, DayOff, Overtime, Season
from osh_domain.roster import Breaks, Shift
from osh_domain.shift_conflicts import conflicts
from osh_domain.wall_clock import wall_clock

_LONGEST_HOLIDAY_DAYS = 92


@dataclass(frozen=True)
class CalendarDescription:
    """What a description says about a calendar; None where it says nothing."""

    shifts: list[Shift] | None = None
    days_off: list[DayOff] | None = None
    overtime: list[Overtime] | None = None
    seasons: list[Season] | None = None


def read_calendar(
    reader: DocumentReader, where: str, raw: dict[Any, Any], timezone: str, now: float
) -> CalendarDescription:
    """Read the four lists of a site; mistakes go to the reader."""
    before = len(reader.mistakes)
    found = CalendarDescription(
        shifts=_shifts(reader, f"{where}.shifts", raw["shifts"]) if "shifts" in raw else None,
        days_off=_days_off(reader, f"{where}.days_off", raw["days_off"]) if "days_off" in raw else None,
        overtime=_overtime(reader, f"{where}.overtime", raw["overtime"]) if "overtime" in raw else None,
        seasons=_seasons(reader, f"{where}.seasons", raw["seasons"]) if "seasons" in raw else None,
    )
    exceptions = _exceptions(reader, where, found)
    if found.shifts is not None and len(reader.mistakes) == before:
        today = wall_clock(timezone).local_date(now)
        for mistake in conflicts(found.shifts, exceptions, since=today):
            _refuse(reader, where, mistake)
    return found


def _exceptions(reader: DocumentReader, where: str, found: CalendarDescription) -> CalendarExceptions:
    try:
        return CalendarExceptions(found.days_off or (), found.overtime or (), found.seasons or ())
    except ValueError as error:
        for mistake in str(error).splitlines():
            _refuse(reader, where, mistake)
        return NO_EXCEPTIONS


def _shifts(reader: DocumentReader, where: str, raw: Any) -> list[Shift]:
    shifts: list[Shift] = []
    for place, entry in reader.entries(where, raw):
        item = reader.item(ShiftItem, place, entry)
        if item is None:
            continue
        try:
            shifts.append(_shift(item))
        except ValueError as error:
            _refuse(reader, place, str(error))
    return shifts


def _shift(item: ShiftItem) -> Shift:
    return Shift(
        name=item.name,
        start=item.start,
        end=item.end,
        days=frozenset(item.days),
        breaks=_breaks(item.breaks),
        valid_from=item.valid_from if item.valid_from else date.min,
        valid_to=item.valid_to,
    )


def _days_off(reader: DocumentReader, where: str, raw: Any) -> list[DayOff]:
    days: list[DayOff] = []
    for place, entry in reader.entries(where, raw):
        item = reader.item(DayOffItem, place, entry)
        if item is None:
            continue
        count = (item.last - item.first).days + 1 if item.last is not None else 1
        if not 1 <= count <= _LONGEST_HOLIDAY_DAYS:
            reader.mistake(
                f"{place}.to",
                f"{item.last} is not within {_LONGEST_HOLIDAY_DAYS} days after {item.first}",
                "Write the last day that is off.",
            )
            continue
        days += [DayOff(item.first + timedelta(days=number), item.name) for number in range(count)]
    return days


def _overtime(reader: DocumentReader, where: str, raw: Any) -> list[Overtime]:
    found = (reader.item(OvertimeItem, place, entry) for place, entry in reader.entries(where, raw))
    return [Overtime(one.shift, one.day, one.until, _breaks(one.breaks)) for one in found if one is not None]


def _seasons(reader: DocumentReader, where: str, raw: Any) -> list[Season]:
    seasons: list[Season] = []
    for place, entry in reader.entries(where, raw):
        season = reader.mapping(place, entry)
        before = len(reader.mistakes)
        shifts = _shifts(reader, f"{place}.shifts", season.get("shifts"))
        item = reader.item(SeasonItem, place, {key: season[key] for key in season if key != "shifts"})
        if item is None or len(reader.mistakes) != before:
            continue
        try:
            seasons.append(Season(item.name, item.first, item.last, tuple(shifts)))
        except ValueError as error:
            _refuse(reader, place, str(error))
    return seasons


def _breaks(pauses: Pauses) -> Breaks:
    return tuple((begin, end) for begin, end in pauses)


def _refuse(reader: DocumentReader, where: str, mistake: str) -> None:
    """A mistake of the calendar brings its way out after the last semicolon."""
    problem, stop, way_out = mistake.rpartition("; ")
    reader.mistake(
        where, problem if stop else way_out, way_out[:1].upper() + way_out[1:] + "." if stop else ""
    )
