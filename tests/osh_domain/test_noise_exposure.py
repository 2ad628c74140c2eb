import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osh_domain.exposure import airborne, noise, noise_dose, particulate, time_weighted
from osh_domain.exposure.acgih_screening import allowed_work

LEVELS = st.lists(st.floats(20, 130), min_size=1, max_size=60)
ERRATA = Path(__file__).parents[1] / "reference" / "vectors" / "noise_errata.csv"


def test_decibels_average_as_energy() -> None:
    assert noise.energy_average([80.0, 90.0]) == pytest.approx(87.4036, abs=0.0001)


@given(LEVELS)
def test_an_energy_average_lies_between_the_arithmetic_mean_and_the_highest(levels: list[float]) -> None:
    found = noise.energy_average(levels)
    assert sum(levels) / len(levels) - 1e-9 <= found <= max(levels) + 1e-9


@given(LEVELS, st.randoms())
def test_the_order_of_levels_does_not_matter(levels: list[float], random: object) -> None:
    shuffled = list(levels)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert noise.energy_average(shuffled) == noise.energy_average(levels)


def test_no_levels_and_no_time_have_no_average() -> None:
    with pytest.raises(ValueError, match="at least one"):
        noise.energy_average([])
    with pytest.raises(ValueError, match="above 0"):
        noise.daily_exposure_level([(85.0, 0.0)])
    with pytest.raises(ValueError, match="level"):
        noise.energy_average([float("nan")])


def test_a_projection_is_the_level_so_far_over_the_whole_shift() -> None:
    assert noise.projected_daily_level(85.0, 10.0) == pytest.approx(85.969, abs=0.001)


def test_a_quiet_day_has_no_twa_and_not_0_db() -> None:
    niosh = noise_dose.noise_criterion("niosh")
    assert noise_dose.dose_percent([(79.9, 8.0)], niosh) == 0.0
    assert noise_dose.dose_to_twa(0.0, niosh) is None


def test_the_threshold_itself_counts() -> None:
    niosh = noise_dose.noise_criterion("niosh")
    assert noise_dose.dose_rate_percent(80.0, 8.0, niosh) > 0.0


def test_the_code_follows_the_formula_where_the_printed_tables_err() -> None:
    niosh, osha = noise_dose.noise_criterion("niosh"), noise_dose.noise_criterion("osha_hc")
    found = {
        "err-01": noise_dose.allowed_hours(99.0, 85.0, 3.0) * 3600.0 - 18 * 60,
        "err-02": noise_dose.dose_to_twa(50_000.0, niosh),
        "err-03": noise_dose.dose_to_twa(115.0, osha),
        "err-04": noise_dose.allowed_hours(83.0, 90.0, 5.0),
        "err-05": noise_dose.dose_to_twa(26_000_000.0, niosh),
    }
    expected = {"err-01": 53.9, "err-02": 111.99, "err-03": 91.01, "err-04": 21.11, "err-05": 139.15}
    with ERRATA.open(encoding="utf-8", newline="") as lines:
        listed = {row["id"]: row["formula_value"] for row in csv.DictReader(lines)}
    for key, value in expected.items():
        assert str(value) in listed[key]
        assert found[key] == pytest.approx(value, abs=0.06 if key == "err-01" else 0.006)


def test_unknown_criteria_are_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="niosh, osha_pel, osha_hc"):
        noise_dose.noise_criterion("nosh")


def test_a_record_shorter_than_the_window_has_no_short_term_mean() -> None:
    with pytest.raises(ValueError, match="14 values"):
        airborne.highest_15min([1.0] * 14)


@given(st.floats(0.001, 1e5), st.floats(2, 300), st.floats(-20, 60), st.floats(60, 110))
def test_ppm_and_mg_m3_are_each_others_inverse(ppm: float, mass: float, air: float, pressure: float) -> None:
    assert airborne.ppm(airborne.mg_m3(ppm, mass, air, pressure), mass, air, pressure) == pytest.approx(ppm)


def test_a_mean_over_time_leaves_out_what_was_not_measured() -> None:
    assert time_weighted.time_weighted_mean([(31.0, 45.0), (24.0, 15.0)]) == pytest.approx(29.25)
    with pytest.raises(ValueError, match="at least one"):
        time_weighted.time_weighted_mean([])


def test_dry_particles_weigh_less_than_wet_ones_up_to_the_cap() -> None:
    assert particulate.kappa_dry(60.0, 99.0, 0.3) == particulate.kappa_dry(60.0, 95.0, 0.3)
    assert particulate.kappa_dry(60.0, 0.0, 0.3) == 60.0


def test_work_that_has_no_screening_value_is_never_unlimited() -> None:
    assert allowed_work(20.0, "TLV", "very_heavy") == "25-50"
    assert allowed_work(29.5, "TLV", "moderate") == "25-50"
    assert allowed_work(33.0, "TLV", "moderate") is None
