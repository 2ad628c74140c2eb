"""Changes of the calendar: roster, days off, overtime, seasons."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
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
from ingest_service.register.roster_plan import plan_roster
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
        """Make these the site's shifts, as `plan_roster` says; `ChangeRefused` where that cannot be."""
        held = {row["id"]: shift_of(row) for row in self._rows(site, schema.SHIFTS)}
        try:
            plan = plan_roster(held, shifts, today)
        except ValueError as error:
            raise ChangeRefused(str(error)) from None
        for number, shift, last in plan.ended:
            self._end_shift(site, number, shift, last)
        for number, before, after in plan.corrected:
            self._correct_shift(site, number, before, after)
        for shift in plan.added:
            row = shift_row(shift)
            self.connection.execute(sa.insert(schema.SHIFTS).values(site=site, **row))
            self._first_days[site].append(shift.valid_from)
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

        Judged from today on, or from the first day that a change made here concerns.
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

    def _correct_shift(self, site: str, number: int, before: Shift, after: Shift) -> None:
        old, new = plain(shift_row(before)), plain(shift_row(after))
        changed = [key for key in old if old[key] != new[key]]
        self._update(
            schema.SHIFTS, {"id": number}, {"valid_from": after.valid_from, "valid_to": after.valid_to}
        )
        ends = [shift.valid_to or date.max for shift in (before, after)]
        firsts = [before.valid_from, after.valid_from] if before.valid_from != after.valid_from else ends
        self._first_days[site].append(min(firsts))
        self.record(
            "shift corrected",
            after.name,
            site,
            before={key: old[key] for key in changed},
            after={key: new[key] for key in changed},
        )

    def _end_shift(self, site: str, number: int, shift: Shift, last: date) -> None:
        """Let a shift be worked until its last day; one that then never was worked goes, with its trace."""
        chosen = schema.SHIFTS.c.id == number
        if shift.valid_from > last:
            self.connection.execute(sa.delete(schema.SHIFTS).where(chosen))
        else:
            self.connection.execute(sa.update(schema.SHIFTS).where(chosen).values(valid_to=last))
        self.record("shift ended", shift.name, site, before=plain(shift_row(shift)), last=str(last))
