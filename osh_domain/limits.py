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

from osh_domain.limit_table import FIXED, WBGT
from osh_domain.limit_table import Confidence as Confidence  # noqa: PLC0414 - others take it from here
from osh_domain.limit_table import Limit as Limit  # noqa: PLC0414 - others take it from here


class UnknownLimitError(ValueError):
    """No limit of this name, or none for this class of work; trying again cannot help."""


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
        kinds=WBGT,
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
        kinds=WBGT,
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

_BY_NAME: dict[str, Limit] = {entry.name: entry for entry in FIXED}

LIMIT_NAMES: tuple[str, ...] = (*_BY_WORK, *_BY_NAME)
"""Every name that `limit` knows."""

MEANT_FOR: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_BY_WORK, WBGT),
    **{entry.name: entry.kinds for entry in FIXED},
}
"""The exposure kinds that a limit may be compared with; an equal unit does not make an equal quantity."""


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
