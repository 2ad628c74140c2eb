"""Gases and dusts in air: eight-hour and short-term means, mixtures, ppm and mg/m3."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from .time_weighted import highest_running_mean
from .validity import finite, positive, within

GAS_CONSTANT = 8.31446
STEL_MINUTES = 15
SLOWEST_CEILING_T90_S = 60.0

MOLAR_MASS: dict[str, float] = {
    "co": 28.01,
    "co2": 44.01,
    "no2": 46.006,
    "o3": 47.998,
    "so2": 64.06,
    "hcho": 30.03,
    "toluene": 92.14,
    "n_hexane": 86.2,
    "dimethylformamide": 73.09,
}
"""Molar mass [g/mol] of the gases and vapours that limits speak of."""


def twa_8h(samples: Iterable[tuple[float, float]]) -> float:
    """Return sum(C t)/8 of (concentration, hours) pairs, in the concentration's unit.

    29 CFR 1910.1000(d)(1): the divisor is 8 whatever the hours, so time that was not sampled counts as zero:
    publish coverage with it. ValueError for negative hours or more than 24 h in all.

    >>> twa_8h([(150.0, 2.0), (75.0, 2.0), (50.0, 4.0)])
    81.25
    """
    pairs = [
        (finite("concentration", value, ""), within("duration", hours, 0.0, 24.0, "h"))
        for value, hours in samples
    ]
    within("total duration", math.fsum(hours for _, hours in pairs), 0.0, 24.0, "h")
    return math.fsum(value * hours for value, hours in pairs) / 8.0


def stel_15min(samples: Iterable[tuple[float, float]]) -> float:
    """Return sum(C t)/15 of (concentration, minutes) pairs within one quarter of an hour.

    NIOSH Pocket Guide, ST. Time not given counts as zero. ValueError for more than 15 minutes in all.

    >>> stel_15min([(300.0, 5.0), (120.0, 10.0)])
    180.0
    """
    pairs = [
        (finite("concentration", value, ""), within("duration", minutes, 0.0, 15.0, "min"))
        for value, minutes in samples
    ]
    within("total duration", math.fsum(minutes for _, minutes in pairs), 0.0, 15.0, "min")
    return math.fsum(value * minutes for value, minutes in pairs) / STEL_MINUTES


def highest_15min(minute_values: Sequence[float]) -> float:
    """Return the highest mean of any 15 consecutive minute values; ValueError for a shorter record.

    >>> round(highest_15min([10.0] * 20 + [60.0] * 10 + [5.0] * 30), 2)
    43.33
    """
    return highest_running_mean(minute_values, STEL_MINUTES)


def ceiling(minute_maxima: Iterable[float], t90_s: float) -> float:
    """Return the highest value that a ceiling is held against: the largest 1-minute maximum, unit kept.

    29 CFR 1910.1000(a)(1): no instant above it. `t90_s` is the sensor's response time: one slower than 60 s
    cannot test a ceiling at all (ValueError), nor can an empty record.

    >>> ceiling([3.0, 180.0, 12.0], t90_s=30.0)
    180.0
    """
    if not positive("T90", t90_s, "s") <= SLOWEST_CEILING_T90_S:
        raise ValueError(f"a sensor with a T90 of {t90_s:g} s cannot test a ceiling; 60 s is the slowest")
    highest = max((finite("concentration", one, "") for one in minute_maxima), default=None)
    if highest is None:
        raise ValueError("a ceiling needs at least one minute that was measured")
    return highest


def mixture_index(parts: Iterable[tuple[float, float]]) -> float:
    """Return E = sum(C/L) of (concentration, limit) pairs of agents with additive effects; exceeded above 1.

    29 CFR 1910.1000(d)(2). Each pair in one unit. ValueError for a limit that is not above 0.

    >>> round(mixture_index([(60.0, 100.0), (25.0, 50.0)]), 9)
    1.1
    """
    return math.fsum(
        finite("concentration", concentration, "") / positive("limit", bound, "")
        for concentration, bound in parts
    )


def mg_m3(ppm: float, molar_mass: float, temperature: float = 25.0, pressure_kpa: float = 101.325) -> float:
    """Return mg/m3 of a gas at `ppm`: ppm M P/(8.31446 T); M in g/mol, temperature in C, pressure in kPa.

    Ideal gas, NIOSH Pocket Guide's convention at 25 C and 1 atm.

    >>> round(mg_m3(1.0, MOLAR_MASS["co"]), 3)
    1.145
    """
    kelvin = within("temperature", temperature, -40.0, 85.0, "C") + 273.15
    pressure = within("pressure", pressure_kpa, 50.0, 115.0, "kPa")
    return (
        finite("ppm", ppm, "ppm")
        * positive("molar mass", molar_mass, "g/mol")
        * pressure
        / (GAS_CONSTANT * kelvin)
    )


def ppm(
    mg_per_m3: float, molar_mass: float, temperature: float = 25.0, pressure_kpa: float = 101.325
) -> float:
    """Return ppm of a gas at mg/m3; the inverse of `mg_m3`.

    >>> round(ppm(1.145, MOLAR_MASS["co"]), 3)
    1.0
    """
    return finite("concentration", mg_per_m3, "mg/m3") / mg_m3(1.0, molar_mass, temperature, pressure_kpa)
