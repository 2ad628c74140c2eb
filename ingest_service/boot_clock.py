"""Corrected times from clock anchors: which UTC a reading of a boot-time clock stands for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from ingest_service.series.port import Anchor

DRIFT = 100e-6
"""Largest drift of a boot-time clock outside its anchors (100 ppm)."""


def corrected(mono: float, anchors: Sequence[Anchor]) -> tuple[float, float]:
    """UTC and its largest error, both in s, of ``mono`` by at least one anchor of the same boot, ascending.

    Between two anchors linear interpolation; outside the nearest anchor with the drift bound.
    """
    after = bisect_right(anchors, mono, key=lambda anchor: anchor.mono)
    if after == 0 or after == len(anchors):
        nearest = anchors[0] if after == 0 else anchors[-1]
        away = mono - nearest.mono
        return nearest.utc + away, nearest.err + abs(away) * DRIFT
    left, right = anchors[after - 1], anchors[after]
    share = (mono - left.mono) / (right.mono - left.mono)
    return left.utc + share * (right.utc - left.utc), max(left.err, right.err)
