"""Opening the tables beside InfluxDB, in PostgreSQL or in ``series-state.sqlite``, and making them anew."""

from __future__ import annotations

import fcntl
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import ConnectionPoolEntry

from ingest_service.database import open_database
from ingest_service.series.feed import CHANGE
from ingest_service.series.influx.tables import CURSORS, FACTS, METADATA, SCHEMA_VERSION
from ingest_service.series.port import SeriesError

FILE_NAME: Final = "series-state.sqlite"
REVISION: Final = "revision"
RESERVED: Final = "exposure_change_reserved"
KEPT_CURSORS: Final = (CHANGE, REVISION, RESERVED)
"""Numbers that go on growing when all else is made anew."""
_WRITES: Final = "oshwatch_series_writes"
_ADVISORY_LOCK: Final = 0x05E51E5
log = structlog.get_logger(__name__)


def open_state(where: Path | str) -> sa.Engine:
    """An engine on the state's file in a data directory, or on a database URL. Raises SeriesError.

    Tables that are not there are made; those of an older program are emptied (the projector fills them again
    from the ledger); those of a newer one are refused.
    """
    if isinstance(where, Path):
        engine = sa.create_engine(f"sqlite:///{where / FILE_NAME}")
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        # With the limits by which a hanging process lets go of its locks; what is read after the fence is as
        # it is then.
        engine = open_database(where).execution_options(isolation_level="READ COMMITTED")
    try:
        prepare(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def prepare(engine: sa.Engine) -> None:
    """Make the tables of today's schema where they are not; a single query when they are."""
    try:
        version = _version(engine)
        if version == SCHEMA_VERSION:
            return
        with alone(engine), write(engine) as connection:
            _make(connection)
    except sa.exc.ProgrammingError as error:
        raise SeriesError(
            f"the tables of the series' bookkeeping cannot be made in {_named(engine)} ({error.orig}): run "
            "`oshwatch admin migrate`, which does it as their owner"
        ) from error
    except sa.exc.SQLAlchemyError as error:
        raise state_trouble(engine, error) from error


def _make(connection: sa.Connection) -> None:
    version = _version(connection)
    if version == SCHEMA_VERSION:
        return
    if version is not None and version > SCHEMA_VERSION:
        raise SeriesError(
            f"the series' bookkeeping in {_named(connection.engine)} has schema {version}, this program "
            f"writes {SCHEMA_VERSION}: start the newer program, or stop the service and drop the tables that "
            "begin with series_; they are made again from the ledger"
        )
    kept: list[Any] = []
    facts: dict[str, str] = {}
    if version is not None:
        log.info(
            "the series' bookkeeping has an older form and is made again from the ledger", schema=version
        )
        rows = connection.execute(sa.select(CURSORS).where(CURSORS.c.name.in_(KEPT_CURSORS)))
        kept = [dict(row) for row in rows.mappings()]
        rows = connection.execute(sa.select(FACTS.c.name, FACTS.c.value))
        facts = {str(name): str(value) for name, value in rows}
        METADATA.drop_all(connection, checkfirst=True)
    METADATA.create_all(connection)
    facts = {"installation": uuid.uuid4().hex, **facts, "schema": str(SCHEMA_VERSION)}
    if version is not None:
        facts["anew"] = "1"  # what the bucket holds was written under the older form
    connection.execute(sa.insert(FACTS), [{"name": name, "value": value} for name, value in facts.items()])
    if kept:
        connection.execute(sa.insert(CURSORS), kept)


def _version(bind: sa.Engine | sa.Connection) -> int | None:
    """Number of the schema that is there, None when there are no tables."""
    if isinstance(bind, sa.Engine):
        with bind.connect() as connection:
            return _version(connection)
    if not sa.inspect(bind).has_table(FACTS.name):
        return None
    found = bind.execute(sa.select(FACTS.c.value).where(FACTS.c.name == "schema")).scalar()
    return None if found is None else int(found)


def fact(connection: sa.Connection, name: str) -> str | None:
    found: str | None = connection.execute(sa.select(FACTS.c.value).where(FACTS.c.name == name)).scalar()
    return found


@contextmanager
def write(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One writing transaction."""
    with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
        yield connection


def writing(engine: sa.Engine) -> sa.Connection:
    """A connection whose transactions take SQLite's write lock as they begin."""
    return engine.connect().execution_options(**{_WRITES: True})


def state_trouble(engine: sa.Engine, error: Exception) -> SeriesError:
    """What an error of the database means."""
    reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    return SeriesError(
        f"the series' bookkeeping in {_named(engine)} cannot be read or written: {reason}; see that the "
        "database runs, has room, and lets this service in; nothing is lost, the ledger has it"
    )


def _named(engine: sa.Engine) -> str:
    if engine.dialect.name == "sqlite":
        return str(engine.url.database)
    return f"database {engine.url.database} at {engine.url.host}"


def put(
    connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]], *, keep: bool = False
) -> None:
    """Insert rows; one whose key is there is replaced, or left as it is with `keep`."""
    if not rows:
        return
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(table)
    keys = [column.name for column in table.primary_key.columns]
    others = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in keys}
    if keep or not others:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    else:
        statement = statement.on_conflict_do_update(index_elements=keys, set_=others)
    connection.execute(statement, rows)


def put_least(connection: sa.Connection, table: sa.Table, column: str, rows: list[dict[str, Any]]) -> None:
    """Insert rows; of two with one key the smaller number in `column` stays."""
    _put_extreme(connection, table, column, rows, least=True)


def put_most(connection: sa.Connection, table: sa.Table, column: str, rows: list[dict[str, Any]]) -> None:
    """The same with the larger number."""
    _put_extreme(connection, table, column, rows, least=False)


def _put_extreme(
    connection: sa.Connection, table: sa.Table, column: str, rows: list[dict[str, Any]], *, least: bool
) -> None:
    if not rows:
        return
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(table)
    here, new = table.c[column], statement.excluded[column]
    better = new < here if least else new > here
    keys = [one.name for one in table.primary_key.columns]
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=keys, set_={column: sa.case((better, new), else_=here)}
        ),
        rows,
    )


@contextmanager
def alone(engine: sa.Engine) -> Iterator[None]:
    """Processes that start together make the tables one after the other."""
    if engine.dialect.name == "sqlite":
        with Path(str(engine.url.database)).with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    with engine.connect() as connection, connection.begin():
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        yield


def _configure_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin where we say, see `_begin_sqlite`
    with closing(connection.cursor()) as cursor:
        cursor.execute("PRAGMA busy_timeout = 10000")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
