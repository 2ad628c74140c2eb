"""Opening the outbox file: damage is set aside, never deleted, and an epoch is begun when one is needed."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge_agent.outbox.checking import DamageError, check_contents, check_log
from edge_agent.outbox.schema import LATEST, script_for

# What the world does to a good file, by SQLite's primary result codes. Everything else is damage.
BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN = 5, 6, 7, 8, 10, 13, 14
CIRCUMSTANCES = {BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN}
SMALLEST = 512
LOG, INDEX = "-wal", "-shm"
KEPT = "-wal.kept"


class OutboxError(Exception):
    """The outbox cannot be used; the sentence names the file and the way out."""


class Opened(NamedTuple):
    """A checked connection; `set_aside` is where a damaged file went, and why, if there was one."""

    connection: sqlite3.Connection
    set_aside: Path | None
    damage: str = ""


def open_file(path: Path) -> Opened:
    """Open or create the outbox file. A damaged one is renamed beside it. Raises OutboxError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutboxError(f"{path.parent}: cannot be created ({error.strerror}); set data_dir") from error
    try:
        damage = None
        with _log_kept(path):
            try:
                return Opened(_connect(path), None)
            except DamageError as error:
                damage = str(error)
            aside = _set_aside(path)
        return Opened(_connect(path), aside, damage)
    except (sqlite3.Error, DamageError) as error:
        raise OutboxError(advice(path, error)) from error
    except OSError as error:
        raise OutboxError(f"{path}: {error.strerror}; nothing in the outbox was deleted") from error


def _connect(path: Path) -> sqlite3.Connection:
    """A connection to a file that is whole. Raises DamageError; sqlite3.Error for what passes."""
    if path.exists():
        if path.stat().st_size < SMALLEST:  # SQLite would take it for a new one
            raise DamageError(f"the file has {path.stat().st_size} bytes")
        check_log(_beside(path, LOG))
    elif _beside(path, LOG).exists():
        raise DamageError("the file is gone, its write-ahead log is there")
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # EXCLUSIVE with one connection also rules out the WAL-reset race of SQLite before 3.51.3.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        _prepare(connection)
    except sqlite3.Error as error:
        connection.close()
        if _passes(path, error):
            raise
        raise DamageError(str(error)) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    """Bring a new or older file to the latest form; check what is in it."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()
    if tables:
        check_contents(connection, version)
    if version != LATEST:
        connection.executescript(script_for(version))


def _passes(path: Path, error: sqlite3.Error) -> bool:
    """Whether this is no damage: a locked, full or read-only disk."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == READONLY and path.exists():
        return not os.access(path, os.W_OK)  # a damaged header may say `read-only` as well
    return code in CIRCUMSTANCES


@contextlib.contextmanager
def _log_kept(path: Path) -> Iterator[None]:
    """Closing a connection ends the log; of a damaged file it has to stay as it was found."""
    log, kept = _beside(path, LOG), _beside(path, KEPT)
    if log.exists() and not kept.exists():
        try:
            os.link(log, kept)
        except OSError:  # a file system without links
            shutil.copyfile(log, kept)
    try:
        yield
    finally:
        kept.unlink(missing_ok=True)


def _set_aside(path: Path) -> Path:
    aside = _free_name(path)
    if path.exists():
        path.rename(aside)
    else:
        aside.touch()
    for suffix in (LOG, KEPT):  # the kept one last: it is the one that nobody touched
        with contextlib.suppress(FileNotFoundError):
            _beside(path, suffix).rename(_beside(aside, LOG))
    _beside(path, INDEX).unlink(missing_ok=True)  # holds nothing that is not in the other two
    return aside


def _free_name(path: Path) -> Path:
    stem = f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    names = [stem, *(f"{stem}-{number}" for number in range(2, 1000))]
    return next(found for name in names if not (found := path.with_name(name)).exists())


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def advice(path: Path, error: Exception) -> str:
    """What is the matter with the file, and the way out."""
    if "locked" in str(error):
        return f"{path}: another agent is using this outbox; stop it, or give this one its own data_dir"
    if "readonly" in str(error) or "unable to open" in str(error):
        return f"{path}: cannot be written ({error}); make it writable for this user or set data_dir"
    if "full" in str(error):
        return f"{path}: no space left; free some, nothing in the outbox was deleted"
    return f"{path}: {error}"
