"""Globe thermometers: mean radiant temperature and the standard 150 mm globe, ISO 7726:1998 Annex B.

The ISO relation is this project's one globe model. The mixed-convection model (Teitelbaum et al. 2022) gives
a 150 mm globe 0.75 to 3 C higher from the same small globe: a real uncertainty, recorded with the method.
"""

from __future__ import annotations

import math

from .balance import root
from .validity import within

STANDARD_DIAMETER_M = 0.15
EMISSIVITY = 0.95
STEFAN_BOLTZMANN = 5.67e-8
_KELVIN = 273.15


def _heat_transfer(excess: float, air_speed: float, diameter: float) -> float:
    """Convective coefficient [W/m2K]: the larger of forced and natural convection."""
    forced = 6.3 * math.pow(air_speed, 0.6) / math.pow(diameter, 0.4)
    return max(forced, 1.4 * math.pow(abs(excess) / diameter, 0.25))


def _check(globe: float, air: float, air_speed: float, diameter: float) -> None:
    within("globe temperature", globe, -40.0, 120.0, "C")
    within("air temperature", air, -40.0, 85.0, "C")
    within("air speed", air_speed, 0.0, 20.0, "m/s")
    within("globe diameter", diameter, 0.02, 0.2, "m")


def mean_radiant_temperature(
    globe: float, air: float, air_speed: float, diameter: float = STANDARD_DIAMETER_M
) -> float:
    """Return the mean radiant temperature [C] seen by a black globe.

    ISO 7726 Annex B: Tr = ((Tg+273.15)^4 + h (Tg-Ta)/(e s))^(1/4) - 273.15, h = max(6.3 v^0.6 / D^0.4,
    1.4 (|Tg-Ta|/D)^0.25), e = 0.95. Globe and air temperature in C, `air_speed` in m/s, `diameter` in m
    (0.02-0.2). ValueError outside the sensors' ranges, or when the globe is colder than any surroundings
    allow.

    >>> round(mean_radiant_temperature(53.2, 30.0, 0.3, 0.10), 1)
    74.8
    """
    _check(globe, air, air_speed, diameter)
    excess = globe - air
    fourth = (globe + _KELVIN) ** 4
    fourth += _heat_transfer(excess, air_speed, diameter) * excess / (EMISSIVITY * STEFAN_BOLTZMANN)
    if fourth <= 0:
        raise ValueError(f"a globe of {globe:g} C in air of {air:g} C has no radiant temperature")
    return math.pow(fourth, 0.25) - _KELVIN


def equivalent_globe(globe: float, air: float, air_speed: float, diameter: float) -> float:
    """Return what a 150 mm globe would show [C] where a globe of another size shows `globe`.

    ISO 7726 relations both ways: the small globe's radiant temperature, then the 150 mm balance solved for
    its own temperature. A 40 mm globe under-reads the excess over air by 20-30 % at 0.1-0.5 m/s.

    >>> round(equivalent_globe(36.0, 32.0, 0.3, 0.04), 2)
    37.41
    """
    radiant = mean_radiant_temperature(globe, air, air_speed, diameter)
    if diameter == STANDARD_DIAMETER_M or radiant == air:
        return globe if radiant != air else air
    from_surroundings = (radiant + _KELVIN) ** 4

    def surplus(candidate: float) -> float:
        excess = candidate - air
        lost = _heat_transfer(excess, air_speed, STANDARD_DIAMETER_M) * excess
        return lost - EMISSIVITY * STEFAN_BOLTZMANN * (from_surroundings - (candidate + _KELVIN) ** 4)

    return root(surplus, min(air, radiant), max(air, radiant))


def equivalent_globe_linear(globe: float, air: float, air_speed: float, diameter: float) -> float:
    """Return the 150 mm equivalent [C] by the linear shortcut: a cross-check, not the method of record.

    Tg150 = Ta + (1 + 1.13 v^0.6 D^-0.4)/(1 + 2.41 v^0.6) (Tg - Ta); constants from the linearised balance
    (6.3/5.6 = 1.13, 1.13 x 0.15^-0.4 = 2.41). At 0.3 to 0.5 m/s within 0.75 C of the balance up to an excess
    of 12 C over air; in stiller air natural convection takes over and the shortcut reads up to 1.7 C high.

    >>> round(equivalent_globe_linear(36.0, 32.0, 0.3, 0.04), 3)
    37.508
    """
    _check(globe, air, air_speed, diameter)
    moved = math.pow(air_speed, 0.6)
    return air + (1.0 + 1.13 * moved * math.pow(diameter, -0.4)) / (1.0 + 2.41 * moved) * (globe - air)


def settling_minutes(diameter: float) -> float:
    """Return how long after power-up or a move a globe's readings are left out [min].

    A 150 mm globe needs 20 to 30 min, a 40 mm globe 5 to 10; the upper ends, in proportion to the diameter
    between them and not less than 10. General knowledge, unverified. `diameter` in m, 0.02 to 0.2.

    >>> round(settling_minutes(0.15)), round(settling_minutes(0.04))
    (30, 10)
    """
    size = within("globe diameter", diameter, 0.02, 0.2, "m")
    return max(10.0, 10.0 + 20.0 * (size - 0.04) / 0.11)
