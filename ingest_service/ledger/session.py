"""What the ledger's statements need of a database: the part that SQLite and PostgreSQL have in common.

Statements are written once, in the SQL both understand: `?` stands for a value, columns that an upsert reads
are named with their table, `RETURNING` tells a new id. What differs lies in ``sqlite.py`` and
``postgres.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Found(Protocol):
    """The rows of one query."""

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Session(Protocol):
    """A connection in the hands of one thread."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Found: ...

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> object: ...


class Database(Protocol):
    """Where a ledger is kept. Every trouble of the database comes out as LedgerError."""

    def reading(self) -> AbstractContextManager[Session]:
        """A session for a moment, to read."""
        ...

    def committing(self) -> AbstractContextManager[Session]:
        """One synced commit while no other process commits, or none of it."""
        ...

    def close(self) -> None: ...
