"""The numbers of laws and standards, each with its instrument, its clause and how surely we know it.

A *limit* is the law's or the standard's number; a rule's own number is a threshold and lives in a rule pack.
Packs name a limit, never a number: `limit("iso7243", metabolic_class=2, acclimatised=False)`.
Nothing here is rounded; rounding belongs to pages and messages.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Confidence = Literal["verified", "secondary", "unverified"]
"""verified: read in the named text and confirmed; secondary: read in one secondary source only;
unverified: general professional knowledge, to be confirmed before it stands in a legal report."""


class UnknownLimitError(ValueError):
    """No limit of this name, or none for this class of work; trying again cannot help."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit. `strict` limits are exceeded above the value; the others act at the value already.

    `band` is the lowest and highest value the limit takes over the metabolic class, where the class alone
    does not fix it; draw it as a band.
    """

    name: str
    value: float
    unit: str
    strict: bool
    instrument: str
    clause: str
    confidence: Confidence
    label: str
    band: tuple[float, float] | None = None

    def exceeded_by(self, value: float) -> bool:
        """Say whether an unrounded value in the limit's unit exceeds it (or reaches an action value)."""
        return value > self.value if self.strict else value >= self.value


@dataclass(frozen=True, slots=True)
class MetabolicClass:
    """One class of ISO 7243:2017 Table A.1: nominal rate and range [W], reference WBGT [Cel]."""

    number: int
    title: str
    nominal_w: float
    low_w: float
    high_w: float
    acclimatised_cel: float
    not_acclimatised_cel: float


# ISO 7243:2017 Annex A Table A.1. The class ranges are general knowledge (unverified); the rest is verified.
METABOLIC_CLASSES: tuple[MetabolicClass, ...] = (
    MetabolicClass(0, "resting", 115.0, 100.0, 125.0, 33.0, 32.0),
    MetabolicClass(1, "low", 180.0, 125.0, 235.0, 30.0, 29.0),
    MetabolicClass(2, "moderate", 300.0, 235.0, 360.0, 28.0, 26.0),
    MetabolicClass(3, "high", 415.0, 360.0, 465.0, 26.0, 23.0),
    MetabolicClass(4, "very high", 520.0, 465.0, 580.0, 25.0, 20.0),
)


def class_of_work(number: int) -> MetabolicClass:
    """Return the class 0 (resting) to 4 (very high); UnknownLimitError for anything else."""
    if isinstance(number, bool) or number not in range(len(METABOLIC_CLASSES)):
        raise UnknownLimitError(
            f"metabolic class {number!r} does not exist: ISO 7243 has 0 (resting) to 4 (very high)"
        )
    return METABOLIC_CLASSES[number]


def class_of_rate(metabolic_rate_w: float) -> MetabolicClass:
    """Return the class whose range holds a metabolic rate [W], ISO 7243:2017 Table A.1.

    A rate on a boundary belongs to the heavier class, above the last range to class 4, below the first to 0.
    Example: 240 W is class 2 (235-360 W).
    """
    if not math.isfinite(metabolic_rate_w) or metabolic_rate_w <= 0:
        raise ValueError(f"a metabolic rate is a positive number of watts, not {metabolic_rate_w!r}")
    return [row for row in METABOLIC_CLASSES if row.number == 0 or metabolic_rate_w >= row.low_w][-1]


def niosh_rel_c(metabolic_rate_w: float) -> float:
    """Recommended exposure limit [Cel WBGT, 1 h average] for acclimatised workers at a rate [W].

    NIOSH 2016-106 section 8.1: 56.7 - 11.5 lg M, drawn for 116-580 W. Example: 300 W gives 28.21.
    """
    return 56.7 - 11.5 * math.log10(_rate(metabolic_rate_w))


def niosh_ral_c(metabolic_rate_w: float) -> float:
    """Recommended alert limit [Cel WBGT, 1 h average] for workers not acclimatised at a rate [W].

    NIOSH 2016-106 section 8.1: 59.9 - 14.1 lg M, drawn for 116-580 W. Example: 300 W gives 24.97.
    """
    return 59.9 - 14.1 * math.log10(_rate(metabolic_rate_w))


def _rate(metabolic_rate_w: float) -> float:
    if not math.isfinite(metabolic_rate_w) or metabolic_rate_w <= 0:
        raise ValueError(f"a metabolic rate is a positive number of watts, not {metabolic_rate_w!r}")
    return metabolic_rate_w


def _iso7243(row: MetabolicClass, acclimatised: bool) -> Limit:
    value = row.acclimatised_cel if acclimatised else row.not_acclimatised_cel
    return Limit(
        name="iso7243",
        value=value,
        unit="Cel",
        strict=True,
        instrument="ISO 7243:2017",
        clause="Annex A, Table A.1",
        confidence="verified",
        label=f"WBGT reference value, {row.title} metabolic rate, {_state(acclimatised)}",
    )


def _niosh_heat(row: MetabolicClass, acclimatised: bool) -> Limit:
    formula = niosh_rel_c if acclimatised else niosh_ral_c
    short = "REL" if acclimatised else "RAL"
    return Limit(
        name="niosh_rel" if acclimatised else "niosh_ral",
        value=formula(row.nominal_w),
        unit="Cel",
        strict=True,
        instrument="NIOSH 2016-106",
        clause="section 8.1",
        confidence="verified",
        label=f"NIOSH {short} at {row.nominal_w:.0f} W, {_state(acclimatised)}",
        band=(formula(row.high_w), formula(row.low_w)),
    )


def _state(acclimatised: bool) -> str:
    return "acclimatised" if acclimatised else "not acclimatised"


_BY_WORK: dict[str, Callable[[MetabolicClass, bool], Limit]] = {
    "iso7243": _iso7243,
    "niosh_heat": _niosh_heat,
    "niosh_rel": _niosh_heat,  # REL or RAL by acclimatisation: a rule names one, the zone decides which
}

_Origin = tuple[str, str, Confidence]
_NIOSH_NOISE: _Origin = ("NIOSH 98-126", "section 1.1", "verified")
_EU = "Directive 2003/10/EC"
_WHO: _Origin = (
    "WHO global air quality guidelines 2021",
    "24 h guideline level, 99th percentile",
    "verified",
)
_POCKET = "NIOSH Pocket Guide to Chemical Hazards"
_HEAT_RULE: _Origin = (
    "OSHA proposed heat rule, 89 FR 70698 (not final)",
    "initial and high heat triggers",
    "verified",
)

_FIXED: tuple[Limit, ...] = (
    Limit("niosh_noise", 85.0, "dB", True, *_NIOSH_NOISE, "NIOSH REL, 8 h, 3 dB exchange"),
    Limit("niosh_dose", 100.0, "%", True, *_NIOSH_NOISE, "NIOSH noise dose of a working day"),
    Limit("eu_lower_action", 80.0, "dB", False, _EU, "Article 3(1)(c)", "verified", "EU lower action value"),
    Limit("eu_upper_action", 85.0, "dB", False, _EU, "Article 3(1)(b)", "verified", "EU upper action value"),
    Limit("eu_limit", 87.0, "dB", True, _EU, "Article 3(1)(a)", "verified",
          "EU limit value (without hearing protection)"),
    Limit("who_pm2_5_24h", 15.0, "ug/m3", True, *_WHO, "WHO PM2.5 guideline, public (context)"),
    Limit("who_pm10_24h", 45.0, "ug/m3", True, *_WHO, "WHO PM10 guideline, public (context)"),
    Limit("who_pm2_5_24h_it1", 75.0, "ug/m3", True, *_WHO, "WHO PM2.5 interim target 1, public (context)"),
    Limit("who_pm10_24h_it1", 150.0, "ug/m3", True, *_WHO, "WHO PM10 interim target 1, public (context)"),
    Limit("co_niosh_twa", 35.0, "ppm", True, _POCKET, "CO, REL TWA", "unverified", "NIOSH CO, 8 h"),
    Limit("co_niosh_ceiling", 200.0, "ppm", True, _POCKET, "CO, REL ceiling", "unverified",
          "NIOSH CO, never above"),
    Limit("co_osha_twa", 50.0, "ppm", True, "29 CFR 1910.1000", "Table Z-1", "verified", "OSHA CO, 8 h"),
    Limit("co2_twa", 5000.0, "ppm", True, "29 CFR 1910.1000", "Table Z-1", "secondary", "OSHA CO2, 8 h"),
    Limit("co2_stel", 30000.0, "ppm", True, _POCKET, "CO2, REL ST", "unverified", "NIOSH CO2, 15 min"),
    Limit("osha_heat_index_initial", (80.0 - 32.0) / 1.8, "Cel", False, *_HEAT_RULE, "heat index 80 F"),
    Limit("osha_heat_index_high", (90.0 - 32.0) / 1.8, "Cel", False, *_HEAT_RULE, "heat index 90 F"),
)  # fmt: skip

_BY_NAME: dict[str, Limit] = {entry.name: entry for entry in _FIXED}

LIMIT_NAMES: tuple[str, ...] = (*_BY_WORK, *_BY_NAME)
"""Every name that `limit` knows."""


def limit(name: str, *, metabolic_class: int, acclimatised: bool) -> Limit:
    """Return the limit a rule names, for a zone's class of work (0-4) and acclimatisation.

    Heat limits depend on both, the others on neither. UnknownLimitError, with near matches, for other names
    or classes: an unknown class of work has no limit and gets none guessed.
    Example: `limit("iso7243", metabolic_class=2, acclimatised=False).value` is 26.0.
    """
    if name in _BY_WORK:
        return _BY_WORK[name](class_of_work(metabolic_class), acclimatised)
    if name in _BY_NAME:
        return _BY_NAME[name]
    near = get_close_matches(name, LIMIT_NAMES, n=3)
    hint = f"did you mean {', '.join(near)}?" if near else f"known limits: {', '.join(LIMIT_NAMES)}"
    raise UnknownLimitError(f"no limit is called {name!r}; {hint}")
