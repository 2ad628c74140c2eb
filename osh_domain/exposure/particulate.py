"""Corrections of optical particle sensors for humidity and for what they were fitted on.

Indoors in a garment hall none of these is validated: the raw value is kept and stored beside a corrected one,
and a site's own factor from gravimetric co-location comes first. Never chain two of them: both correct
humidity. No optical value may be compared with cotton-dust or respirable-dust limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from . import CALCULATION
from .methods import method
from .validity import positive, within

_DENSITY = 1.65  # of the dry particles, g/cm3
_HIGHEST_RH = 95.0
DRY_BELOW_RH = 50.0
"""Below this humidity [%] particles carry no water worth a correction."""
UNCERTAIN_ABOVE_RH = 90.0
HIGHEST_CF1 = 570.0
"""Highest cf_1 value [ug/m3] of the 2021 formula; above it its 2022 revision differs."""

Correction = Literal["kappa", "barkjohn2021", "epa_2021_piecewise", "site_factor"]


@dataclass(frozen=True, slots=True)
class CorrectedMass:
    """A corrected mass [ug/m3] beside the raw one it came from, its method tag, and what lowers its worth."""

    raw: float
    value: float
    method: str
    warnings: tuple[str, ...]
    calculation: str = CALCULATION


def corrected(
    raw: float | CorrectedMass, rh: float, correction: Correction, *, factor: float | None = None
) -> CorrectedMass:
    """Return one correction of a raw optical mass [ug/m3] at a humidity [%], with the raw value kept.

    `factor`: kappa for `kappa`, the slope from gravimetric co-location for `site_factor`. Kappa does nothing
    below 50 %; above 90 % every corrected value is marked. TypeError for a mass that is corrected already
    (two corrections would both take the humidity away); ValueError for a missing factor or a value out of
    range.

    >>> corrected(60.0, 40.0, "kappa", factor=0.3).value
    60.0
    >>> round(corrected(60.0, 70.0, "kappa", factor=0.3).value, 2)
    42.13
    """
    if isinstance(raw, CorrectedMass):
        raise TypeError(f"this mass is corrected already ({raw.method}); never chain two corrections")
    tag = f"optical_{correction}"
    warnings = [method(tag).note]
    if rh > UNCERTAIN_ABOVE_RH:
        warnings.append("humidity above 90 %")
    return CorrectedMass(raw, _correct(raw, rh, correction, factor), tag, tuple(warnings))


def _correct(raw: float, rh: float, correction: Correction, factor: float | None) -> float:
    if correction == "barkjohn2021":
        return barkjohn(raw, rh)
    if correction == "epa_2021_piecewise":
        return epa_piecewise(raw, rh)
    if factor is None:
        raise ValueError(f"the correction {correction!r} needs its factor")
    _check(raw, rh)
    if correction == "site_factor":
        return raw * positive("site factor", factor, "")
    return raw if rh < DRY_BELOW_RH else kappa_dry(raw, rh, factor)


def kappa_dry(raw: float, rh: float, kappa: float) -> float:
    """Return the dry mass [ug/m3] of a raw optical value by kappa-Koehler growth.

    C/(1 + (k/1.65)/(1/aw - 1)), Crilley et al. (2018); `rh` in %, taken as at most 95; flag above 90, and do
    not apply below about 50-60 %. `kappa` 0-1 by aerosol (0.1-0.2 smoke, 0.5-0.6 sulfate).

    >>> round(kappa_dry(60.0, 70.0, 0.3), 2)
    42.13
    """
    _check(raw, rh)
    within("kappa", kappa, 0.0, 1.5, "")
    activity = min(rh, _HIGHEST_RH) / 100.0
    if activity == 0.0:
        return raw
    return raw / (1.0 + (kappa / _DENSITY) / (1.0 / activity - 1.0))


def barkjohn(raw_cf1: float, rh: float) -> float:
    """Return 0.524 PA - 0.0862 RH + 5.75 [ug/m3] of a PurpleAir cf_1 value: US-wide, Barkjohn et al. (2021).

    AMT 14:4617. Fitted on 24 h means of outdoor aerosol, where a sensor's two channels agree; at little dust
    and much humidity the line goes below 0 and says no more than "little". Up to 570 ug/m3; ValueError above.

    >>> round(barkjohn(50.0, 50.0), 2)
    27.64
    """
    _check(raw_cf1, rh)
    within("cf_1 value", raw_cf1, 0.0, HIGHEST_CF1, "ug/m3")
    return 0.524 * raw_cf1 - 0.0862 * rh + 5.75


def epa_piecewise(raw_atm: float, rh: float) -> float:
    """Return the US EPA five-segment correction [ug/m3] of a PurpleAir cf_atm value, one secondary source.

    >>> round(epa_piecewise(100.0, 60.0), 3)
    79.178
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
    within("concentration", raw, 0.0, 1e6, "ug/m3")
    within("relative humidity", rh, 0.0, 100.0, "%")
