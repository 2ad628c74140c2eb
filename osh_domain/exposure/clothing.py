"""Clothing adjustment factors: what an ensemble adds to WBGT, OSHA heat hazard page after NIOSH 2016-106."""

from __future__ import annotations

CLOTHING_CAF: dict[str, float] = {
    "work_clothing": 0.0,
    "cloth_coveralls": 0.0,
    "sms_polypropylene_coveralls": 0.5,
    "polyolefin_coveralls": 1.0,
    "double_layer_cloth": 3.0,
    "limited_use_vapour_barrier_coveralls": 11.0,
}
"""Ensemble -> adjustment [C]. Not for fully encapsulating suits: WBGT does not judge those at all."""


def clothing_caf(ensemble: str) -> float:
    """Return the adjustment [C] of an ensemble; ValueError for an unknown one, which never counts as 0.

    Example: `clothing_caf("double_layer_cloth")` is 3.0.
    """
    if ensemble not in CLOTHING_CAF:
        raise ValueError(
            f"clothing {ensemble!r} has no factor; known: {', '.join(CLOTHING_CAF)}. Ask, do not assume 0"
        )
    return CLOTHING_CAF[ensemble]
