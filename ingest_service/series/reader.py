"""Reading ``series.sqlite``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from ingest_service.series.exposure_reader import ExposureReader
from ingest_service.series.port import (
    ChannelEntry,
    Point,
    Resolution,
    Sample,
    Span,
    StoredPoint,
    Text,
    Waiting,
    Width,
)

CHANNEL_COLUMNS = (
    "id, site, gateway, sensor, quantity, unit, last_time, last_value, last_text, last_flags, last_grade, "
    "last_received"
)
STEPS_S: dict[Width, int] = {"minute": 60, "quarter": 900, "hour": 3600, "day": 60}
"""What the end of a span counts; a day, which is as long as the site's clock makes it, ends in a minute."""
_CHANNEL = itemgetter(0)
CHANNELS_AT_ONCE = 500  # SQLite takes 999 values in a statement, in its oldest builds


def first_us(after: float) -> int:
    """The smallest time_us of a point later than ``after``: whatever its discriminator, a point stamped with
    the last millisecond of an interval still belongs to it."""
    return (math.floor(round(after * 1000, 3)) + 1) * 1000


class SqliteSeriesReader(ExposureReader):
    """`SeriesReader` over one file; safe to share between threads."""

    def close(self) -> None:
        self._connections.close()

    def channels(self, site: str | None = None) -> list[ChannelEntry]:
        where, values = ("", ()) if site is None else ("WHERE site = ?", (site,))
        rows = self._connections.here().execute(
            f"SELECT {CHANNEL_COLUMNS} FROM channels {where} ORDER BY gateway, sensor, quantity",  # noqa: S608
            values,
        )
        return [ChannelEntry(*row) for row in rows]

    def channel(self, gateway: str, sensor: str, quantity: str) -> ChannelEntry | None:
        row = (
            self._connections.here()
            .execute(
                f"SELECT {CHANNEL_COLUMNS} FROM channels "  # noqa: S608
                "WHERE gateway = ? AND sensor = ? AND quantity = ?",
                (gateway, sensor, quantity),
            )
            .fetchone()
        )
        return ChannelEntry(*row) if row else None

    def latest(self, gateway: str | None = None) -> list[ChannelEntry]:
        if gateway is None:
            return self.channels()
        rows = self._connections.here().execute(
            f"SELECT {CHANNEL_COLUMNS} FROM channels WHERE gateway = ? ORDER BY sensor, quantity",  # noqa: S608
            (gateway,),
        )
        return [ChannelEntry(*row) for row in rows]

    def points_between(self, channel: int, t0: float, t1: float) -> list[Point]:
        rows = self.rows_between(channel, t0, t1)
        return [Point((us // 1000) / 1000, value, flags, grade) for us, value, flags, grade in rows]

    def rows_between(self, channel: int, t0: float, t1: float) -> list[StoredPoint]:
        rows = self._connections.here().execute(
            "SELECT time_us, value, flags, grade FROM points "
            "WHERE channel = ? AND time_us >= ? AND time_us < ? ORDER BY time_us",
            (channel, first_us(t0), first_us(t1)),
        )
        return rows.fetchall()

    def rows_of_channels(self, channels: Sequence[int], t0: float, t1: float) -> dict[int, list[StoredPoint]]:
        found: dict[int, list[StoredPoint]] = {}
        for start in range(0, len(channels), CHANNELS_AT_ONCE):
            some = sorted(set(channels[start : start + CHANNELS_AT_ONCE]))
            rows = self._connections.here().execute(
                "SELECT channel, time_us, value, flags, grade FROM points "  # noqa: S608
                f"WHERE channel IN ({','.join('?' * len(some))}) "
                "AND time_us >= ? AND time_us < ? ORDER BY channel, time_us",
                (*some, first_us(t0), first_us(t1)),
            )
            for channel, points in groupby(rows, key=_CHANNEL):
                found[channel] = [point[1:] for point in points]
        return found

    def texts_between(self, channel: int, t0: float, t1: float) -> list[Text]:
        rows = self._connections.here().execute(
            "SELECT time_us, text FROM texts "
            "WHERE channel = ? AND time_us >= ? AND time_us < ? ORDER BY time_us",
            (channel, first_us(t0), first_us(t1)),
        )
        return [Text((us // 1000) / 1000, text) for us, text in rows]

    def minutes_between(self, channels: Sequence[int], m0: int, m1: int) -> list[Span]:
        return self._spans("minute", channels, m0, m1)

    def quarters_between(self, channels: Sequence[int], q0: int, q1: int) -> list[Span]:
        return self._spans("quarter", channels, q0, q1)

    def hours_between(self, channels: Sequence[int], h0: int, h1: int) -> list[Span]:
        return self._spans("hour", channels, h0, h1)

    def days_between(self, channels: Sequence[int], m0: int, m1: int) -> list[Span]:
        return self._spans("day", channels, m0, m1)

    def _spans(self, width: Width, channels: Sequence[int], first: int, last: int) -> list[Span]:
        connection = self._connections.here()
        found: list[Span] = []
        for start in range(0, len(channels), CHANNELS_AT_ONCE):
            some = sorted(set(channels[start : start + CHANNELS_AT_ONCE]))
            sql = (
                f"SELECT channel, {width}, n, mean, low, high, flags, grade FROM {width}s "  # noqa: S608
                f"WHERE channel IN ({','.join('?' * len(some))}) AND {width} BETWEEN ? AND ? "
                f"ORDER BY channel, {width}"
            )
            found += map(Span._make, connection.execute(sql, (*some, first, last)))
        return found

    def read(self, channel: int, t0: float, t1: float, resolution: Resolution) -> list[Sample]:
        if resolution == "raw":
            return [
                Sample(p.time, p.value, p.value, p.value, 1, p.flags, p.grade)
                for p in self.points_between(channel, t0, t1)
            ]
        step = STEPS_S[resolution]
        spans = self._spans(resolution, [channel], math.floor(t0 / step) + 1, math.floor(t1 / step))
        return [Sample(s.end * step, s.mean, s.low, s.high, s.n, s.flags, s.grade) for s in spans]

    def held(self) -> list[Waiting]:
        rows = self._connections.here().execute(
            "SELECT gateway, boot, count(*), min(received_at) FROM held "
            "GROUP BY gateway, boot ORDER BY gateway, boot"
        )
        return [Waiting(*row) for row in rows]

    def cursor(self, name: str) -> int:
        row = self._connections.here().execute("SELECT value FROM cursors WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def trouble(self) -> str | None:
        return None  # a file that cannot be read says so with every reading

    def cursors(self, name: str) -> dict[int | None, int]:
        return {None: self.cursor(name)}
