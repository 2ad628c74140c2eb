"""WBGT of ISO 7243:2017: combination, value from a node's sensors, clothing, screening."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from . import CALCULATION, methods
from .globe import STANDARD_DIAMETER_M, equivalent_globe, mean_radiant_temperature
from .methods import Bias, method
from .natural_wet_bulb import natural_wet_bulb
from .psychrometric import STANDARD_PRESSURE_PA
from .validity import finite, within

PROTECTIVE_AIR_SPEED = 0.1
"""Air speed [m/s] taken where none is measured: still air gives the higher, protective WBGT."""

BRISK_AIR_SPEED = 0.5
"""The other air speed [m/s] tried where none is measured and a small globe needs a size correction."""

ASSUMED_AIR_SPEED = methods.ASSUMED_AIR_SPEED
MEASURED_GLOBE = "measured_globe"
MEASURED_GLOBE_SUN = "measured_globe_sun"
ASSUMED_GLOBE = "assumed_tg_eq_ta"
NO_GLOBE_UNCERTAINTY = 1.0
"""Least uncertainty [C] of an estimate without a globe; beside radiant sources its bias can only be low."""


@dataclass(frozen=True, slots=True)
class NodeWbgt:
    """WBGT [C] of a node's sensors with what it was made from: natural wet bulb and 150 mm globe [C].

    Method tag, uncertainty [C] and bias are those of `methods`; `calculation` is the version of the code.
    """

    value: float
    natural_wet_bulb: float
    globe150: float
    method: str
    uncertainty: float | None
    bias: Bias | None
    calculation: str = CALCULATION


def wbgt_indoor(natural_wet_bulb: float, globe150: float) -> float:
    """Return 0.7 Tnwb + 0.3 Tg [C]: indoors, or outdoors without sun. ISO 7243:2017.

    `globe150` is the temperature in a 150 mm matt black globe.

    >>> round(wbgt_indoor(25.0, 32.0), 9)
    27.1
    """
    return 0.7 * finite("natural wet bulb", natural_wet_bulb, "C") + 0.3 * finite("globe", globe150, "C")


def wbgt_with_sun(natural_wet_bulb: float, globe150: float, air: float) -> float:
    """Return 0.7 Tnwb + 0.2 Tg + 0.1 Ta [C]: with solar load, `air` shaded. ISO 7243:2017.

    >>> round(wbgt_with_sun(25.0, 32.0, 20.0), 9)
    25.9
    """
    shaded = 0.1 * finite("air temperature", air, "C")
    return (
        0.7 * finite("natural wet bulb", natural_wet_bulb, "C")
        + 0.2 * finite("globe", globe150, "C")
        + shaded
    )


def effective_wbgt(wbgt: float, clothing_caf: float) -> float:
    """Return WBGT plus the clothing adjustment [C]: the value that limits are compared with, ISO 7243:2017.

    >>> round(effective_wbgt(27.1, 3.0), 9)
    30.1
    """
    return finite("WBGT", wbgt, "C") + within("clothing adjustment", clothing_caf, -5.0, 20.0, "C")


def indoor_wbgt(
    air: float,
    rh: float,
    globe: float | None = None,
    *,
    air_speed: float | None = None,
    globe_diameter: float = STANDARD_DIAMETER_M,
    pressure: float = STANDARD_PRESSURE_PA,
    sun: bool = False,
) -> NodeWbgt:
    """Return the WBGT from a node's sensors, with its method; `sun`: outdoors with a measured globe.

    `air` and `globe` in C, `rh` in %, `air_speed` in m/s, `globe_diameter` in m, `pressure` in Pa.
    ISO 7243:2017 combination of the wick balance's natural wet bulb and the 150 mm globe (ISO 7726).
    Without an anemometer 0.1 m/s is taken, and with a globe of another size also 0.5, the higher WBGT counts:
    the size correction grows with air speed; the method ends in `+assumed_va`.
    Without a globe Tg = Ta is assumed: a screening estimate, at least 1 C uncertain and biased low beside
    radiant sources, that may not be called compliance. ValueError outside the ranges of the parts, and for
    `sun` without a globe: the sun cannot be assumed away.

    >>> found = indoor_wbgt(32.0, 65.0, 33.5, air_speed=0.2)
    >>> round(found.value, 2), found.method, found.uncertainty
    (28.99, 'measured_globe', 0.6)
    """
    if sun and globe is None:
        raise ValueError("WBGT in the sun needs a globe, or irradiance and wind (outdoor_wbgt)")
    node = _Node(air, rh, globe, globe_diameter, pressure, sun)
    if air_speed is not None:
        return node.at_speed(air_speed, suffix="")
    still = node.at_speed(PROTECTIVE_AIR_SPEED, ASSUMED_AIR_SPEED)
    if globe is None or globe_diameter == STANDARD_DIAMETER_M:
        return still
    return max(still, node.at_speed(BRISK_AIR_SPEED, ASSUMED_AIR_SPEED), key=lambda one: one.value)


@dataclass(frozen=True, slots=True)
class _Node:
    air: float
    rh: float
    globe: float | None
    diameter: float
    pressure: float
    sun: bool

    def at_speed(self, speed: float, suffix: str) -> NodeWbgt:
        radiant, globe150, tag = None, self.air, ASSUMED_GLOBE
        if self.globe is not None:
            radiant = mean_radiant_temperature(self.globe, self.air, speed, self.diameter)
            globe150 = equivalent_globe(self.globe, self.air, speed, self.diameter)
            tag = MEASURED_GLOBE_SUN if self.sun else MEASURED_GLOBE
        wet = natural_wet_bulb(self.air, self.rh, speed, radiant, self.pressure)
        value = wbgt_with_sun(wet, globe150, self.air) if self.sun else wbgt_indoor(wet, globe150)
        row = method(tag + suffix)
        return NodeWbgt(value, wet, globe150, row.tag, row.uncertainty, row.bias)


Screening = Literal["above", "possibly above", "below", "cannot tell"]


def screen(effective: float, limit: float, method: str, *, radiant_source: bool) -> Screening:
    """Judge an effective WBGT [C] against a limit [C] as far as its method allows; nothing is rounded.

    With a measured globe: above, or below. Without one the limit is possibly exceeded from 1 C under it, and
    an estimate beside a known radiant source is never "below": what it cannot see may be the hazard.
    ValueError for NaN or infinity, which would look like "below".

    >>> screen(27.2, 28.0, "assumed_tg_eq_ta", radiant_source=False)
    'possibly above'
    """
    if finite("effective WBGT", effective, "C") > finite("limit", limit, "C"):
        return "above"
    if not method.startswith(ASSUMED_GLOBE):
        return "below"
    if effective >= limit - NO_GLOBE_UNCERTAINTY:
        return "possibly above"
    return "cannot tell" if radiant_source else "below"
