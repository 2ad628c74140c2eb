"""What a described roster means for the registered one: what is corrected, what ends, what begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from osh_domain.roster import Shift

_DAY = timedelta(days=1)


@dataclass
class RosterPlan:
    """Changes that bring a roster to what is wanted; numbers are those of the rows held."""

    corrected: list[tuple[int, Shift, Shift]] = field(default_factory=list)
    """(number, before, after): of the same hours, other dates."""
    ended: list[tuple[int, Shift, date]] = field(default_factory=list)
    """(number, shift, last day); a last day before its first says that it is not worked at all."""
    added: list[Shift] = field(default_factory=list)


def plan_roster(held: Mapping[int, Shift], wanted: Sequence[Shift], today: date) -> RosterPlan:
    """Plan how the shifts held become the shifts wanted; those that are over stay as they are.

    A wanted shift without `valid_from` (`date.min`) is worked since it was registered; a new one since today,
    or since always where the site had none. A shift that is left out ended yesterday; where others of its
    name take its place, it ends on the day before the first of them, as one does that is followed already.
    ValueError, with the way out, for dates that cannot be.
    """
    matches = _matches(held, list(dict.fromkeys(wanted)), today)
    plan = RosterPlan()
    for shift, number in matches:
        if number is None:
            plan.added.append(_beginning(shift, today) if held else shift)
        elif (after := _corrected(held[number], shift, today)) != held[number]:
            plan.corrected.append((number, held[number], after))
    taken = {number for _, number in matches}
    left = {number: shift for number, shift in held.items() if number not in taken}
    plan.corrected += _followers(left, plan.corrected)
    kept = _kept(held, matches, plan)
    for number, shift in left.items():
        last = _last_day(shift, plan.added, kept, today)
        if last is not None:
            plan.ended.append((number, shift, last))
    return plan


def _matches(
    held: Mapping[int, Shift], wanted: Sequence[Shift], today: date
) -> list[tuple[Shift, int | None]]:
    """Each wanted shift with the number of the one it is: equal ones first, then those that share days."""
    free = dict(held)
    found: dict[Shift, int] = {}
    for same in (_equal, _shares_days):
        for shift in sorted(wanted, key=lambda one: _days(one, today)):
            candidates = [number for number, one in free.items() if same(shift, one, today)]
            if shift not in found and candidates:
                found[shift] = max(candidates, key=lambda number: free[number].valid_from)
                del free[found[shift]]
    return [(shift, found.get(shift)) for shift in wanted]


def _last_day(shift: Shift, added: Sequence[Shift], kept: Sequence[Shift], today: date) -> date | None:
    """The last day of a shift that is left out; None where it stays: it is over or is followed already."""
    last = date.max if shift.valid_to is None else shift.valid_to
    others = [one for one in (*added, *kept) if one.name == shift.name and one.valid_from <= last]
    begins = [one.valid_from for one in added if one.name == shift.name]
    replaced = any(one.valid_to is None or one.valid_to >= max(today, shift.valid_from) for one in others)
    followed = any(one.name == shift.name and one.valid_from > last for one in (*added, *kept))
    ends = min(begins, default=today) - _DAY
    return None if last < today or last <= ends or (followed and not replaced) else ends


def _kept(
    held: Mapping[int, Shift], matches: Sequence[tuple[Shift, int | None]], plan: RosterPlan
) -> list[Shift]:
    """The shifts that stay, as they are afterwards."""
    after = {number: shift for number, _, shift in plan.corrected}
    return [after.get(number, held[number]) for _, number in matches if number is not None]


def _hours(shift: Shift) -> tuple[object, ...]:
    return (shift.name, shift.start, shift.end, shift.days, shift.breaks)


def _equal(wanted: Shift, held: Shift, _today: date) -> bool:
    return (
        _hours(wanted) == _hours(held)
        and wanted.valid_to == held.valid_to
        and wanted.valid_from in (date.min, held.valid_from)
    )


def _shares_days(wanted: Shift, held: Shift, today: date) -> bool:
    first, last = _days(wanted, today)
    return (
        _hours(wanted) == _hours(held)
        and held.valid_from <= last
        and (held.valid_to is None or first <= held.valid_to)
    )


def _days(wanted: Shift, today: date) -> tuple[date, date]:
    """First and last day of a wanted shift; without a first day it concerns today on, or its last day."""
    last = date.max if wanted.valid_to is None else wanted.valid_to
    return (min(today, last) if wanted.valid_from == date.min else wanted.valid_from), last


def _beginning(shift: Shift, today: date) -> Shift:
    if shift.valid_from != date.min:
        return shift
    if shift.valid_to is not None and shift.valid_to < today:
        raise ValueError(
            f"shift {shift.name!r} ends on {shift.valid_to}, which is over, and these hours are not "
            "registered for that day; write since when they were worked, `from`"
        )
    return replace(shift, valid_from=today)


def _corrected(held: Shift, wanted: Shift, today: date) -> Shift:
    first = held.valid_from if wanted.valid_from == date.min else wanted.valid_from
    if held.valid_from <= today < first:
        raise ValueError(
            f"shift {held.name!r} has been worked, so it cannot begin on {first}, which is to come; leave "
            "`from` out, or write the days of before as a shift of their own with `to`"
        )
    if wanted.valid_to is not None and wanted.valid_to < first:
        raise ValueError(
            f"shift {held.name!r} begins on {first}, after its end on {wanted.valid_to}; write a later `to`"
        )
    return replace(held, valid_from=first, valid_to=wanted.valid_to)


def _followers(
    left: Mapping[int, Shift], corrected: Sequence[tuple[int, Shift, Shift]]
) -> list[tuple[int, Shift, Shift]]:
    """A shift that ended where another of its name began still does when that beginning is corrected."""
    found = []
    for _, before, after in corrected:
        for number, shift in left.items():
            if before.valid_from == after.valid_from or before.valid_from == date.min:
                continue
            last = after.valid_from - _DAY
            if (shift.name, shift.valid_to) == (before.name, before.valid_from - _DAY) and (
                shift.valid_from <= last
            ):
                found.append((number, shift, replace(shift, valid_to=last)))
    return found
