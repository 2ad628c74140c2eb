"""Opening ``ledger.sqlite`` and committing to it, one process at a time.

All commits and checkpoints happen under an advisory lock on ``ledger.lock``. SQLite's own locking would order
the commits as well, but before 3.51.3 a commit of one connection during a checkpoint of another can lose
committed pages of a WAL file; under the lock the two never meet, whichever SQLite the system has.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest_service.ledger.port import LedgerError, UnfitError
from ingest_service.ledger.schema import SCHEMA_VERSION, schema, upgrade_from

FILE_NAME = "ledger.sqlite"
LOCK_NAME = "ledger.lock"
WAY_OUT = "free some space and check that the data directory belongs to the service's user and is writable"


class LedgerFile:
    """One connection to the ledger, shared by the threads of a process behind a lock."""

    def __init__(self, data_dir: Path, *, read_only: bool) -> None:
        self.path = data_dir / FILE_NAME
        self.read_only = read_only
        self.lock = threading.RLock()
        try:
            self._lock_file = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise LedgerError(
                f"cannot use the data directory {data_dir}: {error.strerror}; {WAY_OUT}"
            ) from error
        try:
            self.connection = self._open()
        except sqlite3.Error as error:
            os.close(self._lock_file)
            raise LedgerError(f"cannot open the ledger {self.path}: {error}; {WAY_OUT}") from error
        except BaseException:
            os.close(self._lock_file)
            raise

    def close(self) -> None:
        with self.lock, self._alone():  # closing the last connection writes a checkpoint
            self.connection.close()
        os.close(self._lock_file)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection for a moment; a read that fails is a LedgerError."""
        with self.lock:
            try:
                yield self.connection
            except sqlite3.Error as error:
                raise LedgerError(f"cannot read the ledger {self.path}: {error}") from error

    @contextmanager
    def committing(self) -> Iterator[sqlite3.Connection]:
        """One synced commit, or none of it and a LedgerError."""
        with self.lock, self._alone():
            connection = self.connection
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except (sqlite3.IntegrityError, sqlite3.DataError) as error:
                raise UnfitError(f"the ledger {self.path} refuses what it was given: {error}") from error
            except sqlite3.Error as error:
                raise LedgerError(f"cannot write the ledger {self.path}: {error}; {WAY_OUT}") from error
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        fcntl.flock(self._lock_file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock_file, fcntl.LOCK_UN)

    def _open(self) -> sqlite3.Connection:
        with self._alone():
            if self.read_only and not self.path.exists():
                self._connect("rwc").close()
            return self._connect("ro" if self.read_only else "rwc")

    def _connect(self, mode: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=10,
        )
        try:
            self._prepare(connection, mode)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection, mode: str) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        upgrade = upgrade_from(version)
        if version not in (0, SCHEMA_VERSION) and (upgrade is None or mode == "ro"):
            raise LedgerError(
                f"{self.path} has schema {version}, this program knows {SCHEMA_VERSION}: "
                "start the version that wrote it, or the service of this one, which upgrades it"
            )
        if mode == "ro":
            return
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_autocheckpoint=4000")
        connection.execute("PRAGMA recursive_triggers=ON")  # REPLACE would delete past the guards otherwise
        if version == 0:
            connection.executescript(schema())
        elif upgrade is not None:
            connection.executescript(upgrade)
