import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osh_domain.shifts import Shift, ShiftCalendar

WEEK = frozenset(range(7))
DAY = Shift("day", time(7), time(16), frozenset(range(6)), ((time(11), time(12)),), date(2026, 1, 1))
NIGHT = Shift(
    "night", time(22), time(6), WEEK, ((time(23), time(23, 15)), (time(2), time(2, 30))), date(2026, 1, 1)
)
PHNOM_PENH = ShiftCalendar("Asia/Phnom_Penh", [DAY, NIGHT])


def at(text: str, zone: str = "Asia/Phnom_Penh") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def test_a_shift_is_found_in_the_sites_own_time() -> None:
    found = PHNOM_PENH.shift_at(at("2026-04-20 10:00"))
    assert found is not None
    assert (found.name, found.start, found.end) == ("day", at("2026-04-20 07:00"), at("2026-04-20 16:00"))


def test_the_start_belongs_to_the_shift_and_the_end_does_not() -> None:
    assert PHNOM_PENH.shift_at(at("2026-04-20 07:00")) is not None
    assert PHNOM_PENH.shift_at(at("2026-04-20 06:59:59")) is None
    assert PHNOM_PENH.shift_at(at("2026-04-20 16:00")) is None


def test_the_minute_that_ends_with_the_shift_belongs_to_it() -> None:
    last = int(at("2026-04-20 16:00") // 60)
    first = int(at("2026-04-20 07:00") // 60) + 1
    assert PHNOM_PENH.shift_of_minute(last) is not None
    assert PHNOM_PENH.shift_of_minute(last + 1) is None
    assert PHNOM_PENH.shift_of_minute(first) is not None
    assert PHNOM_PENH.shift_of_minute(first - 1) is None


def test_a_night_shift_is_one_shift_on_both_sides_of_midnight() -> None:
    before, after = PHNOM_PENH.shift_at(at("2026-04-20 23:50")), PHNOM_PENH.shift_at(at("2026-04-21 05:59"))
    assert before is not None
    assert before == after
    assert before.breaks == (
        (at("2026-04-20 23:00"), at("2026-04-20 23:15")),
        (at("2026-04-21 02:00"), at("2026-04-21 02:30")),
    )


def test_nobody_works_on_a_break_or_on_a_day_off() -> None:
    assert PHNOM_PENH.working(at("2026-04-20 10:59"))
    assert not PHNOM_PENH.working(at("2026-04-20 11:30"))
    assert not PHNOM_PENH.working(at("2026-04-21 02:15"))
    assert not PHNOM_PENH.working(at("2026-04-26 10:00"))  # a Sunday


def test_instances_are_those_that_share_a_moment_with_the_span() -> None:
    found = PHNOM_PENH.instances(at("2026-04-20 05:00"), at("2026-04-20 22:00"))
    assert [(one.name, one.start) for one in found] == [
        ("night", at("2026-04-19 22:00")),
        ("day", at("2026-04-20 07:00")),
    ]


def test_a_shift_is_valid_between_its_dates_both_included() -> None:
    fasting = Shift("fasting", time(7), time(13), WEEK, (), date(2026, 2, 18), date(2026, 3, 19))
    calendar = ShiftCalendar("Asia/Dhaka", [fasting])
    found = calendar.instances(at("2026-01-01 00:00", "Asia/Dhaka"), at("2026-06-01 00:00", "Asia/Dhaka"))
    assert len(found) == 30
    assert found[0].start == at("2026-02-18 07:00", "Asia/Dhaka")
    assert found[-1].start == at("2026-03-19 07:00", "Asia/Dhaka")


def test_where_shifts_overlap_the_one_that_started_first_is_followed_to_its_end() -> None:
    early = Shift("early", time(6), time(14, 30), WEEK)
    late = Shift("late", time(14), time(22, 30), WEEK)
    calendar = ShiftCalendar("UTC", [late, early])
    names = [
        found.name if (found := calendar.shift_at(at(f"2026-04-20 {clock}", "UTC"))) else None
        for clock in ("14:15", "14:29", "14:30", "22:29", "22:30")
    ]
    assert names == ["early", "early", "late", "late", None]


@pytest.mark.parametrize(
    ("zone", "night", "hours"),
    [
        ("America/Port-au-Prince", "2026-03-07", 7.0),  # clocks skip 02:00-03:00
        ("America/Port-au-Prince", "2026-10-31", 9.0),  # 01:00-02:00 comes twice
        ("Africa/Cairo", "2026-04-23", 7.0),  # midnight itself is skipped
        ("Africa/Cairo", "2026-10-29", 9.0),  # 23:00-24:00 comes twice
        ("Asia/Phnom_Penh", "2026-03-07", 8.0),
    ],
)
def test_a_night_shift_lasts_as_long_as_people_work_when_clocks_change(
    zone: str, night: str, hours: float
) -> None:
    calendar = ShiftCalendar(zone, [NIGHT])
    found = calendar.shift_at(at(f"{night} 22:30", zone))
    assert found is not None
    assert found.length_s == hours * 3600


def test_a_time_that_clocks_skip_is_the_moment_of_the_jump() -> None:
    calendar = ShiftCalendar("America/Port-au-Prince", [Shift("odd", time(2, 45), time(3, 15), WEEK)])
    found = calendar.instances(at("2026-03-08 00:00", "UTC"), at("2026-03-08 23:00", "UTC"))
    jump = datetime(2026, 3, 8, 7, tzinfo=UTC).timestamp()
    assert [(one.start, one.end) for one in found] == [(jump, jump + 900)]


def test_a_local_day_has_23_24_or_25_hours() -> None:
    calendar = ShiftCalendar("Africa/Cairo", [])
    lengths = []
    for noon in ("2026-04-24 12:00", "2026-04-25 12:00", "2026-10-29 12:00"):
        start, end = calendar.local_day(at(noon, "Africa/Cairo"))
        lengths.append((end - start) / 3600)
    assert lengths == [23.0, 24.0, 25.0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Shift("x", time(7), time(7), WEEK), "both 07:00"),
        (lambda: Shift("x", time(7), time(16), frozenset({7})), "weekdays 0"),
        (lambda: Shift("x", time(7), time(16), frozenset()), "weekdays 0"),
        (lambda: Shift("x", time(7), time(16), WEEK, ((time(16), time(17)),)), "not inside"),
        (lambda: Shift("x", time(7), time(16), WEEK, ((time(6), time(8)),)), "not inside"),
        (
            lambda: Shift("x", time(7), time(16), WEEK, ((time(11), time(12)), (time(11, 30), time(13)))),
            "not inside",
        ),
        (
            lambda: Shift("x", time(7), time(16), WEEK, (), date(2026, 2, 1), date(2026, 1, 1)),
            "before valid_from",
        ),
        (lambda: ShiftCalendar("Asia/Atlantis", []), "Asia/Atlantis"),
        (lambda: ShiftCalendar("../etc/passwd", []), "is unknown"),
    ],
)
def test_an_impossible_shift_is_refused_with_its_reason(make: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()  # type: ignore[operator]


ZONES = ["Asia/Dhaka", "Asia/Phnom_Penh", "Africa/Cairo", "Africa/Addis_Ababa", "America/Port-au-Prince",
         "Asia/Jakarta", "Asia/Amman", "Indian/Antananarivo", "America/Managua", "Asia/Karachi",
         "Asia/Colombo", "Asia/Tashkent", "Asia/Ho_Chi_Minh"]  # fmt: skip


@given(
    zone=st.sampled_from(ZONES),
    day=st.dates(date(2000, 1, 1), date(2037, 12, 31)),
    start=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    hours=st.integers(1, 23),
)
def test_an_instance_lies_within_an_hour_of_its_length_and_is_found_at_its_start(
    zone: str, day: date, start: time, hours: int
) -> None:
    end = (datetime.combine(day, start) + timedelta(hours=hours)).time()
    calendar = ShiftCalendar(zone, [Shift("s", start, end, WEEK)])
    noon = datetime.combine(day, time(12), ZoneInfo(zone)).timestamp()
    found = calendar.instances(noon - 86400, noon + 86400)
    assert found
    for one in found:
        assert abs(one.length_s - hours * 3600) <= 3600
        assert calendar.shift_at(one.start) is not None
        assert calendar.shift_at((one.start + one.end) / 2) is not None
    for earlier, later in itertools.pairwise(found):
        assert earlier.end <= later.start + 3600
