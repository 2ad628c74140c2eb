"""Changes of the calendar: roster, days off, overtime, seasons."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Generic, TypeVar

import sqlalchemy as sa

from ingest_service.register import schema
from ingest_service.register.calendar_rows import (
    day_off_of,
    day_off_row,
    overtime_of,
    overtime_row,
    plain,
    season_of,
    season_row,
    shift_of,
    shift_row,
)
from ingest_service.register.recorder import ChangeRefused, Json, Recorder
from osh_domain.calendar_exceptions import CalendarExceptions, DayOff, Overtime, Season
from osh_domain.roster import Shift
from osh_domain.shift_conflicts import conflicts

_Entry = TypeVar("_Entry", DayOff, Overtime, Season)


@dataclass(frozen=True)
class _Kind(Generic[_Entry]):
    """One kind of exception: its table, its columns, its word in the audit log, its last day."""

    table: sa.Table
    noun: str
    row: Callable[[_Entry], Json]
    entry: Callable[[Mapping[Any, Any]], _Entry]
    first: Callable[[_Entry], date]
    last: Callable[[_Entry], date]
    title: Callable[[_Entry], str]
    excludes: Callable[[_Entry, _Entry], bool]
    """Whether the two cannot both be: one is then a correction of the other."""


def _day(entry: DayOff | Overtime) -> date:
    return entry.day


_DAYS_OFF: Final = _Kind[DayOff](
    schema.DAYS_OFF,
    "day off",
    day_off_row,
    day_off_of,
    _day,
    _day,
    lambda one: str(one.day),
    lambda one, other: one.day == other.day,
)
_OVERTIME: Final = _Kind[Overtime](
    schema.OVERTIME,
    "overtime",
    overtime_row,
    overtime_of,
    _day,
    _day,
    lambda one: f"{one.shift} {one.day}",
    lambda one, other: (one.shift, one.day) == (other.shift, other.day),
)
_SEASONS: Final = _Kind[Season](
    schema.SEASONS,
    "season",
    season_row,
    season_of,
    lambda one: one.first,
    lambda one: one.last,
    lambda one: one.name,
    lambda one, other: one.first <= other.last and other.first <= one.last,
)


class CalendarChanges(Recorder):
    """What may change about a calendar; `check_calendar` closes a set of changes."""

    def __init__(self, connection: sa.Connection, who: str, at: float) -> None:
        super().__init__(connection, who, at)
        self._first_days: dict[str, list[date]] = defaultdict(list)

    def put_shifts(self, site: str, shifts: list[Shift], today: date) -> None:
        """Make these the site's shifts; what is no longer worked ends yesterday, what is new begins today.

        A shift's own `valid_from` wins; the first shifts a site ever gets have always been.
        """
        rows = {_shift_key(row): row for row in self._rows(site, schema.SHIFTS)}
        wanted = {_shift_key(shift_row(shift)): shift for shift in shifts}
        held = {key: row for key, row in rows.items() if row["valid_to"] is None or row["valid_to"] >= today}
        for key in held.keys() - wanted.keys():
            self._end_shift(held[key], today - timedelta(days=1))
        for key, shift in wanted.items():
            row = shift_row(shift)
            if key in rows:
                self._move_shift(rows[key], shift.valid_from)
                continue
            if shift.valid_from == date.min and rows:
                row["valid_from"] = today
            self.connection.execute(sa.insert(schema.SHIFTS).values(site=site, **row))
            self.record("shift added", shift.name, site, after=plain(row))

    def put_exceptions(
        self,
        site: str,
        today: date,
        *,
        days_off: Iterable[DayOff] | None = None,
        overtime: Iterable[Overtime] | None = None,
        seasons: Iterable[Season] | None = None,
    ) -> None:
        """Make these the site's exceptions; None leaves a kind as it is.

        What is left out is cancelled if it is not over yet; what is over stays, unless something else is said
        of the same days.
        """
        if days_off is not None:
            self._put_all(_DAYS_OFF, site, days_off, today)
        if overtime is not None:
            self._put_all(_OVERTIME, site, overtime, today)
        if seasons is not None:
            self._put_all(_SEASONS, site, seasons, today)

    def add_day_off(self, site: str, entry: DayOff) -> None:
        """Add a day off, or give it another name."""
        self._replace(_DAYS_OFF, site, entry)

    def add_overtime(self, site: str, entry: Overtime) -> None:
        """Add an overtime, in the place of another of this shift on this day."""
        self._replace(_OVERTIME, site, entry)

    def cancel_day_off(self, site: str, day: date) -> None:
        """Take a day off back, also one that has passed; `ChangeRefused` where there is none."""
        found = [number for number, one in self._held(_DAYS_OFF, site) if one.day == day]
        if not found:
            raise ChangeRefused(f"{day} is no day off at {site}")
        for number in found:
            self._cancel(_DAYS_OFF, site, number)

    def cancel_overtime(self, site: str, shift: str, day: date) -> None:
        """Take an overtime back, also one that has passed; `ChangeRefused` where there is none."""
        held = self._held(_OVERTIME, site)
        found = [number for number, one in held if (one.shift, one.day) == (shift, day)]
        if not found:
            raise ChangeRefused(f"shift {shift!r} has no overtime on {day} at {site}")
        for number in found:
            self._cancel(_OVERTIME, site, number)

    def check_calendar(self, site: str, today: date) -> None:
        """Raise `ChangeRefused`, a reason on each line, if the calendar cannot be true.

        Judged from today on, or from the first day that an exception added here concerns.
        """
        shifts = [shift_of(row) for row in self._rows(site, schema.SHIFTS)]
        try:
            exceptions = CalendarExceptions(
                [one for _, one in self._held(_DAYS_OFF, site)],
                [one for _, one in self._held(_OVERTIME, site)],
                [one for _, one in self._held(_SEASONS, site)],
            )
        except ValueError as error:
            raise ChangeRefused(str(error)) from None
        since = min([today, *self._first_days.get(site, ())])
        if mistakes := conflicts(shifts, exceptions, since=since):
            raise ChangeRefused("\n".join(mistakes))

    def _put_all(self, kind: _Kind[_Entry], site: str, entries: Iterable[_Entry], today: date) -> None:
        held = self._held(kind, site)
        wanted = list(entries)
        for number, entry in held:
            if entry in wanted:
                continue
            if kind.last(entry) >= today or any(kind.excludes(entry, other) for other in wanted):
                self._cancel(kind, site, number)
        known = [entry for _, entry in held]
        for entry in wanted:
            if entry not in known:
                self._add(kind, site, entry)

    def _replace(self, kind: _Kind[_Entry], site: str, entry: _Entry) -> None:
        for number, one in self._held(kind, site):
            if one == entry:
                return
            if kind.excludes(one, entry):
                self._cancel(kind, site, number)
        self._add(kind, site, entry)

    def _held(self, kind: _Kind[_Entry], site: str) -> list[tuple[int, _Entry]]:
        rows = self._rows(site, kind.table)
        return [(row["id"], kind.entry(row)) for row in rows if row["cancelled_at"] is None]

    def _rows(self, site: str, table: sa.Table) -> list[sa.RowMapping]:
        query = sa.select(table).where(table.c.site == site).order_by(table.c.id)
        return list(self.connection.execute(query).mappings())

    def _add(self, kind: _Kind[_Entry], site: str, entry: _Entry) -> None:
        row = kind.row(entry)
        self.connection.execute(sa.insert(kind.table).values(site=site, **row))
        self._first_days[site].append(kind.first(entry))
        self.record(f"{kind.noun} added", kind.title(entry), site, after=plain(row))

    def _cancel(self, kind: _Kind[_Entry], site: str, number: int) -> None:
        row = self._one(kind.table, id=number)
        assert row is not None  # noqa: S101 - it was read in this transaction
        self._update(kind.table, {"id": number}, {"cancelled_at": self.at})
        entry = kind.entry(row)
        self.record(f"{kind.noun} cancelled", kind.title(entry), site, before=plain(kind.row(entry)))

    def _move_shift(self, row: sa.RowMapping, valid_from: date) -> None:
        """Correct since when the shift is worked, if the description says so."""
        if valid_from in (date.min, row["valid_from"]):
            return
        self._update(schema.SHIFTS, {"id": row["id"]}, {"valid_from": valid_from})
        before, after = {"valid_from": str(row["valid_from"])}, {"valid_from": str(valid_from)}
        self.record("shift corrected", row["name"], row["site"], before=before, after=after)

    def _end_shift(self, row: sa.RowMapping, last: date) -> None:
        chosen = schema.SHIFTS.c.id == row["id"]
        if row["valid_from"] > last:  # it never took effect
            self.connection.execute(sa.delete(schema.SHIFTS).where(chosen))
        else:
            self.connection.execute(sa.update(schema.SHIFTS).where(chosen).values(valid_to=last))
        self.record("shift ended", row["name"], row["site"], before=plain(dict(row)), last=str(last))


def _shift_key(row: Mapping[Any, Any]) -> tuple[object, ...]:
    """What makes two shifts the same, whenever they began."""
    return (row["name"], row["start"], row["end"], row["days"], str(row["breaks"]), row["valid_to"])
