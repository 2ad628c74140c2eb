"""The heat index of the US National Weather Service: for public messages and where an administration asks.

It assumes shade, light walking and light clothing and has no radiant term: never compare it with WBGT limits.
"""

from __future__ import annotations

import math
from typing import Literal

from .methods import Estimate, estimate
from .validity import within

HeatIndexScheme = Literal["osha_2024_proposed", "osha_2011_guide", "nws_public"]

# Lowest value [F] of each band, from the top.
_BANDS: dict[str, tuple[tuple[float, str], ...]] = {
    "osha_2024_proposed": ((90.0, "high"), (80.0, "initial"), (-math.inf, "below_initial")),
    "nws_public": (
        (125.0, "extreme_danger"),
        (103.0, "danger"),
        (90.0, "extreme_caution"),
        (80.0, "caution"),
        (-math.inf, "none"),
    ),
}


def heat_index_f(temperature_f: float, rh: float) -> float:
    """Return the heat index [F] from air temperature [F] and relative humidity [%].

    NWS heat index equation (SR 90-23, Rothfusz 1990) with both adjustments; the simple formula below 80 F is
    already the average with temperature that the NWS text names, so it is not averaged again. Stated error
    +-1.3 F. T -40 to 140 F, RH 0-100 %; ValueError elsewhere.

    >>> round(heat_index_f(90.0, 60.0), 1)
    99.7
    """
    t = within("temperature", temperature_f, -40.0, 140.0, "F")
    within("relative humidity", rh, 0.0, 100.0, "%")
    if t <= 40.0:
        return t
    simple = 0.5 * (t + 61.0 + 1.2 * (t - 68.0) + 0.094 * rh)
    return simple if simple < 80.0 else _regression(t, rh) + _adjustment(t, rh)


def _regression(t: float, rh: float) -> float:
    return (
        -42.379
        + 2.04901523 * t
        + 10.14333127 * rh
        - 0.22475541 * t * rh
        - 0.00683783 * t * t
        - 0.05481717 * rh * rh
        + 0.00122874 * t * t * rh
        + 0.00085282 * t * rh * rh
        - 0.00000199 * t * t * rh * rh
    )


def _adjustment(t: float, rh: float) -> float:
    if rh < 13.0 and 80.0 <= t <= 112.0:
        return -((13.0 - rh) / 4.0) * math.sqrt((17.0 - abs(t - 95.0)) / 17.0)
    if rh > 85.0 and 80.0 <= t <= 87.0:
        return ((rh - 85.0) / 10.0) * ((87.0 - t) / 5.0)
    return 0.0


def heat_index(air: float, rh: float) -> float:
    """Return the heat index [C] from air temperature [C] and relative humidity [%]; see `heat_index_f`.

    >>> round(heat_index(32.2222, 60.0), 1)
    37.6
    """
    within("air temperature", air, -40.0, 60.0, "C")
    return (heat_index_f(air * 1.8 + 32.0, rh) - 32.0) / 1.8


def heat_index_estimate(air: float, rh: float) -> Estimate:
    """Return the heat index [C] with its method, uncertainty (1.3 F, of the regression) and calculation.

    >>> found = heat_index_estimate(32.2222, 60.0)
    >>> round(found.value, 1), round(found.uncertainty, 2), found.method
    (37.6, 0.72, 'nws_regression')
    """
    return estimate(heat_index(air, rh), "nws_regression")


def heat_index_band(value_f: float, scheme: HeatIndexScheme) -> str:
    """Return the band of a heat index [F] in a scheme.

    `osha_2024_proposed`: 89 FR 70698, initial from 80 F, high from 90 F (not final). `osha_2011_guide`: below
    91 lower, 91-103 moderate, above 103 to 115 high, above 115 very_high. `nws_public`: 80/90/103/125 F.
    ValueError for NaN, infinity or an unknown scheme.

    >>> heat_index_band(95.0, "osha_2011_guide")
    'moderate'
    """
    if not math.isfinite(value_f):
        raise ValueError(f"a heat index is a number in F, not {value_f!r}")
    if scheme == "osha_2011_guide":
        return _guide_2011(value_f)
    if scheme not in _BANDS:
        raise ValueError(f"scheme {scheme!r} is unknown; known: osha_2011_guide, {', '.join(_BANDS)}")
    return next(label for lowest, label in _BANDS[scheme] if value_f >= lowest)


def _guide_2011(value_f: float) -> str:
    if value_f < 91.0:
        return "lower"
    if value_f <= 103.0:
        return "moderate"
    return "high" if value_f <= 115.0 else "very_high"
