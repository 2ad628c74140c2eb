"""Both stores of the series for one suite: how to open each, and all that one holds, whatever its engine."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingest_service.series.influx.store import InfluxSeries, open_influx_series
from ingest_service.series.influx.where import Where
from ingest_service.series.port import ExposureRow, SeriesStore, Width
from ingest_service.series.sqlite import open_series
from tests.influx_server import InfluxServer

FOR_EVER = 2**31
ZONE = "kh-f0123/sewing-3"
KIND = "wbgt.minute"
WIDTHS: tuple[Width, ...] = ("minute", "quarter", "hour", "day")
Open = Callable[..., Any]


def sqlite_opener() -> Open:
    return open_series


def influx_opener(server: InfluxServer, state: Callable[[Path], Path | str] = lambda folder: folder) -> Open:
    """Opens the series of a folder in a bucket of its own; the same folder is the same bucket again."""
    buckets: dict[Path, str] = {}

    def opened(folder: Path, *, read_only: bool = False, **more: Any) -> InfluxSeries:
        if folder not in buckets:
            buckets[folder] = server.new_bucket()
        where = Where(server.url, server.org, buckets[folder], server.token)
        return open_influx_series(where, state(folder), read_only=read_only, **more)

    return opened


def contents(series: SeriesStore, *, written: bool = False) -> dict[str, list[Any]]:
    """Everything that a store holds, by what it is; channels by name, since they are numbered as they spoke.

    `written`: also how often and in which order it was written.
    """
    entries = {entry.id: entry for entry in series.channels()}
    names = {number: entry.name for number, entry in entries.items()}
    rows = series.exposures_changed(0, 10**9)
    zones = sorted({row.zone for row in rows})
    if not written:
        rows = [row._replace(revision=0, change=0) for row in rows]
    found: dict[str, list[Any]] = {
        "channels": sorted(entry[1:] for entry in entries.values()),
        "points": [(names[c], *row) for c in entries for row in series.rows_between(c, -1, 4e9)],
        "texts": [(names[c], *row) for c in entries for row in series.texts_between(c, -1, 4e9)],
        "exposures": sorted(map(repr, rows)),
        "unfinished": sorted(
            (names[one.channel], *one[2:], one.width) for one in series.unfinished(2**40, 10**6)
        ),
        "dirty": sorted((names[channel], minute) for channel, minute in series.take_dirty(10**6)),
        "quality": [(names[c], *row[1:]) for c in entries for row in series.quality_between(c, 0, FOR_EVER)],
    }
    for width in WIDTHS:
        reader = {
            "minute": series.minutes_between,
            "quarter": series.quarters_between,
            "hour": series.hours_between,
            "day": series.days_between,
        }[width]
        spans = reader(list(entries), 0, FOR_EVER)
        found[f"{width}s"] = sorted((names[span.channel], *map(repr, span[1:])) for span in spans)
    for period in ("hour", "shift", "day", "week"):
        summed = [
            row if written else row._replace(revision=0)
            for zone in zones
            for kind in series.kinds_of(zone)
            for row in series.summaries(zone, kind, period, 0, FOR_EVER)
        ]
        found[f"summaries of {period}s"] = sorted(map(repr, summed))
    return found


def digest(found: dict[str, list[Any]]) -> str:
    return hashlib.sha256(
        repr([(name, sorted(map(repr, rows))) for name, rows in found.items()]).encode()
    ).hexdigest()


def exposure(minute: int, value: float | None, received: int = 60, calc: str = "heat-1") -> ExposureRow:
    """A minute of WBGT in the hall's zone."""
    return ExposureRow(ZONE, KIND, minute, value, 1.0, 60, received, 1.0, "globe", 0, calc)
