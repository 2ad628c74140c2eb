"""The weather outside a factory: a plausible climate from the latitude alone, day and season by the sun.

It is a stand-in for weather, not a forecast: monthly means are near those of the garment belt (latitudes
5 to 30), the humidity moves against the temperature within a day, and clouds take sun away.
"""

from dataclasses import dataclass
from math import acos, asin, cos, exp, log, pi, radians, sin

from firmware_sim.happenings import Happening, Happenings
from firmware_sim.seeded import Seeded

DAY_S = 86400.0
YEAR_S = 365.2425 * DAY_S
_TROPIC = 24.5
_COLDEST_HOUR = 6.0
_WARMEST_HOUR = 14.5
_WAVE_DEW = 0.25


@dataclass(frozen=True, slots=True)
class Climate:
    """What a place's weather swings around. Temperatures in degrees Celsius, days counted from 1 January."""

    latitude: float
    longitude: float
    mean: float
    season: float
    warmest_day: float
    dew_point: float
    dew_season: float
    wettest_day: float


@dataclass(frozen=True, slots=True)
class OutdoorAir:
    """Outside air at one instant: Cel, Cel, %RH, W/m2 on a horizontal plane, share of sky covered, hPa."""

    temperature: float
    dew_point: float
    humidity: float
    solar: float
    cloud: float
    pressure: float


def climate_at(latitude: float, longitude: float) -> Climate:
    """The climate of a lowland place. The monsoon belt is warmest before the rain."""
    away = abs(latitude)
    warmest = 115.0 if away < _TROPIC else 200.0
    wettest = 215.0
    if latitude < 0.0:
        warmest, wettest = warmest + 182.6, wettest + 182.6
    mean = 29.8 - 0.006 * away * away
    season = 1.6 + 0.2 * max(0.0, away - 10.0)
    return Climate(latitude, longitude, mean, season, warmest, mean - 3.9, 0.8 + season, wettest)


def vapour_pressure(dew_point: float) -> float:
    """Saturation pressure of water vapour in hPa at a temperature in Cel (Magnus form, over water)."""
    return 6.112 * exp(17.62 * dew_point / (243.12 + dew_point))


def dew_point_of(pressure_hpa: float) -> float:
    """The inverse of `vapour_pressure`."""
    x = log(pressure_hpa / 6.112)
    return 243.12 * x / (17.62 - x)


def humidity(temperature: float, dew_point: float) -> float:
    """Relative humidity in %RH, at most 100."""
    return min(100.0, 100.0 * vapour_pressure(dew_point) / vapour_pressure(temperature))


def solar_hour(t: float, longitude: float) -> float:
    """Hours since midnight by the mean sun."""
    return (t / 3600.0 + longitude / 15.0) % 24.0


def _year_wave(t: float, peak_day: float) -> float:
    return cos(2.0 * pi * (t / YEAR_S - peak_day / 365.2425))


def sun_height(t: float, latitude: float, longitude: float) -> float:
    """Sine of the sun's elevation, 0 below the horizon."""
    declination = radians(-23.44) * _year_wave(t, -10.0)
    hour_angle = pi * (solar_hour(t, longitude) - 12.0) / 12.0
    here = radians(latitude)
    return max(0.0, sin(here) * sin(declination) + cos(here) * cos(declination) * cos(hour_angle))


def day_length(t: float, latitude: float) -> float:
    """Hours between sunrise and sunset."""
    declination = asin(sin(radians(-23.44)) * _year_wave(t, -10.0))
    x = -sin(radians(latitude)) * sin(declination) / (cos(radians(latitude)) * cos(declination))
    return 24.0 / pi * acos(max(-1.0, min(1.0, x)))


def _day_wave(hour: float) -> float:
    """-1 at the coldest hour, +1 at the warmest; steep in the early morning, slow at night."""
    if _COLDEST_HOUR <= hour < _WARMEST_HOUR:
        risen = (hour - _COLDEST_HOUR) / (_WARMEST_HOUR - _COLDEST_HOUR)
        return -cos(pi * risen**0.8)
    fallen = ((hour - _WARMEST_HOUR) % 24.0) / (24.0 - _WARMEST_HOUR + _COLDEST_HOUR)
    return cos(pi * fallen**0.85)


class Outdoor:
    """The weather of one place under one seed, a pure function of time."""

    def __init__(self, climate: Climate, seeded: Seeded, happenings: Happenings | None = None) -> None:
        self.climate = climate
        self._happenings = happenings or Happenings()
        self._spell = seeded.child("spell")
        self._cloud = seeded.child("cloud")
        self._gust = seeded.child("gust")
        self._dew = seeded.child("dew")

    def at(self, t: float) -> OutdoorAir:
        """The outside air at `t` (seconds since 1970 UTC)."""
        c = self.climate
        wet = 0.5 + 0.5 * _year_wave(t, c.wettest_day)
        cloud = 0.25 + 0.35 * wet + 0.25 * self._cloud.smooth(t, 5 * 3600) + 0.15 * self._gust.smooth(t, 1500)
        cloud = max(0.0, min(1.0, cloud))
        half_range = 4.9 - 1.7 * wet - 1.2 * self._cloud.smooth(t, 2 * DAY_S) * 0.5
        temperature = (
            c.mean
            + c.season * _year_wave(t, c.warmest_day)
            + 1.3 * self._spell.smooth(t, 4 * DAY_S)
            + half_range * _day_wave(solar_hour(t, c.longitude))
            + 0.15 * self._gust.smooth(t, 2400)
        )
        # A heat wave brings little more vapour: the air is hotter and drier.
        wave = self._happenings.amount(Happening.HEAT_WAVE, t)
        temperature += wave
        dew = c.dew_point + c.dew_season * _year_wave(t, c.wettest_day) + 0.9 * self._dew.smooth(t, 2 * DAY_S)
        dew = min(dew + _WAVE_DEW * wave, temperature - 0.6)
        sun = sun_height(t, c.latitude, c.longitude)
        solar = 1030.0 * sun**1.15 * (1.0 - 0.72 * cloud)
        pressure = 1009.0 - 4.0 * wet + 2.0 * self._spell.smooth(t, 3 * DAY_S)
        pressure += 1.2 * cos(4.0 * pi * (solar_hour(t, c.longitude) - 10.0) / 24.0)
        return OutdoorAir(temperature, dew, humidity(temperature, dew), solar, cloud, pressure)
