"""Opening ``series.sqlite``: one connection for each thread, since pages read from a pool of threads."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from ingest_service.series.port import SeriesError
from ingest_service.series.schema import SCHEMA, SCHEMA_VERSION

LOCK_NAME = "series.lock"
READER_CACHE_KIB = 4096  # of each thread that reads
WRITER_CACHE_KIB = 65536
log = structlog.get_logger(__name__)
WAY_OUT = "free some space and check that the directory belongs to the service's user and is writable"


class Connections:
    """Hands every thread its own connection to one file and closes them all together."""

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self.here()

    def here(self) -> sqlite3.Connection:
        """This thread's connection."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._open()
            self._local.connection = found
            with self._lock:
                self._all.append(found)
        return found

    def close(self) -> None:
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._local = threading.local()

    def _open(self) -> sqlite3.Connection:
        mode = "ro" if self.read_only else "rwc"
        with self._alone():
            return self._connect(mode)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Processes that start together open the file one after the other: only one may make its tables."""
        try:
            lock = os.open(self.path.with_name(LOCK_NAME), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise SeriesError(
                f"cannot use the data directory {self.path.parent}: {error.strerror}; {WAY_OUT}"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _connect(self, mode: str) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode={mode}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=10,
            )
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            raise SeriesError(f"cannot open the series store {self.path}: {error}; {WAY_OUT}") from error
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION or (self.read_only and version != SCHEMA_VERSION):
            raise SeriesError(
                f"{self.path} has schema {version}, this program writes {SCHEMA_VERSION}: start the newer "
                "program, or stop the service, delete the file (with its -wal and -shm) and start again; "
                "it is rebuilt from the ledger"
            )
        if self.read_only:
            connection.execute(f"PRAGMA cache_size=-{READER_CACHE_KIB}")
            return
        connection.execute(f"PRAGMA cache_size=-{WRITER_CACHE_KIB}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint=10000")
        if version < SCHEMA_VERSION:
            if version:
                log.info("the series has an older form and is built again from the ledger", schema=version)
            connection.executescript(_made_anew(connection))


def _made_anew(connection: sqlite3.Connection) -> str:
    """SQL that empties a file of an older schema and makes today's tables, all or nothing.

    The number of the last change goes on growing: readers ask for what is above the one they saw.
    """
    tables = [
        name
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
    ]
    drops = [f"DROP TABLE {name};" for name in tables if name != "cursors"]
    forget = ["DELETE FROM cursors WHERE name <> 'exposure_change';"] if "cursors" in tables else []
    version = f"PRAGMA user_version={SCHEMA_VERSION:d};"
    return "\n".join(["BEGIN;", *drops, *forget, SCHEMA, version, "COMMIT;"])


def is_older(path: Path) -> bool:
    """Whether an existing file was written by an older program. Raises SeriesError when it cannot be read."""
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise SeriesError(f"cannot open the series store {path}: {error}; {WAY_OUT}") from error
    return int(version) < SCHEMA_VERSION
