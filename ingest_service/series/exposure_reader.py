"""Reading exposures, their summaries, revisions and quality from ``series.sqlite``."""

from __future__ import annotations

from collections.abc import Iterable

from ingest_service.series.connections import Connections
from ingest_service.series.feed import GoneExposure
from ingest_service.series.port import (
    Exceedance,
    ExposureRow,
    Kept,
    Period,
    QualityRow,
    Revision,
    Summary,
)

HOUR = 60
EXPOSURE_COLUMNS = (
    "zone, kind, minute, value, coverage, expected, received, worst_gap_s, method, grade, calc, "
    "revision, change"
)
SUMMARY_COLUMNS = (
    "zone, kind, period, first, last, value, mean, high, high_minute, low, known, expected, grade, revision"
)
# A loose index scan: one step per kind instead of one per stored minute.
KINDS_OF_ZONE = """
WITH RECURSIVE found(kind) AS (
  SELECT (SELECT min(kind) FROM exposures WHERE zone = :zone)
  UNION ALL
  SELECT (SELECT min(kind) FROM exposures WHERE zone = :zone AND kind > found.kind) FROM found
  WHERE found.kind IS NOT NULL)
SELECT kind FROM found WHERE kind IS NOT NULL
"""
FLAGGED_CHANNELS = """
WITH RECURSIVE found(channel) AS (
  SELECT min(channel) FROM quality
  UNION ALL
  SELECT (SELECT min(channel) FROM quality WHERE channel > found.channel) FROM found
  WHERE found.channel IS NOT NULL)
SELECT channel FROM found WHERE channel IS NOT NULL
"""


class ExposureReader:
    """The part of `SeriesReader` that is about zones and the worth of numbers."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

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
            for kind in self.kinds_of(zone)
        ]

    def exposures_changed(self, after: int, limit: int) -> list[ExposureRow]:
        rows = self._connections.here().execute(
            f"SELECT {EXPOSURE_COLUMNS} FROM exposures WHERE change > ? ORDER BY change LIMIT ?",  # noqa: S608
            (after, limit),
        )
        return [ExposureRow(*row) for row in rows]

    def exposures_gone(self, after: int, limit: int) -> list[GoneExposure]:
        rows = self._connections.here().execute(
            "SELECT zone, kind, minute, change FROM gone WHERE change > ? ORDER BY change LIMIT ?",
            (after, limit),
        )
        return [GoneExposure(*row) for row in rows]

    def kinds_of(self, zone: str) -> list[str]:
        return [k for (k,) in self._connections.here().execute(KINDS_OF_ZONE, {"zone": zone})]

    def highest(self, zone: str, kind: str, m0: int, m1: int, step: int) -> dict[int, float]:
        if step % HOUR:
            return self._highest_of_minutes(zone, kind, m0, m1, step)
        first, last = self._summarised(zone, kind, m0, m1)
        found = self._highest_of_minutes(zone, kind, m0, min(first, m1), step)
        hours = self._connections.here().execute(
            "SELECT (last + :step - 1) / :step * :step AS slot, max(high) FROM summaries WHERE zone = :zone "
            "AND kind = :kind AND period = 'hour' AND last > :m0 AND last <= :m1 AND high IS NOT NULL "
            "GROUP BY slot",
            {"zone": zone, "kind": kind, "m0": first, "m1": last, "step": step},
        )
        rest = self._highest_of_minutes(zone, kind, max(m0, last + 1), m1, step)
        for slot, high in (*hours.fetchall(), *rest.items()):
            found[slot] = max(high, found.get(slot, high))
        return found

    def _highest_of_minutes(self, zone: str, kind: str, m0: int, m1: int, step: int) -> dict[int, float]:
        rows = self._connections.here().execute(
            "SELECT (minute + :step - 1) / :step * :step AS slot, max(value) FROM exposures "
            "WHERE zone = :zone AND kind = :kind AND minute BETWEEN :m0 AND :m1 AND value IS NOT NULL "
            "GROUP BY slot",
            {"zone": zone, "kind": kind, "m0": m0, "m1": m1, "step": step},
        )
        return dict(rows.fetchall())

    def _summarised(self, zone: str, kind: str, m0: int, m1: int) -> tuple[int, int]:
        """The part of a range, after its first and up to its last minute, that hours' summaries cover."""
        (newest,) = (
            self._connections.here()
            .execute(
                "SELECT max(last) FROM summaries WHERE zone = ? AND kind = ? AND period = 'hour'",
                (zone, kind),
            )
            .fetchone()
        )
        first = -(-(m0 - 1) // HOUR) * HOUR
        return first, max(first, min(m1 // HOUR * HOUR, newest or 0))

    def exceedance(self, zone: str, kind: str, limit: float, m0: int, m1: int) -> Exceedance:
        first, last = self._summarised(zone, kind, m0, m1)
        if last <= first:
            return self._exceedance_of_minutes(zone, kind, limit, m0, m1)
        parts = [self._exceedance_of_minutes(zone, kind, limit, m0, first)] if m0 <= first else []
        hours = self._connections.here().execute(
            "SELECT last, known, low, high, high_minute FROM summaries WHERE zone = ? AND kind = ? "
            "AND period = 'hour' AND last > ? AND last <= ? AND high IS NOT NULL ORDER BY last",
            (zone, kind, first, last),
        )
        for end, known, low, high, high_minute in hours.fetchall():
            # Only an hour that lies on both sides of the limit must be counted minute by minute.
            whole = Exceedance(known if high > limit else 0, known, high, high_minute)
            if low <= limit < high:
                part = self._exceedance_of_minutes(zone, kind, limit, end - HOUR + 1, end)
                parts.append(part if part.known == known else whole)  # else its minutes are not kept
            else:
                parts.append(whole)
        if last < m1:
            parts.append(self._exceedance_of_minutes(zone, kind, limit, last + 1, m1))
        highest = max((p for p in parts if p.highest is not None), key=_height, default=None)
        return Exceedance(
            sum(p.above for p in parts),
            sum(p.known for p in parts),
            highest and highest.highest,
            highest and highest.highest_minute,
        )

    def _exceedance_of_minutes(self, zone: str, kind: str, limit: float, m0: int, m1: int) -> Exceedance:
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

    def summaries(self, zone: str, kind: str, period: Period, m0: int, m1: int) -> list[Summary]:
        rows = self._connections.here().execute(
            f"SELECT {SUMMARY_COLUMNS} FROM summaries WHERE zone = ? AND kind = ? AND period = ? "  # noqa: S608
            "AND last BETWEEN ? AND ? ORDER BY last, first",
            (zone, kind, period, m0, m1),
        )
        return [Summary(*row) for row in rows]

    def revisions(self, zone: str, kind: str, m0: int, m1: int) -> list[Revision]:
        rows = self._connections.here().execute(
            "SELECT zone, kind, minute, revision, old, new, at, cause FROM revisions "
            "WHERE zone = ? AND kind = ? AND minute BETWEEN ? AND ? ORDER BY number",
            (zone, kind, m0, m1),
        )
        return [Revision(*row) for row in rows]

    def quality_between(self, channel: int, m0: int, m1: int) -> list[QualityRow]:
        rows = self._connections.here().execute(
            "SELECT channel, minute, flag, tests FROM quality WHERE channel = ? AND minute BETWEEN ? AND ? "
            "ORDER BY minute",
            (channel, m0, m1),
        )
        return [QualityRow(*row) for row in rows]

    def quality_latest(self) -> list[QualityRow]:
        connection = self._connections.here()
        rows = connection.execute(
            f"SELECT q.channel, q.minute, q.flag, q.tests FROM ({FLAGGED_CHANNELS}) f "  # noqa: S608
            "JOIN quality q ON q.channel = f.channel AND q.minute = "
            "(SELECT minute FROM minutes WHERE channel = f.channel ORDER BY minute DESC LIMIT 1)"
        )
        return [QualityRow(*row) for row in rows]

    def kept_from(self, what: Kept, name: str) -> int:
        row = (
            self._connections.here()
            .execute("SELECT kept_from FROM thinned WHERE what = ? AND name = ?", (what, name))
            .fetchone()
        )
        return int(row[0]) if row else 0

    def thinned(self) -> dict[tuple[Kept, str], int]:
        rows = self._connections.here().execute("SELECT what, name, kept_from FROM thinned")
        return {(what, name): kept_from for what, name, kept_from in rows}


def _height(part: Exceedance) -> tuple[float, int]:
    """Of equal heights the earliest is the highest."""
    return -1e999 if part.highest is None else part.highest, -(part.highest_minute or 0)
