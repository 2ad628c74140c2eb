"""Minutes that quality tests doubt: counted for a table, and as marks in a chart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final, NamedTuple

from ingest_service.auth.access import Action
from ingest_service.queries.chart import chart
from ingest_service.queries.measured import MINUTE_S
from ingest_service.queries.panels import Panel, feeds, panel
from ingest_service.queries.places import Band, Chart
from ingest_service.queries.view import View
from ingest_service.register.entries import Zone
from ingest_service.series.port import ChannelEntry
from osh_domain.quality_tests import QcFlag, QcTest

_DAY_MINUTES: Final = 1440
_MOST_BANDS: Final = 400
_LONGEST_MINUTES: Final = 8 * _DAY_MINUTES
_ALSO_HEAT: Final = frozenset({"tg", "tnw", "va", "solar"})
"""Quantities that enter WBGT without which it can still be estimated."""


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


def chart_with_doubts(
    view: View, site_id: str, word: str, panel_id: str, range_name: str = "day", until: date | None = None
) -> Chart:
    """One chart of a zone, with spans that tests doubt or that are kept as summaries only. NotHere."""
    drawn = chart(view, site_id, word, panel_id, range_name, until)
    shown = panel(panel_id)
    if shown is None:
        return drawn
    _, zone = view.zone(site_id, word, Action.READ_SITE)
    more = (*_thinned(view, zone, drawn), *_bands(view, zone, shown, drawn.start, drawn.end))
    return drawn.model_copy(update={"bands": (*drawn.bands, *more)})


def _thinned(view: View, zone: Zone, drawn: Chart) -> Iterator[Band]:
    """The part of a chart whose minutes were deleted after their time; hours, shifts and days are kept."""
    kept = view.series.kept_from("exposures", zone.id) * MINUTE_S
    if kept > drawn.start:
        yield Band(kind="thinned", start=drawn.start, end=min(kept, drawn.end), text="")


def _bands(view: View, zone: Zone, shown: Panel, start: float, end: float) -> Iterator[Band]:
    """Spans of doubted minutes of the channels that feed a chart, for charts of at most eight days."""
    first, last = int(start // MINUTE_S) + 1, int(min(end, view.now) // MINUTE_S)
    if last - first > _LONGEST_MINUTES:
        return
    entries = {
        (entry.gateway, entry.sensor, entry.quantity): entry for entry in view.series.channels(zone.site)
    }
    found = 0
    for expected in view.register.expected_in(zone.id, end):
        if not _part_of(expected.quantity, shown):
            continue
        entry = entries.get((expected.gateway, expected.sensor, expected.quantity))
        for band in _spans(view, entry, first, last):
            yield band
            found += 1
            if found >= _MOST_BANDS:
                return


def _part_of(quantity: str, shown: Panel) -> bool:
    return feeds(quantity, shown) or (shown.hazard == "heat" and quantity.partition(".")[0] in _ALSO_HEAT)


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
