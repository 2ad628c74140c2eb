"""Writing ``series.sqlite``: WAL, one writer, synchronous NORMAL because all of it can be built again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path

from ingest_service.series.connections import WAY_OUT, Connections
from ingest_service.series.port import Anchor, ExposureRow, HeldBatch, PointRow, SeriesError, Span, TextRow
from ingest_service.series.reader import EXPOSURE_COLUMNS, SqliteSeriesReader
from ingest_service.series.schema import PROJECTED_TABLES

FILE_NAME = "series.sqlite"
CHANGE = "exposure_change"
BY_KEY = itemgetter(0, 1)


def open_series(data_dir: Path, *, read_only: bool = False) -> SqliteSeries:
    """The series store of a data directory, made when it is not there.

    Raises SeriesError when the file cannot be opened or has a schema of another version.
    """
    path = data_dir / FILE_NAME
    if read_only and not path.exists():  # a page may be asked for before the projector has started once
        Connections(path, read_only=False).close()
    return SqliteSeries(Connections(path, read_only=read_only))


class SqliteSeries(SqliteSeriesReader):
    """`SeriesStore` over one file."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections)
        self._channel_ids: dict[tuple[str, str, str], int] = {}

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
            _roll_back_if_open(connection)

    def channel_id(self, site: str, gateway: str, sensor: str, quantity: str, unit: str | None) -> int:
        key = (gateway, sensor, quantity)
        known = self._channel_ids.get(key)
        if known is not None:
            return known
        with self.transaction():
            connection = self._connections.here()
            connection.execute(
                "INSERT OR IGNORE INTO channels(site, gateway, sensor, quantity, unit) "
                "VALUES (?, ?, ?, ?, ?)",
                (site, gateway, sensor, quantity, unit),
            )
            (found,) = connection.execute(
                "SELECT id FROM channels WHERE gateway = ? AND sensor = ? AND quantity = ?", key
            ).fetchone()
        if (
            not self._connections.here().in_transaction
        ):  # inside a transaction the new row may still be undone
            self._channel_ids[key] = found
        return int(found)

    def write(
        self,
        points: Sequence[PointRow],
        texts: Sequence[TextRow],
        cursor_name: str,
        cursor_value: int,
        *,
        received: Mapping[int, float] | None = None,
    ) -> None:
        # Neighbouring keys share pages, so sorted rows cost a fraction. The sort is stable: of two rows with
        # one key the later one still wins, as it does across two calls.
        rows = sorted(points, key=BY_KEY)
        with self.transaction():
            connection = self._connections.here()
            connection.executemany("INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?, ?)", rows)
            connection.executemany("INSERT OR REPLACE INTO texts VALUES (?, ?, ?)", texts)
            connection.executemany(
                "INSERT OR IGNORE INTO dirty_minutes(channel, minute) VALUES (?, ?)",
                {(row[0], -(-(row[1] // 1000) // 60_000)) for row in rows},
            )
            self._note_latest(connection, rows, texts)
            connection.executemany(
                "UPDATE channels SET last_received = ?1 "
                "WHERE id = ?2 AND (last_received IS NULL OR last_received < ?1)",
                [(at, channel) for channel, at in (received or {}).items()],
            )
            self.set_cursor(cursor_name, cursor_value)

    @staticmethod
    def _note_latest(connection: sqlite3.Connection, rows: list[PointRow], texts: Sequence[TextRow]) -> None:
        last_point = {row[0]: row for row in rows}  # rows ascend: the last of a channel is its newest
        connection.executemany(
            "UPDATE channels SET last_time = ?1, last_value = ?2, last_flags = ?3, last_grade = ?4, "
            "last_text = NULL "
            "WHERE id = ?5 AND (last_time IS NULL OR last_time <= ?1)",
            [
                ((us // 1000) / 1000, value, flags, grade, channel)
                for channel, us, value, flags, grade in last_point.values()
            ],
        )
        last_text = {row[0]: row for row in sorted(texts, key=BY_KEY)}
        connection.executemany(
            "UPDATE channels SET last_time = ?1, last_text = ?2, last_value = NULL "
            "WHERE id = ?3 AND (last_time IS NULL OR last_time <= ?1)",
            [((us // 1000) / 1000, text, channel) for channel, us, text in last_text.values()],
        )

    def take_dirty(self, limit: int, *, newest: bool = False) -> list[tuple[int, int]]:
        order = "minute DESC, channel DESC" if newest else "minute, channel"
        return (
            self._connections.here()
            .execute(f"SELECT channel, minute FROM dirty_minutes ORDER BY {order} LIMIT ?", (limit,))  # noqa: S608
            .fetchall()
        )

    def clear_dirty(self, pairs: Iterable[tuple[int, int]]) -> None:
        with self.transaction():
            self._connections.here().executemany(
                "DELETE FROM dirty_minutes WHERE channel = ? AND minute = ?", pairs
            )

    def write_minutes(self, rows: Iterable[Span]) -> None:
        with self.transaction():
            self._connections.here().executemany(
                "INSERT OR REPLACE INTO minutes(channel, minute, n, mean, low, high, flags, grade) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def write_hours(self, rows: Iterable[Span]) -> None:
        with self.transaction():
            self._connections.here().executemany(
                "INSERT OR REPLACE INTO hours(channel, hour, n, mean, low, high, flags, grade) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def write_exposures(self, rows: Iterable[ExposureRow]) -> int:
        with self.transaction():
            change = first = self.cursor(CHANGE)
            connection = self._connections.here()
            written: dict[tuple[str, str, int], ExposureRow] = {}
            for row in rows:
                key = (row.zone, row.kind, row.minute)
                stored = written.get(key) or self._stored_exposure(connection, key)
                if stored is not None and stored._replace(revision=0, change=0) == row._replace(
                    revision=0, change=0
                ):
                    continue
                change += 1
                revision = 0 if stored is None else stored.revision + _differs(stored, row)
                written[key] = row._replace(revision=revision, change=change)
            connection.executemany(
                f"INSERT OR REPLACE INTO exposures({EXPOSURE_COLUMNS}) "  # noqa: S608
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                written.values(),
            )
            self.set_cursor(CHANGE, change)
        return change - first

    @staticmethod
    def _stored_exposure(connection: sqlite3.Connection, key: tuple[str, str, int]) -> ExposureRow | None:
        row = connection.execute(
            f"SELECT {EXPOSURE_COLUMNS} FROM exposures WHERE zone = ? AND kind = ? AND minute = ?",  # noqa: S608
            key,
        ).fetchone()
        return ExposureRow(*row) if row else None

    def set_cursor(self, name: str, value: int) -> None:
        with self.transaction():
            self._connections.here().execute("INSERT OR REPLACE INTO cursors VALUES (?, ?)", (name, value))

    def hold(self, batches: Iterable[HeldBatch]) -> None:
        with self.transaction():
            self._connections.here().executemany("INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?)", batches)

    def release(self, rows: Iterable[int]) -> None:
        with self.transaction():
            self._connections.here().executemany("DELETE FROM held WHERE row = ?", [(row,) for row in rows])

    def held_rows(self, gateway: str, boot: str) -> list[int]:
        found = self._connections.here().execute(
            "SELECT row FROM held WHERE gateway = ? AND boot = ? ORDER BY row", (gateway, boot)
        )
        return [row for (row,) in found]

    def add_anchors(self, gateway: str, boot: str, anchors: Iterable[Anchor]) -> None:
        with self.transaction():
            self._connections.here().executemany(
                "INSERT OR REPLACE INTO anchors VALUES (?, ?, ?, ?, ?)",
                [(gateway, boot, *a) for a in anchors],
            )

    def anchors(self, gateway: str, boot: str) -> list[Anchor]:
        found = self._connections.here().execute(
            "SELECT mono, utc, err FROM anchors WHERE gateway = ? AND boot = ? ORDER BY mono", (gateway, boot)
        )
        return [Anchor(*row) for row in found]

    def wipe(self) -> None:
        self._channel_ids.clear()
        with self.transaction():
            connection = self._connections.here()
            for table in PROJECTED_TABLES:
                connection.execute(f"DELETE FROM {table}")  # noqa: S608
            connection.execute("DELETE FROM cursors WHERE name <> ?", (CHANGE,))


def _differs(stored: ExposureRow, row: ExposureRow) -> bool:
    return (stored.value, stored.method, stored.grade, stored.calc) != (
        row.value,
        row.method,
        row.grade,
        row.calc,
    )


def _roll_back_if_open(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")
