"""Rows of the calendar's tables as the records of `osh_domain.shifts`, and back."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, time
from typing import Any

import sqlalchemy as sa

from ingest_service.register import schema
from osh_domain.calendar_exceptions import CalendarExceptions, DayOff, Overtime, Season
from osh_domain.roster import Breaks, Shift

Json = dict[str, Any]


def shift_of(row: Mapping[Any, Any]) -> Shift:
    """A row of `shifts` as the calendar's record."""
    return Shift(
        name=row["name"],
        start=row["start"],
        end=row["end"],
        days=frozenset(int(day) for day in row["days"]),
        breaks=_breaks_of(row["breaks"]),
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
    )


def shift_row(shift: Shift) -> Json:
    """The columns of a shift, but for its site."""
    return {
        "name": shift.name,
        "start": shift.start,
        "end": shift.end,
        "days": "".join(str(day) for day in sorted(shift.days)),
        "breaks": _breaks_row(shift.breaks),
        "valid_from": shift.valid_from,
        "valid_to": shift.valid_to,
    }


def day_off_row(entry: DayOff) -> Json:
    """The columns of a day off, but for its site."""
    return {"day": entry.day, "name": entry.name}


def overtime_row(entry: Overtime) -> Json:
    """The columns of an overtime, but for its site."""
    return {
        "shift": entry.shift,
        "day": entry.day,
        "until": entry.until,
        "breaks": _breaks_row(entry.breaks),
    }


def season_row(entry: Season) -> Json:
    """The columns of a season, but for its site."""
    return {
        "name": entry.name,
        "first": entry.first,
        "last": entry.last,
        "shifts": [plain(shift_row(shift)) for shift in entry.shifts],
    }


def day_off_of(row: Mapping[Any, Any]) -> DayOff:
    """A row of `days_off` as the calendar's record."""
    return DayOff(row["day"], row["name"])


def overtime_of(row: Mapping[Any, Any]) -> Overtime:
    """A row of `overtime` as the calendar's record."""
    return Overtime(row["shift"], row["day"], row["until"], _breaks_of(row["breaks"]))


def season_of(row: Mapping[Any, Any]) -> Season:
    """A row of `seasons` as the calendar's record."""
    return Season(row["name"], row["first"], row["last"], tuple(map(_season_shift, row["shifts"])))


def read_exceptions(connection: sa.Connection) -> dict[str, CalendarExceptions]:
    """The exceptions of every site that has any."""
    days_off: dict[str, list[DayOff]] = defaultdict(list)
    overtime: dict[str, list[Overtime]] = defaultdict(list)
    seasons: dict[str, list[Season]] = defaultdict(list)
    for row in _in_force(connection, schema.DAYS_OFF):
        days_off[row["site"]].append(day_off_of(row))
    for row in _in_force(connection, schema.OVERTIME):
        overtime[row["site"]].append(overtime_of(row))
    for row in _in_force(connection, schema.SEASONS):
        seasons[row["site"]].append(season_of(row))
    return {
        site: CalendarExceptions(days_off.get(site, ()), overtime.get(site, ()), seasons.get(site, ()))
        for site in {*days_off, *overtime, *seasons}
    }


def plain(row: Mapping[str, Any]) -> Json:
    """The columns as JSON: dates and times as text."""
    return {
        key: value if isinstance(value, (list, int, float, type(None))) else str(value)
        for key, value in row.items()
    }


def _in_force(connection: sa.Connection, table: sa.Table) -> list[sa.RowMapping]:
    query = sa.select(table).where(table.c.cancelled_at.is_(None)).order_by(table.c.id)
    return list(connection.execute(query).mappings())


def _season_shift(row: Json) -> Shift:
    ends = row["valid_to"]
    return shift_of(
        row
        | {"start": time.fromisoformat(row["start"]), "end": time.fromisoformat(row["end"])}
        | {"valid_from": date.fromisoformat(row["valid_from"])}
        | {"valid_to": date.fromisoformat(ends) if ends is not None else None}
    )


def _breaks_of(rows: list[list[str]]) -> Breaks:
    return tuple((time.fromisoformat(begin), time.fromisoformat(end)) for begin, end in rows)


def _breaks_row(breaks: Breaks) -> list[list[str]]:
    return [[_clock(begin), _clock(end)] for begin, end in breaks]


def _clock(wall: time) -> str:
    """Without seconds where there are none."""
    return wall.isoformat("minutes" if not wall.second and not wall.microsecond else "auto")
