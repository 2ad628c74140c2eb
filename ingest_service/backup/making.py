"""Taking a backup while the service runs."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from ingest_service.backup.archive import ArchiveWriter, BackupError, Manifest, Store
from ingest_service.backup.chain import TABLE, Chain
from ingest_service.backup.stores import Stores, snapshot

SUFFIX: Final = ".backup.zip"
KEY_MEMBER: Final = "server.key"
STORES: Final[tuple[Store, ...]] = ("ledger", "register")
_SPARE: Final = 16 * 2**20

Progress = Callable[[str, int, int], None]
"""Told the table, the rows done and the rows there are, of all tables together."""


def make_backup(
    stores: Stores,
    target: Path,
    *,
    server_key: bytes,
    key_id: str,
    files: Mapping[str, bytes],
    program: str,
    now: float,
    progress: Progress = lambda *_: None,
) -> Manifest:
    """Write a new file, which only its owner may read; nothing stays of one that failed.

    `files`: configuration by its name in the archive. Raises `BackupError`.
    """
    _check_space(stores, target)
    part = target.with_name(f".{target.name}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise BackupError(
            f"{part} is there: another backup into {target} runs, or one was broken off. Delete it if none "
            "runs."
        ) from None
    except OSError as error:
        raise BackupError(f"{target} cannot be written ({error.strerror}).") from None
    try:
        with os.fdopen(handle, "wb") as out:
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
                writer = ArchiveWriter(packed)
                for name, content in {KEY_MEMBER: server_key, **files}.items():
                    writer.add_file(name, content)
                manifest = _write(stores, writer, key_id, program, now, progress)
            out.flush()
            os.fsync(out.fileno())
        _put_in_place(part, target)
    except OSError as error:
        raise BackupError(f"{target} cannot be written ({error.strerror}). Nothing was left there.") from None
    finally:
        part.unlink(missing_ok=True)
    return manifest


def _write(
    stores: Stores, writer: ArchiveWriter, key_id: str, program: str, now: float, progress: Progress
) -> Manifest:
    with snapshot(stores) as frozen:
        members = [(store, table) for store in STORES for table in frozen.tables(store)]
        walk = _Walk(sum(frozen.count(store, table) for store, table in members), progress)
        chain: Chain | None = None
        for store, table in members:
            columns = frozen.columns(store, table)
            follow = None
            if (store, table) == ("ledger", TABLE):
                chain = Chain([one.name for one in columns])
                follow = chain.follow
            writer.add_table(store, table, columns, walk.along(table, frozen.rows(store, table), follow))
        progress("", walk.total, walk.total)
        if chain is None:
            raise BackupError("There is no ledger in the database. Run `oshwatch admin init` first.")
        manifest = Manifest(
            made_at=now,
            program=program,
            engine=stores.engine,
            register_revision=str(frozen.revision()),
            server_key=key_id,
            last_row=chain.row,
            last_row_hash=chain.hash,
            newest_at=chain.at,
            broken_rows=tuple(chain.broken),
            tables=tuple(writer.tables),
            files=tuple(writer.files),
        )
    writer.finish(manifest)
    return manifest


@dataclass
class _Walk:
    """Rows on their way into the archive, counted."""

    total: int
    progress: Progress
    done: int = 0

    def along(
        self, table: str, rows: Iterable[Sequence[Any]], follow: Callable[[Sequence[Any]], None] | None
    ) -> Iterator[Sequence[Any]]:
        for row in rows:
            if follow is not None:
                follow(row)
            yield row
            self.done += 1
            if self.done % 1000 == 0:
                self.progress(table, self.done, self.total)


def _check_space(stores: Stores, target: Path) -> None:
    if target.exists():
        raise BackupError(f"{target} is there already and is not overwritten. Name another file.")
    try:
        free = shutil.disk_usage(target.parent).free
    except OSError as error:
        raise BackupError(f"{target.parent} cannot be used ({error.strerror}). Make it first.") from None
    needed = _size(stores) + _SPARE
    if free < needed:
        raise BackupError(
            f"{target.parent} has {free / 2**20:,.0f} MiB free and the backup may need "
            f"{needed / 2**20:,.0f} MiB. Free some space, or name another disk."
        )


def _size(stores: Stores) -> int:
    """Bytes of the databases; an archive is smaller, for what was not compressed before is here."""
    if stores.engine == "postgresql":
        with stores.ledger.connect() as connection:
            query = sa.text("SELECT pg_database_size(current_database())")
            return int(connection.execute(query).scalar_one())
    folder = Path(str(stores.register.url.database)).parent
    return sum(one.stat().st_size for one in folder.glob("*.sqlite*") if not one.name.startswith("series"))


def _put_in_place(part: Path, target: Path) -> None:
    try:
        target.hardlink_to(part)  # unlike a rename it fails when the name is taken
    except FileExistsError:
        raise BackupError(f"{target} is there already and is not overwritten. Name another file.") from None
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def name_at(now: float) -> str:
    """The name a backup of this moment gets in a folder; names sort by time."""
    return f"oshwatch-{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H%M%SZ}{SUFFIX}"


def forget_oldest(folder: Path, keep: int) -> list[Path]:
    """Delete all but the newest ``keep`` backups that `name_at` named; returns what was deleted."""
    found = sorted(folder.glob(f"oshwatch-????-??-??T??????Z{SUFFIX}"))
    old = found[: max(0, len(found) - keep)]
    for path in old:
        path.unlink()
    return old
