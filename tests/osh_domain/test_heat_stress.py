import pytest
from hypothesis import given
from hypothesis import strategies as st

from osh_domain.exposure.balance import root
from osh_domain.exposure.globe import mean_radiant_temperature
from osh_domain.exposure.heat_index import heat_index
from osh_domain.exposure.heat_stress import effective_wbgt, indoor_wbgt, screen
from osh_domain.exposure.natural_wet_bulb import bernard_natural_wet_bulb, natural_wet_bulb
from osh_domain.exposure.psychrometric import psychrometric_wet_bulb

AIR = st.floats(5, 50)
HUMIDITY = st.floats(5, 100)
SPEED = st.floats(0, 3)
EXCESS = st.floats(0, 20)


def test_the_radiant_temperature_of_the_standards_example_is_reproduced() -> None:
    assert mean_radiant_temperature(53.2, 30.0, 0.3, 0.10) == pytest.approx(74.8, abs=0.05)


def test_an_estimate_without_a_globe_says_so_and_how_uncertain_it_is() -> None:
    estimate = indoor_wbgt(33.0, 60.0, air_speed=0.3)
    assert (estimate.method, estimate.uncertainty, estimate.globe150) == ("assumed_tg_eq_ta", 1.0, 33.0)


def test_without_an_anemometer_the_protective_speed_is_taken_and_named() -> None:
    assumed = indoor_wbgt(33.0, 60.0, 35.0)
    assert assumed.method == "measured_globe+assumed_va"
    assert assumed.value == indoor_wbgt(33.0, 60.0, 35.0, air_speed=0.1).value
    assert assumed.value > indoor_wbgt(33.0, 60.0, 35.0, air_speed=0.3).value


def test_with_a_small_globe_and_no_anemometer_the_higher_of_two_speeds_counts() -> None:
    values = [indoor_wbgt(33.0, 50.0, 43.0, air_speed=v, globe_diameter=0.04).value for v in (0.1, 0.5)]
    assert indoor_wbgt(33.0, 50.0, 43.0, globe_diameter=0.04).value == max(values)
    assert max(values) == values[1]


def test_ignoring_a_globe_two_degrees_above_air_costs_about_point_eight() -> None:
    with_globe = indoor_wbgt(33.0, 60.0, 35.0, air_speed=0.3)
    without = indoor_wbgt(33.0, 60.0, air_speed=0.3)
    assert with_globe.value - without.value == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize(
    "inputs",
    [(float("nan"), 60.0), (33.0, 101.0), (33.0, -1.0), (75.0, 60.0), (33.0, float("inf")), (-30.0, 60.0)],
)
def test_impossible_air_is_refused_by_name(inputs: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"temperature|humidity"):
        indoor_wbgt(*inputs)


def test_clothing_is_added_before_anything_is_compared() -> None:
    assert effective_wbgt(27.1, 3.0) == pytest.approx(30.1)
    with pytest.raises(ValueError, match="clothing"):
        effective_wbgt(27.1, float("nan"))


@pytest.mark.parametrize(
    ("value", "method", "radiant", "verdict"),
    [
        (28.01, "measured_globe", False, "above"),
        (28.0, "measured_globe", True, "below"),
        (27.96, "measured_globe+assumed_va", False, "below"),
        (28.01, "assumed_tg_eq_ta+assumed_va", False, "above"),
        (27.0, "assumed_tg_eq_ta", False, "possibly above"),
        (26.99, "assumed_tg_eq_ta", False, "below"),
        (26.99, "assumed_tg_eq_ta", True, "cannot tell"),
    ],
)
def test_a_limit_of_28_is_judged_as_far_as_the_method_allows(
    value: float, method: str, radiant: bool, verdict: str
) -> None:
    assert screen(value, 28.0, method, radiant_source=radiant) == verdict


@given(air=AIR, rh=HUMIDITY, speed=SPEED, excess=EXCESS)
def test_the_natural_wet_bulb_lies_between_the_aspirated_one_and_the_radiant_temperature(
    air: float, rh: float, speed: float, excess: float
) -> None:
    radiant = mean_radiant_temperature(air + excess, air, speed)
    wet = natural_wet_bulb(air, rh, speed, radiant)
    # Half a degree below: at higher speeds the two definitions of a wet bulb differ slightly.
    assert psychrometric_wet_bulb(air, rh) - 0.6 <= wet <= max(air, radiant) + 1e-6


@given(air=AIR, rh=st.floats(5, 99), speed=SPEED, excess=EXCESS)
def test_wbgt_rises_with_humidity_air_and_globe(air: float, rh: float, speed: float, excess: float) -> None:
    base = indoor_wbgt(air, rh, air + excess, air_speed=speed).value
    assert indoor_wbgt(air, rh + 1.0, air + excess, air_speed=speed).value > base
    assert indoor_wbgt(air, rh, air + excess + 0.5, air_speed=speed).value > base
    assert indoor_wbgt(air + 0.5, rh, air + excess + 0.5, air_speed=speed).value > base


@given(air=st.floats(30, 38), rh=st.floats(40, 65), speed=st.floats(0.1, 1.0))
def test_the_two_natural_wet_bulbs_agree_where_nothing_radiates(air: float, rh: float, speed: float) -> None:
    bernard = bernard_natural_wet_bulb(air, psychrometric_wet_bulb(air, rh), air, speed)
    assert natural_wet_bulb(air, rh, speed) == pytest.approx(bernard, abs=0.4)


def test_the_heat_index_in_celsius_is_the_one_in_fahrenheit() -> None:
    assert heat_index((90.0 - 32.0) / 1.8, 60.0) == pytest.approx((99.68 - 32.0) / 1.8, abs=0.01)


def test_a_balance_without_a_solution_is_refused() -> None:
    assert root(lambda t: t * t - 2.0, 1.0, 2.0) == pytest.approx(2.0**0.5, abs=1e-6)
    with pytest.raises(ValueError, match="no solution"):
        root(lambda t: t + 10.0, 0.0, 1.0)
