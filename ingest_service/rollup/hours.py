"""Hourly statistics: written when an hour is over, again when something of it comes late."""

from __future__ import annotations

from collections.abc import Iterable

from ingest_service.rollup.minutes import averages_as_energy, hour_of, hour_span, minute_of
from ingest_service.series.port import ChannelEntry, SeriesStore

_PER_CYCLE = 1000


class Hours:
    """Remembers which hours of which channels are still to be written.

    What it remembers is lost with the process, so it starts with the newest two hours of every channel.
    """

    def __init__(self, series: SeriesStore) -> None:
        self._series = series
        self._pending: dict[tuple[int, int], None] = {}  # in the order they were noted
        for entry in series.channels():
            if entry.last_time is not None:
                hour = hour_of(minute_of(entry.last_time))
                self._pending.update({(entry.id, hour - 1): None, (entry.id, hour): None})

    def note(self, channel: int, minutes: Iterable[int]) -> None:
        """These minutes of a channel were written."""
        self._pending.update({(channel, hour_of(minute)): None for minute in minutes})

    def write_finished(self, clock: float, channels: dict[int, ChannelEntry]) -> int:
        """Write the hours that ended before `clock` [s], at most a portion of them; returns how many."""
        finished = [key for key in self._pending if key[1] * 3600 <= clock and key[0] in channels]
        del finished[_PER_CYCLE:]
        rows = []
        for channel, hour in finished:
            minutes = self._series.minutes_between([channel], 60 * hour - 59, 60 * hour)
            as_energy = averages_as_energy(channels[channel].quantity)
            row = hour_span(channel, hour, minutes, as_energy=as_energy)
            rows += [] if row is None else [row]
        if rows:
            self._series.write_hours(rows)
        for key in finished:
            del self._pending[key]
        return len(rows)
