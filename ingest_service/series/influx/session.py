"""One commit over two stores: what belongs into InfluxDB is sent and confirmed, then the SQL commits.

Killed or failed in between, the SQL still says that the work is to be done, and the same points are written
again over the same keys. So nothing may depend on a point *not* being there; the exposures, whose changes are
counted, have their own way of telling (`changes.py`).

What a transaction wrote and then reads again is sent early: a point too many in InfluxDB does no harm.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

from ingest_service.series.influx.link import Link, Series
from ingest_service.series.influx.state import state_trouble, writing
from ingest_service.series.influx.tables import WHOLE
from ingest_service.series.port import SeriesError

Fence = Callable[[sa.Connection], None]
"""Asked inside the SQL transaction before anything is sent and again before the commit; it raises when this
process may not write any more (it lost its lease, and another one took over)."""


@dataclass(slots=True)
class Work:
    """What one transaction has gathered."""

    connection: sa.Connection
    lines: dict[str, list[str]] = field(default_factory=dict)
    deletes: dict[str, list[str]] = field(default_factory=dict)
    sent: bool = False


class Session:
    """The connection of a store to both; the parts of the store share it."""

    def __init__(
        self,
        engine: sa.Engine,
        link: Link,
        *,
        shard: int | None = None,
        read_only: bool = False,
        fence: Fence | None = None,
    ) -> None:
        self.engine, self.link = engine, link
        self.shard, self.read_only, self.fence = shard, read_only, fence
        self.number = WHOLE if shard is None else shard
        """What rows written here carry as their shard."""
        self.before: list[Callable[[], None]] = []
        self.at_commit: list[Callable[[], None]] = []
        self.after_commit: list[Callable[[], None]] = []
        self.failed: list[Callable[[bool], None]] = []
        """Called of a transaction: before it begins, before it is sent, when it is done, when it is undone
        (with whether anything may have been sent)."""
        self._local = threading.local()

    @property
    def work(self) -> Work | None:
        """This thread's open transaction."""
        found: Work | None = getattr(self._local, "work", None)
        return found

    @property
    def now(self) -> Work:
        """The same, where there must be one."""
        found = self.work
        assert found is not None, "outside a transaction"  # noqa: S101 - every caller is inside
        return found

    def mine(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """The rows of a table that belong to this shard; for a reader of everything all of them."""
        return sa.true() if self.shard is None else table.c.shard == self.number

    @contextmanager
    def sql(self) -> Iterator[sa.Connection]:
        """For reading: inside a transaction what it sees. Raises SeriesError."""
        if self.work is not None:
            yield self.work.connection
            return
        try:
            with self.engine.connect() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise state_trouble(self.engine, error) from error

    @contextmanager
    def transaction(self) -> Iterator[Work]:
        """All inside is one commit. Raises SeriesError, then none of it counts."""
        if self.work is not None:
            yield self.work
            return
        if self.read_only:
            raise SeriesError("cannot write: the series was opened for reading only")
        try:
            for call in self.before:
                call()
            with writing(self.engine) as connection:
                yield from self._inside(connection)
        except sa.exc.SQLAlchemyError as error:
            raise state_trouble(self.engine, error) from error
        for call in self.after_commit:
            call()

    def _inside(self, connection: sa.Connection) -> Iterator[Work]:
        work = self._local.work = Work(connection)
        try:
            with connection.begin():
                yield work
                for call in self.at_commit:
                    call()
                self._check_fence(connection)
                self._send_all(work)
                self._check_fence(connection)
        except BaseException:
            for undo in self.failed:
                undo(work.sent)
            raise
        finally:
            self._local.work = None

    def _check_fence(self, connection: sa.Connection) -> None:
        if self.fence is not None:
            self.fence(connection)

    def _send_all(self, work: Work) -> None:
        for measurement in list(work.deletes):
            self._delete(work, measurement)
        lines = [line for some in work.lines.values() for line in some]
        work.lines.clear()
        if lines:
            work.sent = True
            self.link.write(lines)

    def _delete(self, work: Work, measurement: str) -> None:
        statements = work.deletes.pop(measurement, [])
        if statements:
            work.sent = True
            self.link.ask(statements)

    def add(self, measurement: str, lines: list[str]) -> None:
        """Lines to be written with this transaction."""
        self.now.lines.setdefault(measurement, []).extend(lines)

    def add_delete(self, measurement: str, statement: str) -> None:
        """Something to be deleted before what is added from now on is written."""
        self.send(measurement, lines_only=True)
        self.now.deletes.setdefault(measurement, []).append(statement)

    def send(self, measurement: str, *, lines_only: bool = False) -> None:
        """Send what this transaction has for a measurement, so that it is seen."""
        work = self.work
        if work is None:
            return
        if work.lines.get(measurement) or not lines_only:
            self._delete(work, measurement)
        if lines := work.lines.pop(measurement, []):
            work.sent = True
            self.link.write(lines)

    def ask(self, measurement: str, statements: list[str]) -> list[list[Series]]:
        """What statements over one measurement give, with what this transaction wrote."""
        self.send(measurement)
        return self.link.ask(statements) if statements else []
