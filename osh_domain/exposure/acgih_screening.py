"""Work and rest by the ACGIH screening criteria for heat stress: an optional profile, credited to the ACGIH.

The values are the ACGIH's (TLVs and BEIs, heat stress and strain), read in one full secondary transcription.
TLV is for acclimatised workers, AL (action limit) for others. A combination without a value means that
continuous work of that intensity has no screening value: it is never unlimited.
"""

from __future__ import annotations

import math
from typing import Literal

Workload = Literal["light", "moderate", "heavy", "very_heavy"]
WorkFraction = Literal["75-100", "50-75", "25-50", "0-25"]
Kind = Literal["TLV", "AL"]

_LOADS: tuple[Workload, ...] = ("light", "moderate", "heavy", "very_heavy")
_TABLE: dict[Kind, dict[WorkFraction, tuple[float | None, ...]]] = {
    "TLV": {
        "75-100": (31.0, 28.0, None, None),
        "50-75": (31.0, 29.0, 27.5, None),
        "25-50": (32.0, 30.0, 29.0, 28.0),
        "0-25": (32.5, 31.5, 30.5, 30.0),
    },
    "AL": {
        "75-100": (28.0, 25.0, None, None),
        "50-75": (28.5, 26.0, 24.0, None),
        "25-50": (29.5, 27.0, 25.5, 24.5),
        "0-25": (30.0, 29.0, 28.0, 27.0),
    },
}


def screening_value(kind: Kind, fraction: WorkFraction, workload: Workload) -> float | None:
    """Return the screening WBGT [C] of a combination, None where none is published; ValueError if unknown.

    >>> screening_value("TLV", "50-75", "heavy")
    27.5
    """
    row = _TABLE.get(kind, {}).get(fraction)
    if row is None or workload not in _LOADS:
        raise ValueError(f"the screening table has no {kind!r}, {fraction!r}, {workload!r}")
    return row[_LOADS.index(workload)]


# OSHA's public page rounds the pair for continuous work: a profile of its own, no correction of the table.
_OSHA_PAGE: dict[Kind, tuple[float, ...]] = {"TLV": (30.0, 28.0, 26.0, 25.0), "AL": (28.0, 25.0, 23.0, 21.0)}


def osha_page_value(kind: Kind, workload: Workload) -> float:
    """Return the WBGT [C] for continuous work as rounded on OSHA's heat hazard page; ValueError if unknown.

    One secondary source. Not interchangeable with the screening table, and never mixed with it.

    >>> osha_page_value("TLV", "heavy")
    26.0
    """
    if kind not in _OSHA_PAGE or workload not in _LOADS:
        raise ValueError(f"OSHA's page has no {kind!r}, {workload!r}")
    return _OSHA_PAGE[kind][_LOADS.index(workload)]


def allowed_work(effective_wbgt: float, kind: Kind, workload: Workload) -> WorkFraction | None:
    """Return the largest share of work in an hour [%] whose value is at or above WBGT; None: stop work.

    Above the value for 0-25 % only physiological monitoring may decide. 75 % is 45 min work and 15 rest,
    50 % 30 and 30, 25 % 15 and 45.
    ValueError for NaN, or a kind or workload the table does not have.

    >>> allowed_work(29.5, "TLV", "moderate")
    '25-50'
    """
    if not math.isfinite(effective_wbgt):
        raise ValueError(f"effective WBGT must be a number, not {effective_wbgt!r}")
    if kind not in _TABLE:
        raise ValueError(f"the screening table has no {kind!r}")
    for fraction in _TABLE[kind]:
        value = screening_value(kind, fraction, workload)
        if value is not None and effective_wbgt <= value:
            return fraction
    return None
