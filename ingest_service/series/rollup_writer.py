"""Writing what the rollup makes into ``series.sqlite``, and deleting what need not be kept."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from ingest_service.series.connections import WAY_OUT
from ingest_service.series.feed import CHANGE
from ingest_service.series.port import (
    Cause,
    ExposureKey,
    ExposureRow,
    Period,
    QualityRow,
    Recompute,
    SeriesError,
    Span,
    Summary,
    Unfinished,
    ValueRow,
    Width,
)
from ingest_service.series.reader import SqliteSeriesReader

REVISION = "revision"
# One statement a row: asking for the stored row first costs more than writing it.
UPSERT_EXPOSURE = """
INSERT INTO exposures(zone, kind, minute, value, coverage, expected, received, worst_gap_s, method, grade,
  calc, change, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
ON CONFLICT(zone, kind, minute) DO UPDATE SET value = excluded.value, coverage = excluded.coverage,
  expected = excluded.expected, received = excluded.received, worst_gap_s = excluded.worst_gap_s,
  method = excluded.method, grade = excluded.grade, calc = excluded.calc, change = excluded.change,
  revision = revision + ((value, method, grade, calc)
    IS NOT (excluded.value, excluded.method, excluded.grade, excluded.calc))
WHERE (value, coverage, expected, received, worst_gap_s, method, grade, calc)
  IS NOT (excluded.value, excluded.coverage, excluded.expected, excluded.received, excluded.worst_gap_s,
    excluded.method, excluded.grade, excluded.calc)
"""
UPSERT_SUMMARY = """
INSERT INTO summaries(zone, kind, period, first, last, value, mean, high, high_minute, low, known, expected,
  grade, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
ON CONFLICT(zone, kind, period, last, first) DO UPDATE SET value = excluded.value, mean = excluded.mean,
  high = excluded.high, high_minute = excluded.high_minute, low = excluded.low, known = excluded.known,
  expected = excluded.expected, grade = excluded.grade, revision = revision + 1
WHERE (value, mean, high, high_minute, low, known, expected, grade)
  IS NOT (excluded.value, excluded.mean, excluded.high, excluded.high_minute, excluded.low, excluded.known,
    excluded.expected, excluded.grade)
"""
_Old = dict[int, tuple[float | None, int, str]]
"""Minute -> value, revision and calculation of the row that is stored."""


class RollupWriter(SqliteSeriesReader):
    """The part of `SeriesStore` that the rollup and the retention use."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        connection = self._connections.here()
        if connection.in_transaction:
            yield
            return
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise SeriesError(
                f"cannot write the series store {self._connections.path}: {error}; {WAY_OUT}"
            ) from error
        finally:
            roll_back_if_open(connection)

    def set_cursor(self, name: str, value: int) -> None:
        with self.transaction():
            self._connections.here().execute("INSERT OR REPLACE INTO cursors VALUES (?, ?)", (name, value))

    def write_spans(self, width: Width, rows: Iterable[Span]) -> None:
        with self.transaction():
            self._connections.here().executemany(
                f"INSERT OR REPLACE INTO {width}s(channel, {width}, n, mean, low, high, flags, grade) "  # noqa: S608
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def write_minutes(self, rows: Iterable[Span]) -> None:
        self.write_spans("minute", rows)

    def write_hours(self, rows: Iterable[Span]) -> None:
        self.write_spans("hour", rows)

    def add_unfinished(self, spans: Iterable[Unfinished]) -> None:
        with self.transaction():
            self._connections.here().executemany(
                "INSERT OR IGNORE INTO unfinished(width, channel, first, last) VALUES (?, ?, ?, ?)", spans
            )

    def unfinished(self, until: int, limit: int) -> list[Unfinished]:
        rows = self._connections.here().execute(
            "SELECT width, channel, first, last FROM unfinished WHERE last <= ? ORDER BY last LIMIT ?",
            (until, limit),
        )
        return [Unfinished(*row) for row in rows]

    def remove_unfinished(self, spans: Iterable[Unfinished]) -> None:
        with self.transaction():
            self._connections.here().executemany(
                "DELETE FROM unfinished WHERE width = ? AND channel = ? AND first = ? AND last = ?", spans
            )

    def write_exposures(
        self,
        rows: Sequence[ExposureRow],
        *,
        gone: Iterable[ExposureKey] = (),
        cause: Callable[[str, int], Cause] | None = None,
        at: float = 0.0,
    ) -> int:
        with self.transaction():
            connection = self._connections.here()
            left = self._keep_revisions(rows, list(gone), cause, at) if cause is not None else []
            first = self.cursor(CHANGE) + 1
            connection.executemany(
                "INSERT OR REPLACE INTO gone VALUES (?, ?, ?, ?)",
                [(*key, change) for change, key in enumerate(left, first)],
            )
            first += len(left)
            # Every row gets a number; those of rows that turn out equal are never seen again.
            numbered = [(*row[:11], change) for change, row in enumerate(rows, first)]
            before = connection.total_changes
            connection.executemany(UPSERT_EXPOSURE, numbered)
            written = connection.total_changes - before
            self.set_cursor(CHANGE, first + len(numbered) - 1)
        return written

    def _keep_revisions(
        self,
        rows: Sequence[ExposureRow],
        gone: list[ExposureKey],
        cause: Callable[[str, int], Cause],
        at: float,
    ) -> list[ExposureKey]:
        """Write down which stored rows are about to be replaced or taken away, and take those away; which."""
        stored = self._stored([(row.zone, row.kind, row.minute) for row in rows] + gone)
        found: list[tuple[object, ...]] = []
        for row in rows:
            old = stored[row.zone, row.kind].get(row.minute)
            if old is not None and (old[0] != row.value or old[2] != row.calc):
                why = "calculation_changed" if old[2] != row.calc else cause(row.kind, row.minute)
                found.append((row.zone, row.kind, row.minute, old[1] + 1, old[0], row.value, at, why))
        leaving = [key for key in gone if key[2] in stored[key[0], key[1]]]
        for zone, kind, minute in leaving:
            value, revision, _ = stored[zone, kind][minute]
            found.append((zone, kind, minute, revision + 1, value, None, at, cause(kind, minute)))
        connection = self._connections.here()
        first = self.cursor(REVISION) + 1
        connection.executemany(
            "INSERT INTO revisions(number, zone, kind, minute, revision, old, new, at, cause) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(number, *one) for number, one in enumerate(found, first)],
        )
        connection.executemany("DELETE FROM exposures WHERE zone = ? AND kind = ? AND minute = ?", leaving)
        if found:
            self.set_cursor(REVISION, first + len(found) - 1)
        return leaving

    def _stored(self, keys: Iterable[ExposureKey]) -> dict[tuple[str, str], _Old]:
        minutes: dict[tuple[str, str], list[int]] = defaultdict(list)
        for zone, kind, minute in keys:
            minutes[zone, kind].append(minute)
        found: dict[tuple[str, str], _Old] = {}
        for (zone, kind), some in minutes.items():
            rows = self._connections.here().execute(
                "SELECT minute, value, revision, calc FROM exposures "
                "WHERE zone = ? AND kind = ? AND minute BETWEEN ? AND ?",
                (zone, kind, min(some), max(some)),
            )
            found[zone, kind] = {minute: (value, revision, calc) for minute, value, revision, calc in rows}
        return found

    def values_between(self, zone: str, kind: str, m0: int, m1: int) -> list[ValueRow]:
        return (
            self._connections.here()
            .execute(
                "SELECT minute, value, grade FROM exposures "
                "WHERE zone = ? AND kind = ? AND minute BETWEEN ? AND ? ORDER BY minute",
                (zone, kind, m0, m1),
            )
            .fetchall()
        )

    def write_summaries(self, rows: Iterable[Summary]) -> None:
        with self.transaction():
            self._connections.here().executemany(UPSERT_SUMMARY, [row[:13] for row in rows])

    def remove_summaries(self, zone: str, kinds: Iterable[str], period: Period, m0: int, m1: int) -> None:
        with self.transaction():
            self._connections.here().executemany(
                "DELETE FROM summaries WHERE zone = ? AND kind = ? AND period = ? AND last BETWEEN ? AND ?",
                [(zone, kind, period, m0, m1) for kind in kinds],
            )

    def replace_quality(self, channel: int, m0: int, m1: int, rows: Iterable[QualityRow]) -> None:
        with self.transaction():
            connection = self._connections.here()
            connection.execute(
                "DELETE FROM quality WHERE channel = ? AND minute BETWEEN ? AND ?", (channel, m0, m1)
            )
            connection.executemany("INSERT INTO quality VALUES (?, ?, ?, ?)", rows)

    def description(self, zone: str) -> str | None:
        row = (
            self._connections.here()
            .execute("SELECT text FROM descriptions WHERE zone = ?", (zone,))
            .fetchone()
        )
        return None if row is None else str(row[0])

    def set_description(self, zone: str, text: str) -> None:
        with self.transaction():
            self._connections.here().execute(
                "INSERT OR REPLACE INTO descriptions VALUES (?, ?)", (zone, text)
            )

    def recomputations(self) -> list[Recompute]:
        rows = self._connections.here().execute(
            "SELECT zone, first, last, cause FROM recomputations ORDER BY zone, first"
        )
        return [Recompute(*row) for row in rows]

    def set_recomputation(self, zone: str, ranges: Iterable[Recompute]) -> None:
        with self.transaction():
            connection = self._connections.here()
            connection.execute("DELETE FROM recomputations WHERE zone = ?", (zone,))
            connection.executemany("INSERT OR REPLACE INTO recomputations VALUES (?, ?, ?, ?)", ranges)

    def oldest_minute(self, channels: Iterable[int]) -> int | None:
        connection = self._connections.here()
        found = [
            connection.execute("SELECT min(minute) FROM minutes WHERE channel = ?", (channel,)).fetchone()[0]
            for channel in channels
        ]
        return min((minute for minute in found if minute is not None), default=None)


def roll_back_if_open(connection: sqlite3.Connection) -> None:
    """End a transaction that did not get as far as its commit."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")
