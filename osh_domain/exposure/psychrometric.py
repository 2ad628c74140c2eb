"""The psychrometric (aspirated) wet bulb: a cross-check.

WBGT needs the natural wet bulb, which reads higher where air moves little or surfaces radiate.
"""

from __future__ import annotations

import math

from .balance import root
from .validity import positive, within

STANDARD_PRESSURE_PA = 101325.0


def saturation_pressure(temperature: float) -> float:
    """Return the saturation vapour pressure over water [Pa] of moist air, Buck (1981) with factor 1.004.

    1.004 x 611.21 exp(17.502 t/(t + 240.97)), t in C.

    >>> round(saturation_pressure(30.0))
    4260
    """
    within("temperature", temperature, -40.0, 120.0, "C")
    return 1.004 * 611.21 * math.exp(17.502 * temperature / (temperature + 240.97))


def _humidity_ratio(vapour: float, pressure: float) -> float:
    return 0.621945 * vapour / (pressure - vapour)


def dew_point(air: float, rh: float) -> float:
    """Return the dew point over water [C] of air at `air` [C] and `rh` [%], Buck (1981) solved for it.

    Never above the air temperature; one sensor's dew point above another's air temperature is a
    contradiction (`quality_physics`). Ta -40 to 60 C, RH above 0 to 100 %; ValueError elsewhere: air without
    any water has no dew point.

    >>> round(dew_point(30.0, 60.0), 1), round(dew_point(25.0, 100.0), 9)
    (21.4, 25.0)
    """
    within("air temperature", air, -40.0, 60.0, "C")
    share = positive("relative humidity", within("relative humidity", rh, 0.0, 100.0, "%"), "%") / 100.0
    exponent = math.log(share) + 17.502 * air / (air + 240.97)
    return 240.97 * exponent / (17.502 - exponent)


def psychrometric_wet_bulb(air: float, rh: float, pressure: float = STANDARD_PRESSURE_PA) -> float:
    """Return the thermodynamic wet-bulb temperature [C] at the given pressure [Pa], ASHRAE form.

    Solves W(e) = ((2501 - 2.326 t) W(es(t)) - 1.006 (Ta - t))/(2501 + 1.86 Ta - 4.186 t) for t, with
    W(e) = 0.621945 e/(P - e). Valid above freezing, Ta 0-60 C, RH 0-100 %, P 60-110 kPa; ValueError
    elsewhere.

    >>> round(psychrometric_wet_bulb(30.0, 60.0), 2)
    23.81
    """
    within("air temperature", air, 0.0, 60.0, "C")
    within("relative humidity", rh, 0.0, 100.0, "%")
    within("pressure", pressure, 60_000.0, 110_000.0, "Pa")
    wanted = _humidity_ratio(rh / 100.0 * saturation_pressure(air), pressure)

    def surplus(t: float) -> float:
        saturated = _humidity_ratio(saturation_pressure(t), pressure)
        found = (2501.0 - 2.326 * t) * saturated - 1.006 * (air - t)
        return found / (2501.0 + 1.86 * air - 4.186 * t) - wanted

    return root(surplus, -20.0, air + 1.0)


def stull_wet_bulb(air: float, rh: float) -> float:
    """Return the wet bulb [C] by Stull (2011) equation 1, sea level only: for comparison.

    Reads up to 0.8 C high at 40 C and 30 %; never an input of WBGT here. Ta -20 to 50 C, RH 5-99 %.

    >>> round(stull_wet_bulb(20.0, 50.0), 1)
    13.7
    """
    within("air temperature", air, -20.0, 50.0, "C")
    within("relative humidity", rh, 5.0, 99.0, "%")
    return (
        air * math.atan(0.151977 * math.sqrt(rh + 8.313659))
        + math.atan(air + rh)
        - math.atan(rh - 1.676331)
        + 0.00391838 * math.pow(rh, 1.5) * math.atan(0.023101 * rh)
        - 4.686035
    )
