"""Turning rows of the series into numbers that a screen may show."""

from __future__ import annotations

from typing import Final

from ingest_service.queries.models import GradeLetter, Measured, RevisionLine
from ingest_service.queries.panels import unit_of
from ingest_service.queries.view import View
from ingest_service.series.port import ChannelEntry, ExposureRow
from osh_domain.exposure.methods import Method, method
from osh_domain.quantities import UnknownQuantity, quantity

MINUTE_S: Final = 60.0
_LETTERS: Final[tuple[GradeLetter, ...]] = ("A", "B", "C")


def letter(grade: int | None) -> GradeLetter | None:
    """The letter of a stored grade."""
    return _LETTERS[grade] if grade is not None and 0 <= grade < len(_LETTERS) else None


def of_exposure(row: ExposureRow, view: View) -> Measured:
    """An exposure as it stands; one that could not be told keeps its coverage and its method."""
    unit, decimals = unit_of(row.kind)
    time = row.minute * MINUTE_S
    after = view.stale_after_s(MINUTE_S)
    how = method_of(row.method)
    return Measured(
        kind=row.kind,
        value=row.value,
        unit=unit,
        decimals=decimals,
        time=time,
        stale_after_s=after,
        stale=view.now - time > after,
        grade=letter(row.grade) if row.value is not None else None,
        coverage=row.coverage,
        method=row.method,
        expected=row.expected,
        received=row.received,
        worst_gap_s=row.worst_gap_s,
        uncertainty=how.uncertainty if how and how.unit == unit else None,
        bias=(how.bias or "") if how else "",
        calculation=row.calc,
        revision=row.revision,
        revisions=_revisions(row, view) if row.revision else (),
    )


def method_of(tag: str) -> Method | None:
    """The method of a stored number; None for a tag of a calculation that is not known any more."""
    try:
        return method(tag) if tag else None
    except ValueError:
        return None


def _revisions(row: ExposureRow, view: View) -> tuple[RevisionLine, ...]:
    found = view.series.revisions(row.zone, row.kind, row.minute, row.minute)
    return tuple(
        RevisionLine(number=one.revision, old=one.old, new=one.new, at=one.at, cause=one.cause)
        for one in found
    )


def of_channel(
    name: str, entry: ChannelEntry | None, period_s: float, view: View, decimals: int | None = None
) -> Measured:
    """The newest reading of a channel; a channel that never spoke has no value and no time."""
    try:
        known = quantity(name)
        unit, places = known.unit, known.decimals
    except UnknownQuantity:
        unit, places = (entry.unit or "" if entry else ""), 1
    after = view.stale_after_s(period_s)
    time = entry.last_time if entry else None
    return Measured(
        kind=name,
        value=entry.last_value if entry else None,
        unit=unit,
        decimals=places if decimals is None else decimals,
        time=time,
        stale_after_s=after,
        stale=time is None or view.now - time > after,
        grade=letter(entry.last_grade) if entry else None,
    )


def thinned(points: list[tuple[float, float | None]], most: int) -> tuple[tuple[float, float | None], ...]:
    """At most `most` points for a small drawing: the highest of each run, a gap where all of it is one."""
    if len(points) <= most:
        return tuple(points)
    step = -(-len(points) // most)
    runs = (points[first : first + step] for first in range(0, len(points), step))
    return tuple(
        (run[-1][0], max((value for _, value in run if value is not None), default=None)) for run in runs
    )
