"""How many minutes of an hour may be worked in the heat of a place, and how many are rest. Advice, no limit.

Two published ways stand side by side. The ACGIH screening criteria (TLVs and BEIs; credited to the ACGIH, an
optional profile) name the share of work by intensity. NIOSH 2016-106 section 8.1 holds the hour's mean
metabolic rate against the limit; over the range of a class of work that gives a band, not a number.
Whatever would have to be guessed is refused with its reason: a class of work nobody set, clothing nobody
named, too little measured, an estimate without a globe beside radiant heat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from osh_domain.exposure.acgih_screening import Kind, WorkFraction, Workload, allowed_work
from osh_domain.exposure.heat_stress import ASSUMED_GLOBE
from osh_domain.limits import METABOLIC_CLASSES, MetabolicClass, niosh_ral_c, niosh_rel_c

Refusal = Literal[
    "no_value",
    "old",
    "unknown_clothing",
    "unknown_class",
    "resting",
    "estimate_beside_radiant",
]
"""Why no advice is given. `resting`: the tables know no cycle for people who already rest."""

ACGIH_SOURCE: Final = "ACGIH TLVs and BEIs, heat stress and strain: screening criteria"
NIOSH_SOURCE: Final = "NIOSH 2016-106, section 8.1"
HOUR_MINUTES: Final = 60.0
REST_W: Final = 115.0
"""Metabolic rate [W] of seated rest, ISO 7243:2017 Table A.1 class 0: of resting people."""

_WORKLOADS: Final[dict[int, Workload]] = {1: "light", 2: "moderate", 3: "heavy", 4: "very_heavy"}
_MOST_WORK: Final[dict[WorkFraction, float]] = {"75-100": 60.0, "50-75": 45.0, "25-50": 30.0, "0-25": 15.0}


@dataclass(frozen=True, slots=True)
class HeatOfPlace:
    """What is known where people work. `wbgt_eff` [Cel]: hour's mean with clothing, None for cannot tell.

    `uncertainty` [K] of its method, None where none is stated; `metabolic_class` and `clothing_known` as the
    register has them, None and False where nobody said.
    """

    wbgt_eff: float | None
    method: str = ""
    uncertainty: float | None = None
    metabolic_class: int | None = None
    acclimatised: bool = False
    clothing_known: bool = True
    radiant_source: bool = False
    old: bool = False


@dataclass(frozen=True, slots=True)
class Cycle:
    """At most so many minutes of work in an hour, the others are rest. 0: only medical monitoring decides."""

    work: float

    @property
    def rest(self) -> float:
        """Minutes of rest in the hour."""
        return HOUR_MINUTES - self.work


@dataclass(frozen=True, slots=True)
class Advice:
    """Work and rest of an hour. `cautious` is for the true value at the upper end of the uncertainty.

    `niosh_least` and `niosh_most`: minutes of work for the heaviest work of the class at that upper end, and
    for the lightest at the value itself. `niosh_limit`: the limits [Cel] of the class's range.
    """

    acgih: Cycle
    cautious: Cycle
    niosh_least: float
    niosh_most: float
    niosh_limit: tuple[float, float]
    place: HeatOfPlace


def advice(place: HeatOfPlace) -> Advice | Refusal:
    """Return the cycle for a place, or why none is given. Nothing is rounded before it is compared.

    ACGIH rows are read as the most work they allow: 75-100 % as the whole hour with its usual breaks, 50-75 %
    as 45 min, 25-50 % as 30 min, 0-25 % as 15 min. Rest is taken as rest in the same place.
    Example: 29.5 C, class 2, acclimatised: 30 min by the ACGIH table; by NIOSH 28.6 to 58.4 min.
    """
    refused = _refusal(place)
    if refused is not None:
        return refused
    work = METABOLIC_CLASSES[place.metabolic_class or 0]
    value = place.wbgt_eff or 0.0
    upper = value + (place.uncertainty or 0.0)
    kind: Kind = "TLV" if place.acclimatised else "AL"
    load = _WORKLOADS[work.number]
    limit = niosh_rel_c if place.acclimatised else niosh_ral_c
    return Advice(
        acgih=_cycle(allowed_work(value, kind, load)),
        cautious=_cycle(allowed_work(upper, kind, load)),
        niosh_least=niosh_work_minutes(upper, work.high_w, acclimatised=place.acclimatised),
        niosh_most=niosh_work_minutes(value, work.low_w, acclimatised=place.acclimatised),
        niosh_limit=(limit(work.high_w), limit(work.low_w)),
        place=place,
    )


def niosh_work_minutes(wbgt: float, metabolic_rate_w: float, *, acclimatised: bool) -> float:
    """Return the minutes of work [0-60] at a rate [W] whose hour's mean with rest at 115 W keeps the limit.

    NIOSH 2016-106 section 8.1: REL 56.7 - 11.5 lg M, RAL 59.9 - 14.1 lg M solved for M at a WBGT [Cel]. 0
    where even rest is above the limit. ValueError for a rate that is no work, at or below 115 W.
    Example: 30 C, 300 W, acclimatised: M may be 209.8 W, so 30.7 min.
    """
    if not metabolic_rate_w > REST_W:
        raise ValueError(f"work is above {REST_W:g} W, not {metabolic_rate_w!r} W")
    power = (56.7 - wbgt) / 11.5 if acclimatised else (59.9 - wbgt) / 14.1
    allowed_w = float(10.0**power)
    share = (allowed_w - REST_W) / (metabolic_rate_w - REST_W)
    return HOUR_MINUTES * min(1.0, max(0.0, share))


def class_by_number(number: int | None) -> MetabolicClass | None:
    """The class of work 0 to 4, None for anything else: an unknown class is never taken for a light one."""
    if isinstance(number, bool) or number is None:
        return None
    return next((row for row in METABOLIC_CLASSES if row.number == number), None)


def _refusal(place: HeatOfPlace) -> Refusal | None:
    work = class_by_number(place.metabolic_class)
    if not place.clothing_known:
        return "unknown_clothing"
    if work is None:
        return "unknown_class"
    if place.wbgt_eff is None:
        return "no_value"
    if place.old:
        return "old"
    if work.number not in _WORKLOADS:
        return "resting"
    if place.radiant_source and place.method.startswith(ASSUMED_GLOBE):
        return "estimate_beside_radiant"
    return None


def _cycle(fraction: WorkFraction | None) -> Cycle:
    return Cycle(0.0 if fraction is None else _MOST_WORK[fraction])
