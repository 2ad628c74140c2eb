"""Cross-checks between quantities measured at the same place in the same minute: what physics forbids.

Two values contradict each other without telling which is wrong, so both are suspect and neither fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

GLOBE_BELOW_AIR: Final = 2.0
"""A globe more than this [K] below the air it hangs in is suspect."""

WET_BULB_MARGIN: Final = 1.1
"""Largest radiant term [K] of Bernard & Pourmoghani (1999) before 0.25 K for each K of globe excess."""

LEVEL_MARGIN: Final = 1.0
"""An A-weighted level may be this much [dB] above the C-weighted one: high-frequency noise and tolerance."""


class Contradiction(NamedTuple):
    """Quantities of one place and minute that cannot all be right, and why."""

    quantities: tuple[str, ...]
    why: str


def _globe_below_air(found: Mapping[str, float]) -> bool:
    return found["tg"] < found["ta"] - GLOBE_BELOW_AIR


def _wet_bulb_too_high(found: Mapping[str, float]) -> bool:
    radiant = 0.25 * max(0.0, found.get("tg", found["ta"]) - found["ta"]) + WET_BULB_MARGIN
    return found["tnw"] > found["ta"] + radiant


def _c_below_a(found: Mapping[str, float]) -> bool:
    return found["lc"] < found["la"] - LEVEL_MARGIN


_RULES: Final[tuple[tuple[tuple[str, ...], Callable[[Mapping[str, float]], bool], str], ...]] = (
    (("tg", "ta"), _globe_below_air, "the globe is more than 2 K below the air"),
    (("tnw", "ta"), _wet_bulb_too_high, "the natural wet bulb is above the air and what radiation explains"),
    (("lc", "la"), _c_below_a, "the C-weighted level is more than 1 dB below the A-weighted one"),
    (("pm1", "pm2_5"), lambda found: found["pm1"] > found["pm2_5"], "PM1 is above PM2.5, which holds it"),
    (("pm2_5", "pm10"), lambda found: found["pm2_5"] > found["pm10"], "PM2.5 is above PM10, which holds it"),
    (("dew_point", "ta"), lambda found: found["dew_point"] > found["ta"], "the dew point is above the air"),
    (("la_max", "la"), lambda found: found["la_max"] < found["la"], "the highest level is below the mean"),
)


def contradictions(found: Mapping[str, float]) -> tuple[Contradiction, ...]:
    """Return what cannot be true together among one place's values of one minute; quantity id -> value.

    Knows ta, tg, tnw, la, lc, pm1, pm2_5, pm10 by their ids, `dew_point` [C] and `la_max` [dB]; a pair of
    which one is missing is not checked. Values in the quantities' own units.

    >>> contradictions({"ta": 30.0, "tg": 27.0})[0].quantities
    ('tg', 'ta')
    """
    return tuple(
        Contradiction(names, why)
        for names, wrong, why in _RULES
        if all(name in found for name in names) and wrong(found)
    )


def pair_apart(quantity: str, one: float, other: float) -> bool:
    """Say whether two sensors of one quantity at one place differ more than two good ones do.

    Air temperature: more than 1 K. Particles (channels A and B): more than 20 % of their mean and more than
    5 ug/m3. ValueError for a quantity without a rule, NaN or infinity.

    >>> pair_apart("ta", 30.0, 31.2), pair_apart("pm2_5", 40.0, 47.0)
    (True, False)
    """
    if not (math.isfinite(one) and math.isfinite(other)):
        raise ValueError(f"{one!r} and {other!r} cannot be compared: a value is missing or infinite")
    if quantity in {"ta", "tg"}:
        return abs(one - other) > 1.0
    if quantity in {"pm1", "pm2_5", "pm4", "pm10"}:
        return abs(one - other) > max(0.2 * (one + other) / 2.0, 5.0)
    raise ValueError(f"there is no rule how far two sensors of {quantity!r} may differ; known: ta, tg, pm…")
