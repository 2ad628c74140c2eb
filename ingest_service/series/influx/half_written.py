"""Points that are being written or deleted while somebody reads. Pure.

InfluxDB shows the fields of a point to readers one after the other as it writes or deletes them, and only
after it confirmed a request all of them. A point that lacks a field which every point of its measurement has
is on its way in or out: it is asked for again, and left out when it stays so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ingest_service.series.influx.link import Series

_SPANS: Final = frozenset({"n", "mean", "low", "high", "flags", "grade"})
ALWAYS: Final[Mapping[str, frozenset[str]]] = {
    "reading": frozenset({"value", "flags", "grade"}),
    "reading_text": frozenset({"text"}),
    "minute": _SPANS,
    "quarter_hour": _SPANS,
    "hour": _SPANS,
    "day": _SPANS,
    "quality": frozenset({"flag", "tests"}),
    "exposure": frozenset(
        {"coverage", "expected", "received", "worst_gap_s", "grade", "revision", "change", "method", "calc"}
    ),
    "summary": frozenset({"known", "expected", "grade", "revision", "first"}),
}
"""The fields that every point of a measurement has (docs/series-schema.md)."""


def half_written(found: Sequence[Series]) -> bool:
    """Whether any point lacks what it must have."""
    return any(_lacking(series) for series in found)


def without_half_written(found: Sequence[Series]) -> list[Series]:
    """The same without the points that lack something, and without series that have no other."""
    for series in found:
        lacking = _lacking(series)
        if lacking:
            series.values = [row for number, row in enumerate(series.values) if number not in lacking]
    return [series for series in found if series.values]


def _lacking(series: Series) -> set[int]:
    needed = ALWAYS.get(series.name, frozenset())
    places = [place for place, name in enumerate(series.columns) if name in needed]
    return {number for place in places for number, row in enumerate(series.values) if row[place] is None}
