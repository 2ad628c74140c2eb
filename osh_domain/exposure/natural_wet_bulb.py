"""The natural wet bulb of ISO 7243, from air temperature, humidity, air speed and radiation.

The method of record is the energy balance of the wick (Liljegren et al. 2008) without sun: continuous and
physically closed. Bernard & Pourmoghani (1999) is kept as a cross-check; it jumps by up to 1.45 C where the
globe is 4 C above air, so no alert is driven from it.
"""

from __future__ import annotations

import math

from .balance import root
from .globe import EMISSIVITY, STEFAN_BOLTZMANN
from .psychrometric import STANDARD_PRESSURE_PA
from .validity import within

_KELVIN = 273.15
_AIR, _WATER = 28.97, 18.015  # molar masses, g/mol
_HEAT_CAPACITY = 1003.5  # of air, J/kgK
_GAS_CONSTANT = 8314.34 / _AIR
_PRANDTL = _HEAT_CAPACITY / (_HEAT_CAPACITY + 1.25 * _GAS_CONSTANT)
_PRANDTL_044 = math.pow(_PRANDTL, 0.44)
_RATIO = _HEAT_CAPACITY * _AIR / _WATER
_WICK_DIAMETER_M = 0.007
_LEAST_SPEED = 0.13  # natural convection moves the air about the wick at least this much, m/s
_HOTTEST_WICK = 355.0  # K, below boiling at 60 kPa; evaporation keeps a wick far under it
_CRITICAL = math.sqrt(132.0 * 647.3)
_DIFFUSIVITY = (
    3.640e-8
    * (36.4 * 218.0) ** (1.0 / 3.0)
    * (132.0 * 647.3) ** (5.0 / 12.0)
    * math.sqrt(1.0 / _AIR + 1.0 / _WATER)
    * 1013.25
)


def _saturation_hpa(kelvin: float) -> float:
    return 1.004 * 6.1121 * math.exp(17.502 * (kelvin - _KELVIN) / (kelvin - 32.18))


def natural_wet_bulb(
    air: float,
    rh: float,
    air_speed: float,
    radiant: float | None = None,
    pressure: float = STANDARD_PRESSURE_PA,
) -> float:
    """Return the natural wet-bulb temperature [C] by the wick's energy balance, without sun.

    Liljegren et al. (2008) wick, surroundings at `radiant` (mean radiant temperature [C]; None: that of the
    air), `air_speed` in m/s (0.13 at least about the wick), `pressure` in Pa. The heat of vaporisation falls
    with temperature, as it must; the authors' program has that sign turned, worth 0.07 C at most.
    Valid for Ta -10 to 60 C, RH 0-100 %, v 0-20 m/s, radiant -10 to 150 C, P 60-110 kPa; ValueError
    elsewhere.

    >>> round(natural_wet_bulb(32.0, 65.0, 0.2), 1)
    26.8
    """
    ta = within("air temperature", air, -10.0, 60.0, "C") + _KELVIN
    within("relative humidity", rh, 0.0, 100.0, "%")
    speed = max(within("air speed", air_speed, 0.0, 20.0, "m/s"), _LEAST_SPEED)
    tr = ta if radiant is None else within("radiant temperature", radiant, -10.0, 150.0, "C") + _KELVIN
    hpa = within("pressure", pressure, 60_000.0, 110_000.0, "Pa") / 100.0
    vapour = rh / 100.0 * _saturation_hpa(ta)
    surroundings = tr**4

    def surplus(tw: float) -> float:
        """Tw less what the balance says of it: grows with Tw."""
        film = 0.5 * (tw + ta)
        viscosity, density = _air_at(film, hpa)
        reynolds = speed * density * _WICK_DIAMETER_M / viscosity
        conductivity = (_HEAT_CAPACITY + 1.25 * _GAS_CONSTANT) * viscosity
        transfer = 0.281 * math.pow(reynolds, 0.6) * _PRANDTL_044 * conductivity / _WICK_DIAMETER_M
        schmidt = viscosity / (density * _DIFFUSIVITY * math.pow(film / _CRITICAL, 2.334) / hpa)
        vaporisation = 2.4073e6 + 71100.0 * (313.15 - film) / 30.0
        wick = _saturation_hpa(tw)
        cooled = vaporisation / _RATIO * (wick - vapour) / (hpa - wick) * math.pow(_PRANDTL / schmidt, 0.56)
        warmed = EMISSIVITY * STEFAN_BOLTZMANN * (surroundings - tw**4) / transfer
        return tw - ta + cooled - warmed

    return root(surplus, min(ta, tr) - 60.0, min(max(ta, tr) + 1.0, _HOTTEST_WICK)) - _KELVIN


def _air_at(kelvin: float, hpa: float) -> tuple[float, float]:
    """Viscosity [kg/ms] and density [kg/m3] of air."""
    collision = 1.048 - 0.034 * (kelvin / 97.0 - 2.9) / 0.4
    viscosity = 2.6693e-6 * math.sqrt(_AIR * kelvin) / (3.617**2 * collision)
    return viscosity, 100.0 * hpa / (_GAS_CONSTANT * kelvin)


def bernard_natural_wet_bulb(air: float, wet_bulb: float, globe150: float, air_speed: float) -> float:
    """Return the natural wet bulb [C] by Bernard & Pourmoghani (1999): a cross-check only.

    `wet_bulb` is the psychrometric wet bulb [C], `globe150` a 150 mm globe [C], `air_speed` in m/s.
    Globe less than 4 C above air: Ta - C (Ta - Twb), C = 0.85 below 0.03 m/s, 0.96 + 0.069 lg v to 3, then 1.
    Otherwise Twb + 0.25 (Tg - Ta) + e, e = 1.1 below 0.1 m/s, 0.1/v^1.1 - 0.2 to 1, then -0.1.

    >>> round(bernard_natural_wet_bulb(32.0, 26.45, 33.0, 0.2), 2)
    26.94
    """
    within("air temperature", air, -10.0, 60.0, "C")
    within("wet bulb", wet_bulb, -20.0, air, "C")
    within("globe temperature", globe150, -10.0, 120.0, "C")
    within("air speed", air_speed, 0.0, 20.0, "m/s")
    if globe150 - air < 4.0:
        return air - _mild_factor(air_speed) * (air - wet_bulb)
    return wet_bulb + 0.25 * (globe150 - air) + _radiant_term(air_speed)


def _mild_factor(air_speed: float) -> float:
    if air_speed < 0.03:
        return 0.85
    return 0.96 + 0.069 * math.log10(air_speed) if air_speed <= 3.0 else 1.0


def _radiant_term(air_speed: float) -> float:
    if air_speed < 0.1:
        return 1.1
    return 0.1 / math.pow(air_speed, 1.1) - 0.2 if air_speed <= 1.0 else -0.1
