"""Deleting the oldest rows of ``series.sqlite`` in small portions; what was made of them stays."""

from __future__ import annotations

from ingest_service.series.port import Kept
from ingest_service.series.rollup_writer import RollupWriter


class Thinning(RollupWriter):
    """The part of `SeriesStore` that the retention uses."""

    def thin_channel(self, what: Kept, channel: int, before: int, width: int) -> int:
        with self.transaction():
            connection = self._connections.here()
            if what == "minutes":
                first = self._first("SELECT min(minute) FROM minutes WHERE channel = ?", channel)
                end = min(before, (first or 0) + width - 1)
                if first is None or first > before:
                    return 0
                deleted = connection.execute(
                    "DELETE FROM minutes WHERE channel = ? AND minute <= ?", (channel, end)
                ).rowcount
            else:
                oldest = self._first("SELECT min(time_us) FROM points WHERE channel = ?", channel)
                if oldest is None or oldest > before * 60_000_000 + 999:
                    return 0
                end = min(before, -(-(oldest // 1000) // 60_000) + width - 1)
                deleted = connection.execute(
                    "DELETE FROM points WHERE channel = ? AND time_us <= ?", (channel, end * 60_000_000 + 999)
                ).rowcount
            self._note(what, str(channel), end + 1)
            return deleted

    def thin_zone(self, zone: str, before: int, width: int) -> int:
        with self.transaction():
            connection = self._connections.here()
            deleted = 0
            reached = 0
            for kind in self.kinds_of(zone):
                (first,) = connection.execute(
                    "SELECT min(minute) FROM exposures WHERE zone = ? AND kind = ?", (zone, kind)
                ).fetchone()
                if first is None or first > before:
                    continue
                end = min(before, first + width - 1)
                reached = max(reached, end)
                for table in ("exposures", "revisions", "gone"):
                    deleted += connection.execute(
                        f"DELETE FROM {table} WHERE zone = ? AND kind = ? AND minute <= ?",  # noqa: S608
                        (zone, kind, end),
                    ).rowcount
            if reached:
                self._note("exposures", zone, reached + 1)
            return deleted

    def _first(self, sql: str, channel: int) -> int | None:
        (found,) = self._connections.here().execute(sql, (channel,)).fetchone()
        return None if found is None else int(found)

    def _note(self, what: Kept, name: str, kept_from: int) -> None:
        self._connections.here().execute(
            "INSERT INTO thinned VALUES (?, ?, ?) ON CONFLICT(what, name) "
            "DO UPDATE SET kept_from = max(kept_from, excluded.kept_from)",
            (what, name, kept_from),
        )
