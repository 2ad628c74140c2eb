"""Outdoor air per person from carbon dioxide: an indicator of ventilation, not of toxicity.

It holds for one well-mixed room in a steady state: not within one change of air after people came or went,
not near combustion (boilers, dryers, generators) or where carbon dioxide is used. The 5000 ppm of the
occupational limits says nothing about ventilation. Sensors in rooms that never fall to outdoor air, as in
two- and three-shift halls, must have their automatic baseline correction switched off or they drift low.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from . import CALCULATION
from .validity import positive, within

Activity = Literal["seated_light", "light_factory"]

GENERATION_L_S: Final[dict[Activity, tuple[float, float]]] = {
    "seated_light": (0.0052, 0.0052),
    "light_factory": (0.007, 0.009),
}
"""Carbon dioxide that one person gives off [L/s], lowest and highest; general knowledge, unverified."""


@dataclass(frozen=True, slots=True)
class VentilationRate:
    """Outdoor air per person [L/s], lowest and highest by what people give off; excess of CO2 [ppm]."""

    low: float
    high: float
    excess_ppm: float
    method: str = "co2_balance"
    calculation: str = CALCULATION


def outdoor_air_per_person(
    inside_ppm: float, outside_ppm: float, activity: Activity = "light_factory"
) -> VentilationRate:
    """Return Q = G/((Cin - Cout) 1e-6) [L/s per person] for the activity's lowest and highest G.

    Steady-state balance of one zone; `inside_ppm` and `outside_ppm` measured, 200 to 40 000 ppm. State the
    occupancy with it. ValueError for an unknown activity, and for less than 50 ppm between inside and
    outside, where the sensors' own error (50 ppm + 5 %) leaves nothing to say.

    >>> rate = outdoor_air_per_person(1420.0, 420.0)
    >>> round(rate.low, 2), round(rate.high, 2), rate.excess_ppm
    (7.0, 9.0, 1000.0)
    """
    if activity not in GENERATION_L_S:
        raise ValueError(f"activity {activity!r} is unknown; known: {', '.join(GENERATION_L_S)}")
    excess = within("CO2 inside", inside_ppm, 200.0, 40_000.0, "ppm")
    excess -= within("CO2 outside", outside_ppm, 200.0, 2000.0, "ppm")
    if excess < 50.0:
        raise ValueError(
            f"CO2 inside is {excess:g} ppm above outside: too little for a ventilation rate (50 ppm)"
        )
    low, high = GENERATION_L_S[activity]
    return VentilationRate(low / (excess * 1e-6), high / (excess * 1e-6), excess)


def minutes_until_steady(air_changes_per_hour: float) -> float:
    """Return how long after people came or went a rate may not be stated [min]: one change of air.

    >>> minutes_until_steady(4.0)
    15.0
    """
    return 60.0 / positive("air changes", air_changes_per_hour, "per hour")
