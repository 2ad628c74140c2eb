"""Triggers of OSHA's proposed heat rule, 89 FR 70698 (30 August 2024): not final, an optional profile."""

from __future__ import annotations

from typing import Final, Literal

from osh_domain.limits import niosh_ral_c, niosh_rel_c

from .heat_index import heat_index_band

Trigger = Literal["none", "initial", "high"]

REST_AT_HIGH_MIN: Final = 15
"""Rest [min] in each two hours while the high trigger is reached."""

_RANK: Final[tuple[Trigger, ...]] = ("none", "initial", "high")


def heat_index_trigger(heat_index_f: float) -> Trigger:
    """Return the trigger that a heat index [F] reaches: initial at 80 F, high at 90 F, each already there.

    ValueError for NaN.

    >>> heat_index_trigger(79.99), heat_index_trigger(80.0), heat_index_trigger(90.0)
    ('none', 'initial', 'high')
    """
    band = heat_index_band(heat_index_f, "osha_2024_proposed")
    return "high" if band == "high" else "initial" if band == "initial" else "none"


def wbgt_trigger(effective_wbgt: float, metabolic_rate_w: float) -> Trigger:
    """Return the trigger that a WBGT [C, with clothing] reaches at a metabolic rate [W].

    Initial at the NIOSH RAL, high at the REL (NIOSH 2016-106 section 8.1), each already at the value; the
    WBGT side of the proposed rule is general knowledge, unverified. ValueError for NaN or a rate of 0.

    >>> wbgt_trigger(27.0, 300.0), wbgt_trigger(28.3, 300.0)
    ('initial', 'high')
    """
    if effective_wbgt != effective_wbgt:
        raise ValueError("effective WBGT must be a number, not nan")
    if effective_wbgt >= niosh_rel_c(metabolic_rate_w):
        return "high"
    return "initial" if effective_wbgt >= niosh_ral_c(metabolic_rate_w) else "none"


def highest(*triggers: Trigger) -> Trigger:
    """Return the highest of several triggers: by either way of measuring, the protective answer.

    >>> highest("none", "high", "initial")
    'high'
    """
    return max(triggers, key=_RANK.index, default="none")
