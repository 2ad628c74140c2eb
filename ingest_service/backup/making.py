"""Taking a backup while the service runs."""

from __future__ import annotations

import fcntl
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from ingest_service.backup.archive import KEY_FILES, KEY_MEMBER, ArchiveWriter, BackupError, Manifest, Store
from ingest_service.backup.chain import TABLE, Chain
from ingest_service.backup.stores import Stores, snapshot

SUFFIX: Final = ".backup.zip"
STORES: Final[tuple[Store, ...]] = ("ledger", "register")
_SPARE: Final = 16 * 2**20

Progress = Callable[[str, int, int], None]
"""Told the table, the rows done and the rows there are, of all tables together."""


def make_backup(
    stores: Stores,
    target: Path,
    *,
    keys: Mapping[str, bytes],
    key_id: str,
    files: Mapping[str, bytes],
    program: str,
    now: float,
    progress: Progress = lambda *_: None,
) -> Manifest:
    """Write a new file, which only its owner may read; nothing stays of one that failed.

    `keys`: what `key_files` read; `files`: configuration by its name in the archive. Raises `BackupError`.
    """
    for left in target.parent.glob(f".oshwatch-*{SUFFIX}.part"):
        _forget_abandoned(left)
    _check_space(stores, target)
    part = target.with_name(f".{target.name}.part")
    handle = _begin(part, target)
    try:
        with os.fdopen(handle, "wb") as out:
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
                writer = ArchiveWriter(packed)
                for name, content in {**keys, **files}.items():
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


def key_files(key: Path) -> dict[str, bytes]:
    """The server's key and what lies beside it, by their names in an archive, all of one moment.

    Raises OSError.
    """
    paths = {name: key.with_name(key.name + name.removeprefix(KEY_MEMBER)) for name in KEY_FILES}
    found: dict[str, bytes] = {}
    while True:
        there = [name for name in KEY_FILES if name == KEY_MEMBER or paths[name].exists()]
        before, found = found, {name: paths[name].read_bytes() for name in there}
        if found == before:  # the key is not being changed
            return found


def _begin(part: Path, target: Path) -> int:
    """A new file that is locked while it is written, so that what was broken off is known as such."""
    for _ in range(2):
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileExistsError:
            if not _forget_abandoned(part):
                break
        except BlockingIOError:
            break
        except OSError as error:
            raise BackupError(f"{target} cannot be written ({error.strerror}).") from None
        else:
            return handle
    raise BackupError(f"{part} is there: another backup into {target} runs. Wait for it.")


def _forget_abandoned(part: Path) -> bool:
    """Delete what a backup left that was killed; False: somebody writes it, or it cannot be deleted."""
    try:
        with part.open("rb+") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink(missing_ok=True)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _put_in_place(part: Path, target: Path) -> None:
    """Take the name, which fails when it is taken, then rename; links are unknown to FAT and some shares."""
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        raise BackupError(f"{target} is there already and is not overwritten. Name another file.") from None
    try:
        part.replace(target)
    except OSError:
        target.unlink()
        raise
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
