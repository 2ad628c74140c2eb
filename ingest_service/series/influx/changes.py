"""The numbers of exposure changes, and the feed by which readers learn of them.

A row carries the number of its change into InfluxDB before the SQL that counts it commits. When that commit
does not come, the row is there but was never told to anybody. So numbers are never used twice: they are
reserved in blocks by a commit of their own, and those of a writing that was lost are written down. A stored
row with such a number is not what readers were told; what they were told stands in its field `was`.
"""

from __future__ import annotations

import time
from bisect import bisect_right

import sqlalchemy as sa

from ingest_service.series.feed import CHANGE
from ingest_service.series.influx.bookkeeping import Bookkeeping
from ingest_service.series.influx.session import Session
from ingest_service.series.influx.state import RESERVED, put, write
from ingest_service.series.influx.tables import CHANGES, LOST

BLOCK = 10_000_000
HEADROOM = 5_000_000  # more than any transaction writes: it would not fit into memory
COARSE_AFTER_S = 86_400.0
COARSEN_EVERY_S = 600.0
_HOUR_S = 3600.0


class Changes:
    """The writer's numbers; a reader needs the feed only."""

    def __init__(self, session: Session, book: Bookkeeping) -> None:
        self._session, self._book = session, book
        self._reserved = 0
        self._next = 1
        self._committed = 0
        self._lost: list[tuple[int, int]] = []
        self._fresh: list[tuple[int, int]] = []
        self._begun = False
        self._coarsened_at = time.monotonic()
        session.before.append(self._prepare)
        session.at_commit.append(self._keep_fresh)
        session.after_commit.append(self._done)
        session.failed.append(self._undone)

    def take(self, count: int) -> int:
        """The first of so many new numbers."""
        first = self._next
        self._next += count
        self._book.set_cursor(CHANGE, self._next - 1)
        return first

    def is_lost(self, change: int) -> bool:
        """Whether a stored row was written by something that was never committed."""
        at = bisect_right(self._lost, (change, 2**62)) - 1
        return at >= 0 and change <= self._lost[at][1]

    def note(self, zone: str, first: int, last: int, minutes: tuple[int, int]) -> None:
        """Rows of a zone were written under these numbers."""
        row = {
            "first": first,
            "last": last,
            "zone": zone,
            "noted_at": time.time(),
        }  # of this process, not data's
        row |= {"shard": self._session.number, "first_minute": minutes[0], "last_minute": minutes[1]}
        put(self._session.now.connection, CHANGES, [row])

    def close(self) -> None:
        """Give back what was reserved, so that a clean start goes on counting where this one ended."""
        if self._begun and not self._fresh:
            with write(self._session.engine) as connection:
                self._book.put_cursor(connection, RESERVED, self._next - 1)

    def _prepare(self) -> None:
        if not self._begun:
            self._begin()
        if self._next + HEADROOM > self._reserved:
            self._reserved = self._next + BLOCK
            with write(self._session.engine) as connection:
                self._book.put_cursor(connection, RESERVED, self._reserved)
        if time.monotonic() >= self._coarsened_at + COARSEN_EVERY_S:
            self._coarsened_at = time.monotonic()
            self.coarsen(time.time() - COARSE_AFTER_S)

    def _begin(self) -> None:
        """Take up the numbers; those reserved by a process that was killed may stand in InfluxDB."""
        mine = LOST.c.shard == self._session.number
        with write(self._session.engine) as connection:
            self._committed = self._book.cursor_in(connection, CHANGE)
            reserved = max(self._book.cursor_in(connection, RESERVED), self._committed)
            if reserved > self._committed:
                self._keep_lost(connection, [(self._committed + 1, reserved)])
            found = connection.execute(
                sa.select(LOST.c.first, LOST.c.last).where(mine).order_by(LOST.c.first)
            )
            self._lost = [(int(first), int(last)) for first, last in found]
        self._next = reserved + 1
        self._reserved = reserved
        self._begun = True

    def _keep_lost(self, connection: sa.Connection, ranges: list[tuple[int, int]]) -> None:
        rows = [{"shard": self._session.number, "first": a, "last": b} for a, b in ranges]
        put(connection, LOST, rows)

    def _keep_fresh(self) -> None:
        if self._fresh:
            self._keep_lost(self._session.now.connection, self._fresh)

    def _done(self) -> None:
        self._committed = self._next - 1
        self._fresh = []

    def _undone(self, sent: bool) -> None:
        if not self._begun or self._next - 1 == self._committed:
            return
        if not sent:
            self._next = self._committed + 1 if not self._fresh else self._fresh[-1][1] + 1
            return
        first = self._fresh[-1][1] + 1 if self._fresh else self._committed + 1
        if first <= self._next - 1:
            self._fresh.append((first, self._next - 1))
            self._lost.append((first, self._next - 1))

    def coarsen(self, before: float) -> None:
        """Join old entries of the feed, hour by hour, into one for all zones: few rows for years."""
        mine = (
            (CHANGES.c.shard == self._session.number) & (CHANGES.c.noted_at < before) & (CHANGES.c.zone != "")
        )
        with write(self._session.engine) as connection:
            found = connection.execute(sa.select(CHANGES).where(mine).order_by(CHANGES.c.first)).mappings()
            hours: dict[int, dict[str, object]] = {}
            for one in found:
                hour = int(one["noted_at"] // _HOUR_S)
                row = hours.setdefault(hour, dict(one) | {"zone": ""})
                row["last"] = one["last"]
                row["first_minute"] = min(int(str(row["first_minute"])), one["first_minute"])
                row["last_minute"] = max(int(str(row["last_minute"])), one["last_minute"])
            connection.execute(sa.delete(CHANGES).where(mine))
            put(connection, CHANGES, list(hours.values()))
