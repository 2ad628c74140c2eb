"""From raw points to stored minutes, channel by channel."""

from __future__ import annotations

import math

from ingest_service.rollup.aggregates import Aggregates, DayOf
from ingest_service.rollup.minutes import averages_as_energy, minute_spans
from ingest_service.series.port import ChannelEntry, SeriesStore, Span

Dirty = dict[int, set[int]]
"""Channel -> minutes whose readings changed."""

_APART = 10  # minutes; a wider hole between two dirty minutes is not read over


def minutes_in(dirty: Dirty) -> list[int]:
    """Every dirty minute once, ascending."""
    return sorted(set().union(*dirty.values())) if dirty else []


class ChannelMinutes:
    """Writes the minutes of dirty channels and clears what it has written."""

    def __init__(self, series: SeriesStore, day_of: DayOf) -> None:
        self._series = series
        self.aggregates = Aggregates(series, day_of)
        self.channels: dict[int, ChannelEntry] = {}
        self.written = 0

    def last_time(self, channel: int | None) -> float | None:
        """Time [s] of a channel's newest reading."""
        entry = None if channel is None else self.channels.get(channel)
        return None if entry is None else entry.last_time

    def newest_time(self) -> float:
        """Time [s] of the newest reading of all, 0 before the first."""
        return max((entry.last_time or 0.0 for entry in self.channels.values()), default=0.0)

    def write_before(self, dirty: Dirty, t: float) -> None:
        """Write the dirty minutes that ended before an instant."""
        minutes = minutes_in(dirty)
        if minutes:
            self.write(dirty, minutes[0], math.floor(t / 60.0))

    def write(self, dirty: Dirty, first: int, last: int) -> None:
        """Compute the dirty minutes from `first` to `last` and take them off the list."""
        spans: list[Span] = []
        cleared: list[tuple[int, int]] = []
        together: dict[tuple[int, int], list[int]] = {}
        for channel, minutes in dirty.items():
            wanted = sorted(m for m in minutes if first <= m <= last)
            if not wanted:
                continue
            for stretch in _stretches(wanted):
                together.setdefault(stretch, []).append(channel)
            cleared += [(channel, minute) for minute in wanted]
            self.aggregates.note(self.channels[channel], wanted)
        for (start, end), channels in together.items():
            read = self._series.rows_of_channels(channels, 60.0 * (start - 1), 60.0 * end)
            for channel, points in read.items():
                as_energy = averages_as_energy(self.channels[channel].quantity)
                spans += minute_spans(channel, points, as_energy=as_energy)
        if spans:
            self._series.write_minutes(spans)
        if gone := set(cleared).difference((span.channel, span.end) for span in spans):
            self._series.remove_minutes(gone)
        self._series.clear_dirty(cleared)
        self.written += len(spans)


def _stretches(minutes: list[int]) -> list[tuple[int, int]]:
    """Join neighbouring minutes into stretches to be read at once."""
    found = [(minutes[0], minutes[0])]
    for minute in minutes[1:]:
        start, end = found[-1]
        if minute - end <= _APART:
            found[-1] = (start, minute)
        else:
            found.append((minute, minute))
    return found
