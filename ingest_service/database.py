"""The register's and the cases' database: one engine, one `MetaData`, one schema for SQLite and PostgreSQL.

Reading: `with engine.connect() as connection`. Writing: `with write(engine) as connection`, which takes the
write lock at its beginning, so that what was read before the first write cannot have changed under it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.pool import ConnectionPoolEntry

from ingest_service.server_database import advisory_lock, open_server, said

FILE_NAME: Final = "register.sqlite"
MIGRATIONS: Final = Path(__file__).parent / "migrations"

METADATA: Final = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_WRITES = "oshwatch_writes"
_MIGRATING, _WRITING = 1, 2


class DatabaseError(Exception):
    """The database cannot be opened, read or written; the message says where and what to do."""


class SchemaError(DatabaseError):
    """The database on the server has an older or a newer schema than this program, or none yet."""


def open_database(where: Path | str, *, must_exist: bool = False) -> sa.Engine:
    """An engine on `register.sqlite` in the data directory, or on a database URL.

    Makes the data directory if it is not there, unless `must_exist`. Raises `DatabaseError`.
    """
    if isinstance(where, str) and "://" in where:
        return open_server(where)
    data_dir = Path(where)
    _check_directory(data_dir, must_exist=must_exist)
    engine = sa.create_engine(f"sqlite:///{data_dir / FILE_NAME}")
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    try:
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT 1 FROM sqlite_master LIMIT 1"))
    except sa.exc.DatabaseError as error:
        engine.dispose()
        raise DatabaseError(
            f"{data_dir / FILE_NAME} cannot be opened ({error.orig}). Check that the file is a register of "
            "OSHWatch, that the disk is not full and that this user may write to the directory."
        ) from error
    return engine


def _check_directory(data_dir: Path, *, must_exist: bool) -> None:
    if must_exist and not (data_dir / FILE_NAME).is_file():
        raise DatabaseError(
            f"There is no register in {data_dir}. Run `oshwatch admin init` first, or set OSHWATCH_DATA_DIR "
            "to the directory that holds it."
        )
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(
            f"The data directory {data_dir} cannot be made ({error.strerror}). Make it by hand and give it "
            "to the user that runs OSHWatch, or set OSHWATCH_DATA_DIR to another place."
        ) from error
    if not os.access(data_dir, os.W_OK | os.X_OK) or os.statvfs(data_dir).f_flag & os.ST_RDONLY:
        raise DatabaseError(
            f"The data directory {data_dir} is read-only for this user. Give it write access "
            "(for example `chown`), or set OSHWATCH_DATA_DIR to another place."
        )


@contextmanager
def write(engine: sa.Engine, *, alone: bool = True) -> Iterator[sa.Connection]:
    """One writing transaction: committed at the end, rolled back on any error.

    One at a time in the whole installation. With `alone=False` a server lets several run side by side, for
    writers whose statements lock what they rely on.
    """
    options: dict[str, Any] = {_WRITES: True}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "READ COMMITTED"  # what is read after the lock is as it is then
    with engine.connect().execution_options(**options) as connection, connection.begin():
        if alone and engine.dialect.name == "postgresql":
            connection.execute(advisory_lock(_WRITING))
        yield connection


def head_revision() -> str:
    """The newest migration: file names and revision ids are the same and in order."""
    return max(path.stem for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def migrate(engine: sa.Engine) -> None:
    """Bring the schema to the newest revision; a single query when it already is there.

    Safe when several runners start at once: the second waits and then finds nothing to do.
    """
    if _revision(engine) == head_revision():
        return
    with _migration_lock(engine), write(engine) as connection:
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_schema(engine: sa.Engine) -> None:
    """Refuse a database of another schema than this program's; changes nothing.

    Raises `SchemaError`, or `DatabaseError` when the server does not answer.
    """
    found = revision_of(engine)
    newest = head_revision()
    if found == newest:
        return
    if found is None:
        raise SchemaError(f"The database {where(engine)} has no tables yet. Run `oshwatch admin migrate`.")
    if found > newest:
        raise SchemaError(
            f"The database {where(engine)} has schema {found}, newer than this program's {newest}. Run the "
            "version of OSHWatch that wrote it, or a later one."
        )
    raise SchemaError(
        f"The database {where(engine)} has schema {found}, older than this program's {newest}. Run `oshwatch "
        "admin migrate` with this version."
    )


def revision_of(engine: sa.Engine) -> str | None:
    """The newest migration that the database has had; None for none. Raises `DatabaseError`: no answer."""
    try:
        return _revision(engine)
    except sa.exc.DBAPIError as error:
        raise DatabaseError(
            f"The database {where(engine)} does not answer: {said(error, engine)}. Check that it runs, "
            "and that address, role and password are right."
        ) from None


def where(engine: sa.Engine) -> str:
    """Which database it is, without the password: for messages."""
    url = engine.url
    if url.host is None:
        return str(url.database)
    return f"{url.database} on {url.host}:{url.port or 5432}"


def _revision(engine: sa.Engine) -> str | None:
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        return found


@contextmanager
def _migration_lock(engine: sa.Engine) -> Iterator[None]:
    if engine.dialect.name != "sqlite":
        with engine.connect() as connection, connection.begin():
            connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
            connection.execute(advisory_lock(_MIGRATING))
            yield
        return
    lock_file = Path(str(engine.url.database)).with_suffix(".migration-lock")
    with lock_file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _configure_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin where we say, see `_begin_sqlite`
    with closing(connection.cursor()) as cursor:
        cursor.execute("PRAGMA busy_timeout = 5000")
        if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            with _wal_lock(connection):
                cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")


@contextmanager
def _wal_lock(connection: Any) -> Iterator[None]:
    """Changing the journal mode does not wait for other connections, so they wait for each other here."""
    file = connection.execute("PRAGMA database_list").fetchone()[2]
    with Path(file).with_suffix(".migration-lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
