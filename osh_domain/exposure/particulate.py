"""Corrections of optical particle sensors for humidity and for what they were fitted on.

Indoors in a garment hall none of these is validated: the raw value is kept and stored beside a corrected one,
and a site's own factor from gravimetric co-location comes first. Never chain two of them: both correct
humidity. No optical value may be compared with cotton-dust or respirable-dust limits.
"""

from __future__ import annotations

import math

from .validity import within

_DENSITY = 1.65  # of the dry particles, g/cm3
_HIGHEST_RH = 95.0


def kappa_dry(raw: float, rh: float, kappa: float) -> float:
    """Return the dry mass [ug/m3] of a raw optical value by kappa-Koehler growth.

    C/(1 + (k/1.65)/(1/aw - 1)), Crilley et al. (2018); `rh` in %, taken as at most 95; flag above 90, and do
    not apply below about 50-60 %. `kappa` 0-1 by aerosol (0.1-0.2 smoke, 0.5-0.6 sulfate).
    Example: 60 ug/m3 at 70 % with kappa 0.3 is 42.13 ug/m3.
    """
    _check(raw, rh)
    within("kappa", kappa, 0.0, 1.5, "")
    activity = min(rh, _HIGHEST_RH) / 100.0
    if activity == 0.0:
        return raw
    return raw / (1.0 + (kappa / _DENSITY) / (1.0 / activity - 1.0))


def barkjohn(raw_cf1: float, rh: float) -> float:
    """Return 0.524 PA - 0.0862 RH + 5.75 [ug/m3] of a PurpleAir cf_1 value: US-wide, Barkjohn et al. (2021).

    Fitted on 24 h means of outdoor aerosol. Example: 50 ug/m3 at 50 % is 27.64 ug/m3.
    """
    _check(raw_cf1, rh)
    return 0.524 * raw_cf1 - 0.0862 * rh + 5.75


def epa_piecewise(raw_atm: float, rh: float) -> float:
    """Return the US EPA five-segment correction [ug/m3] of a PurpleAir cf_atm value, one secondary source.

    Example: 100 ug/m3 at 60 % is 79.178 ug/m3.
    """
    _check(raw_atm, rh)
    x = raw_atm
    humid = -0.0862 * rh + 5.75
    smoke = 2.966 + 0.69 * x + 8.84e-4 * x * x
    if x < 30.0:
        return 0.524 * x + humid
    if x < 50.0:
        weight = x / 20.0 - 1.5
        return (0.786 * weight + 0.524 * (1.0 - weight)) * x + humid
    if x < 210.0:
        return 0.786 * x + humid
    if x < 260.0:
        weight = x / 50.0 - 4.2
        return smoke * weight + (0.786 * x + humid) * (1.0 - weight)
    return smoke


def _check(raw: float, rh: float) -> None:
    within("concentration", raw, 0.0, math.inf, "ug/m3")
    within("relative humidity", rh, 0.0, 100.0, "%")
