"""Air: ceilings, long shifts, corrections of particles, ventilation, WHO context, co-location and drift."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osh_domain.exposure import airborne
from osh_domain.exposure.colocation import colocate, pairwise_cv
from osh_domain.exposure.drift import drift
from osh_domain.exposure.extended_shift import adjusted_limit, daily_reduction, weekly_reduction
from osh_domain.exposure.particulate import barkjohn, corrected, epa_piecewise, kappa_dry
from osh_domain.exposure.ventilation import minutes_until_steady, outdoor_air_per_person
from osh_domain.exposure.who_guidelines import GUIDELINES, who_step


def test_a_slow_sensor_cannot_test_a_ceiling() -> None:
    assert airborne.ceiling([1.0, 201.0], t90_s=60.0) == 201.0
    with pytest.raises(ValueError, match="cannot test a ceiling"):
        airborne.ceiling([1.0], t90_s=61.0)
    with pytest.raises(ValueError, match="at least one minute"):
        airborne.ceiling([], t90_s=30.0)
    with pytest.raises(ValueError, match="finite"):
        airborne.ceiling([1.0, math.nan], t90_s=30.0)


def test_missing_concentrations_never_count_as_clean_air() -> None:
    for call in (airborne.twa_8h, airborne.stel_15min, airborne.mixture_index):
        with pytest.raises(ValueError, match="concentration"):
            call([(math.nan, 1.0)])


@given(st.floats(0.1, 24), st.floats(0.1, 168))
def test_a_long_shift_never_raises_a_limit(day: float, week: float) -> None:
    found = adjusted_limit(50.0, day, week)
    assert found == 50.0 * min(daily_reduction(day), weekly_reduction(week))
    assert 0.0 <= found <= 50.0


@given(st.floats(8, 24), st.floats(8, 24))
def test_longer_days_have_lower_limits(one: float, other: float) -> None:
    short, long = sorted((one, other))
    assert daily_reduction(long) <= daily_reduction(short)


@pytest.mark.parametrize("kind", ["stel", "ceiling", "noise", "heat"])
def test_only_eight_hour_limits_are_lowered(kind: str) -> None:
    with pytest.raises(ValueError, match="not lowered"):
        adjusted_limit(50.0, 12.0, 60.0, kind=kind)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="irritant"):
        adjusted_limit(50.0, 12.0, 60.0, irritant=True)


def test_a_corrected_mass_keeps_the_raw_one_and_is_never_corrected_again() -> None:
    once = corrected(60.0, 70.0, "kappa", factor=0.3)
    assert (once.raw, once.method) == (60.0, "optical_kappa")
    assert once.value == kappa_dry(60.0, 70.0, 0.3)
    with pytest.raises(TypeError, match="never chain"):
        corrected(once, 70.0, "barkjohn2021")


def test_dry_air_needs_no_correction_and_very_humid_air_is_marked() -> None:
    assert corrected(60.0, 49.9, "kappa", factor=0.3).value == 60.0
    assert "humidity above 90 %" in corrected(60.0, 90.1, "kappa", factor=0.3).warnings
    assert "humidity above 90 %" not in corrected(60.0, 90.0, "kappa", factor=0.3).warnings
    assert corrected(60.0, 80.0, "site_factor", factor=1.5).value == 90.0
    with pytest.raises(ValueError, match="needs its factor"):
        corrected(60.0, 80.0, "kappa")


@given(st.floats(0, 1000), st.floats(0, 1000), st.floats(0, 100))
def test_more_particles_never_become_fewer(one: float, other: float, rh: float) -> None:
    low, high = sorted((one, other))
    assert epa_piecewise(low, rh) <= epa_piecewise(high, rh) + 1e-9
    assert kappa_dry(low, rh, 0.3) <= kappa_dry(high, rh, 0.3)


def test_a_formula_is_not_used_beyond_what_it_was_made_for() -> None:
    with pytest.raises(ValueError, match="cf_1"):
        barkjohn(571.0, 50.0)


@given(st.floats(300, 2000), st.floats(60, 5000))
def test_more_carbon_dioxide_means_less_air(outside: float, excess: float) -> None:
    found = outdoor_air_per_person(outside + excess, outside)
    stuffier = outdoor_air_per_person(outside + excess + 100.0, outside)
    assert found.low < found.high
    assert stuffier.high < found.high


def test_ventilation_is_not_told_where_carbon_dioxide_says_nothing() -> None:
    for inside in (460.0, 420.0, 400.0, math.nan):
        with pytest.raises(ValueError, match="CO2"):
            outdoor_air_per_person(inside, 420.0)
    with pytest.raises(ValueError, match="activity"):
        outdoor_air_per_person(1000.0, 420.0, "dancing")  # type: ignore[arg-type]
    assert minutes_until_steady(2.0) == 30.0


def test_who_values_are_kept_at_the_value_itself() -> None:
    assert who_step("so2_24h", 40.0) == "guideline met"
    assert who_step("so2_24h", 40.001) == "interim target 2 met"
    assert who_step("co_24h", 7.1) == "no target met"
    for row in GUIDELINES.values():
        assert [*row.targets, row.level] == sorted([*row.targets, row.level], reverse=True)
    with pytest.raises(ValueError, match="concentration"):
        who_step("co_24h", math.nan)


def test_a_sensor_that_follows_its_reference_is_accepted() -> None:
    reference = [20.0 + hour % 24 for hour in range(14 * 24)]
    found = colocate([1.2 * value + 3.0 for value in reference], reference)
    assert (round(found.slope, 9), round(found.intercept, 9), round(found.r2, 9)) == (1.2, 3.0, 1.0)
    assert found.shortcomings == ()


def test_what_keeps_a_sensor_from_acceptance_is_named() -> None:
    reference = [20.0 + hour % 24 for hour in range(100)]
    found = colocate([None if at % 2 else 2.0 * value for at, value in enumerate(reference)], reference)
    assert found.shortcomings == (
        "fewer than 252 hours in common",
        "fewer than 75 % of the hours",
        "slope not within 0.35 of 1",
    )


@given(st.lists(st.tuples(st.floats(1, 500), st.floats(1, 500)), min_size=3, max_size=50), st.randoms())
def test_the_order_of_hours_does_not_change_a_co_location(
    pairs: list[tuple[float, float]], random: object
) -> None:
    if len({reference for _, reference in pairs}) < 2:
        return
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert colocate(*map(list, zip(*pairs, strict=True))) == colocate(*map(list, zip(*shuffled, strict=True)))


def test_co_location_refuses_what_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="2 hours of the sensor"):
        colocate([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="never changes"):
        colocate([1.0, 2.0, 3.0], [5.0, 5.0, 5.0])
    with pytest.raises(ValueError, match="at least 3"):
        colocate([1.0, None, 3.0], [5.0, 5.0, None])
    with pytest.raises(ValueError, match="no hour in common"):
        pairwise_cv([1.0, None], [None, 1.0])
    assert pairwise_cv([10.0, 20.0], [10.0, 20.0]) == 0.0


def test_a_drifting_minimum_is_suspected_beyond_twice_the_acceptance() -> None:
    assert drift("ta", [25.0] * 7 + [26.01]).suspect
    assert not drift("ta", [25.0] * 7 + [26.0]).suspect
    assert drift("co", [0.0] * 7 + [201.0], span=500.0).suspect
    with pytest.raises(ValueError, match="share of the sensor's span"):
        drift("co", [0.0] * 8)
    with pytest.raises(ValueError, match="needs 7"):
        drift("ta", [25.0] * 7)
