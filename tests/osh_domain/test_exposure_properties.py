"""What must hold for every input: monotonic methods, bounds of averages, order, units, nothing rounded."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from osh_domain import limits
from osh_domain.exposure import airborne, globe, heat_index, heat_stress, noise, noise_dose, time_weighted

LEVEL = st.floats(30, 130)
LEVELS = st.lists(LEVEL, min_size=1, max_size=50)
HOURS = st.floats(0.01, 4)
PAIRS = st.lists(st.tuples(LEVEL, HOURS), min_size=1, max_size=6)
CONCENTRATIONS = st.lists(st.tuples(st.floats(0, 500), st.floats(0.01, 1.0)), min_size=1, max_size=8)
CRITERIA = st.sampled_from(list(noise_dose.NOISE_CRITERIA.values()))
AIR, RH, SPEED, EXCESS = st.floats(10, 45), st.floats(10, 95), st.floats(0.05, 2), st.floats(-1, 20)


@given(LEVELS)
def test_an_energy_average_is_never_below_the_arithmetic_mean_nor_outside_the_levels(
    levels: list[float],
) -> None:
    found = noise.energy_average(levels)
    assert found >= math.fsum(levels) / len(levels) - 1e-9
    assert min(levels) - 1e-9 <= found <= max(levels) + 1e-9


@given(PAIRS, st.integers(0, 5), st.floats(0.1, 20))
def test_dose_and_exposure_level_rise_with_the_level(
    samples: list[tuple[float, float]], at: int, louder: float
) -> None:
    at %= len(samples)
    changed = [(one + louder if i == at else one, hours) for i, (one, hours) in enumerate(samples)]
    assert noise.daily_exposure_level(changed) > noise.daily_exposure_level(samples) - 1e-12
    for criterion in noise_dose.NOISE_CRITERIA.values():
        assert noise_dose.dose_percent(changed, criterion) >= noise_dose.dose_percent(samples, criterion)


@given(PAIRS, LEVEL, HOURS, CRITERIA)
def test_more_time_never_lowers_a_dose(
    samples: list[tuple[float, float]], level: float, hours: float, criterion: noise_dose.NoiseCriterion
) -> None:
    more = [*samples, (level, hours)]
    assert noise_dose.dose_percent(more, criterion) >= noise_dose.dose_percent(samples, criterion)
    assert noise.exposure_points(more) >= noise.exposure_points(samples)


@given(PAIRS, st.randoms(), CRITERIA)
def test_the_order_of_samples_changes_nothing(
    samples: list[tuple[float, float]], random: object, criterion: noise_dose.NoiseCriterion
) -> None:
    shuffled = list(samples)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert noise_dose.dose_percent(shuffled, criterion) == noise_dose.dose_percent(samples, criterion)
    assert noise.daily_exposure_level(shuffled) == noise.daily_exposure_level(samples)
    assert time_weighted.time_weighted_mean(shuffled) == time_weighted.time_weighted_mean(samples)
    assert airborne.twa_8h(shuffled) == airborne.twa_8h(samples)


@given(LEVEL, st.floats(0.05, 24), st.floats(0.1, 0.9))
def test_splitting_a_time_in_two_changes_no_dose(level: float, hours: float, share: float) -> None:
    parts = [(level, hours * share), (level, hours - hours * share)]
    for criterion in noise_dose.NOISE_CRITERIA.values():
        whole = noise_dose.dose_percent([(level, hours)], criterion)
        assert noise_dose.dose_percent(parts, criterion) == pytest.approx(whole)


@given(LEVEL, CRITERIA)
def test_the_allowed_time_of_a_level_is_a_dose_of_a_hundred(
    level: float, criterion: noise_dose.NoiseCriterion
) -> None:
    hours = noise_dose.allowed_hours(level, criterion.criterion, criterion.exchange)
    assume(hours <= 24.0)
    expected = 100.0 if level >= criterion.threshold else 0.0
    assert noise_dose.dose_percent([(level, hours)], criterion) == pytest.approx(expected)


@given(CRITERIA)
def test_the_threshold_counts_and_just_below_it_does_not(criterion: noise_dose.NoiseCriterion) -> None:
    below = math.nextafter(criterion.threshold, 0.0)
    assert noise_dose.dose_percent([(criterion.threshold, 1.0)], criterion) > 0.0
    assert noise_dose.dose_percent([(below, 1.0)], criterion) == 0.0
    assert noise_dose.dose_to_twa(0.0, criterion) is None


@given(st.floats(1e-3, 1e5), st.floats(1e-3, 1e5), CRITERIA)
def test_twa_rises_with_the_dose(one: float, other: float, criterion: noise_dose.NoiseCriterion) -> None:
    low, high = (noise_dose.dose_to_twa(dose, criterion) for dose in sorted((one, other)))
    assert low is not None
    assert high is not None
    assert low <= high


@given(LEVEL, st.integers(1, 7))
def test_a_week_of_equal_days_follows_from_its_day(level: float, days: int) -> None:
    weekly = noise.weekly_exposure_level([level] * days)
    assert weekly == pytest.approx(level + 10.0 * math.log10(days / 5.0))


@given(st.lists(LEVEL, min_size=5, max_size=5))
def test_five_days_lie_between_their_quietest_and_their_loudest(days: list[float]) -> None:
    assert min(days) - 1e-9 <= noise.weekly_exposure_level(days) <= max(days) + 1e-9


@given(LEVEL, st.floats(0.1, 24))
def test_exposure_level_and_points_say_the_same(level: float, hours: float) -> None:
    lex = noise.daily_exposure_level([(level, hours)])
    assert noise.exposure_points([(level, hours)]) == pytest.approx(100.0 * 10.0 ** ((lex - 85.0) / 10.0))


@given(st.floats(-49, 199))
def test_energy_and_level_are_each_others_inverse(level: float) -> None:
    assert noise.level(noise.energy(level)) == pytest.approx(level, abs=1e-9)


@given(AIR, RH, SPEED, EXCESS)
def test_wbgt_rises_with_air_humidity_and_globe(air: float, rh: float, speed: float, excess: float) -> None:
    def value(air: float, rh: float, tg: float) -> float:
        return heat_stress.indoor_wbgt(air, rh, tg, air_speed=speed).value

    base = value(air, rh, air + excess)
    assert value(air + 0.5, rh, air + excess + 0.5) > base
    assert value(air, rh + 2.0, air + excess) > base
    assert value(air, rh, air + excess + 0.5) > base


@given(AIR, RH, SPEED)
def test_an_estimate_without_a_globe_is_that_with_a_globe_at_air_temperature(
    air: float, rh: float, speed: float
) -> None:
    blind = heat_stress.indoor_wbgt(air, rh, air_speed=speed)
    seeing = heat_stress.indoor_wbgt(air, rh, air, air_speed=speed)
    assert blind.value == pytest.approx(seeing.value, abs=1e-4)


@given(AIR, SPEED, EXCESS)
def test_a_150_mm_globe_needs_no_correction(air: float, speed: float, excess: float) -> None:
    assert globe.equivalent_globe(air + excess, air, speed, 0.15) == air + excess
    assert globe.equivalent_globe_linear(air + excess, air, speed, 0.15) == pytest.approx(
        air + excess, abs=0.04
    )


@given(AIR, st.floats(0.3, 0.5), st.floats(0.5, 12))
def test_a_small_globe_under_reads_and_both_corrections_agree(
    air: float, speed: float, excess: float
) -> None:
    exact = globe.equivalent_globe(air + excess, air, speed, 0.04)
    assert exact > air + excess
    assert globe.equivalent_globe_linear(air + excess, air, speed, 0.04) == pytest.approx(exact, abs=0.75)


@given(st.floats(27, 45), st.floats(40, 85), st.floats(0.2, 3))
def test_the_heat_index_rises_with_air_temperature(air: float, rh: float, warmer: float) -> None:
    # From 40 to 85 % humidity neither adjustment applies, and only the switch of formulas is left.
    assert heat_index.heat_index(min(air + warmer, 50.0), rh) >= heat_index.heat_index(air, rh) - 0.6


@given(st.floats(10, 1200), st.floats(10, 1200))
def test_niosh_limits_fall_with_the_work(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert limits.niosh_rel_c(high) <= limits.niosh_rel_c(low)
    assert limits.niosh_ral_c(high) <= limits.niosh_ral_c(low)


@given(st.integers(0, 4), st.booleans(), st.sampled_from(["iso7243", "niosh_heat"]))
def test_nothing_is_rounded_before_it_is_compared(number: int, used: bool, name: str) -> None:
    limit = limits.limit(name, metabolic_class=number, acclimatised=used)
    above, below = math.nextafter(limit.value, 100.0), math.nextafter(limit.value, 0.0)
    assert limit.exceeded_by(above)
    assert not limit.exceeded_by(limit.value)
    assert not limit.exceeded_by(below)
    assert heat_stress.screen(above, limit.value, "measured_globe", radiant_source=False) == "above"
    assert heat_stress.screen(limit.value, limit.value, "measured_globe", radiant_source=False) == "below"


@given(CONCENTRATIONS)
def test_a_mean_over_time_lies_between_its_values(samples: list[tuple[float, float]]) -> None:
    values = [value for value, _ in samples]
    assert min(values) - 1e-9 <= time_weighted.time_weighted_mean(samples) <= max(values) + 1e-9


@given(CONCENTRATIONS)
def test_time_that_was_not_sampled_only_lowers_an_eight_hour_mean(samples: list[tuple[float, float]]) -> None:
    hours = math.fsum(one for _, one in samples)
    mean = time_weighted.time_weighted_mean(samples)
    assert airborne.twa_8h(samples) == pytest.approx(mean * hours / 8.0)


@given(st.lists(st.floats(0, 1000), min_size=15, max_size=120))
def test_the_highest_quarter_of_an_hour_bounds_the_mean(values: list[float]) -> None:
    found = airborne.highest_15min(values)
    assert found <= max(values) + 1e-9
    assert found >= math.fsum(values[:15]) / 15.0


@given(st.floats(0.001, 1e4), st.floats(2, 300), st.floats(-20, 60), st.floats(60, 110))
def test_a_conversion_there_and_back_changes_nothing(
    ppm: float, mass: float, air: float, pressure: float
) -> None:
    there = airborne.mg_m3(ppm, mass, air, pressure)
    assert airborne.ppm(there, mass, air, pressure) == pytest.approx(ppm, rel=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused_everywhere(bad: float) -> None:
    for call in (
        lambda: heat_stress.wbgt_indoor(bad, 30.0),
        lambda: heat_stress.wbgt_with_sun(25.0, 30.0, bad),
        lambda: heat_stress.effective_wbgt(bad, 0.0),
        lambda: heat_stress.indoor_wbgt(30.0, 60.0, bad, air_speed=0.2),
        lambda: time_weighted.time_weighted_mean([(bad, 1.0)]),
        lambda: time_weighted.height_weighted_wbgt(30.0, bad, 30.0),
        lambda: time_weighted.highest_running_mean([1.0, bad], 1),
        lambda: noise.daily_exposure_level([(85.0, bad)]),
        lambda: noise.weekly_exposure_level([bad]),
        lambda: noise_dose.dose_percent([(bad, 1.0)], noise_dose.noise_criterion("niosh")),
        lambda: airborne.mg_m3(bad, 28.0),
        lambda: airborne.highest_15min([bad] * 15),
        lambda: heat_index.heat_index(bad, 50.0),
        lambda: limits.niosh_rel_c(bad),
    ):
        with pytest.raises(ValueError, match=r"must be|number|above 0"):
            call()
