"""WBGT outdoors, in yards and on walkways without shade: Liljegren et al. (2008), J Occup Environ Hyg 5:645.

From air temperature, humidity, wind, solar irradiance, place and time. The kernel is lwbgt, derived from the
authors' program; its model globe is 50.8 mm wide, and the averaging interval is centred before the stated
time. Without a pyranometer a solar estimate makes a `weather_model`, not a measurement.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from osh_domain.exposure import CALCULATION
from osh_domain.exposure.methods import method
from osh_domain.exposure.psychrometric import STANDARD_PRESSURE_PA
from osh_domain.exposure.validity import within

if TYPE_CHECKING:
    from lwbgt import Result

LILJEGREN = "liljegren"
WEATHER_MODEL = "weather_model"
NODE_WIND_HEIGHT_M = 2.0


class KernelMissingError(RuntimeError):
    """The Liljegren kernel is not installed or cannot be loaded here."""


@dataclass(frozen=True, slots=True)
class OutdoorWbgt:
    """WBGT [C] with its parts [C], the wind taken at 2 m [m/s], method, uncertainty [C], calculation."""

    value: float
    natural_wet_bulb: float
    globe: float
    wind_2m: float
    method: str
    uncertainty: float | None
    calculation: str = CALCULATION


def outdoor_wbgt(
    air: float,
    rh: float,
    wind: float,
    solar: float,
    *,
    at: float,
    latitude: float,
    longitude: float,
    pressure: float = STANDARD_PRESSURE_PA,
    averaging_min: int = 1,
    wind_height: float = NODE_WIND_HEIGHT_M,
    urban: bool | None = None,
    inversion: bool = True,
    solar_measured: bool = True,
) -> OutdoorWbgt:
    """Return the outdoor WBGT by Liljegren's model.

    `air` in C, `rh` in %, `wind` in m/s measured at `wind_height` m, `solar` global irradiance in W/m2, `at`
    the end of the averaging interval in seconds since 1970 UTC, latitude north and longitude east in
    degrees, `pressure` in Pa. `urban` matters only for wind not measured at 2 m; unknown (None), both are
    computed and the higher WBGT counts. `inversion`: air grows warmer with height on a calm rural night.
    A small negative irradiance, which pyranometers show at night, counts as 0.
    Valid for Ta -10 to 60 C, RH 0-100 %, wind 0-40 m/s, irradiance to 1500 W/m2, P 60-110 kPa, the years
    1950 to 2050; ValueError elsewhere and where the model finds no balance. KernelMissingError without
    lwbgt.

    Noon of 15 May 2024 in Dhaka:

    >>> found = outdoor_wbgt(34.0, 65.0, 1.5, 850.0, at=1715752800.0, latitude=23.81, longitude=90.41,
    ...                      pressure=100_500.0, averaging_min=60)
    >>> round(found.value, 2), round(found.globe, 1), found.method
    (34.74, 50.9, 'liljegren')
    """
    stamp = datetime.fromtimestamp(within("time", at, -631152000.0, 2556143999.0, "s"), UTC)
    record = {
        "year": stamp.year,
        "month": stamp.month,
        "day": stamp.day,
        "hour": stamp.hour,
        "minute": stamp.minute,
        "gmt_offset_hours": 0,  # the kernel knows whole hours only; times are in UTC, so every zone is right
        "averaging_minutes": int(within("averaging time", averaging_min, 0, 60, "min")),
        "latitude_deg_north": within("latitude", latitude, -90.0, 90.0, "degrees"),
        "longitude_deg_east": within("longitude", longitude, -180.0, 180.0, "degrees"),
        "solar_w_m2": max(0.0, within("solar irradiance", solar, -20.0, 1500.0, "W/m2")),
        "pressure_hpa": within("pressure", pressure, 60_000.0, 110_000.0, "Pa") / 100.0,
        "air_temperature_c": within("air temperature", air, -10.0, 60.0, "C"),
        "relative_humidity_percent": within("relative humidity", rh, 0.0, 100.0, "%"),
        "wind_speed_m_s": within("wind speed", wind, 0.0, 40.0, "m/s"),
        "wind_height_m": within("wind height", wind_height, 0.5, 50.0, "m"),
        "vertical_temperature_difference_c": 1.0 if inversion else -1.0,
    }
    grounds = (0, 1) if urban is None and wind_height != NODE_WIND_HEIGHT_M else (int(urban or False),)
    found = max((_solve(record | {"urban": ground}) for ground in grounds), key=lambda one: one.wbgt_c)
    tag = LILJEGREN if solar_measured else WEATHER_MODEL
    return OutdoorWbgt(
        value=found.wbgt_c,
        natural_wet_bulb=found.natural_wet_bulb_c,
        globe=found.globe_temperature_c,
        wind_2m=found.estimated_wind_speed_m_s,
        method=tag,
        uncertainty=method(tag).uncertainty,
    )


def _solve(record: dict[str, Any]) -> Result:
    make, calculate = _kernel()
    found: Result = calculate(make(**record), psychrometric=False)
    parts = (found.wbgt_c, found.natural_wet_bulb_c, found.globe_temperature_c)
    if found.status != 0 or not all(math.isfinite(part) and part > -100.0 for part in parts):
        raise ValueError(
            f"the outdoor model finds no balance at {record['air_temperature_c']:g} C, "
            f"{record['relative_humidity_percent']:g} %, {record['wind_speed_m_s']:g} m/s and "
            f"{record['solar_w_m2']:g} W/m2"
        )
    return found


def _kernel() -> tuple[Callable[..., Any], Callable[..., Any]]:
    # Imported here: agents on the Pi and everything indoors do without it.
    try:
        from lwbgt import Input, calculate
    except ImportError as error:
        raise KernelMissingError(
            "WBGT outdoors needs the package lwbgt, which is not installed here; "
            "install it with 'pip install lwbgt' or as part of 'oshwatch[server]'"
        ) from error
    return Input, calculate
