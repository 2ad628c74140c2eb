"""Connections to PostgreSQL: patient with a server that comes and goes, silent about passwords.

A transaction that reads sees one moment (REPEATABLE READ), as in SQLite. A connection that the server ended
while it lay in the pool is noticed when it is taken out, without a question to the server.
"""

from __future__ import annotations

import select
from typing import Any, Final, Literal

import psycopg
import sqlalchemy as sa
from psycopg.types.string import StrDumperUnknown
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import ConnectionPoolEntry

Isolation = Literal["REPEATABLE READ", "READ COMMITTED", "AUTOCOMMIT"]

LOCK_S: Final = 10
"""Patience with another's lock; then an error, and whoever asked tries again."""
IDLE_S: Final = 8
"""A process that was stopped in the middle of a transaction loses it, and its locks with it."""
CONNECT_S: Final = 5
SILENT_S: Final = 10
"""A server or a road that takes nothing for so long is gone."""
ADVISORY_CLASS: Final = 0x05487
"""First number of this program's advisory locks; the second says which one it is."""


def open_server(
    url: str,
    *,
    isolation: Isolation = "REPEATABLE READ",
    idle_s: float = IDLE_S,
    read_only: bool = False,
    pool_size: int = 5,
    more: int = 10,
) -> sa.Engine:
    """An engine; nothing is connected yet. `idle_s` 0: a transaction may pause for as long as it likes."""
    options = {
        "synchronous_commit": "on",
        "lock_timeout": f"{LOCK_S}s",
        "idle_in_transaction_session_timeout": f"{1000 * idle_s:.0f}",
        "timezone": "UTC",
    }
    if read_only:
        options["default_transaction_read_only"] = "on"
    arguments: dict[str, Any] = {
        "connect_timeout": CONNECT_S,
        "keepalives_idle": SILENT_S,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 1000 * SILENT_S,
        "application_name": "oshwatch",
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
    }
    engine = sa.create_engine(
        url,
        isolation_level=isolation,
        connect_args=arguments,
        pool_size=pool_size,
        max_overflow=more,
        pool_timeout=30,
        hide_parameters=True,
    )
    engine.dialect.colspecs = {**engine.dialect.colspecs, sa.Integer: _Number}
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "checkout", _still_there)
    return engine


def said(error: BaseException, engine: sa.Engine) -> str:
    """What the server said, in one line and without the password."""
    reason = getattr(error, "orig", None) or error
    primary = getattr(getattr(reason, "diag", None), "message_primary", None)
    lines = str(primary or reason).strip().splitlines()
    line = lines[0] if lines else type(reason).__name__
    password = engine.url.password
    return line.replace(str(password), "***") if password else line


def advisory_lock(number: int) -> sa.TextClause:
    """The statement that waits for one of this program's locks and holds it to the transaction's end."""
    return sa.text(f"SELECT pg_advisory_xact_lock({ADVISORY_CLASS}, {number:d})")


@compiles(sa.Integer, "postgresql")
def _as_wide_as_in_sqlite(_type: sa.Integer, _compiler: object, **options: object) -> str:
    """A column of integers has 64 bits in both engines."""
    return "BIGINT" if "type_expression" in options else "INTEGER"


class _Number(sa.Integer):
    """A value sent as wide as it is: SQLAlchemy's own would be cast to 32 bits, and refused beyond."""


class _Text(StrDumperUnknown):
    """Text as the server can hold it: it knows no NUL, which is marked instead."""

    def dump(self, obj: str) -> bytes:
        return obj.replace("\0", "\N{REPLACEMENT CHARACTER}").encode()


def _prepare(connection: psycopg.Connection[Any], _entry: ConnectionPoolEntry) -> None:
    connection.adapters.register_dumper(str, _Text)


def _still_there(connection: psycopg.Connection[Any], _entry: ConnectionPoolEntry, _proxy: object) -> None:
    """An idle server says nothing: words that wait, or an end, mean that the connection is over."""
    if connection.closed:
        raise DisconnectionError
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        raise DisconnectionError
