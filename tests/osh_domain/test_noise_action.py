"""Action values, ceilings, peaks and calibration of noise."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osh_domain.exposure.noise import exposure_points
from osh_domain.exposure.noise_action import (
    above_ceiling,
    dosimetry_advised,
    energy_dose_percent,
    eu_level,
    eu_peak_level,
)
from osh_domain.exposure.noise_dose import dose_percent, noise_criterion
from osh_domain.exposure.noise_peak import calibration_holds, level_uncertainty, reportable_peak

ORDER = ["below", "lower_action", "upper_action", "above_limit"]


@pytest.mark.parametrize(
    ("lex", "expected"),
    [
        (math.nextafter(80.0, 0.0), "below"),
        (80.0, "lower_action"),
        (84.96, "lower_action"),
        (85.0, "upper_action"),
        (87.0, "upper_action"),
        (math.nextafter(87.0, 90.0), "above_limit"),
    ],
)
def test_eu_values_act_at_the_value_and_the_limit_above_it(lex: float, expected: str) -> None:
    assert eu_level(lex) == expected


def test_hearing_protection_counts_for_the_limit_only() -> None:
    assert eu_level(95.0, protected_lex_8h=75.0) == "upper_action"
    assert eu_level(95.0, protected_lex_8h=88.0) == "above_limit"


@given(st.floats(0, 200), st.floats(0, 200))
def test_louder_is_never_judged_milder(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert ORDER.index(eu_level(low)) <= ORDER.index(eu_level(high))
    assert ORDER.index(eu_peak_level(low)) <= ORDER.index(eu_peak_level(high))


def test_a_ceiling_is_exceeded_above_it() -> None:
    assert not above_ceiling(115.0).osha_continuous
    assert above_ceiling(115.01).osha_continuous
    assert not above_ceiling(140.0).niosh
    assert above_ceiling(140.01).niosh


@given(st.floats(40, 120), st.floats(0.1, 24))
def test_the_eu_dose_is_the_hse_points(level: float, hours: float) -> None:
    lex = level + 10.0 * math.log10(hours / 8.0)
    assert energy_dose_percent(lex) == pytest.approx(exposure_points([(level, hours)]))


def test_dosimetry_is_advised_from_80_on() -> None:
    assert [dosimetry_advised(value) for value in (79.999, 80.0)] == [False, True]


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_what_is_no_level_is_refused(value: float) -> None:
    for judge in (eu_level, eu_peak_level, above_ceiling, dosimetry_advised, energy_dose_percent):
        with pytest.raises(ValueError, match=r"LEX|level"):
            judge(value)


def test_nan_in_a_dose_is_refused_though_it_is_below_every_threshold() -> None:
    with pytest.raises(ValueError, match="level"):
        dose_percent([(math.nan, 4.0)], noise_criterion("niosh"))
    with pytest.raises(ValueError, match="duration"):
        dose_percent([(70.0, -4.0)], noise_criterion("niosh"))


def test_small_microphones_report_that_they_clipped_and_no_peak() -> None:
    clipped = reportable_peak(120.0, highest_input=120.0, clipped=True, instrument="without_class")
    assert (clipped.value, clipped.why_not) == (None, "the microphone clipped: the true peak is higher")
    quiet = reportable_peak(100.0, highest_input=120.0, clipped=False, instrument="without_class")
    assert quiet.value is None
    near = reportable_peak(138.0, highest_input=140.0, clipped=False, instrument="class2")
    assert near.value is None
    good = reportable_peak(136.0, highest_input=143.0, clipped=False, instrument="class2")
    assert (good.value, good.why_not) == (136.0, None)


def test_a_level_is_as_sure_as_its_instrument() -> None:
    assert level_uncertainty("without_class", calibrated=True) == 3.0
    assert level_uncertainty("class1", calibrated=False) == 3.0
    # Nothing was read about class 1, so it is not called better than class 2.
    assert level_uncertainty("class1", calibrated=True) == level_uncertainty("class2", calibrated=True)
    with pytest.raises(ValueError, match="unknown"):
        level_uncertainty("phone", calibrated=True)  # type: ignore[arg-type]


def test_a_shift_above_half_a_decibel_voids_a_campaign() -> None:
    assert calibration_holds(93.9, 94.4)
    assert calibration_holds(94.0, 93.5)
    assert not calibration_holds(94.0, 94.51)
