"""Readings and their statistics: points, texts, minutes, quarters, hours and days of channels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Final

from ingest_service.series.influx import ql
from ingest_service.series.influx.answers import real, runs, whole
from ingest_service.series.influx.bookkeeping import Bookkeeping
from ingest_service.series.influx.channels import Channels, tags_of
from ingest_service.series.influx.lines import number, text
from ingest_service.series.influx.link import Row
from ingest_service.series.influx.recent import RecentPoints, RecentSpans, minute_of
from ingest_service.series.influx.session import Session
from ingest_service.series.influx.state import put
from ingest_service.series.influx.tables import CHANNELS, DIRTY
from ingest_service.series.port import (
    ChannelEntry,
    Point,
    PointRow,
    Resolution,
    Sample,
    Span,
    StoredPoint,
    Text,
    TextRow,
    Width,
)
from ingest_service.series.reader import STEPS_S, first_us

MEASUREMENTS: Final[Mapping[Width, str]] = {
    "minute": "minute",
    "quarter": "quarter_hour",
    "hour": "hour",
    "day": "day",
}
BY_KEY = itemgetter(0, 1)
_POINT = "value, flags, grade"
_SPAN = "n, mean, low, high, flags, grade"


class Readings(Bookkeeping):
    """The part of the store that channels have."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._channels = Channels(session)
        self._points, self._spans = RecentPoints(), RecentSpans()
        session.failed.append(self._forget_recent)

    def channels(self, site: str | None = None) -> list[ChannelEntry]:
        return self._channels.entries(*([] if site is None else [CHANNELS.c.site == site]))

    def channel(self, gateway: str, sensor: str, quantity: str) -> ChannelEntry | None:
        t = CHANNELS.c
        found = self._channels.entries(t.gateway == gateway, t.sensor == sensor, t.quantity == quantity)
        return found[0] if found else None

    def latest(self, gateway: str | None = None) -> list[ChannelEntry]:
        return self._channels.entries(*([] if gateway is None else [CHANNELS.c.gateway == gateway]))

    def channel_id(self, site: str, gateway: str, sensor: str, quantity: str, unit: str | None) -> int:
        return self._channels.make(site, gateway, sensor, quantity, unit)

    def _forget_channels(self) -> None:
        """Everything was wiped."""
        self._channels.forget()
        self._points.clear()
        self._spans.clear()

    def _forget_recent(self, _sent: bool) -> None:
        self._points.forget()
        self._spans.forget()

    def _follow(self, channels: Iterable[int]) -> None:
        fresh = [one for one in dict.fromkeys(channels) if not self._points.follows(one)]
        if fresh:
            for channel, last in self._channels.last_times(fresh).items():
                self._points.begin(channel, last)
                self._spans.begin(channel, last)

    def write(
        self,
        points: Sequence[PointRow],
        texts: Sequence[TextRow],
        cursor_name: str,
        cursor_value: int,
        *,
        received: Mapping[int, float] | None = None,
    ) -> None:
        rows = sorted(points, key=BY_KEY)
        spoken = sorted(texts, key=BY_KEY)
        with self._session.transaction() as work:
            self._follow(row[0] for row in rows)
            key = self._channels.key
            self._session.add(
                "reading",
                [
                    f"{key('reading', channel)} value={number(value)},flags={flags}.0,grade={grade}.0 {us}000"
                    for channel, us, value, flags, grade in rows
                ],
            )
            self._session.add(
                "reading_text",
                [f"{key('reading_text', channel)} text={text(said)} {us}000" for channel, us, said in spoken],
            )
            self._points.add(rows)
            dirty = sorted({(minute_of(row[1]), row[0]) for row in rows})
            shard = self._session.number
            put(
                work.connection,
                DIRTY,
                [{"shard": shard, "minute": minute, "channel": channel} for minute, channel in dirty],
                keep=True,
            )
            self._channels.write_newest(rows, spoken, received or {})
            self.set_cursor(cursor_name, cursor_value)

    def clear_dirty(self, pairs: Iterable[tuple[int, int]]) -> None:
        cleared = list(pairs)
        super().clear_dirty(cleared)
        self._points.done(cleared)

    # Readings

    def rows_of_channels(self, channels: Sequence[int], t0: float, t1: float) -> dict[int, list[StoredPoint]]:
        first, end = first_us(t0), first_us(t1)
        found: dict[int, list[StoredPoint]] = {}
        missing: list[int] = []
        for channel in dict.fromkeys(channels):
            known = self._points.get(channel, first, end)
            if known is None:
                missing.append(channel)
            elif known:
                found[channel] = known
        statements = self._channels.select(_POINT, "reading", missing, ql.between_us(first, end))
        ids = self._channels.by_tags(missing)
        for answered in self._session.ask("reading", statements):
            for series in answered:
                found[ids[tags_of(series)]] = [_point(row) for row in series.values]
        return found

    def rows_between(self, channel: int, t0: float, t1: float) -> list[StoredPoint]:
        return self.rows_of_channels([channel], t0, t1).get(channel, [])

    def points_between(self, channel: int, t0: float, t1: float) -> list[Point]:
        rows = self.rows_between(channel, t0, t1)
        return [Point((us // 1000) / 1000, value, flags, grade) for us, value, flags, grade in rows]

    def texts_between(self, channel: int, t0: float, t1: float) -> list[Text]:
        when = ql.between_us(first_us(t0), first_us(t1))
        statements = self._channels.select("text", "reading_text", [channel], when)
        return [
            Text((whole(row[0]) // 1000) / 1000, str(row[1]))
            for answered in self._session.ask("reading_text", statements)
            for series in answered
            for row in series.values
        ]

    def read(self, channel: int, t0: float, t1: float, resolution: Resolution) -> list[Sample]:
        if resolution == "raw":
            return [
                Sample(p.time, p.value, p.value, p.value, 1, p.flags, p.grade)
                for p in self.points_between(channel, t0, t1)
            ]
        step = STEPS_S[resolution]
        spans = self.spans_between(resolution, [channel], math.floor(t0 / step) + 1, math.floor(t1 / step))
        return [Sample(s.end * step, s.mean, s.low, s.high, s.n, s.flags, s.grade) for s in spans]

    # Statistics

    def spans_between(self, width: Width, channels: Sequence[int], first: int, last: int) -> list[Span]:
        """By channel, then end."""
        some = sorted(set(channels))
        found: dict[int, list[Span]] = {}
        missing = some
        if width == "minute":
            known = {channel: self._spans.get(channel, first, last) for channel in some}
            found = {channel: spans for channel, spans in known.items() if spans is not None}
            missing = [channel for channel in some if channel not in found]
        if missing and first <= last:
            self._read_spans(width, missing, first, last, found)
        return [span for channel in some for span in found.get(channel, ())]

    def _read_spans(
        self, width: Width, channels: Sequence[int], first: int, last: int, found: dict[int, list[Span]]
    ) -> None:
        step = STEPS_S[width] * 1_000_000
        when = ql.between_us(first * step, last * step + 1)
        statements = self._channels.select(_SPAN, MEASUREMENTS[width], channels, when)
        ids = self._channels.by_tags(channels)
        for answered in self._session.ask(MEASUREMENTS[width], statements):
            for series in answered:
                channel = ids[tags_of(series)]
                found[channel] = [_span(channel, whole(row[0]) // step, row) for row in series.values]

    def minutes_between(self, channels: Sequence[int], m0: int, m1: int) -> list[Span]:
        return self.spans_between("minute", channels, m0, m1)

    def quarters_between(self, channels: Sequence[int], q0: int, q1: int) -> list[Span]:
        return self.spans_between("quarter", channels, q0, q1)

    def hours_between(self, channels: Sequence[int], h0: int, h1: int) -> list[Span]:
        return self.spans_between("hour", channels, h0, h1)

    def days_between(self, channels: Sequence[int], m0: int, m1: int) -> list[Span]:
        return self.spans_between("day", channels, m0, m1)

    def write_minutes(self, rows: Iterable[Span]) -> None:
        self.write_spans("minute", rows)

    def write_hours(self, rows: Iterable[Span]) -> None:
        self.write_spans("hour", rows)

    def write_spans(self, width: Width, rows: Iterable[Span]) -> None:
        spans = list(rows)
        step = STEPS_S[width] * 1_000_000_000
        measurement = MEASUREMENTS[width]
        key = self._channels.key
        with self._session.transaction():
            self._session.add(
                measurement,
                [
                    f"{key(measurement, s.channel)} n={s.n}.0,mean={number(s.mean)},low={number(s.low)},"
                    f"high={number(s.high)},flags={s.flags}.0,grade={s.grade}.0 {s.end * step}"
                    for s in spans
                ],
            )
            if width == "minute":
                self._follow(span.channel for span in spans)
                self._spans.add(spans)

    def remove_minutes(self, pairs: Iterable[tuple[int, int]]) -> None:
        by_channel: dict[int, list[int]] = {}
        for channel, minute in pairs:
            if not self._spans.absent(channel, minute):
                by_channel.setdefault(channel, []).append(minute)
        with self._session.transaction():
            for channel, minutes in by_channel.items():
                tags = self._channels.conditions(channel)
                self._spans.remove(channel, minutes)
                for first, last in runs(minutes):
                    self._session.add_delete("minute", ql.delete("minute", [*tags, ql.minutes(first, last)]))

    def oldest_minute(self, channels: Iterable[int]) -> int | None:
        statements = self._channels.select("first(n)", "minute", channels, "")
        found = [
            whole(series.values[0][0]) // ql.MINUTE_US
            for answered in self._session.ask("minute", statements)
            for series in answered
            if series.values
        ]
        return min(found, default=None)

    def newest_minutes(self, channels: Iterable[int]) -> dict[int, int]:
        """The newest stored minute of each channel that has any."""
        some = list(channels)
        ids = self._channels.by_tags(some)
        return {
            ids[tags_of(series)]: whole(series.values[0][0]) // ql.MINUTE_US
            for answered in self._session.ask("minute", self._channels.select("last(n)", "minute", some, ""))
            for series in answered
            if series.values
        }


def _point(row: Row) -> StoredPoint:
    return whole(row[0]), real(row[1]), whole(row[2]), whole(row[3])


def _span(channel: int, end: int, row: Row) -> Span:
    _, n, mean, low, high, flags, grade = row
    return Span(channel, end, whole(n), real(mean), real(low), real(high), whole(flags), whole(grade))
