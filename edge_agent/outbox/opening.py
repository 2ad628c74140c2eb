"""Opening the outbox file: damage is set aside, never deleted, and an epoch is begun when one is needed."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import time
from pathlib import Path
from typing import NamedTuple

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE epochs (
    id INTEGER PRIMARY KEY, epoch TEXT NOT NULL UNIQUE, serial TEXT NOT NULL,
    head_seq INTEGER NOT NULL, head_hash TEXT NOT NULL
);
CREATE TABLE batches (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    epoch TEXT NOT NULL, seq INTEGER NOT NULL, batch_hash TEXT NOT NULL, payload_hash TEXT NOT NULL,
    state INTEGER NOT NULL, sealed_at REAL NOT NULL, records INTEGER NOT NULL, code TEXT,
    size INTEGER NOT NULL, payload BLOB NOT NULL,
    UNIQUE (epoch, seq)
);
CREATE INDEX batches_not_done ON batches (state, row, size) WHERE state <> 1;
CREATE INDEX batches_waiting ON batches (epoch, seq) WHERE state = 0;
CREATE INDEX batches_by_payload ON batches (payload_hash);
CREATE TABLE open_segment (
    one INTEGER PRIMARY KEY CHECK (one = 1), boot TEXT NOT NULL, off REAL NOT NULL, clk TEXT NOT NULL,
    err REAL, cfg TEXT NOT NULL
);
CREATE TABLE open_records (
    id INTEGER PRIMARY KEY, mono REAL NOT NULL, sensor TEXT NOT NULL, quantity TEXT NOT NULL,
    value TEXT NOT NULL, unit TEXT, flags INTEGER NOT NULL
);
CREATE TABLE configurations (hash TEXT PRIMARY KEY, document BLOB NOT NULL);
CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class OutboxError(Exception):
    """The outbox cannot be used; the sentence names the file and the way out."""


class Opened(NamedTuple):
    """A checked connection; `set_aside` is where a damaged file went, if there was one."""

    connection: sqlite3.Connection
    set_aside: Path | None


def random_epoch() -> str:
    return secrets.token_hex(8)


def open_file(path: Path) -> Opened:
    """Open or create the outbox file. A damaged one is renamed beside it. Raises OutboxError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutboxError(f"{path.parent}: cannot be created ({error.strerror}); set data_dir") from error
    try:
        return Opened(_connect(path), None)
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise OutboxError(_advice(path, error)) from error
    aside = _set_aside(path)
    try:
        return Opened(_connect(path), aside)
    except sqlite3.DatabaseError as error:
        raise OutboxError(_advice(path, error)) from error


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # EXCLUSIVE with one connection also rules out the WAL-reset race of SQLite before 3.51.3.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        _prepare(connection, verdict)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, verdict: str) -> None:
    if verdict != "ok":
        raise sqlite3.DatabaseError(f"damaged: {verdict}")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == SCHEMA_VERSION:
        return
    if version != 0:
        raise sqlite3.OperationalError(f"its version is {version}, this program reads {SCHEMA_VERSION}")
    connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Damage is an error of the content; a locked, full or read-only disk is an OperationalError."""
    return not isinstance(error, sqlite3.OperationalError) or "malformed" in str(error)


def _set_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def _advice(path: Path, error: sqlite3.DatabaseError) -> str:
    if "locked" in str(error):
        return f"{path}: another agent is using this outbox; stop it, or give this one its own data_dir"
    if "readonly" in str(error) or "unable to open" in str(error):
        return f"{path}: cannot be written ({error}); make it writable for this user or set data_dir"
    if "full" in str(error):
        return f"{path}: no space left; free some, nothing in the outbox was deleted"
    return f"{path}: {error}"
