from collections.abc import Callable
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osh_domain.shift_conflicts import conflicts
from osh_domain.shifts import CalendarExceptions, DayOff, Overtime, Season, Shift, ShiftCalendar

PHNOM_PENH = "Asia/Phnom_Penh"
WEEK = frozenset(range(7))
DAY = Shift("day", time(7), time(16), frozenset(range(6)), ((time(11), time(12)),))
NIGHT = Shift("night", time(22), time(6), WEEK)
FASTING = Season(
    "Ramadan", date(2026, 2, 18), date(2026, 3, 19), (Shift("day", time(7), time(13), frozenset(range(6))),)
)
TUESDAY = date(2026, 4, 14)


def at(text: str, zone: str = PHNOM_PENH) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def calendar(
    *shifts: Shift,
    days_off: tuple[DayOff, ...] = (),
    overtime: tuple[Overtime, ...] = (),
    seasons: tuple[Season, ...] = (),
    zone: str = PHNOM_PENH,
) -> ShiftCalendar:
    return ShiftCalendar(
        zone, shifts or (DAY, NIGHT), exceptions=CalendarExceptions(days_off, overtime, seasons)
    )


def test_no_shift_starts_on_a_day_off_and_the_night_before_it_still_ends() -> None:
    found = calendar(days_off=(DayOff(TUESDAY, "Khmer New Year"),))
    assert [(one.name, one.start) for one in found.instances(at("2026-04-14"), at("2026-04-15 12:00"))] == [
        ("night", at("2026-04-13 22:00")),
        ("day", at("2026-04-15 07:00")),
    ]
    assert found.shift_at(at("2026-04-14 05:59")) is not None
    assert found.shift_at(at("2026-04-14 10:00")) is None
    assert not found.working(at("2026-04-14 23:00"))
    assert found.shift_of_minute(int(at("2026-04-14 10:00") // 60)) is None


def test_overtime_lengthens_the_shift_of_that_day_alone() -> None:
    extra = Overtime("day", TUESDAY, time(19), ((time(17), time(17, 30)),))
    found = calendar(DAY, overtime=(extra,))
    lengths = [one.length_s / 3600 for one in found.instances(at("2026-04-13"), at("2026-04-16"))]
    assert lengths == [9.0, 12.0, 9.0]
    assert found.working(at("2026-04-14 18:59"))
    assert not found.working(at("2026-04-14 17:15"))
    assert found.shift_at(at("2026-04-14 19:00")) is None


def test_overtime_may_go_past_midnight_and_over_a_change_of_the_clocks() -> None:
    extra = Overtime("day", date(2026, 4, 23), time(2))
    found = calendar(DAY, overtime=(extra,), zone="Africa/Cairo")  # 24:00 of that day is 01:00
    (one,) = found.instances(at("2026-04-23 12:00", "Africa/Cairo"), at("2026-04-24 03:00", "Africa/Cairo"))
    assert one.length_s == 18 * 3600
    assert one.end == at("2026-04-24 02:00", "Africa/Cairo")


def test_a_season_replaces_the_roster_between_its_days() -> None:
    found = calendar(seasons=(FASTING,))
    assert [
        (one.name, one.length_s / 3600) for one in found.instances(at("2026-02-17"), at("2026-02-19"))
    ] == [
        ("night", 8.0),  # of the 16th
        ("day", 9.0),
        ("night", 8.0),  # of the 17th ends in the season
        ("day", 6.0),
    ]
    last_day = [one.name for one in found.instances(at("2026-03-19"), at("2026-03-20 23:00"))]
    assert last_day == ["day", "day", "night"]
    assert found.exceptions.season(date(2026, 3, 19)) is FASTING
    assert found.exceptions.season(date(2026, 3, 20)) is None


def test_overtime_and_days_off_hold_in_a_season_too() -> None:
    found = calendar(
        DAY,
        seasons=(FASTING,),
        days_off=(DayOff(date(2026, 2, 19), "holiday"),),
        overtime=(Overtime("day", date(2026, 2, 20), time(15)),),
    )
    lengths = [one.length_s / 3600 for one in found.instances(at("2026-02-18"), at("2026-02-21"))]
    assert lengths == [6.0, 8.0]


def test_a_week_is_the_sites_own_from_monday_to_monday() -> None:
    assert calendar().week(at("2026-04-19 23:59")) == (at("2026-04-13"), at("2026-04-20"))
    start, end = calendar(zone="Africa/Cairo").week(at("2026-04-24 12:00", "Africa/Cairo"))
    assert (end - start) / 3600 == 7 * 24 - 1


def test_a_calendar_that_was_accepted_earlier_is_read_without_judging() -> None:
    twice = (NIGHT, Shift("night", time(5), time(13), WEEK))
    found = ShiftCalendar(PHNOM_PENH, twice, checked=False)
    one = found.shift_at(at("2026-04-14 05:30"))
    assert one is not None
    assert one.start == at("2026-04-13 22:00")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: calendar(NIGHT, Shift("night", time(5), time(13), WEEK)), "'night' overlaps itself: 22:00"),
        (lambda: calendar(DAY, Shift("day", time(15), time(18), WEEK)), "'day' overlaps itself: 07:00-16:00"),
        (lambda: calendar(DAY, DAY), "overlaps itself"),
        (
            lambda: calendar(
                Shift("day", time(22), time(6), WEEK, (), date.min, date(2026, 5, 1)),
                Shift("day", time(5), time(13), WEEK, (), date(2026, 5, 2)),
            ),
            "22:00-06:00 of 2026-05-01 is not over when 05:00-13:00 of 2026-05-02 begins",
        ),
        (lambda: calendar(overtime=(Overtime("day", TUESDAY, time(15)),)), "not after the end of 'day'"),
        (lambda: calendar(overtime=(Overtime("day", TUESDAY, time(16)),)), "not after the end of 'day'"),
        (lambda: calendar(overtime=(Overtime("day", TUESDAY, time(7)),)), "not after the end of 'day'"),
        (
            lambda: calendar(
                Shift("day", time(7), time(16), frozenset({1})),
                Shift("day", time(5), time(9), frozenset({2})),
                overtime=(Overtime("day", TUESDAY, time(6)),),
            ),
            "until 06:00 runs into the next start of the same shift, 2026-04-15 05:00; end it by then",
        ),
        (
            lambda: calendar(overtime=(Overtime("day", date(2026, 4, 19), time(19)),)),
            r"no shift of this name starts on that day \(those that do: night\)",
        ),
        (lambda: calendar(overtime=(Overtime("dya", TUESDAY, time(19)),)), "those that do: day, night"),
        (
            lambda: calendar(
                days_off=(DayOff(TUESDAY, "New Year"),), overtime=(Overtime("day", TUESDAY, time(19)),)
            ),
            "that day is off",
        ),
        (
            lambda: calendar(overtime=(Overtime("day", TUESDAY, time(19), ((time(15), time(17)),)),)),
            "break 15:00-17:00 is not inside the overtime",
        ),
        (lambda: Season("empty", TUESDAY, TUESDAY, ()), "has no shifts; write the shifts"),
        (lambda: Season("back", TUESDAY, date(2026, 4, 1), (DAY,)), "before its first"),
        (
            lambda: CalendarExceptions(seasons=(FASTING, Season("x", FASTING.last, TUESDAY, (DAY,)))),
            "share days",
        ),
        (
            lambda: CalendarExceptions((DayOff(TUESDAY, "a"), DayOff(TUESDAY, "b"))),
            "2026-04-14 is a day off twice: 'a' and 'b'",
        ),
        (
            lambda: CalendarExceptions(
                (), (Overtime("day", TUESDAY, time(18)), Overtime("day", TUESDAY, time(19)))
            ),
            "there 2 times",
        ),
    ],
)
def test_an_impossible_calendar_is_refused_with_its_reason(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_every_reason_is_given_at_once() -> None:
    wrong = (Overtime("day", TUESDAY, time(15)), Overtime("dya", TUESDAY, time(19)))
    with pytest.raises(ValueError, match="not after") as caught:
        calendar(NIGHT, DAY, Shift("night", time(5), time(9), WEEK), overtime=wrong)
    assert len(str(caught.value).splitlines()) == 3


def test_a_day_off_hides_no_conflict_of_the_weeks_after_it() -> None:
    saturdays = Shift("day", time(6), time(8), frozenset({5}), (), date(2026, 4, 19))
    off = CalendarExceptions([DayOff(date(2026, 4, 25), "off"), DayOff(date(2026, 5, 2), "off")])
    (mistake,) = conflicts([DAY, saturdays], off)
    assert "06:00-08:00 of 2026-05-09 is not over" in mistake


def test_what_is_over_can_be_left_unjudged() -> None:
    exceptions = CalendarExceptions((), (Overtime("gone", TUESDAY, time(19)),))
    assert conflicts([DAY], exceptions, since=date(2026, 4, 15)) == []
    assert len(conflicts([DAY], exceptions, since=TUESDAY)) == 1
    twice = [NIGHT, Shift("night", time(5), time(13), WEEK)]
    assert len(conflicts(twice, CalendarExceptions(), since=date(2026, 4, 15))) >= 1


_DATES = st.dates(date(2026, 4, 10), date(2026, 5, 10))


@st.composite
def _shift(draw: st.DrawFn) -> Shift:
    start = draw(st.integers(0, 23))
    end = (start + draw(st.integers(1, 23))) % 24
    first, last = sorted([draw(_DATES), draw(_DATES)])
    return Shift(
        draw(st.sampled_from("ab")),
        time(start),
        time(end),
        draw(st.frozensets(st.integers(0, 6), min_size=1, max_size=2)),
        (),
        draw(st.sampled_from([date.min, first])),
        draw(st.sampled_from([None, last])),
    )


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_conflict_is_told_exactly_where_two_of_one_name_are_on_at_once(data: st.DataObject) -> None:
    roster = data.draw(st.lists(_shift(), min_size=1, max_size=3))
    seasons = []
    if data.draw(st.booleans()):
        first, last = sorted([data.draw(_DATES), data.draw(_DATES)])
        seasons = [Season("season", first, last, (data.draw(_shift()),))]
    days_off = [DayOff(day, "off") for day in data.draw(st.sets(_DATES, max_size=2))]
    exceptions = CalendarExceptions(days_off, (), seasons)
    found = ShiftCalendar("UTC", roster, exceptions=exceptions, checked=False)
    begin = datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC")).timestamp()
    until: dict[str, float] = {}
    twice = False
    for one in found.instances(begin, begin + 300 * 86400.0):
        twice = twice or one.start < until.get(one.name, 0.0)
        until[one.name] = max(one.end, until.get(one.name, 0.0))
    assert bool(conflicts(roster, exceptions)) == twice
