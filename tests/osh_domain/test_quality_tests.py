"""Automatic quality tests: what is flagged, what is not, and what a flag means together with others."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osh_domain.quality_conventions import WMO_QUALITY, eu_validity
from osh_domain.quality_defaults import DEFAULTS, QcThresholds, rate_of_t90
from osh_domain.quality_physics import contradictions, pair_apart
from osh_domain.quality_tests import (
    QcFlag,
    QcTest,
    Values,
    clock,
    flat_line,
    gross_range,
    rate_of_change,
    roll_up,
    spike,
)

PASS, SKIP, SUSPECT, FAIL, MISSING = QcFlag(1), QcFlag(2), QcFlag(3), QcFlag(4), QcFlag(9)
CAUSAL: tuple[Callable[[Values], list[QcFlag]], ...] = (
    lambda some: gross_range(some, fail=(-50, 50)),
    lambda some: rate_of_change(some, 60, 0.1),
    lambda some: flat_line(some, 60, suspect_s=180, fail_s=300, tolerance=0.05),
)
SERIES = st.lists(st.one_of(st.none(), st.floats(-100, 100)), max_size=80)


@given(st.lists(st.sampled_from(list(QcFlag))))
def test_the_worst_flag_wins_in_the_order_of_qartod(flags: list[QcFlag]) -> None:
    order = [FAIL, SUSPECT, PASS, SKIP, MISSING]
    assert roll_up(flags) == next((flag for flag in order if flag in flags), SKIP)


def test_bits_of_tests_are_distinct() -> None:
    assert [int(one) for one in QcTest] == [1, 2, 4, 8, 16, 32]


@given(SERIES)
def test_every_test_gives_each_value_one_flag_and_only_gaps_are_missing(values: list[float | None]) -> None:
    for flags in (
        gross_range(values, fail=(-50, 50), suspect=(-20, 20)),
        rate_of_change(values, 60, 0.1),
        spike(values, suspect=1, fail=5),
        flat_line(values, 60, suspect_s=180, fail_s=300, tolerance=0.05),
    ):
        assert [flag == MISSING for flag in flags] == [value is None for value in values]


@given(SERIES, st.integers(0, 80))
def test_causal_tests_do_not_change_when_more_arrives(values: list[float | None], cut: int) -> None:
    part = values[:cut]
    for test in CAUSAL:
        assert test(part) == test(values)[: len(part)]


def test_the_ends_of_a_span_belong_to_it() -> None:
    assert gross_range([-40.0, 85.0], fail=(-40, 85), suspect=(-40, 85)) == [PASS, PASS]
    assert gross_range([math.nextafter(85.0, 90.0)], fail=(-40, 85)) == [FAIL]


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_an_infinite_value_is_no_measurement(value: float) -> None:
    with pytest.raises(ValueError, match="value 2 is infinite"):
        gross_range([1.0, value], fail=(0, 1))
    with pytest.raises(ValueError, match="infinite"):
        spike([value], suspect=1, fail=2)


def test_nan_is_missing_and_never_passes() -> None:
    assert gross_range([math.nan], fail=(0, 1)) == [MISSING]
    assert flat_line([math.nan] * 9, 60, suspect_s=60, fail_s=120, tolerance=1) == [MISSING] * 9


def test_thresholds_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="needs a span"):
        gross_range([1.0])
    with pytest.raises(ValueError, match=r"\(low, high\)"):
        gross_range([1.0], fail=(5, 1))
    with pytest.raises(ValueError, match="threshold_per_s"):
        rate_of_change([1.0], 60, 0.0)
    with pytest.raises(ValueError, match="at least suspect_s"):
        flat_line([1.0], 60, suspect_s=120, fail_s=60, tolerance=1)
    with pytest.raises(ValueError, match="suspect <= fail"):
        spike([1.0], suspect=5, fail=1)


def test_a_tolerance_of_zero_never_finds_a_flat_line() -> None:
    assert set(flat_line([1.0] * 500, 60, suspect_s=60, fail_s=120, tolerance=0.0)) == {PASS}


def test_a_stuck_sensor_with_gaps_is_still_stuck() -> None:
    values = [None if at % 6 == 3 else 20.0 for at in range(40)]
    flags = flat_line(values, 60, suspect_s=600, fail_s=1800, tolerance=0.1)
    assert [flags[at] for at in range(31, 40) if values[at] is not None] == [FAIL] * 7


def test_two_equal_values_far_apart_are_no_flat_line() -> None:
    values: list[float | None] = [20.0, *[None] * 30, 20.0]
    assert flat_line(values, 60, suspect_s=600, fail_s=1800, tolerance=0.1)[-1] == PASS


def test_clean_air_may_stand_still() -> None:
    rule = DEFAULTS["co"].flat
    assert rule is not None
    flags = flat_line(
        [0.0] * 100,
        60,
        suspect_s=rule.suspect_s,
        fail_s=rule.fail_s,
        tolerance=rule.tolerance,
        floor=rule.floor,
    )
    assert set(flags) == {SKIP}


def test_the_clock_is_suspected_when_it_goes_back_and_fails_in_the_future() -> None:
    times = [0.0, 60.0, 30.0, 90.0, 3600.0, math.nan]
    assert clock(times, 60, now=100.0) == [PASS, PASS, SUSPECT, PASS, FAIL, FAIL]


@pytest.mark.parametrize(
    ("found", "names"),
    [
        ({"ta": 30.0, "tg": 28.0}, []),
        ({"ta": 30.0, "tg": 27.9}, [("tg", "ta")]),
        ({"ta": 30.0, "tnw": 31.2}, [("tnw", "ta")]),
        ({"ta": 30.0, "tg": 50.0, "tnw": 34.0}, []),
        ({"la": 85.0, "lc": 84.0}, []),
        ({"la": 85.0, "lc": 83.9}, [("lc", "la")]),
        ({"pm1": 5.0, "pm2_5": 5.0, "pm10": 4.0}, [("pm2_5", "pm10")]),
        ({"ta": 20.0, "dew_point": 20.1}, [("dew_point", "ta")]),
        ({"la": 80.0, "la_max": 79.0}, [("la_max", "la")]),
        ({"tg": 10.0}, []),
    ],
)
def test_what_contradicts_itself_is_named(found: dict[str, float], names: list[tuple[str, str]]) -> None:
    assert [one.quantities for one in contradictions(found)] == names


def test_two_sensors_of_a_kind_may_differ_a_little() -> None:
    assert not pair_apart("pm2_5", 10.0, 14.9)  # within 5 ug/m3
    assert pair_apart("pm2_5", 100.0, 140.0)
    with pytest.raises(ValueError, match="no rule"):
        pair_apart("light", 1.0, 2.0)
    with pytest.raises(ValueError, match="cannot be compared"):
        pair_apart("ta", math.nan, 20.0)


def test_the_defaults_are_usable_thresholds() -> None:
    for row in DEFAULTS.values():
        assert isinstance(row, QcThresholds)
        if row.fail and row.suspect:
            assert row.fail[0] <= row.suspect[0] <= row.suspect[1] <= row.fail[1]
        if row.flat:
            flat_line([1.0], 60, suspect_s=row.flat.suspect_s, fail_s=row.flat.fail_s, tolerance=0.1)
    assert DEFAULTS["la"].rate_per_s is None
    assert rate_of_t90(100.0, 45.0) == pytest.approx(10.0)


def test_a_level_above_the_microphone_is_kept_and_suspected() -> None:
    row = DEFAULTS["la"]
    assert gross_range([121.0], fail=row.fail, suspect=row.suspect) == [SUSPECT]


def test_flags_have_words_in_other_systems() -> None:
    assert set(WMO_QUALITY) == set(QcFlag)
    assert [eu_validity(flag) for flag in (PASS, SUSPECT, FAIL, MISSING)] == [1, 1, -1, -1]
    assert eu_validity(PASS, below_detection=True) == 2
    assert eu_validity(FAIL, maintenance=True) == -99
