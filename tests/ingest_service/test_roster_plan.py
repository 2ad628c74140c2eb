"""How a roster that is described again changes the registered one: new hours since a day, past or to come."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_service.auth.audit import Audit
from ingest_service.register.description import import_description, plan_description
from ingest_service.register.description_check import DescriptionError
from ingest_service.register.description_plan import line_of
from ingest_service.register.roster_plan import plan_roster
from ingest_service.register.store import Register
from osh_domain.shift_conflicts import conflicts
from osh_domain.shifts import CalendarExceptions, Shift

SITE = "kh-f0123"
TODAY = date(2026, 6, 1)  # a Monday; the register's clock stands at 09:00
LATER = {"start": "08:00", "end": "17:00"}


def shifts_of(document: Any) -> list[Any]:
    found: list[Any] = document["sites"][0]["shifts"]
    return found


def told(register: Register, document: Any) -> str:
    with pytest.raises(DescriptionError) as caught:
        import_description(register, document, "test")
    (mistake,) = caught.value.mistakes
    return str(mistake)


def worked(register: Register, *days: str) -> list[list[str]]:
    """Start and end of the shifts of each day."""
    calendar = register.snapshot().calendar(SITE)
    zone = ZoneInfo(calendar.timezone)
    return [
        [
            f"{datetime.fromtimestamp(one.start, zone):%H}-{datetime.fromtimestamp(one.end, zone):%H}"
            for one in calendar.starting_on(date.fromisoformat(day))
        ]
        for day in days
    ]


def test_new_hours_since_a_day_that_has_passed_end_the_old_ones_before_it(
    register: Register, sample_description: Any
) -> None:
    shifts_of(sample_description)[0].update(LATER, **{"from": date(2026, 5, 15)})
    assert import_description(register, sample_description, "test").changes == 2
    assert import_description(register, sample_description, "test").changes == 0
    assert worked(register, "2026-05-14", "2026-05-15", "2026-06-01") == [["07-16"], ["08-17"], ["08-17"]]


def test_new_hours_from_a_day_to_come_leave_no_gap(register: Register, sample_description: Any) -> None:
    shifts_of(sample_description)[0].update(LATER, **{"from": date(2026, 6, 15)})
    assert import_description(register, sample_description, "test").changes == 2
    assert import_description(register, sample_description, "test").changes == 0
    assert worked(register, "2026-06-01", "2026-06-13", "2026-06-15") == [["07-16"], ["07-16"], ["08-17"]]


@pytest.mark.parametrize(("last", "first"), [("2026-05-14", "2026-05-15"), ("2026-06-16", "2026-06-17")])
def test_old_and_new_hours_may_both_be_written_with_their_dates(
    register: Register, sample_description: Any, last: str, first: str
) -> None:
    shifts = shifts_of(sample_description)
    shifts.append(shifts[0] | LATER | {"from": first})
    shifts[0]["to"] = last
    assert import_description(register, sample_description, "test").changes == 2
    assert import_description(register, sample_description, "test").changes == 0
    assert worked(register, "2026-05-13", last, first) == [["07-16"], ["07-16"], ["08-17"]]


def test_a_beginning_that_was_wrong_is_corrected_on_both_sides(
    register: Register, sample_description: Any
) -> None:
    new = shifts_of(sample_description)[0]
    new.update(LATER, **{"from": date(2026, 5, 15)})
    import_description(register, sample_description, "test")
    for first, expected in ((date(2026, 5, 13), "08-17"), (date(2026, 5, 16), "07-16")):
        new["from"] = first
        assert import_description(register, sample_description, "test").changes == 2
        assert worked(register, "2026-05-13", "2026-05-15") == [[expected], [expected]]
    row = Audit(register).rows(action="shift corrected")[-1]
    assert row.detail["before"].keys() == row.detail["after"].keys()


def test_a_change_of_dates_is_told_in_dates(register: Register, sample_description: Any) -> None:
    shifts_of(sample_description)[0].update({"from": "2026-01-05", "to": "2026-06-14"})
    (change,) = plan_description(register, sample_description)
    said = "valid_from always -> 2026-01-05, valid_to without end -> 2026-06-14"
    assert line_of(change) == f"shift corrected day ({SITE}): {said}"
    sensor = sample_description["sites"][0]["gateways"][0]["sensors"][0]
    for begin in ("2026-05-01", "2026-05-11"):
        sensor.update({"zone": "ironing", "from": begin})
        changes = plan_description(register, sample_description)
        import_description(register, sample_description, "test")
    assert "valid_from 2026-04-30 17:00 UTC -> 2026-05-10 17:00 UTC" in line_of(changes[-1])


def test_hours_that_never_were_are_replaced_from_their_first_day(
    register: Register, sample_description: Any
) -> None:
    new = shifts_of(sample_description)[0]
    new.update(LATER, **{"from": date(2026, 5, 15)})
    import_description(register, sample_description, "test")
    new.update(end="18:00")
    import_description(register, sample_description, "test")
    assert worked(register, "2026-05-14", "2026-05-15") == [["07-16"], ["08-18"]]
    assert Audit(register).rows(action="shift ended")[0].detail["before"]["end"] == "17:00:00"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"from": "2026-06-15"}, "has been worked, so it cannot begin on 2026-06-15, which is to come"),
        ({"from": "2026-05-15", "to": "2026-05-01"}, "valid_to 2026-05-01 is before valid_from 2026-05-15"),
        (LATER | {"to": "2026-05-14"}, "write since when they were worked, `from`"),
    ],
)
def test_dates_that_cannot_be_are_refused_with_the_way_out(
    register: Register, sample_description: Any, change: Any, words: str
) -> None:
    shifts_of(sample_description)[0].update(change)
    mistake = told(register, sample_description)
    assert mistake.startswith("sites kh-f0123")
    assert words in mistake


def test_two_of_one_name_at_once_are_refused_in_the_past_too(
    register: Register, sample_description: Any
) -> None:
    shifts = shifts_of(sample_description)
    shifts.append(shifts[0] | LATER | {"from": "2026-05-15", "to": "2026-05-20"})
    assert "overlaps itself: 07:00-16:00 of 2026-05-15" in told(register, sample_description)


_DATES = st.dates(TODAY - timedelta(days=20), TODAY + timedelta(days=20))


@st.composite
def _rosters(draw: st.DrawFn) -> list[Shift]:
    """Shifts of one name that follow each other."""
    days = sorted(draw(st.sets(_DATES, min_size=1, max_size=3)))
    lasts = [day - timedelta(days=1) for day in days[1:]]
    first = draw(st.sampled_from([date.min, days[0]]))
    hours = draw(st.permutations(range(5, 9)))
    return [
        Shift("day", time(hour), time(16), frozenset(range(7)), (), begins, ends)
        for hour, begins, ends in zip(hours, [first, *days[1:]], [*lasts, None], strict=False)
    ]


@settings(max_examples=200, deadline=None)
@given(first=_rosters(), second=_rosters())
def test_a_roster_that_is_taken_is_as_it_was_said_and_changes_nothing_when_said_again(
    first: list[Shift], second: list[Shift]
) -> None:
    held: dict[int, Shift] = {}
    for wanted in (first, second):
        try:
            held = _done(held, wanted)
        except ValueError:
            return
        again = plan_roster(held, wanted, TODAY)
        assert (again.added, again.ended, again.corrected) == ([], [], [])
    for day in (TODAY + timedelta(days=number) for number in range(40)):
        starts = [shift.start for shift in held.values() if shift.starts_on(day)]
        expected = [shift.start for shift in second if shift.starts_on(day)]
        assert len(starts) <= 1
        if second[0].valid_from != date.min and expected:  # else what was planned stands
            assert starts == expected


def _done(held: dict[int, Shift], wanted: list[Shift]) -> dict[int, Shift]:
    plan = plan_roster(held, wanted, TODAY)
    after = held | {number: shift for number, _, shift in plan.corrected}
    for number, shift, last in plan.ended:
        del after[number]
        if shift.valid_from <= last:
            after[number] = Shift(
                shift.name, shift.start, shift.end, shift.days, shift.breaks, shift.valid_from, last
            )
    for shift in plan.added:
        after[max(after, default=0) + 1] = shift
    if mistakes := conflicts(list(after.values()), CalendarExceptions(), since=TODAY):
        raise ValueError(mistakes)  # as an import does
    return after
