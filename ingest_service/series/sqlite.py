"""Writing ``series.sqlite``: WAL, one writer, synchronous NORMAL because all of it can be built again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path

from ingest_service.series.clocks import Clocks
from ingest_service.series.connections import Connections, is_older
from ingest_service.series.feed import CHANGE
from ingest_service.series.port import Anchor, HeldBatch, PointRow, TextRow
from ingest_service.series.retaking import Retaking
from ingest_service.series.rollup_writer import REVISION
from ingest_service.series.schema import PROJECTED_TABLES
from ingest_service.series.thinning import Thinning

FILE_NAME = "series.sqlite"
BY_KEY = itemgetter(0, 1)
# One visit of a channel's row, whether the reading is its newest or came late: on the right-hand side the
# columns still have their old values.
NEWEST_POINT = """
UPDATE channels SET
  last_value = iif(coalesce(last_time, ?1) <= ?1, ?2, last_value),
  last_flags = iif(coalesce(last_time, ?1) <= ?1, ?3, last_flags),
  last_grade = iif(coalesce(last_time, ?1) <= ?1, ?4, last_grade),
  last_text = iif(coalesce(last_time, ?1) <= ?1, NULL, last_text),
  last_time = max(coalesce(last_time, ?1), ?1),
  last_received = max(coalesce(last_received, ?5), ?5)
WHERE id = ?6
"""
NEWEST_TEXT = """
UPDATE channels SET
  last_value = iif(coalesce(last_time, ?1) <= ?1, NULL, last_value),
  last_text = iif(coalesce(last_time, ?1) <= ?1, ?2, last_text),
  last_time = max(coalesce(last_time, ?1), ?1),
  last_received = max(coalesce(last_received, ?3), ?3)
WHERE id = ?4
"""


def open_series(data_dir: Path, *, read_only: bool = False) -> SqliteSeries:
    """The series store of a data directory, made when it is not there.

    A file that an older program wrote is emptied; the projector fills it again from the ledger.
    Raises SeriesError when the file cannot be opened or was written by a newer program.
    """
    path = data_dir / FILE_NAME
    # A page may be asked for before the projector has started once, or before it has since an upgrade.
    if read_only and (not path.exists() or is_older(path)):
        Connections(path, read_only=False).close()
    return SqliteSeries(Connections(path, read_only=read_only))


class SqliteSeries(Thinning, Retaking, Clocks):
    """`SeriesStore` over one file."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections)
        self._channel_ids: dict[tuple[str, str, str], int] = {}

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
        if not self._connections.here().in_transaction:  # else the new row may still be undone
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
            dirty = {(-(-(row[1] // 1000) // 60_000), row[0]) for row in rows}
            connection.executemany(
                "INSERT OR IGNORE INTO dirty_minutes(minute, channel) VALUES (?, ?)", sorted(dirty)
            )
            connection.executemany(NEWEST_POINT, _newest_points(rows, received or {}))
            connection.executemany(NEWEST_TEXT, _newest_texts(texts, received or {}))
            self.set_cursor(cursor_name, cursor_value)

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
            connection.execute("DELETE FROM cursors WHERE name NOT IN (?, ?)", (CHANGE, REVISION))


def _newest_points(rows: list[PointRow], received: Mapping[int, float]) -> list[tuple[object, ...]]:
    """For each channel its newest point of these rows, which ascend."""
    newest = {row[0]: row for row in rows}
    return [
        ((us // 1000) / 1000, value, flags, grade, received.get(channel, 0.0), channel)
        for channel, us, value, flags, grade in newest.values()
    ]


def _newest_texts(texts: Sequence[TextRow], received: Mapping[int, float]) -> list[tuple[object, ...]]:
    newest = {row[0]: row for row in sorted(texts, key=BY_KEY)}
    return [
        ((us // 1000) / 1000, text, received.get(channel, 0.0), channel)
        for channel, us, text in newest.values()
    ]
