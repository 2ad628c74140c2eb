"""The methods that a stored number may carry: what each is, how uncertain, and which way it errs.

Two values by different methods are not comparable without their tags, so the tag travels with every value.
Uncertainties are half-widths in the value's unit. None means that no general figure exists: then the
uncertainty is that of the instrument and its calibration, which this table cannot know.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from typing import Final, Literal

from osh_domain.exposure import CALCULATION

Bias = Literal["either", "low", "high"]

ASSUMED_AIR_SPEED: Final = "+assumed_va"
"""Suffix of a WBGT method whose air speed was not measured."""

AIR_SPEED_UNCERTAINTY: Final = 0.65
"""What an assumed 0.1 m/s may be worth [C WBGT] where the air truly moves at 1.0 m/s: 0.35 + 0.30."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method: `uncertainty` (half-width, `unit`) or None, and the direction in which it may be wrong.

    `unit` is that of values made by it, "" where it serves several quantities.
    """

    tag: str
    title: str
    uncertainty: float | None
    unit: str
    bias: Bias | None
    source: str
    note: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with what must travel with it: unit, method tag, uncertainty, bias, calculation version."""

    value: float
    unit: str
    method: str
    uncertainty: float | None
    bias: Bias | None
    calculation: str = CALCULATION


_ISO_WBGT = "ISO 7243:2017; ISO 7726:1998 Annex B; Liljegren et al. 2008 (wick)"
_ISO_9612 = "ISO 9612; IEC 61672-1"
_LEVEL_NOTE = (
    "area level; at least 2-3 dB for a microphone without class or calibration, 1.5-2 dB for class 2 "
    "(general knowledge)"
)

_ROWS: Final = (
    Method("measured_globe", "WBGT from a measured globe, indoors", 0.6, "Cel", "either", _ISO_WBGT,
           "air temperature within 0.5 C (0.45 C WBGT) and humidity within 3 % (0.4 C) together; another "
           "globe model reads up to 3 C higher for a small globe"),
    Method("measured_globe_sun", "WBGT from a measured globe, in the sun", 0.6, "Cel", "either", _ISO_WBGT,
           "0.7/0.2/0.1; the natural wet bulb is that of the shade with the globe's radiation"),
    Method("measured_tnw", "WBGT from a measured natural wet bulb and globe", None, "Cel", "either",
           "ISO 7243:2017", "as good as the instrument's wick, water and globe"),
    Method("instrument_wbgt", "WBGT as an instrument states it", None, "Cel", "either",
           "the instrument's maker",
           "how the instrument makes it is not known here; psychrometric instruments read 0.3-0.5 C low"),
    Method("assumed_tg_eq_ta", "WBGT without a globe, taken to be at air temperature", 1.0, "Cel", "low",
           _ISO_WBGT, "a screening estimate, at least 1 C uncertain; beside radiant sources low by about "
           "0.41 C for each C that a globe would be above air; no statement of compliance"),
    Method("liljegren", "WBGT outdoors from weather and solar irradiance", 1.0, "Cel", "either",
           "Liljegren et al. 2008, J Occup Environ Hyg 5:645",
           "the authors' comparison with instruments (general knowledge, unverified); programs of the same "
           "equations agree within 0.05 C; a solar estimate instead of a pyranometer is a weather model"),
    Method("weather_model", "WBGT outdoors with an estimated solar irradiance", None, "Cel", "either",
           "Liljegren et al. 2008, J Occup Environ Hyg 5:645", "a model of the weather, not a measurement"),
    Method("nws_regression", "Heat index of the US National Weather Service", 1.3 / 1.8, "Cel", "either",
           "NWS SR 90-23 (Rothfusz 1990)", "error of the regression, 1.3 F; no radiant term, no wind"),
    Method("area_mean", "Mean at one place", None, "", "either", "", "a level at a point, of no person"),
    Method("area_highest", "Highest reading at one place", None, "", "either", "",
           "a sensor whose T90 is above 60 s cannot test a ceiling"),
    Method("area_laeq", "Equivalent sound level at one place", 3.0, "dB", "either", _ISO_9612, _LEVEL_NOTE),
    Method("area_estimate", "Exposure level of a person staying there all shift", 3.0, "dB", "either",
           _ISO_9612, _LEVEL_NOTE),
    Method("area_projected", "Exposure level if the rest of the shift is as loud", 3.0, "dB", "either",
           _ISO_9612, _LEVEL_NOTE + "; projected: holds only if the measured part is representative"),
    Method("area_week", "Weekly exposure level of a person staying there", 3.0, "dB", "either",
           "Directive 2003/10/EC Article 3(3)", _LEVEL_NOTE + "; only where days differ markedly"),
    Method("area_estimate_minute_levels", "Noise dose from minute levels", None, "%", "either",
           "NIOSH 98-126; 29 CFR 1910.95 Appendix A",
           "thresholds belong to one-second levels; 3 dB of the level double or halve a NIOSH dose"),
    Method("optical_uncorrected", "Particles by light scattering, uncorrected", None, "ug/m3", "either",
           "EPA/600/R-20/280 (targets)",
           "mass inferred from scattering; humid air reads high, lint and fibres are largely unseen"),
    Method("optical_kappa", "Particles by light scattering, humidity taken out", None, "ug/m3", "either",
           "Crilley et al. 2018; Di Antonio et al. 2018", "not validated in garment halls; kappa assumed"),
    Method("optical_barkjohn2021", "Particles by light scattering, US-wide correction", None, "ug/m3",
           "either", "Barkjohn et al. 2021, AMT 14:4617",
           "not validated in a garment hall; fitted on daily means of outdoor aerosol in the US"),
    Method("optical_epa_2021_piecewise", "Particles by light scattering, US EPA correction", None, "ug/m3",
           "either", "US EPA Fire and Smoke Map, one secondary source", "not validated in a garment hall"),
    Method("optical_site_factor", "Particles by light scattering, site factor", None, "ug/m3", "either",
           "gravimetric co-location on the site", "holds for the dust it was made with"),
    Method("co2_balance", "Outdoor air per person from carbon dioxide", None, "L/s", "either",
           "steady-state balance of one zone",
           "as uncertain as the carbon dioxide that people make: 0.007-0.009 L/s in light factory work"),
    Method("no_data", "Nothing was measured", None, "", None, "", "cannot tell"),
)  # fmt: skip

METHODS: Final[dict[str, Method]] = {row.tag: row for row in _ROWS}


@lru_cache(maxsize=256)
def method(tag: str) -> Method:
    """Return the method of a tag, also of a WBGT tag that ends in `+assumed_va`.

    Independent uncertainties combine as the root of the sum of their squares; 0.1 m/s taken for moving air
    errs high, so together with a method that errs low either is possible. ValueError, with near matches, for
    an unknown tag.

    >>> method("assumed_tg_eq_ta").uncertainty
    1.0
    """
    base = tag.removesuffix(ASSUMED_AIR_SPEED)
    row = METHODS.get(base)
    if row is None or (base != tag and row.unit != "Cel"):
        near = get_close_matches(base, METHODS, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(METHODS)}"
        raise ValueError(f"no method is called {tag!r}; {hint}")
    return row if base == tag else _with_assumed_air_speed(row, tag)


def _with_assumed_air_speed(row: Method, tag: str) -> Method:
    known = row.uncertainty
    return replace(
        row,
        tag=tag,
        title=row.title + ", air speed assumed",
        uncertainty=None if known is None else math.hypot(known, AIR_SPEED_UNCERTAINTY),
        bias="either",
        note=row.note
        + "; 0.1 m/s taken, the protective value: high by up to 0.65 C where air moves at 1 m/s",
    )


def estimate(value: float, tag: str, *, unit: str = "") -> Estimate:
    """Return `value` with its method's uncertainty and the calculation version; ValueError, unknown tag.

    `unit` is needed for methods that serve several quantities. Infinite and NaN values are refused.

    >>> estimate(29.0, "assumed_tg_eq_ta").bias
    'low'
    """
    row = method(tag)
    if not math.isfinite(value):
        raise ValueError(f"{value!r} is no result of {tag}")
    return Estimate(value, unit or row.unit, tag, row.uncertainty, row.bias)
