"""Minutes of a channel that quality tests doubt: counted for a table, and as spans for a chart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from ingest_service.queries.measured import MINUTE_S
from ingest_service.queries.panels import Panel, feeds
from ingest_service.queries.places import Band
from ingest_service.queries.view import View
from ingest_service.register.entries import Zone
from ingest_service.series.port import ChannelEntry
from osh_domain.quality_tests import QcFlag, QcTest

_DAY_MINUTES: Final = 1440
_MOST_BANDS: Final = 400
_LONGEST_MINUTES: Final = 8 * _DAY_MINUTES


class Doubts(NamedTuple):
    """How many minutes are suspect and how many failed, and the tests that said so (`RATE`)."""

    suspect: int
    failed: int
    tests: tuple[str, ...]


NONE: Final = Doubts(0, 0, ())


def of_day(view: View, entry: ChannelEntry | None) -> Doubts:
    """The doubts about the last 24 hours of a channel."""
    if entry is None:
        return NONE
    last = int(view.now // MINUTE_S)
    rows = view.series.quality_between(entry.id, last - _DAY_MINUTES + 1, last)
    suspect = sum(row.flag == QcFlag.SUSPECT for row in rows)
    said = QcTest(0)
    for row in rows:
        said |= QcTest(row.tests)
    return Doubts(suspect, len(rows) - suspect, tuple(test.name for test in said if test.name))


def bands(view: View, zone: Zone, shown: Panel, start: float, end: float) -> Iterator[Band]:
    """Spans of doubted minutes of the channels that feed a chart, for charts of at most eight days."""
    first, last = int(start // MINUTE_S) + 1, int(min(end, view.now) // MINUTE_S)
    if last - first > _LONGEST_MINUTES:
        return
    found = 0
    for expected in view.register.expected_in(zone.id, end):
        if not feeds(expected.quantity, shown):
            continue
        entry = view.series.channel(expected.gateway, expected.sensor, expected.quantity)
        for band in _spans(view, entry, first, last):
            yield band
            found += 1
            if found >= _MOST_BANDS:
                return


def _spans(view: View, entry: ChannelEntry | None, first: int, last: int) -> Iterator[Band]:
    """Runs of minutes with the same flag as one band, named by channel and tests."""
    if entry is None:
        return
    begun: tuple[int, int, int] | None = None  # first minute, flag, tests
    before = first
    for row in view.series.quality_between(entry.id, first, last):
        if begun is not None and (row.minute > before + 1 or row.flag != begun[1]):
            yield _band(entry, begun, before)
            begun = None
        begun = (row.minute, row.flag, row.tests) if begun is None else (*begun[:2], begun[2] | row.tests)
        before = row.minute
    if begun is not None:
        yield _band(entry, begun, before)


def _band(entry: ChannelEntry, begun: tuple[int, int, int], last: int) -> Band:
    names = ", ".join(test.name.lower().replace("_", " ") for test in QcTest(begun[2]) if test.name)
    return Band(
        kind="failed" if begun[1] == QcFlag.FAIL else "suspect",
        start=(begun[0] - 1) * MINUTE_S,
        end=last * MINUTE_S,
        text=f"{entry.sensor}/{entry.quantity}: {names}",
    )
