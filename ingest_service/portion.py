"""A portion of the ledger on its way into the series, and where an anchor puts the readings of a batch."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from ingest_service.boot_clock import corrected
from ingest_service.reported_serials import Wrong, within
from ingest_service.series.port import Anchor, HeldBatch, PointRow, TextRow
from ingest_service.wrong_clocks import Known
from osh_domain.batch import Header
from osh_domain.quality import Flag, TimeQuality, time_quality
from osh_domain.readings import Reading


@dataclass(slots=True)
class Portion:
    """What one transaction will write."""

    points: list[PointRow] = field(default_factory=list)
    texts: list[TextRow] = field(default_factory=list)
    received: dict[int, float] = field(default_factory=dict)
    held: dict[int, HeldBatch] = field(default_factory=dict)
    released: list[int] = field(default_factory=list)
    anchors: defaultdict[tuple[str, str], list[Anchor]] = field(default_factory=lambda: defaultdict(list))
    documents: dict[tuple[str, str], int] = field(default_factory=dict)
    clocks: Known = field(default_factory=dict)
    again: bool = False


def misplaced(readings: list[Reading], wrong: Wrong) -> list[Reading]:
    """The readings, those marked whose sensor stood in another's place by its serial number."""
    return [
        reading._replace(flags=reading.flags | Flag.MISPLACED)
        if within(wrong.get(reading.channel.sensor, ()), reading.time)
        else reading
        for reading in readings
    ]


def placed(
    readings: list[Reading], header: Header, anchors: list[Anchor], received_at: float
) -> tuple[list[Reading], TimeQuality]:
    """The readings at the times the anchors give them, and what those times are worth."""
    found: list[Reading] = []
    worst = 0.0
    newest = float("-inf")
    for reading in readings:
        at, error = corrected(reading.time - header.off, anchors)
        found.append(reading._replace(time=at))
        worst, newest = max(worst, error), max(newest, at)
    return found, time_quality("srv", worst, ahead_s=newest - received_at)
