"""Projections by hand: what is measured stands, what is to come follows a stated rule, or nothing is said."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osh_domain.exposure.noise import daily_exposure_level, energy, level
from osh_domain.exposure.projection import (
    Path,
    Point,
    Reach,
    past_error,
    project_heat,
    project_noise,
    reach,
)
from osh_domain.shifts import ShiftInstance

START = 1_000_000  # a minute
DAY = ShiftInstance("day", 60.0 * START, 60.0 * (START + 480))
WITH_BREAK = ShiftInstance(
    "day", 60.0 * START, 60.0 * (START + 540), ((60.0 * (START + 240), 60.0 * (START + 300)),)
)


def steady(value: float, minutes: int) -> dict[int, float]:
    return {START + minute: value for minute in range(1, minutes + 1)}


def heat(minutes: dict[int, float], now: int) -> Path:
    found = project_heat(minutes, now, DAY)
    assert isinstance(found, Path), found
    return found


def noise(levels: dict[int, float], now: int, shift: ShiftInstance = DAY) -> Path:
    found = project_noise(levels, now, shift)
    assert isinstance(found, Path), found
    return found


def test_steady_heat_stays_as_it_is_to_the_end_of_the_shift() -> None:
    path = heat(steady(28.0, 120), START + 120)
    assert (path.now.minute, path.end.minute) == (START + 120, START + 480)
    assert {round(one.value, 9) for one in path.points} == {28.0}
    assert path.end.high - path.end.value == pytest.approx(1.7)
    assert (path.measured, path.rate) == (60, 0.0)


def test_rising_heat_is_projected_by_its_damped_trend_on_top_of_what_was_measured() -> None:
    rising = {START + minute: 26.0 + 0.01 * minute for minute in range(1, 121)}
    path = heat(rising, START + 120)
    assert path.rate == pytest.approx(0.6)
    # An hour ahead: level 27.2 now, plus the mean of 0.01 x 90 (1 - e^(-h/90)) over h = 1..60.
    grown = [0.9 * (1.0 - math.exp(-h / 90.0)) for h in range(1, 61)]
    assert path.points[60].value == pytest.approx(27.2 + math.fsum(grown) / 60.0, abs=1e-9)
    # After one minute, 59 of the 60 were measured.
    measured = math.fsum(26.0 + 0.01 * minute for minute in range(62, 121))
    assert path.points[1].value == pytest.approx((measured + 27.2 + grown[0]) / 60.0, abs=1e-9)


def test_the_hours_mean_still_climbs_after_the_minutes_stopped_climbing() -> None:
    climbed = {START + minute: min(28.0, 26.0 + minute / 30.0) for minute in range(1, 91)}
    path = heat(climbed, START + 90)
    assert path.now.value < 27.8
    assert path.points[60].value > 27.9


def test_one_wild_minute_does_not_bend_the_trend() -> None:
    minutes = steady(28.0, 120)
    minutes[START + 118] = 45.0
    path = heat(minutes, START + 120)
    assert path.rate == 0.0
    assert path.end.value == pytest.approx(28.0)


def test_a_limit_is_reached_in_the_first_minute_above_it() -> None:
    points = tuple(Point(100 + m, 29.0 + m / 60.0, 28.5 + m / 60.0, 29.5 + m / 60.0) for m in range(121))
    path = Path(points, 60, 1.0)
    assert reach(path, 30.0) == Reach(at=161, earliest=131, latest=191)
    assert reach(path, 30.0, strict=False) == Reach(at=160, earliest=130, latest=190)
    assert reach(path, 29.0, strict=False).already
    assert not reach(path, 29.0).already
    assert reach(path, 31.2) == Reach(at=None, earliest=203, latest=None)
    assert reach(path, 40.0) == Reach(at=None, earliest=None, latest=None)


@pytest.mark.parametrize(
    ("minutes", "now", "shift", "why"),
    [
        (steady(28.0, 120), START + 120, None, "no_shift"),
        ({}, START + 120, DAY, "too_little"),
        (steady(28.0, 40), START + 40, DAY, "too_little"),
        (steady(28.0, 120), START + 136, DAY, "old"),
        (steady(28.0, 466), START + 466, DAY, "nearly_over"),
        ({START + m: 28.0 + 6.0 * ((m * 7919) % 101) / 101 for m in range(1, 121)} , START + 120, DAY, None),
    ],
)  # fmt: skip
def test_where_a_projection_would_be_a_guess_its_reason_is_given(
    minutes: dict[int, float], now: int, shift: ShiftInstance | None, why: str | None
) -> None:
    found = project_heat(minutes, now, shift)
    assert (found if isinstance(found, str) else None) == why


def test_a_restless_hour_has_no_trend_to_go_by() -> None:
    restless = {START + m: 24.0 + 8.0 * ((m // 5 * 5) % 3) for m in range(1, 121)}
    assert project_heat(restless, START + 120, DAY) == "trend_uncertain"


def test_the_span_grows_with_the_time_ahead() -> None:
    assert [past_error(one) for one in (0.0, 30.0, 90.0, 400.0)] == pytest.approx([0.0, 0.3, 0.975, 1.7])
    path = heat(steady(28.0, 120), START + 120)
    widths = [one.high - one.low for one in path.points]
    assert widths == sorted(widths)


def test_noise_so_far_is_the_daily_level_and_the_same_noise_all_day_ends_at_its_own_level() -> None:
    path = noise(steady(85.0, 120), START + 120)
    assert path.now.value == pytest.approx(daily_exposure_level([(85.0, 2.0)]))
    assert path.now.value == pytest.approx(78.979, abs=1e-3)
    assert path.end.value == pytest.approx(85.0)
    assert path.rate == pytest.approx(85.0)


def test_the_limit_of_the_day_is_reached_when_its_energy_is_used_up() -> None:
    # 88 dB is 10^0.3 = 1.99526 times the energy of 85: 480 / 1.99526 = 240.57 minutes.
    path = noise(steady(88.0, 100), START + 100)
    assert reach(path, 85.0) == Reach(at=START + 241, earliest=START + 241, latest=START + 241)
    assert reach(path, 85.0, strict=False).at == START + 241
    assert path.end.value == pytest.approx(88.0)


def test_breaks_to_come_add_nothing() -> None:
    path = noise(steady(85.0, 200), START + 200, WITH_BREAK)
    # 540 minutes with 60 of break: 480 of work, so 85 dB at the end.
    assert path.end.value == pytest.approx(85.0)
    assert path.points[40].value == pytest.approx(path.points[100].value)


def test_what_was_not_measured_of_the_shift_is_as_loud_as_the_rest() -> None:
    levels = {minute: one for minute, one in steady(85.0, 120).items() if minute % 5 != 1}
    assert noise(levels, START + 120).now.value == pytest.approx(daily_exposure_level([(85.0, 2.0)]))


def test_the_rest_of_the_shift_is_taken_as_the_last_hour_and_the_span_holds_the_mean_of_all() -> None:
    louder = steady(80.0, 120) | {START + minute: 90.0 for minute in range(121, 181)}
    path = noise(louder, START + 180)
    so_far = 120 * energy(80.0) + 60 * energy(90.0)
    assert path.rate == pytest.approx(90.0)
    assert path.end.value == pytest.approx(level((so_far + 300 * energy(90.0)) / 480.0))
    assert path.end.low <= level(so_far / 180.0 * 480.0 / 480.0) <= path.end.high


def test_noise_needs_an_hour_and_three_quarters_of_the_working_time() -> None:
    assert project_noise(steady(85.0, 59), START + 59, DAY) == "too_little"
    half = {minute: one for minute, one in steady(85.0, 200).items() if minute % 2}
    assert project_noise(half, START + 200, DAY) == "too_little"


@given(
    levels=st.lists(st.floats(50.0, 105.0), min_size=60, max_size=200),
    limit=st.floats(70.0, 100.0),
)
def test_the_minute_of_the_limit_is_the_first_whose_energy_passes_it(
    levels: list[float], limit: float
) -> None:
    path = noise({START + n: one for n, one in enumerate(levels, start=1)}, START + len(levels))
    assert path.now.value == pytest.approx(level(math.fsum(map(energy, levels)) / 480.0))
    values = [one.value for one in path.points]
    assert values == sorted(values)
    assert all(one.low <= one.value + 1e-9 and one.value <= one.high + 1e-9 for one in path.points)
    found = reach(path, limit)
    if found.at is None:
        assert path.end.value <= limit
    else:
        before = [one for one in path.points if one.minute < found.at]
        assert all(one.value <= limit for one in before)
        assert (found.earliest or 0) <= found.at <= (found.latest or found.at)


@given(
    base=st.floats(15.0, 35.0), slope=st.floats(-0.05, 0.05), shift_by=st.floats(-5.0, 5.0)
)  # fmt: skip
def test_a_hotter_hall_is_projected_hotter_by_as_much(base: float, slope: float, shift_by: float) -> None:
    cool = {START + m: base + slope * m for m in range(1, 121)}
    warm = {minute: one + shift_by for minute, one in cool.items()}
    a, b = heat(cool, START + 120), heat(warm, START + 120)
    assert b.end.value - a.end.value == pytest.approx(shift_by, abs=1e-6)
    assert b.end.high - b.end.low == pytest.approx(a.end.high - a.end.low, abs=1e-6)
