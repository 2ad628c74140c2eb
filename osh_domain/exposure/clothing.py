"""Clothing adjustment: what an ensemble adds to WBGT. Two schemes, never mixed in one comparison.

`osha_niosh`: factors (CAF) of OSHA's heat hazard page after NIOSH 2016-106. `iso7243`: values (CAV) of ISO
7243:2017, general knowledge and unverified until checked against a purchased copy. Neither is valid for fully
encapsulating suits: WBGT does not judge those at all.
"""

from __future__ import annotations

from typing import Literal

Scheme = Literal["osha_niosh", "iso7243"]

CLOTHING_CAF: dict[str, float] = {
    "work_clothing": 0.0,
    "cloth_coveralls": 0.0,
    "sms_polypropylene_coveralls": 0.5,
    "polyolefin_coveralls": 1.0,
    "double_layer_cloth": 3.0,
    "limited_use_vapour_barrier_coveralls": 11.0,
}
"""Ensemble -> CAF [C] of OSHA and NIOSH."""

ISO_CAV: dict[str, float] = {
    "work_clothing": 0.0,
    "cloth_coveralls": 0.0,
    "sms_polypropylene_coveralls": 0.0,
    "polyolefin_coveralls": 2.0,
    "double_layer_cloth": 3.0,
    "vapour_barrier_apron": 4.0,
    "vapour_barrier_coveralls": 10.0,
    "vapour_barrier_coveralls_with_hood": 11.0,
}
"""Ensemble -> CAV [C] of ISO 7243:2017 (unverified)."""

HOOD = 1.0
"""What a hood adds to another ensemble [C], ISO 7243:2017 (unverified)."""


def clothing_caf(ensemble: str) -> float:
    """Return the OSHA and NIOSH factor [C] of an ensemble; ValueError for an unknown one, never 0.

    >>> clothing_caf("double_layer_cloth")
    3.0
    """
    return clothing_adjustment(ensemble, "osha_niosh")


def clothing_adjustment(ensemble: str, scheme: Scheme, *, hood: bool = False) -> float:
    """Return the adjustment [C] of an ensemble in a scheme; `hood`: one is added to it (ISO only).

    OSHA heat hazard page (`osha_niosh`), ISO 7243:2017 (`iso7243`). ValueError for an unknown ensemble or
    scheme, and for a hood where the scheme has no number for one or it is counted already.

    >>> clothing_adjustment("polyolefin_coveralls", "iso7243", hood=True)
    3.0
    """
    tables = {"osha_niosh": CLOTHING_CAF, "iso7243": ISO_CAV}
    if scheme not in tables:
        raise ValueError(f"clothing scheme {scheme!r} is unknown; known: {', '.join(tables)}")
    known = tables[scheme]
    if ensemble not in known:
        raise ValueError(
            f"clothing {ensemble!r} has no factor; known: {', '.join(known)}. Ask, do not assume 0"
        )
    if not hood:
        return known[ensemble]
    if scheme != "iso7243" or ensemble.endswith("_with_hood"):
        raise ValueError(f"{scheme} has no number for a hood added to {ensemble!r}. Ask, do not assume 0")
    return known[ensemble] + HOOD
