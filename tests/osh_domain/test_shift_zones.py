"""Calendars over every time zone of our countries, against a walk along the wall clock."""

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TypeVar
from zoneinfo import TZPATH, ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osh_domain.shift_conflicts import conflicts
from osh_domain.shifts import CalendarExceptions, DayOff, Overtime, Season, Shift, ShiftCalendar
from tests.osh_domain.calendar_oracle import OUR_ZONES, ZONES, Walk, changes, on_at

_Entry = TypeVar("_Entry")
WEEK = frozenset(range(7))
NIGHT = Shift("night", time(22), time(6), WEEK, ((time(1, 30), time(2, 15)),))
EARLY = Shift("early", time(6), time(14), WEEK, ((time(10), time(10, 30)),))
LATE = Shift("late", time(14), time(22), frozenset({0, 2, 4}))
every_zone = pytest.mark.parametrize("zone", ZONES)


def test_every_zone_of_our_countries_is_among_them() -> None:
    tables = [path for folder in TZPATH if (path := Path(folder) / "zone.tab").is_file()]
    if not tables:
        pytest.skip("this machine has no table of the tz database")
    found: dict[str, list[str]] = {}
    for line in tables[0].read_text().splitlines():
        country, _, rest = line.partition("\t")
        if country in OUR_ZONES:
            found.setdefault(country, []).append(rest.split("\t")[1])
    assert {country: sorted(zones) for country, zones in found.items()} == OUR_ZONES


@st.composite
def shifts(draw: st.DrawFn, names: str) -> list[Shift]:
    found = []
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)):
        start, length = draw(st.integers(0, 1439)), draw(st.integers(1, 1439))
        breaks = []
        if length > 4 and draw(st.booleans()):
            begins, ends = sorted(draw(st.lists(st.integers(0, length), min_size=2, max_size=2, unique=True)))
            breaks = [(_clock(start + begins), _clock(start + ends))]
        days = draw(st.frozensets(st.integers(0, 6), min_size=3))
        found.append(Shift(name, _clock(start), _clock(start + length), days, tuple(breaks)))
    return found


def _clock(minutes: int) -> time:
    return time(minutes // 60 % 24, minutes % 60)


@st.composite
def calendars(draw: st.DrawFn, around: date) -> tuple[list[Shift], CalendarExceptions]:
    """A roster with exceptions in the days around a date; overtime only where it can be true."""
    roster = draw(shifts("abcd"))
    near = st.integers(-2, 2).map(lambda days: around + timedelta(days=days))
    days_off = [DayOff(day, "holiday") for day in draw(st.sets(near, max_size=2))]
    seasons = []
    if draw(st.booleans()):
        first, last = sorted([draw(near), draw(near)])
        seasons = [Season("fasting", first, last, tuple(draw(shifts("abef"))))]
    exceptions = CalendarExceptions(days_off, (), seasons)
    overtime: list[Overtime] = []
    for day in sorted(draw(st.sets(near, max_size=3))):
        worked = list(seasons[0].shifts) if seasons and seasons[0].holds_on(day) else roster
        shift = draw(st.sampled_from(worked))
        begin = shift.start.hour * 60 + shift.start.minute
        regular = int(shift.after_start(shift.end)) // 60
        until = _clock(begin + draw(st.integers(min(regular + 1, 1439), 1439)))
        more = CalendarExceptions(days_off, [*overtime, Overtime(shift.name, day, until)], seasons)
        if set(conflicts(roster, more)) <= set(conflicts(roster, exceptions)):
            overtime = list(more.overtime)
    return roster, CalendarExceptions(days_off, overtime, seasons)


@every_zone
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_a_calendar_says_what_the_wall_clock_says(zone: str, data: st.DataObject) -> None:
    turns = [datetime.fromtimestamp(t, UTC).date() for t, _ in changes(zone, 1900)]
    anywhere = st.dates(date(1900, 2, 1), date(2037, 11, 30))
    day = data.draw(st.one_of(st.sampled_from(turns), anywhere) if turns else anywhere)
    roster, exceptions = data.draw(calendars(day))
    calendar = ShiftCalendar(zone, roster, exceptions=exceptions, checked=False)
    for t, shown in Walk(zone, day - timedelta(days=1), 3):
        instances = calendar.instances(t, t + 1e-3)
        found = {(one.name, one.on_break(t)) for one in instances if one.covers(t)}
        expected = on_at(shown, roster, exceptions)
        assert found == expected, (t, shown)
        assert calendar.working(t) == any(not on_break for _, on_break in expected)
        present = calendar.shift_at(t)
        assert (present is None) == (not expected)
        if present is not None:
            assert present.start == min(one.start for one in instances if one.covers(t))
        assert calendar.local_date(t) == shown.date()


@every_zone
def test_every_change_of_the_clocks_moves_what_is_worked_by_as_much(zone: str) -> None:
    calendar = ShiftCalendar(zone, [NIGHT, EARLY, LATE])
    for t, moved in changes(zone):
        begin, end = calendar.local_day(t)
        day_before = calendar.local_day(begin - 1)
        assert end - begin + day_before[1] - day_before[0] == 2 * 86400.0 - moved
        since, until = calendar.week(t)
        worked = _seconds(calendar, since, until)
        assert worked["working"] + worked["break"] + worked["free"] == until - since
        assert until - since == 7 * 86400.0 - sum(shift for at, shift in changes(zone) if since <= at < until)
        nights = [one for one in calendar.instances(since, until) if one.name == "night"]
        for night in nights:
            wall = [datetime.fromtimestamp(at, ZoneInfo(zone)).utcoffset() for at in (night.start, night.end)]
            assert wall[0] is not None
            assert wall[1] is not None
            assert night.length_s == 8 * 3600.0 - (wall[1] - wall[0]).total_seconds()


def _seconds(calendar: ShiftCalendar, since: float, until: float) -> dict[str, float]:
    found = {"working": 0.0, "break": 0.0, "free": 0.0}
    edges = {since, until}
    for one in calendar.instances(since, until):
        for at in (one.start, one.end, *(edge for pause in one.breaks for edge in pause)):
            edges.add(min(max(at, since), until))
    for begin, end in pairwise(sorted(edges)):
        middle = (begin + end) / 2
        kind = "working" if calendar.working(middle) else "break" if calendar.shift_at(middle) else "free"
        found[kind] += end - begin
    return found


@every_zone
@settings(max_examples=40, deadline=None)
@given(t=st.floats(-2.2e9, 2.1e9))
def test_days_and_weeks_follow_each_other_and_cover_all_time(zone: str, t: float) -> None:
    calendar = ShiftCalendar(zone, [])
    for period in (calendar.local_day, calendar.week):
        start, end = period(t)
        assert start <= t < end
        assert period(start) == period((start + end) / 2) == (start, end)
        assert period(end)[0] == end
        assert period(start - 1)[1] == start
    monday, next_monday = calendar.week(t)
    assert calendar.local_date(monday).weekday() == calendar.local_date(next_monday).weekday() == 0
    assert 6.9 < (next_monday - monday) / 86400.0 < 7.1


@settings(max_examples=60, deadline=None)
@given(data=st.data(), seed=st.integers(0, 99))
def test_the_order_in_which_a_calendar_is_written_does_not_matter(data: st.DataObject, seed: int) -> None:
    day = date(2026, 4, 24)  # clocks go forward in Cairo
    roster, exceptions = data.draw(calendars(day))
    shuffled = random.Random(seed)

    def mixed(entries: Sequence[_Entry]) -> list[_Entry]:
        return shuffled.sample(list(entries), len(entries))

    mixed_exceptions = CalendarExceptions(
        mixed(exceptions.days_off), mixed(exceptions.overtime), mixed(exceptions.seasons)
    )
    other = ShiftCalendar("Africa/Cairo", mixed(roster), exceptions=mixed_exceptions, checked=False)
    calendar = ShiftCalendar("Africa/Cairo", roster, exceptions=exceptions, checked=False)
    t0 = datetime(2026, 4, 20, tzinfo=UTC).timestamp()
    for number in range(8 * 48):
        t = t0 + 1800.0 * number
        assert calendar.shift_at(t) == other.shift_at(t)
        assert calendar.working(t) == other.working(t)
    assert calendar.instances(t0, t0 + 8 * 86400) == other.instances(t0, t0 + 8 * 86400)
    mistakes, others = (conflicts(c.roster, c.exceptions) for c in (calendar, other))
    assert sorted(mistakes) == sorted(others)
