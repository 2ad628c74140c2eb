"""Which shifts start on a local date, and what cannot be true of a roster with its exceptions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from osh_domain.calendar_exceptions import CalendarExceptions, Overtime
from osh_domain.roster import Shift, seconds_of

_DAY = timedelta(days=1)
_DAY_S = 86400.0


def worked_on(day: date, roster: Sequence[Shift], exceptions: CalendarExceptions) -> list[Shift]:
    """Return the shifts that start on a local date, as they are worked: with their overtime of that day.

    An overtime that cannot be true (see `conflicts`) is left out.
    """
    if exceptions.day_off(day) is not None:
        return []
    season = exceptions.season(day)
    found = [shift for shift in (season.shifts if season else roster) if shift.starts_on(day)]
    for name in {shift.name for shift in found}:
        overtime = exceptions.overtime_of(name, day)
        if overtime is not None:
            last = _last_of(name, found)
            assert last is not None  # noqa: S101 - the name is one of theirs
            try:
                found[found.index(last)] = last.until(overtime.until, overtime.breaks)
            except ValueError:
                continue
    return found


def conflicts(
    roster: Sequence[Shift], exceptions: CalendarExceptions, *, since: date = date.min
) -> list[str]:
    """Return every reason why these cannot all be true, each with a way out; judged from `since` on.

    A shift that runs into the next start of its own name, an overtime of a shift that does not start on that
    day, and an overtime that ends before the shift does.
    """
    mistakes = [
        mistake
        for overtime in exceptions.overtime
        if overtime.day >= since
        for mistake in _of_overtime(overtime, roster, exceptions)
    ]
    told: set[tuple[Shift, Shift]] = set()
    for day in sorted(day for day in _telling_days(roster, exceptions, since) if day >= since):
        for shift, other, next_day in _overlaps(day, roster, exceptions):
            if (shift, other) not in told:
                told.add((shift, other))
                mistakes.append(_overlap(shift, other, day, next_day, exceptions))
    return mistakes


def _overlaps(
    day: date, roster: Sequence[Shift], exceptions: CalendarExceptions
) -> Iterator[tuple[Shift, Shift, date]]:
    """Each shift of the day that is not over when another of its name starts, and on which day that is."""
    today = worked_on(day, roster, exceptions)
    for first, shift in enumerate(today):
        for second, other in enumerate(today):
            begins = _start(other) - _start(shift)
            if first == second or other.name != shift.name or begins < 0 or (begins == 0 and second < first):
                continue
            if begins < shift.after_start(shift.end):
                yield shift, other, day
        for other in worked_on(day + _DAY, roster, exceptions):
            begins = _DAY_S + _start(other) - _start(shift)
            if other.name == shift.name and begins < shift.after_start(shift.end):
                yield shift, other, day + _DAY


def _of_overtime(
    overtime: Overtime, roster: Sequence[Shift], exceptions: CalendarExceptions
) -> Iterator[str]:
    what = f"overtime of shift {overtime.shift!r} on {overtime.day}"
    off = exceptions.day_off(overtime.day)
    if off is not None:
        yield f"{what}: that day is off ({off.name}); take one of the two away"
        return
    season = exceptions.season(overtime.day)
    found = [shift for shift in (season.shifts if season else roster) if shift.starts_on(overtime.day)]
    last = _last_of(overtime.shift, found)
    if last is None:
        names = ", ".join(sorted({shift.name for shift in found})) or "none"
        yield (
            f"{what}: no shift of this name starts on that day (those that do: {names}); name one of them, "
            "or add a shift that is worked on this day alone"
        )
        return
    try:
        last.until(overtime.until, overtime.breaks)
    except ValueError as error:
        yield f"{what}: {error}"


def _telling_days(roster: Sequence[Shift], exceptions: CalendarExceptions, since: date) -> set[date]:
    """Days that stand for all others: between changes of the calendar weeks repeat."""
    turns = {since}
    shifts = [*roster, *(shift for season in exceptions.seasons for shift in season.shifts)]
    turns.update(day for shift in shifts for day in (shift.valid_from, shift.valid_to) if day is not None)
    turns.update(day for season in exceptions.seasons for day in (season.first, season.last))
    special = {one.day for one in exceptions.days_off} | {one.day for one in exceptions.overtime}
    days = {_moved(day, offset) for day in special for offset in (-2, -1, 0, 1, 2)}
    for day in turns:
        days.update(_ordinary(_moved(day, offset), special) for offset in range(-9, 10))
        days.update(_moved(day, offset) for offset in range(-9, 10))
    return days


def _ordinary(day: date, special: set[date]) -> date:
    """The first of its weekday, from this day on, on which and after which no exception hides the roster."""
    while (day in special or day + _DAY in special) and day < _moved(date.max, 0):
        day = _moved(day, 7)
    return day


def _moved(day: date, days: int) -> date:
    number = min(max(day.toordinal() + days, date.min.toordinal() + 1), date.max.toordinal() - 2)
    return date.fromordinal(number)


def _overlap(shift: Shift, other: Shift, day: date, next_day: date, exceptions: CalendarExceptions) -> str:
    overtime = exceptions.overtime_of(shift.name, day)
    if overtime is not None and overtime.until == shift.end:
        return (
            f"overtime of shift {shift.name!r} on {day} until {shift.end:%H:%M} runs into the next start of "
            f"the same shift, {next_day} {other.start:%H:%M}; end it by then"
        )
    return (
        f"shift {shift.name!r} overlaps itself: {_span(shift)} of {day} is not over when {_span(other)} of "
        f"{next_day} begins; end it earlier, or give one of the two another name"
    )


def _span(shift: Shift) -> str:
    return f"{shift.start:%H:%M}-{shift.end:%H:%M}"


def _last_of(name: str, shifts: Sequence[Shift]) -> Shift | None:
    named = [shift for shift in shifts if shift.name == name]
    return max(named, key=lambda shift: (shift.start, shift.after_start(shift.end)), default=None)


def _start(shift: Shift) -> float:
    return seconds_of(shift.start)
