"""WBGT outdoors: what the model answers, what it refuses, and what it does without its kernel."""

import builtins
import math
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osh_domain.exposure.outdoor_wbgt import KernelMissingError, OutdoorWbgt, outdoor_wbgt

NOON = 1_715_752_800.0  # 15 May 2024, 12:00 in Dhaka


def yard(
    air: float = 34.0, rh: float = 65.0, wind: float = 1.5, solar: float = 850.0, **more: Any
) -> OutdoorWbgt:
    return outdoor_wbgt(air, rh, wind, solar, **{"at": NOON, "latitude": 23.81, "longitude": 90.41, **more})


@given(st.floats(20, 45), st.floats(10, 95), st.floats(0.5, 8), st.floats(0, 900))
def test_wbgt_outdoors_rises_with_air_humidity_and_sun(
    air: float, rh: float, wind: float, solar: float
) -> None:
    base = yard(air, rh, wind, solar).value
    slack = 0.03  # the kernel stops iterating within 0.02 C
    assert yard(air + 1.0, rh, wind, solar).value > base - slack
    assert yard(air, rh + 5.0, wind, solar).value > base - slack
    assert yard(air, rh, wind, solar + 50.0).value > base - slack


def test_half_hour_zones_are_right_because_time_is_in_utc() -> None:
    colombo = yard(latitude=6.93, longitude=79.85)
    later = yard(latitude=6.93, longitude=79.85, at=NOON + 1800.0)
    assert colombo.globe != later.globe


def test_a_pyranometer_that_is_a_little_negative_at_night_reads_dark() -> None:
    assert yard(solar=-5.0, at=NOON + 36_000.0) == yard(solar=0.0, at=NOON + 36_000.0)


def test_unknown_ground_takes_the_higher_value() -> None:
    both = [yard(urban=urban, wind_height=10.0).value for urban in (False, True)]
    assert yard(wind_height=10.0).value == max(both)


def test_an_estimated_sun_is_a_weather_model_and_no_measurement() -> None:
    found = yard(solar_measured=False)
    assert (found.method, found.uncertainty) == ("weather_model", None)
    assert (yard().method, yard().uncertainty, yard().calculation) == ("liljegren", 1.0, "2")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"air": math.nan}, "air temperature"),
        ({"rh": 101.0}, "humidity"),
        ({"wind": -0.1}, "wind speed"),
        ({"solar": math.nan}, "solar irradiance"),
        ({"solar": 3000.0}, "solar irradiance"),
        ({"latitude": 91.0}, "latitude"),
        ({"longitude": math.inf}, "longitude"),
        ({"pressure": 1005.0}, "pressure"),
        ({"at": math.nan}, "time"),
        ({"wind_height": 0.0}, "wind height"),
        ({"averaging_min": 61}, "averaging time"),
    ],
)
def test_what_the_kernel_would_swallow_is_refused_by_name(change: dict[str, float], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        yard(**change)


def test_without_the_kernel_there_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "lwbgt":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "lwbgt", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(KernelMissingError, match="pip install lwbgt"):
        yard()
