"""The ledger in PostgreSQL, for any number of processes.

Commits happen one after the other under an advisory lock, so that row numbers have no gap, no reader ever
sees a row before an earlier one, and the hash chain is one chain. Each is one transaction, synced by the
server before it answers (`synchronous_commit` is asked for, whatever the server's own setting).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

import psycopg
import sqlalchemy as sa

from ingest_service.database import DatabaseError, check_schema, where
from ingest_service.ledger.appending import COLUMNS
from ingest_service.ledger.port import LedgerError, LedgerRow, UnfitError
from ingest_service.ledger.session import Found, Session
from ingest_service.ledger.sql import MOST_BYTES, SqlLedger
from ingest_service.server_database import ADVISORY_CLASS, open_server, said
from ingest_service.shards import shard_of

COMMITTING: Final = 3
MOST_FOLLOWED: Final = 5000
"""Rows of other processes that are taken over one by one; of more, memory is emptied instead."""
LOCK: Final = "SELECT pg_advisory_xact_lock(?, ?)"
INSERT: Final = (
    f"INSERT INTO batches({COLUMNS}, shard) "  # noqa: S608
    f"VALUES ({', '.join('?' * (len(COLUMNS.split(', ')) + 1))})"
)
SITE: Final = COLUMNS.split(", ").index("site")
END: Final = """
SELECT coalesce((SELECT row FROM batches ORDER BY row DESC LIMIT 1), 0),
       coalesce((SELECT id FROM quarantine ORDER BY id DESC LIMIT 1), 0)
"""
# The inner query bounds the rows, the outer one their bytes; at least one comes.
ROWS: Final = """
SELECT {columns} FROM (
  SELECT *, sum(length(payload)) OVER (ORDER BY row) - length(payload) AS before FROM (
    SELECT {columns} FROM batches WHERE row > ? {shard} ORDER BY row LIMIT ?) AS portion) AS sized
WHERE before < ? ORDER BY row
"""


def open_server_ledger(url: str, *, read_only: bool = False) -> PostgresLedger:
    """The ledger of a server's database. Raises LedgerError: no answer, or another schema."""
    return PostgresLedger(LedgerDatabase(url, read_only=read_only))


class PostgresLedger(SqlLedger):
    """`Ledger` over one database."""

    def __init__(self, database: LedgerDatabase) -> None:
        super().__init__(database)
        self._seen: tuple[int, int] | None = None

    def rows(self, after: int, limit: int, shard: int | None = None) -> list[LedgerRow]:
        columns = ", ".join(LedgerRow._fields)
        sql = ROWS.format(columns=columns, shard="" if shard is None else "AND shard = ?")
        chosen = () if shard is None else (shard,)
        with self._database.reading() as session:
            return [LedgerRow(*row) for row in session.execute(sql, (after, *chosen, limit, MOST_BYTES))]

    def _insert(self, session: Session, rows: Sequence[tuple[object, ...]]) -> None:
        session.executemany(INSERT, [(*row, shard_of(str(row[SITE]))) for row in rows])

    def _forget(self) -> None:
        super()._forget()
        self._seen = None

    def _notice_others(self, session: Session) -> None:
        """Take over what came since the last look, which may be our own; it is there already then."""
        end = tuple(session.execute(END).fetchone())
        if end == self._seen:
            return
        if self._seen is None or not self._follow(session, *self._seen):
            self._cache.clear()
            self._used.clear()
        self._seen = end

    def _follow(self, session: Session, row: int, entry: int) -> bool:
        """Note the rows and entries above these numbers; False when they are too many."""
        found = session.execute(
            "SELECT gateway, epoch, seq, CASE WHEN kind = 'sealed' THEN batch_hash END FROM batches "
            "WHERE row > ? AND seq IS NOT NULL ORDER BY row LIMIT ?",
            (row, MOST_FOLLOWED),
        ).fetchall()
        held = session.execute(
            "SELECT gateway, epoch, CASE WHEN trusted = 1 THEN seq END FROM quarantine "
            "WHERE id > ? ORDER BY id LIMIT ?",
            (entry, MOST_FOLLOWED),
        ).fetchall()
        if max(len(found), len(held)) == MOST_FOLLOWED:
            return False
        for gateway, epoch, seq, sealed_hash in found:
            self._cache.note(gateway, epoch, seq, sealed_hash)
        for gateway, epoch, seq in held:
            if epoch is not None and seq is not None:
                self._cache.note(gateway, epoch, seq, None)
        if held:
            self._used.clear()
        return True


class LedgerDatabase:
    """`Database` over a pool of connections, each in the hands of one thread at a time."""

    def __init__(self, url: str, *, read_only: bool) -> None:
        self._engine = open_server(url, isolation="AUTOCOMMIT", read_only=read_only, pool_size=2, more=8)
        self._committing = threading.Lock()
        try:
            check_schema(self._engine)
        except DatabaseError as error:
            self._engine.dispose()
            raise LedgerError(str(error)) from None
        except BaseException:
            self._engine.dispose()
            raise

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self._connection("read") as connection:
            yield _PostgresSession(connection)

    @contextmanager
    def committing(self) -> Iterator[Session]:
        with self._committing, self._connection("write") as connection, connection.transaction():
            session = _PostgresSession(connection)
            session.execute(LOCK, (ADVISORY_CLASS, COMMITTING))
            yield session

    @contextmanager
    def _connection(self, to: str) -> Iterator[psycopg.Connection[Any]]:
        try:
            pooled = self._engine.raw_connection()
            try:
                connection = pooled.driver_connection
                if not isinstance(connection, psycopg.Connection):
                    raise TypeError("the ledger speaks to PostgreSQL through psycopg")
                yield connection
                if connection.broken:
                    pooled.invalidate()
            except psycopg.OperationalError:
                pooled.invalidate()
                raise
            finally:
                pooled.close()
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise UnfitError(
                f"the ledger in {where(self._engine)} refuses what it was given: {said(error, self._engine)}"
            ) from None
        except (psycopg.Error, sa.exc.SQLAlchemyError) as error:
            raise LedgerError(
                f"cannot {to} the ledger in {where(self._engine)}: {said(error, self._engine)}; see that the "
                "server runs, has room and lets this service in"
            ) from None


class _PostgresSession:
    """`Session` over psycopg, which writes `%s` for a value."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Found:
        return self._connection.execute(_statement(sql), values, binary=True)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_statement(sql), rows)


@lru_cache(maxsize=256)
def _statement(sql: str) -> bytes:
    return sql.replace("?", "%s").encode()
