"""The limits that depend on nobody: one row each, with instrument, clause, confidence and what it is about.

The tags of the confidences are those of the exposure reference: a number read in its text, in one secondary
source, or known only in general and to be confirmed before it stands in a legal report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Confidence = Literal["verified", "secondary", "unverified"]
"""verified: read in the named text and confirmed; secondary: read in one secondary source only;
unverified: general professional knowledge, to be confirmed before it stands in a legal report."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit. `strict` limits are exceeded above the value; the others act at the value already.

    `kinds`: the exposure kinds that it may be compared with. `band` is the lowest and highest value the limit
    takes over the metabolic class, where the class alone does not fix it; draw it as a band.
    """

    name: str
    value: float
    unit: str
    strict: bool
    instrument: str
    clause: str
    confidence: Confidence
    label: str
    kinds: tuple[str, ...]
    band: tuple[float, float] | None = None

    def exceeded_by(self, value: float) -> bool:
        """Say whether an unrounded value in the limit's unit exceeds it (or reaches an action value)."""
        return value > self.value if self.strict else value >= self.value


WBGT = ("wbgt_eff.twa60", "wbgt_eff.twa120")
"""What reference values of heat stress are compared with: hourly means with the clothing already in them."""

_DAY = ("la.lex8h", "la.projected_lex8h")
_DAY_OR_WEEK = (*_DAY, "la.lex_week")
_HEAT_INDEX = ("heat_index.minute",)

_Origin = tuple[str, str, Confidence]
_NIOSH_NOISE: _Origin = ("NIOSH 98-126", "section 1.1", "verified")
_EU = "Directive 2003/10/EC"
_OSHA_NOISE = "29 CFR 1910.95"
_WHO: _Origin = (
    "WHO global air quality guidelines 2021",
    "24 h guideline level, 99th percentile",
    "verified",
)
_POCKET = "NIOSH Pocket Guide to Chemical Hazards"
_TABLE_Z1 = "29 CFR 1910.1000"
_HCHO = "29 CFR 1910.1048"
_HEAT_RULE: _Origin = (
    "OSHA proposed heat rule, 89 FR 70698 (not final)",
    "initial and high heat triggers",
    "verified",
)

FIXED: tuple[Limit, ...] = (
    Limit("niosh_noise", 85.0, "dB", True, *_NIOSH_NOISE, "NIOSH REL, 8 h, 3 dB exchange", _DAY),
    Limit("niosh_dose", 100.0, "%", True, *_NIOSH_NOISE, "NIOSH noise dose of a working day",
          ("la.niosh_dose",)),
    Limit("eu_lower_action", 80.0, "dB", False, _EU, "Article 3(1)(c)", "verified", "EU lower action value",
          _DAY_OR_WEEK),
    Limit("eu_upper_action", 85.0, "dB", False, _EU, "Article 3(1)(b)", "verified", "EU upper action value",
          _DAY_OR_WEEK),
    Limit("eu_limit", 87.0, "dB", True, _EU, "Article 3(1)(a)", "verified",
          "EU limit value (without hearing protection)", _DAY_OR_WEEK),
    Limit("osha_noise_ceiling", 115.0, "dB", True, _OSHA_NOISE, "(a)-(b), continuous noise", "verified",
          "OSHA continuous noise, never above", ("la.leq1",)),
    Limit("osha_pel_dose", 100.0, "%", True, _OSHA_NOISE, "(a)-(b), 90 dBA over 8 h, 5 dB exchange",
          "verified", "OSHA permissible noise dose", ("la.osha_dose",)),
    Limit("osha_action_dose", 50.0, "%", False, _OSHA_NOISE, "(c)-(d), action level", "verified",
          "OSHA action level, half the dose", ("la.osha_hc_dose",)),
    Limit("who_pm2_5_24h", 15.0, "ug/m3", True, *_WHO, "WHO PM2.5 guideline, public (context)",
          ("pm2_5.mean24h", "pm2_5.day")),
    Limit("who_pm10_24h", 45.0, "ug/m3", True, *_WHO, "WHO PM10 guideline, public (context)",
          ("pm10.mean24h", "pm10.day")),
    Limit("who_pm2_5_24h_it1", 75.0, "ug/m3", True, *_WHO, "WHO PM2.5 interim target 1, public (context)",
          ("pm2_5.mean24h", "pm2_5.day")),
    Limit("who_pm10_24h_it1", 150.0, "ug/m3", True, *_WHO, "WHO PM10 interim target 1, public (context)",
          ("pm10.mean24h", "pm10.day")),
    Limit("co_niosh_twa", 35.0, "ppm", True, _POCKET, "CO, REL TWA", "unverified", "NIOSH CO, 8 h",
          ("co.twa8h",)),
    Limit("co_niosh_ceiling", 200.0, "ppm", True, _POCKET, "CO, REL ceiling", "unverified",
          "NIOSH CO, never above", ("co.minute_max",)),
    Limit("co_osha_twa", 50.0, "ppm", True, _TABLE_Z1, "Table Z-1", "verified", "OSHA CO, 8 h",
          ("co.twa8h",)),
    Limit("co2_twa", 5000.0, "ppm", True, _TABLE_Z1, "Table Z-1", "secondary", "OSHA CO2, 8 h",
          ("co2.twa8h",)),
    Limit("co2_stel", 30000.0, "ppm", True, _POCKET, "CO2, REL ST", "unverified", "NIOSH CO2, 15 min",
          ("co2.stel15",)),
    Limit("hcho_niosh_twa", 16.0, "ppb", True, _POCKET, "formaldehyde, REL TWA", "verified",
          "NIOSH formaldehyde, 8 h", ("hcho.twa8h",)),
    Limit("hcho_niosh_ceiling", 100.0, "ppb", True, _POCKET, "formaldehyde, REL ceiling over 15 min",
          "verified", "NIOSH formaldehyde, 15 min ceiling", ("hcho.stel15",)),
    Limit("hcho_osha_twa", 750.0, "ppb", True, _HCHO, "(c), TWA", "verified", "OSHA formaldehyde, 8 h",
          ("hcho.twa8h",)),
    Limit("hcho_osha_stel", 2000.0, "ppb", True, _HCHO, "(c), STEL", "verified", "OSHA formaldehyde, 15 min",
          ("hcho.stel15",)),
    Limit("hcho_osha_action", 500.0, "ppb", False, _HCHO, "action level", "verified",
          "OSHA formaldehyde, action level, 8 h", ("hcho.twa8h",)),
    Limit("no2_niosh_stel", 1000.0, "ppb", True, _POCKET, "nitrogen dioxide, REL ST", "unverified",
          "NIOSH NO2, 15 min", ("no2.stel15",)),
    Limit("no2_osha_ceiling", 5000.0, "ppb", True, _TABLE_Z1, "Table Z-1, ceiling", "unverified",
          "OSHA NO2, never above", ("no2.minute",)),
    Limit("osha_heat_index_initial", (80.0 - 32.0) / 1.8, "Cel", False, *_HEAT_RULE, "heat index 80 F",
          _HEAT_INDEX),
    Limit("osha_heat_index_high", (90.0 - 32.0) / 1.8, "Cel", False, *_HEAT_RULE, "heat index 90 F",
          _HEAT_INDEX),
)  # fmt: skip
