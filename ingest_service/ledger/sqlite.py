"""The ledger in one SQLite file: WAL, synced at every commit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ingest_service.ledger.appending import COLUMNS
from ingest_service.ledger.connection import LedgerFile
from ingest_service.ledger.port import LedgerRow
from ingest_service.ledger.session import Session
from ingest_service.ledger.sql import MOST_BYTES, SqlLedger

# The cast keeps a row readable after somebody wrote text over the bytes; its hash then tells.
ROW = ", ".join(LedgerRow._fields[:-1]) + ", CAST(payload AS BLOB)"
INSERT = f"INSERT INTO batches({COLUMNS}) VALUES ({', '.join('?' * len(COLUMNS.split(', ')))})"  # noqa: S608


def open_ledger(data_dir: Path, *, read_only: bool = False) -> SqliteLedger:
    """The ledger of a data directory, made when it is not there. Raises LedgerError."""
    return SqliteLedger(LedgerFile(data_dir, read_only=read_only))


class SqliteLedger(SqlLedger):
    """`Ledger` over one file."""

    def __init__(self, file: LedgerFile) -> None:
        super().__init__(file)
        self._file = file
        self._data_version: int | None = None

    def rows(self, after: int, limit: int, shard: int | None = None) -> list[LedgerRow]:
        if shard is not None:
            raise ValueError("a ledger in a file is not divided into shards")
        with self._file.reading() as session:
            found = session.execute(
                f"SELECT {ROW} FROM batches WHERE row > ? ORDER BY row LIMIT ?",  # noqa: S608
                (after, limit),
            )
            rows: list[LedgerRow] = []
            size = 0
            for row in found:
                rows.append(LedgerRow(*row))
                size += len(rows[-1].payload)
                if size >= MOST_BYTES:
                    break
            found.close()
        return rows

    def _insert(self, session: Session, rows: Sequence[tuple[object, ...]]) -> None:
        session.executemany(INSERT, rows)

    def _notice_others(self, session: Session) -> None:
        """Forget everything when another connection has committed since the last call."""
        (version,) = session.execute("PRAGMA data_version").fetchone()
        if self._data_version is not None and version != self._data_version:
            self._forget()
        self._data_version = version
