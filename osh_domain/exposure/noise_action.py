"""Action values and ceilings of noise: Directive 2003/10/EC, NIOSH 98-126, 29 CFR 1910.95.

They are meant for a worker's ear (ISO 9612). Held against an area level they say where to measure with
dosimeters and where a measure is due, never that somebody's exposure was under a limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from .noise import energy
from .validity import within

EuLevel = Literal["below", "lower_action", "upper_action", "above_limit"]

LOWER_ACTION: Final = 80.0
UPPER_ACTION: Final = 85.0
LIMIT: Final = 87.0
_PEAKS: Final = ((135.0, "lower_action"), (137.0, "upper_action"))
_PEAK_LIMIT: Final = 140.0
_ORDER: Final[tuple[EuLevel, ...]] = ("below", "lower_action", "upper_action", "above_limit")

NIOSH_CEILING: Final = 140.0
"""No exposure above this level [dBA]; general knowledge of 98-126 (a draft of 1996 said 115)."""
OSHA_CONTINUOUS_CEILING: Final = 115.0
OSHA_IMPULSE_CEILING: Final = 140.0


def eu_level(lex_8h: float, *, protected_lex_8h: float | None = None) -> EuLevel:
    """Return what LEX,8h [dB] reaches: Directive 2003/10/EC Article 3(1).

    Action values (80, 85 dB) act at the value already and ignore hearing protection. The limit of 87 dB is
    exceeded above it and counts hearing protection: `protected_lex_8h` is the level under the protector; with
    None nothing is known to be worn and the limit is held against `lex_8h`. ValueError outside 0 to 200 dB.

    >>> eu_level(79.99), eu_level(80.0), eu_level(87.0), eu_level(87.01)
    ('below', 'lower_action', 'upper_action', 'above_limit')
    """
    bare = within("LEX,8h", lex_8h, 0.0, 200.0, "dB")
    at_ear = bare if protected_lex_8h is None else within("LEX,8h", protected_lex_8h, 0.0, 200.0, "dB")
    if at_ear > LIMIT:
        return "above_limit"
    if bare >= UPPER_ACTION:
        return "upper_action"
    return "lower_action" if bare >= LOWER_ACTION else "below"


def eu_peak_level(lc_peak: float) -> EuLevel:
    """Return what a C-weighted peak [dB] reaches: 135 lower, 137 upper action value, 140 limit.

    Directive 2003/10/EC Article 3(1); only for peaks that may be reported (`noise_peak`). ValueError outside
    0 to 220 dB.

    >>> eu_peak_level(134.9), eu_peak_level(137.0), eu_peak_level(140.0), eu_peak_level(140.1)
    ('below', 'upper_action', 'upper_action', 'above_limit')
    """
    peak = within("peak level", lc_peak, 0.0, 220.0, "dB")
    if peak > _PEAK_LIMIT:
        return "above_limit"
    reached = [name for bound, name in _PEAKS if peak >= bound]
    return _ORDER[len(reached)]


def energy_dose_percent(lex_8h: float, reference: float = UPPER_ACTION) -> float:
    """Return 100 x 10^((LEX,8h - reference)/10) [%]: the share of a day's energy at the reference level [dB].

    Directive 2003/10/EC by energy (3 dB, no threshold); with 85 dB these are the HSE's points (L108).

    >>> round(energy_dose_percent(88.0), 2), energy_dose_percent(85.0)
    (199.53, 100.0)
    """
    at_reference = energy(within("reference", reference, 50.0, 120.0, "dB"))
    return 100.0 * (energy(within("LEX,8h", lex_8h, 0.0, 200.0, "dB")) / at_reference)


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Whether a level went above what may never be exceeded, by profile."""

    niosh: bool
    osha_continuous: bool


def above_ceiling(highest_dba: float) -> Ceilings:
    """Say which ceilings the highest slow level [dBA] exceeds: NIOSH 140 dBA, OSHA 115 dBA continuous.

    NIOSH 98-126; 29 CFR 1910.95 Table G-16. OSHA's 140 dB for impulses is a peak, which see `noise_peak`.
    A limit is exceeded above its value. ValueError outside 0 to 200 dBA.

    >>> above_ceiling(115.0).osha_continuous, above_ceiling(115.1).osha_continuous
    (False, True)
    """
    level = within("level", highest_dba, 0.0, 200.0, "dBA")
    return Ceilings(level > NIOSH_CEILING, level > OSHA_CONTINUOUS_CEILING)


def dosimetry_advised(area_lex_8h: float) -> bool:
    """Say whether an area level [dB, 8 h] asks for personal dosimetry: from 80 dB on.

    ISO 9612 practice; an area node finds the places, dosimeters the exposure.

    >>> dosimetry_advised(80.0), dosimetry_advised(79.9)
    (True, False)
    """
    return within("LEX,8h", area_lex_8h, 0.0, 200.0, "dB") >= LOWER_ACTION
