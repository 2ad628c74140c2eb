"""Quarters, hours and local days of channels: written when they are over, again when something comes late."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from ingest_service.rollup.minutes import averages_as_energy, span_of_minutes
from ingest_service.series.port import ChannelEntry, SeriesStore, Span, Unfinished, Width

_PER_CYCLE = 2000
DayOf = Callable[[str, int], tuple[int, int] | None]
"""First and last minute of a site's local day that holds a minute; None for a site nobody registered."""


class Aggregates:
    """Knows, in the store, which of them are still to be written."""

    def __init__(self, series: SeriesStore, day_of: DayOf) -> None:
        self._series = series
        self._day_of = day_of
        self._noted: dict[int, int] = {}  # channel -> the quarter that was noted last
        self._days: dict[str, tuple[int, int]] = {}

    def note(self, entry: ChannelEntry, minutes: Iterable[int]) -> None:
        """These minutes of a channel are about to be written."""
        fresh: list[Unfinished] = []
        for quarter in sorted({-(-minute // 15) for minute in minutes}):
            if self._noted.get(entry.id) == quarter:
                continue
            self._noted[entry.id] = quarter
            last = 15 * quarter
            hour = -(-last // 60) * 60
            fresh.append(Unfinished("quarter", entry.id, last - 14, last))
            fresh.append(Unfinished("hour", entry.id, hour - 59, hour))
            day = self._day(entry.site, last)
            if day is not None:
                fresh.append(Unfinished("day", entry.id, *day))
        if fresh:
            self._series.add_unfinished(fresh)

    def _day(self, site: str, minute: int) -> tuple[int, int] | None:
        known = self._days.get(site)
        if known is None or not known[0] <= minute <= known[1]:
            known = self._day_of(site, minute)
            if known is not None:
                self._days[site] = known
        return known

    def write_finished(self, clock: float, channels: dict[int, ChannelEntry]) -> int:
        """Write what ended before `clock` [s], at most a portion of it; returns how many."""
        finished = self._series.unfinished(math.floor(clock / 60.0), _PER_CYCLE)
        if not finished:
            return 0
        rows: dict[Width, list[Span]] = {width: [] for width in _NUMBER}
        for one in finished:
            self._noted.pop(one.channel, None)
            entry = channels.get(one.channel)
            minutes = self._series.minutes_between([one.channel], one.first, one.last)
            if entry is not None and minutes:
                as_energy = averages_as_energy(entry.quantity)
                number = one.last // _NUMBER[one.width]
                rows[one.width].append(span_of_minutes(number, minutes, as_energy=as_energy))
        for width, spans in rows.items():
            if spans:
                self._series.write_spans(width, spans)
        self._series.remove_unfinished(finished)
        return len(finished)


_NUMBER: dict[Width, int] = {"quarter": 15, "hour": 60, "day": 1}
"""Minutes that the number of a span counts; a day is named by its last minute."""
