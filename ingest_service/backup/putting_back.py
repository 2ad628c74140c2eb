"""Putting a backup back: into a new data directory, or into an empty database of a server.

Everything was checked before (`checking.check`). A data directory is made beside its place and moved there
when it is complete and on the disk; a server's database is filled in one transaction. The series are not in a
backup: the projector makes them again from the ledger.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event

from ingest_service.backup.archive import Archive, BackupError, Store, TableMember
from ingest_service.backup.making import Progress
from ingest_service.backup.stores import LEDGER_TABLES, tables_of
from ingest_service.database import MIGRATIONS, head_revision, migrate, open_database, write
from ingest_service.ledger.connection import FILE_NAME
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.shards import shard_of

AT_ONCE: Final = 1000
CONFIGURATION: Final = "configuration"
_SPARE: Final = 32 * 2**20


def restore_folder(archive: Archive, target: Path, progress: Progress = lambda *_: None) -> None:
    """Make the data directory ``target``, which must be empty or not there. Raises `BackupError`."""
    check_folder(archive, target)
    target = target.absolute()
    try:
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            _fill_folder(archive, staging, progress)
            staging.replace(target)  # an empty directory may be replaced
            _sync(target.parent)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise BackupError(f"{target} cannot be written ({error.strerror}). Nothing was put back.") from None


def check_folder(archive: Archive, target: Path) -> None:
    """Whether there is a place for it. Raises `BackupError`."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BackupError(f"{target} is not empty. Nothing is put over what is there: name a new directory.")
    if os.path.ismount(target):
        raise BackupError(
            f"{target} is a mount point, which cannot be put in place in one step. Name a directory "
            "inside it."
        )
    parent = target.absolute().parent
    if not parent.is_dir():
        raise BackupError(f"{parent} is not there. Make it first, for the user that runs the service.")
    _check_revision(archive)
    needed = sum(one.size for one in archive.manifest.tables) + _SPARE
    free = shutil.disk_usage(parent).free
    if free < needed:
        raise BackupError(
            f"{parent} has {free / 2**20:,.0f} MiB free, and the data may need {needed / 2**20:,.0f} MiB."
        )


def restore_database(archive: Archive, engine: sa.Engine, progress: Progress = lambda *_: None) -> None:
    """Fill the empty database of a server, in one transaction. Raises `BackupError`."""
    revision = archive.manifest.register_revision
    if revision != head_revision():
        raise BackupError(
            f"The backup has schema {revision}, this program {head_revision()}. Restore it into a data "
            "directory first (--data-dir), which brings it to the newest, take a backup of that, and restore "
            "it here."
        )
    try:
        with engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            tables = {**tables_of(connection, "ledger"), **tables_of(connection, "register")}
            for name in ("batches", "persons", "audit"):
                if name not in tables:
                    raise BackupError("The database has no tables yet. Run `oshwatch admin migrate` first.")
                if connection.execute(sa.select(tables[name]).limit(1)).first() is not None:
                    raise BackupError(f"The database is not empty ({name}). Name an empty one.")
            _fill(archive, connection, tables, archive.manifest.tables, progress)
            _set_sequences(connection, tables)
    except sa.exc.StatementError as error:
        raise BackupError(f"The database refused it ({error.orig}). Nothing was put back.") from None


def _check_revision(archive: Archive) -> None:
    if archive.manifest.register_revision > head_revision():
        raise BackupError(
            f"The backup has schema {archive.manifest.register_revision}, newer than this program's "
            f"{head_revision()}. Use the version of OSHWatch that made it ({archive.manifest.program})."
        )


def _fill_folder(archive: Archive, folder: Path, progress: Progress) -> None:
    manifest = archive.manifest
    for file in manifest.files:
        path = folder / file.name  # an archive holds nothing that would lie outside, or over a database
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(archive.file(file))
    open_ledger(folder).close()
    register = open_database(folder)
    try:
        migrate_to(register, manifest.register_revision)
        ledger = _fast(folder / FILE_NAME)
        engines: dict[Store, sa.Engine] = {"ledger": ledger, "register": register}
        for store, engine in engines.items():
            with write(engine) as connection:
                tables = tables_of(connection, store)
                members = [one for one in manifest.tables if one.store == store]
                _fill(archive, connection, tables, members, progress)
        ledger.dispose()
        migrate(register)
    except sa.exc.StatementError as error:
        raise BackupError(f"{folder} cannot be filled ({error.orig}). Nothing was put back.") from None
    finally:
        register.dispose()
    open_ledger(folder).close()
    for path in folder.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
        _sync(path)
    _sync(folder)


def migrate_to(engine: sa.Engine, revision: str) -> None:
    """Make the tables of an empty database as they were at a migration."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with write(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _fill(
    archive: Archive,
    connection: sa.Connection,
    tables: dict[str, sa.Table],
    members: Sequence[TableMember],
    progress: Progress,
) -> None:
    manifest = archive.manifest
    total, done = sum(one.rows for one in manifest.tables), 0
    for member in manifest.tables:
        if member not in members:
            done += member.rows
            continue
        table = _table_for(archive, member, tables)
        if member.table not in LEDGER_TABLES and _has_rows(connection, table):
            connection.execute(sa.delete(table))  # what a migration puts into a new register
        for rows in _parts(archive.lines(member)):
            connection.execute(sa.insert(table), _named(member, table, rows))
            done += len(rows)
            progress(member.table, done, total)


def _table_for(archive: Archive, member: TableMember, tables: dict[str, sa.Table]) -> sa.Table:
    table = tables.get(member.table)
    known = set() if table is None else set(table.columns.keys())
    unknown = {one.name for one in member.columns} - known
    if table is None or unknown:
        what = ", ".join(sorted(unknown)) if table is not None else "the whole table"
        raise BackupError(
            f"{archive.path}: this program does not know {what} of {member.name}. Use the version of "
            f"OSHWatch that made it ({archive.manifest.program})."
        )
    return table


def _named(member: TableMember, table: sa.Table, rows: list[list[Any]]) -> list[dict[str, Any]]:
    names = [one.name for one in member.columns]
    found = [dict(zip(names, row, strict=True)) for row in rows]
    if "shard" in table.columns and "shard" not in names and "site" in names:
        for one in found:
            one["shard"] = shard_of(one["site"])
    return found


def _parts(rows: Iterator[list[Any]]) -> Iterator[list[list[Any]]]:
    part: list[list[Any]] = []
    for row in rows:
        part.append(row)
        if len(part) == AT_ONCE:
            yield part
            part = []
    if part:
        yield part


def _has_rows(connection: sa.Connection, table: sa.Table) -> bool:
    return connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None


def _set_sequences(connection: sa.Connection, tables: dict[str, sa.Table]) -> None:
    """Numbers that were given by hand are not given again."""
    for table in tables.values():
        for column in table.primary_key.columns:
            query = sa.text("SELECT pg_get_serial_sequence(:table, :column)")
            found = connection.execute(query, {"table": f'"{table.name}"', "column": column.name}).scalar()
            if found is None:
                continue
            highest = connection.execute(sa.select(sa.func.max(column))).scalar()
            if highest is not None:
                connection.execute(sa.select(sa.func.setval(found, highest)))


def _fast(path: Path) -> sa.Engine:
    """A file that is thrown away if this does not end well, so nothing is synced before its end."""
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)

    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
