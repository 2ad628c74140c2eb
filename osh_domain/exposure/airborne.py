"""Gases and dusts in air: eight-hour and short-term means, mixtures, ppm and mg/m3."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from .time_weighted import highest_running_mean
from .validity import positive, within

GAS_CONSTANT = 8.31446
STEL_MINUTES = 15


def twa_8h(samples: Iterable[tuple[float, float]]) -> float:
    """Return sum(C t)/8 of (concentration, hours) pairs, in the concentration's unit.

    29 CFR 1910.1000(d)(1): the divisor is 8 whatever the hours, so time that was not sampled counts as zero:
    publish coverage with it. ValueError for negative hours or more than 24 h in all.
    Example: 150 ppm for 2 h, 75 for 2 h and 50 for 4 h is 81.25 ppm.
    """
    pairs = [(value, within("duration", hours, 0.0, 24.0, "h")) for value, hours in samples]
    within("total duration", math.fsum(hours for _, hours in pairs), 0.0, 24.0, "h")
    return math.fsum(value * hours for value, hours in pairs) / 8.0


def stel_15min(samples: Iterable[tuple[float, float]]) -> float:
    """Return sum(C t)/15 of (concentration, minutes) pairs within one quarter of an hour.

    NIOSH Pocket Guide, ST. Time not given counts as zero. ValueError for more than 15 minutes in all.
    Example: 300 ppm for 5 min and 120 for 10 min is 180 ppm.
    """
    pairs = [(value, within("duration", minutes, 0.0, 15.0, "min")) for value, minutes in samples]
    within("total duration", math.fsum(minutes for _, minutes in pairs), 0.0, 15.0, "min")
    return math.fsum(value * minutes for value, minutes in pairs) / STEL_MINUTES


def highest_15min(minute_values: Sequence[float]) -> float:
    """Return the highest mean of any 15 consecutive minute values; ValueError for a shorter record.

    Example: 20 min at 10, 10 min at 60, 30 min at 5 gives 43.33.
    """
    return highest_running_mean(minute_values, STEL_MINUTES)


def mixture_index(parts: Iterable[tuple[float, float]]) -> float:
    """Return E = sum(C/L) of (concentration, limit) pairs of agents with additive effects; exceeded above 1.

    29 CFR 1910.1000(d)(2). Each pair in one unit. ValueError for a limit that is not above 0.
    Example: 60 of 100 and 25 of 50 give 1.1.
    """
    return math.fsum(concentration / positive("limit", bound, "") for concentration, bound in parts)


def mg_m3(ppm: float, molar_mass: float, temperature: float = 25.0, pressure_kpa: float = 101.325) -> float:
    """Return mg/m3 of a gas at `ppm`: ppm M P/(8.31446 T); M in g/mol, temperature in C, pressure in kPa.

    Ideal gas, NIOSH Pocket Guide's convention at 25 C and 1 atm. Example: 1 ppm CO (28.01) is 1.145 mg/m3.
    """
    kelvin = within("temperature", temperature, -40.0, 85.0, "C") + 273.15
    pressure = within("pressure", pressure_kpa, 50.0, 115.0, "kPa")
    return ppm * positive("molar mass", molar_mass, "g/mol") * pressure / (GAS_CONSTANT * kelvin)


def ppm(
    mg_per_m3: float, molar_mass: float, temperature: float = 25.0, pressure_kpa: float = 101.325
) -> float:
    """Return ppm of a gas at mg/m3; the inverse of `mg_m3`. Example: 1.145 mg/m3 CO is 1.0 ppm."""
    return mg_per_m3 / mg_m3(1.0, molar_mass, temperature, pressure_kpa)
