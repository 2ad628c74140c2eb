"""What the writer wrote last, kept in memory: the rollup reads it again within minutes, and only it writes.

A minute of a channel is *known* when it is here or lies after the last one that is not. What is not known is
read from the store. Nothing here is ever needed: after a failure it is all forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ingest_service.series.port import PointRow, Span, StoredPoint

MOST_POINTS = 500_000
MOST_SPANS = 300_000
SPANS_OF_CHANNEL = 600
_HOLES = 60  # minutes before the known ones that are looked up singly


def minute_of(time_us: int) -> int:
    """The minute that a point's time lies in, named by its end."""
    return -(-(time_us // 1000) // 60_000)


class RecentPoints:
    """Points of minutes that are not rolled up yet."""

    def __init__(self) -> None:
        self._minutes: dict[int, dict[int, dict[int, StoredPoint]]] = {}
        self._unknown_to: dict[int, int] = {}
        self._top: dict[int, int] = {}
        self._count = 0

    def follows(self, channel: int) -> bool:
        """Whether it was told where the channel stands."""
        return channel in self._unknown_to

    def begin(self, channel: int, last_time: float | None) -> None:
        """`last_time`: that of the newest stored reading [s]."""
        top = -1 if last_time is None else minute_of(round(last_time * 1_000_000))
        self._unknown_to[channel] = self._top[channel] = top

    def add(self, rows: Iterable[PointRow]) -> None:
        for channel, us, *rest in rows:
            minute = minute_of(us)
            minutes = self._minutes.setdefault(channel, {})
            points = minutes.get(minute)
            if points is None:
                if minute <= self._unknown_to[channel]:
                    continue  # there may be others in it
                points = minutes[minute] = {}
            points[us] = (us, float(rest[0]), int(rest[1]), int(rest[2]))
            self._top[channel] = max(self._top[channel], minute)
            self._count += 1
        if self._count > MOST_POINTS:
            self.forget()

    def get(self, channel: int, first: int, end: int) -> list[StoredPoint] | None:
        """Points from `first` up to but without `end` [us], ascending; None when not all are known."""
        if channel not in self._unknown_to:
            return None
        begin, last = minute_of(first), minute_of(end - 1)
        minutes = self._minutes.get(channel, {})
        unknown = self._unknown_to[channel]
        if begin <= unknown:
            holes = range(begin, min(last, unknown) + 1)
            if len(holes) > _HOLES or any(minute not in minutes for minute in holes):
                return None
        found = [
            point
            for minute, points in minutes.items()
            if begin <= minute <= last
            for us, point in points.items()
            if first <= us < end
        ]
        found.sort()
        return found

    def done(self, pairs: Iterable[tuple[int, int]]) -> None:
        """These minutes are rolled up."""
        for channel, minute in pairs:
            if channel in self._unknown_to:
                gone = self._minutes.get(channel, {}).pop(minute, {})
                self._count -= len(gone)
                self._unknown_to[channel] = max(self._unknown_to[channel], minute)

    def forget(self) -> None:
        """Only what comes after all that was ever given is known from now on."""
        self._minutes.clear()
        self._count = 0
        for channel, top in self._top.items():
            self._unknown_to[channel] = max(self._unknown_to[channel], top)

    def clear(self) -> None:
        """Forget the channels too."""
        self.__init__()  # type: ignore[misc]


class RecentSpans:
    """The last minutes of channels."""

    def __init__(self) -> None:
        self._minutes: dict[int, dict[int, Span]] = {}
        self._unknown_to: dict[int, int] = {}
        self._top: dict[int, int] = {}
        self._count = 0

    def follows(self, channel: int) -> bool:
        return channel in self._unknown_to

    def begin(self, channel: int, last_time: float | None) -> None:
        """`last_time`: that of the newest stored reading [s], which no stored minute lies after."""
        top = -1 if last_time is None else minute_of(round(last_time * 1_000_000))
        self._unknown_to[channel] = self._top[channel] = top

    def add(self, spans: Sequence[Span]) -> None:
        for span in spans:
            minutes = self._minutes.setdefault(span.channel, {})
            self._count += span.end not in minutes
            minutes[span.end] = span
            self._top[span.channel] = max(self._top[span.channel], span.end)
        for channel in {span.channel for span in spans}:
            if len(self._minutes[channel]) > SPANS_OF_CHANNEL:
                self._trim(channel)
        if self._count > MOST_SPANS:
            self.forget()

    def _trim(self, channel: int) -> None:
        minutes = self._minutes[channel]
        for minute in sorted(minutes)[: SPANS_OF_CHANNEL // 2]:
            del minutes[minute]
            self._count -= 1
            self._unknown_to[channel] = max(self._unknown_to[channel], minute)

    def get(self, channel: int, first: int, last: int) -> list[Span] | None:
        """The stored minutes `first` to `last`, ascending; None when not all are known."""
        if channel not in self._unknown_to:
            return None
        minutes = self._minutes.get(channel, {})
        unknown = self._unknown_to[channel]
        if first <= unknown:
            holes = range(first, min(last, unknown) + 1)
            if len(holes) > _HOLES or any(minute not in minutes for minute in holes):
                return None
        if last - first < len(minutes):
            return [minutes[minute] for minute in range(first, last + 1) if minute in minutes]
        return [minutes[minute] for minute in sorted(minutes) if first <= minute <= last]

    def absent(self, channel: int, minute: int) -> bool:
        """Whether it is known that nothing is stored of a minute."""
        known = channel in self._unknown_to and minute > self._unknown_to[channel]
        return known and minute not in self._minutes.get(channel, {})

    def remove(self, channel: int, minutes: Iterable[int]) -> None:
        kept = self._minutes.get(channel, {})
        for minute in minutes:
            if kept.pop(minute, None) is not None:
                self._count -= 1

    def forget(self) -> None:
        """Only what comes after all that was ever given is known from now on."""
        self._minutes.clear()
        self._count = 0
        for channel, top in self._top.items():
            self._unknown_to[channel] = max(self._unknown_to[channel], top)

    def clear(self) -> None:
        """Forget the channels too."""
        self.__init__()  # type: ignore[misc]
