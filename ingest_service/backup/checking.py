"""Whether a backup is whole: every hash, every count, and the chain of the ledger's rows."""

from __future__ import annotations

from typing import Any

from ingest_service.backup.archive import Archive, BackupError
from ingest_service.backup.chain import TABLE, Chain
from ingest_service.backup.making import Progress


def check(archive: Archive, progress: Progress = lambda *_: None) -> None:
    """Read all of it once. Raises `BackupError` for the first thing that is not right.

    A row that did not follow from the one before when the backup was taken is named in the manifest: it is
    the ledger that was damaged, and the rest of it is still wanted.
    """
    manifest = archive.manifest
    for file in manifest.files:
        archive.file(file)
    total, done = sum(one.rows for one in manifest.tables), 0
    ledger = manifest.table("ledger", TABLE)
    if ledger is None:
        raise BackupError(f"{archive.path}: there is no ledger in it. Take another backup.")
    try:
        chain = Chain([one.name for one in ledger.columns])
    except ValueError as error:
        raise BackupError(f"{archive.path}: {error}. Take another backup.") from None
    for member in manifest.tables:
        for row in archive.lines(member):
            if member is ledger:
                _follow(archive, chain, row)
            done += 1
            if done % 1000 == 0:
                progress(member.table, done, total)
    progress("", total, total)
    new = sorted(set(chain.broken) - set(manifest.broken_rows))
    if new:
        raise BackupError(
            f"{archive.path}: row {new[0]} of the ledger does not follow from the one before: it was changed "
            "after the backup was taken. Nothing was put back; use another backup."
        )
    if (chain.row, chain.hash) != (manifest.last_row, manifest.last_row_hash):
        raise BackupError(
            f"{archive.path}: the ledger ends with row {chain.row}, its manifest says {manifest.last_row}. "
            "Nothing was put back; use another backup."
        )


def _follow(archive: Archive, chain: Chain, row: list[Any]) -> None:
    try:
        chain.follow(row)
    except (TypeError, ValueError, AttributeError):
        raise BackupError(
            f"{archive.path}: what follows row {chain.row} of the ledger is no row of it. Nothing was put "
            "back; use another backup."
        ) from None
