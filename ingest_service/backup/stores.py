"""The databases of an installation as a backup reads and fills them: their tables, found by looking.

On one box the ledger and the register are two SQLite files, read in two transactions, the ledger's begun
first: so the register is never older than what the ledger's rows were judged by. In a server both are in one
PostgreSQL database and are read in one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event

from ingest_service.backup.archive import BackupError, Column, Store
from ingest_service.database import open_database
from ingest_service.ledger.connection import FILE_NAME
from ingest_service.ledger.schema import EVIDENCE
from ingest_service.settings import Settings
from ingest_service.stores import open_database_of

LEDGER_TABLES: Final = frozenset({*EVIDENCE, "repeats", "standings", "gateway_status"})
OF_THE_MOMENT: Final = frozenset(
    {"sessions", "sign_in_failures", "leases", "lease_holders", "runner_beats", "limit_lines", "installation"}
    | {"alembic_version", "sqlite_sequence"}
)
"""Who is signed in, which runner holds what, what the service writes anew: not true after a restore."""
MADE_AGAIN: Final = ("series_", "overview_")
"""How tables begin that are made again: bookkeeping of the series, lines of the overview."""
MADE_FROM_ROWS: Final = frozenset({("batches", "shard")})
"""Columns that one engine has beside a row and that follow from it."""
AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Stores:
    """Where ledger and register are; one engine for both in a server."""

    ledger: sa.Engine
    register: sa.Engine

    @property
    def engine(self) -> str:
        return self.ledger.dialect.name

    def close(self) -> None:
        self.ledger.dispose()
        self.register.dispose()


class Snapshot:
    """Both stores at one moment, inside transactions that are already open."""

    def __init__(self, ledger: sa.Connection, register: sa.Connection) -> None:
        self._connections = {"ledger": ledger, "register": register}
        self._tables: dict[Store, dict[str, sa.Table]] = {
            "ledger": tables_of(ledger, "ledger"),
            "register": tables_of(register, "register"),
        }

    def tables(self, store: Store) -> list[str]:
        return list(self._tables[store])

    def columns(self, store: Store, table: str) -> tuple[Column, ...]:
        return tuple(Column(one.name, _kind(one.type)) for one in self._columns(store, table))

    def count(self, store: Store, table: str) -> int:
        query = sa.select(sa.func.count()).select_from(self._tables[store][table])
        return int(self._connections[store].execute(query).scalar_one())

    def rows(self, store: Store, table: str) -> Iterator[tuple[Any, ...]]:
        """Every row in order of the table's key, a thousand at once."""
        found = self._tables[store][table]
        query = sa.select(*self._columns(store, table)).order_by(*found.primary_key.columns)
        streamed = self._connections[store].execution_options(yield_per=AT_ONCE)
        for part in streamed.execute(query).partitions():
            yield from (tuple(row) for row in part)

    def revision(self) -> str | None:
        """The newest migration of the register that this database had."""
        query = sa.text("SELECT version_num FROM alembic_version")
        found: str | None = self._connections["register"].execute(query).scalar()
        return found

    def _columns(self, store: Store, table: str) -> list[sa.Column[Any]]:
        columns = self._tables[store][table].columns
        return [one for one in columns if (table, one.name) not in MADE_FROM_ROWS]


def stores_of(settings: Settings) -> Stores:
    """The stores that the settings name. Raises `BackupError`, `DatabaseError`."""
    if settings.database_url is None:
        return stores_of_folder(settings.data_dir)
    engine = open_database_of(settings)
    return Stores(engine, engine)


def stores_of_folder(data_dir: Path) -> Stores:
    """The SQLite files of a data directory, only to be read. Raises `BackupError`, `DatabaseError`."""
    path = data_dir / FILE_NAME
    if not path.is_file():
        raise BackupError(f"There is no ledger in {data_dir}. Name the data directory of the service.")
    ledger = sa.create_engine("sqlite://", creator=lambda: _read_only(path), poolclass=sa.NullPool)
    event.listen(ledger, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return Stores(ledger, open_database(data_dir, must_exist=True))


@contextmanager
def snapshot(stores: Stores) -> Iterator[Snapshot]:
    """Both stores as they are now, whatever is written meanwhile. Raises `BackupError`."""
    try:
        if stores.engine == "postgresql":
            engine = stores.ledger.execution_options(isolation_level="REPEATABLE READ")
            with engine.connect() as both, both.begin():
                both.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
                yield Snapshot(both, both)
            return
        with stores.ledger.connect() as ledger, stores.register.connect() as register, ledger.begin():
            ledger.execute(sa.text("SELECT count(*) FROM batches"))  # from here on it stands still
            with register.begin():
                yield Snapshot(ledger, register)
    except sa.exc.DBAPIError as error:
        raise BackupError(f"The databases cannot be read ({error.orig}). Nothing was written.") from error


def tables_of(connection: sa.Connection, store: Store) -> dict[str, sa.Table]:
    """The tables that belong into a backup, those that others point at first."""
    metadata = sa.MetaData()
    metadata.reflect(connection)
    found = {}
    for table in metadata.sorted_tables:
        if table.name in OF_THE_MOMENT or table.name.startswith(MADE_AGAIN):
            continue
        if (table.name in LEDGER_TABLES) != (store == "ledger"):
            continue
        for column in table.columns:
            if isinstance(column.type, sa.JSON):
                column.type = sa.JSON(none_as_null=True)
        found[table.name] = table
    return found


def _kind(type_: object) -> str:
    kinds = (("bytes", sa.LargeBinary), ("date", sa.Date), ("time", sa.Time))
    return next((kind for kind, known in kinds if isinstance(type_, known)), "plain")


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=10)
