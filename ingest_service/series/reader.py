"""Reading ``series.sqlite``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ingest_service.series.connections import Connections
from ingest_service.series.port import (
    ChannelEntry,
    Exceedance,
    ExposureRow,
    Point,
    Resolution,
    Sample,
    Span,
    StoredPoint,
    Text,
    Waiting,
)

CHANNEL_COLUMNS = (
    "id, site, gateway, sensor, quantity, unit, last_time, last_value, last_text, last_flags, last_grade, "
    "last_received"
)
EXPOSURE_COLUMNS = (
    "zone, kind, minute, value, coverage, expected, received, worst_gap_s, method, grade, calc, "
    "revision, change"
)
CHANNELS_AT_ONCE = 500  # SQLite takes 999 values in a statement, in its oldest builds
# A loose index scan: one step per kind instead of one per stored minute.
KINDS_OF_ZONE = """
WITH RECURSIVE found(kind) AS (
  SELECT (SELECT min(kind) FROM exposures WHERE zone = :zone)
  UNION ALL
  SELECT (SELECT min(kind) FROM exposures WHERE zone = :zone AND kind > found.kind) FROM found
  WHERE found.kind IS NOT NULL)
SELECT kind FROM found WHERE kind IS NOT NULL
"""


def first_us(after: float) -> int:
    """The smallest time_us of a point later than ``after``: whatever its discriminator, a point stamped with
    the last millisecond of an interval still belongs to it."""
    return (math.floor(round(after * 1000, 3)) + 1) * 1000


class SqliteSeriesReader:
    """`SeriesReader` over one file; safe to share between threads."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

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

    def texts_between(self, channel: int, t0: float, t1: float) -> list[Text]:
        rows = self._connections.here().execute(
            "SELECT time_us, text FROM texts "
            "WHERE channel = ? AND time_us >= ? AND time_us < ? ORDER BY time_us",
            (channel, first_us(t0), first_us(t1)),
        )
        return [Text((us // 1000) / 1000, text) for us, text in rows]

    def minutes_between(self, channels: Sequence[int], m0: int, m1: int) -> list[Span]:
        return self._spans("minutes", "minute", channels, m0, m1)

    def hours_between(self, channels: Sequence[int], h0: int, h1: int) -> list[Span]:
        return self._spans("hours", "hour", channels, h0, h1)

    def _spans(self, table: str, end: str, channels: Sequence[int], first: int, last: int) -> list[Span]:
        connection = self._connections.here()
        found: list[Span] = []
        for start in range(0, len(channels), CHANNELS_AT_ONCE):
            some = sorted(set(channels[start : start + CHANNELS_AT_ONCE]))
            sql = (
                f"SELECT channel, {end}, n, mean, low, high, flags, grade FROM {table} "  # noqa: S608
                f"WHERE channel IN ({','.join('?' * len(some))}) AND {end} BETWEEN ? AND ? "
                f"ORDER BY channel, {end}"
            )
            found += map(Span._make, connection.execute(sql, (*some, first, last)))
        return found

    def read(self, channel: int, t0: float, t1: float, resolution: Resolution) -> list[Sample]:
        if resolution == "raw":
            return [
                Sample(p.time, p.value, p.value, p.value, 1, p.flags, p.grade)
                for p in self.points_between(channel, t0, t1)
            ]
        step = 60 if resolution == "minute" else 3600
        table, end = ("minutes", "minute") if resolution == "minute" else ("hours", "hour")
        spans = self._spans(table, end, [channel], math.floor(t0 / step) + 1, math.floor(t1 / step))
        return [Sample(s.end * step, s.mean, s.low, s.high, s.n, s.flags, s.grade) for s in spans]

    def exposures(self, zone: str, kind: str, m0: int, m1: int) -> list[ExposureRow]:
        rows = self._connections.here().execute(
            f"SELECT {EXPOSURE_COLUMNS} FROM exposures "  # noqa: S608
            "WHERE zone = ? AND kind = ? AND minute BETWEEN ? AND ? ORDER BY minute",
            (zone, kind, m0, m1),
        )
        return [ExposureRow(*row) for row in rows]

    def latest_exposures(self, zones: Iterable[str]) -> list[ExposureRow]:
        connection = self._connections.here()
        newest = (
            f"SELECT {EXPOSURE_COLUMNS} FROM exposures "  # noqa: S608
            "WHERE zone = ? AND kind = ? ORDER BY minute DESC LIMIT 1"
        )
        return [
            ExposureRow(*connection.execute(newest, (zone, kind)).fetchone())
            for zone in zones
            for (kind,) in connection.execute(KINDS_OF_ZONE, {"zone": zone}).fetchall()
        ]

    def exposures_changed(self, after: int, limit: int) -> list[ExposureRow]:
        rows = self._connections.here().execute(
            f"SELECT {EXPOSURE_COLUMNS} FROM exposures WHERE change > ? ORDER BY change LIMIT ?",  # noqa: S608
            (after, limit),
        )
        return [ExposureRow(*row) for row in rows]

    def highest(self, zone: str, kind: str, m0: int, m1: int, step: int) -> dict[int, float]:
        rows = self._connections.here().execute(
            "SELECT (minute + :step - 1) / :step * :step AS slot, max(value) FROM exposures "
            "WHERE zone = :zone AND kind = :kind AND minute BETWEEN :m0 AND :m1 AND value IS NOT NULL "
            "GROUP BY slot",
            {"zone": zone, "kind": kind, "m0": m0, "m1": m1, "step": step},
        )
        return dict(rows.fetchall())

    def exceedance(self, zone: str, kind: str, limit: float, m0: int, m1: int) -> Exceedance:
        where = "zone = ? AND kind = ? AND minute BETWEEN ? AND ?"
        connection = self._connections.here()
        above, known = connection.execute(
            f"SELECT coalesce(sum(value > ?), 0), count(value) FROM exposures WHERE {where}",  # noqa: S608
            (limit, zone, kind, m0, m1),
        ).fetchone()
        highest = connection.execute(
            f"SELECT value, minute FROM exposures WHERE {where} AND value IS NOT NULL "  # noqa: S608
            "ORDER BY value DESC, minute LIMIT 1",
            (zone, kind, m0, m1),
        ).fetchone()
        return Exceedance(above, known, *(highest or (None, None)))

    def held(self) -> list[Waiting]:
        rows = self._connections.here().execute(
            "SELECT gateway, boot, count(*), min(received_at) FROM held "
            "GROUP BY gateway, boot ORDER BY gateway, boot"
        )
        return [Waiting(*row) for row in rows]

    def cursor(self, name: str) -> int:
        row = self._connections.here().execute("SELECT value FROM cursors WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0
