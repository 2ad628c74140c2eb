"""``oshwatch admin backup`` and ``restore``: an installation in one file, and back."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oshwatch.administration.shell import AsJson, answer, fail, shown

if TYPE_CHECKING:
    from ingest_service.backup.archive import Archive, Manifest
    from ingest_service.backup.making import Progress
    from ingest_service.backup.stores import Stores
    from ingest_service.settings import Settings

Config = Annotated[
    Path | None, typer.Option(help="Settings file (TOML).", envvar="OSHWATCH_CONFIG", show_default=False)
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", envvar="OSHWATCH_DATA_DIR", show_default=False,
                              help="Data directory of the service; else that of the settings file.")
]  # fmt: skip
NEXT = (
    "Start the service: the projector makes the series again from the ledger.",
    "Then run `oshwatch admin resend`: the gateways send again what came after the backup.",
)


def backup(
    target: Annotated[Path, typer.Argument(help="New file; or a folder, where it is named by its time.")],
    config: Config = None,
    data_dir: DataDir = None,
    keep: Annotated[
        int | None, typer.Option(min=1, help="In a folder: delete all but the newest N backups afterwards.")
    ] = None,
    check: Annotated[bool, typer.Option(help="Read it back and check every hash.")] = True,
    as_json: AsJson = False,
) -> None:
    """Write ledger, register, cases, server key and configuration into one file, while the service runs.

    The series are left out: they are made again from the ledger. The file holds the server's private key and
    password hashes: keep it where only you can read it. Exit code 1 when the ledger itself is damaged; the
    backup is then made all the same and says where.
    """
    from ingest_service.backup.making import forget_oldest, make_backup, name_at

    if keep is not None and not target.is_dir():
        raise fail("--keep is for a folder: name one that is there, instead of a file.")
    with mistakes():
        settings = _settings(config, data_dir)
        now = datetime.now(UTC).timestamp()
        file = target / name_at(now) if target.is_dir() else target
        stores, keys, key_id = _opened(settings)
        try:
            with bar("Copying", as_json) as progress:
                made = make_backup(
                    stores, file, keys=keys, key_id=key_id, files=_configuration(settings, config),
                    program=program_version(), now=now, progress=progress,
                )  # fmt: skip
        finally:
            stores.close()
        if check:
            _read_back(file, as_json)
        # While the ledger is damaged, older backups may be the only whole ones: none is deleted then.
        forget = keep is not None and not made.broken_rows
        gone = [str(path) for path in forget_oldest(file.parent, keep or 1)] if forget else []
    size = file.stat().st_size
    seen = ", read back and found whole" if check else ""
    lines = [f"{file}: {size / 2**20:,.1f} MiB{seen}", *_facts(made)]
    lines += [f"deleted {path}" for path in gone]
    facts = {"file": str(file), "size": size, "checked": check, "deleted": gone, **_summary(made)}
    answer(facts, as_json, lines)
    if made.broken_rows:
        typer.echo(f"oshwatch admin: {_broken(made)}", err=True)
        raise typer.Exit(1)


def restore(
    file: Annotated[Path, typer.Argument(help="File that `oshwatch admin backup` made.")],
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", show_default=False, help="New data directory, empty or not there."),
    ] = None,
    config: Config = None,
    check_only: Annotated[bool, typer.Option("--check", help="Only read it and check every hash.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup back, after every hash and the whole chain of ledger rows was checked.

    Into a new data directory; or, without --data-dir, into the empty PostgreSQL database that the settings
    name, which is also how an installation moves from one box to a server. Nothing is ever put over what is
    there.
    """
    from ingest_service.backup.archive import Archive
    from ingest_service.backup.checking import check as check_archive
    from ingest_service.backup.putting_back import check_folder, restore_folder

    with mistakes():
        archive = Archive(file)
        if data_dir is not None and not check_only:
            check_folder(archive, data_dir)
        with bar("Checking", as_json) as progress:
            check_archive(archive, progress)
        if not check_only:
            with bar("Putting back", as_json) as progress:
                if data_dir is not None:
                    restore_folder(archive, data_dir, progress)
                else:
                    _restore_server(archive, config, progress)
    made = archive.manifest
    where = str(data_dir) if data_dir is not None else "the database"
    first = f"{file}: whole" if check_only else f"{where} is filled from {file}"
    lines = [first, *_facts(made)]
    if made.broken_rows:
        lines.append(_broken(made))
    if not check_only:
        lines += [f"Next: {NEXT[0]}", f"      {NEXT[1]}"]
    facts = {"file": str(file), "restored": None if check_only else where, **_summary(made)}
    answer(facts | {"next": [] if check_only else list(NEXT)}, as_json, lines)


def _read_back(file: Path, as_json: bool) -> None:
    """Check what was just written. What is not whole does not stay: it would be taken for a backup."""
    from ingest_service.backup.archive import Archive, BackupError
    from ingest_service.backup.checking import check as check_archive

    try:
        archive = Archive(file)
        try:
            with bar("Checking", as_json) as progress:
                check_archive(archive, progress)
        finally:
            archive.close()
    except BackupError as error:
        file.unlink()
        raise BackupError(f"{error} It was deleted: look at the disk that it was written to.") from None


def _settings(config: Path | None, data_dir: Path | None) -> "Settings":
    from ingest_service.settings import load

    environ = dict(os.environ)
    if data_dir is not None:
        environ["OSHWATCH_DATA_DIR"] = str(data_dir)
    if config is None and "OSHWATCH_DATA_DIR" not in environ:
        raise fail("say what to back up: --config FILE or --data-dir FOLDER")
    return load(config, environ)


def _opened(settings: "Settings") -> "tuple[Stores, dict[str, bytes], str]":
    """The stores, the server key's files by their names in an archive, and the key's name."""
    from ingest_service.auth.server_key import FILE_NAME
    from ingest_service.backup.making import key_files
    from ingest_service.backup.stores import stores_of
    from ingest_service.stores import open_server_key_of
    from osh_domain.signing import key_id

    stores = stores_of(settings)
    path = settings.server_key_file or settings.data_dir / FILE_NAME
    if not path.exists():
        stores.close()
        raise fail(f"there is no server key at {path}; without it a backup is of no use to gateways")
    return stores, key_files(path), key_id(open_server_key_of(settings).public_key)


def _configuration(settings: "Settings", config: Path | None) -> dict[str, bytes]:
    """The settings file and the rule packs of the installation, by their names in the archive."""
    found = {f"configuration/{config.name}": config.read_bytes()} if config is not None else {}
    if settings.packs_dir is not None and settings.packs_dir.is_dir():
        for path in sorted(settings.packs_dir.rglob("*")):
            if path.is_file():
                name = path.relative_to(settings.packs_dir).as_posix()
                found[f"configuration/packs/{name}"] = path.read_bytes()
    return found


def _restore_server(archive: "Archive", config: Path | None, progress: "Progress") -> None:
    from ingest_service.auth.server_key import FILE_NAME
    from ingest_service.backup.archive import KEY_FILES, KEY_MEMBER
    from ingest_service.backup.putting_back import restore_database
    from ingest_service.settings import load
    from ingest_service.stores import open_database_as_owner

    settings = load(config)
    if settings.database_url is None:
        raise fail("say where to: --data-dir FOLDER, or settings with database_url for a server")
    path = settings.server_key_file or settings.data_dir / FILE_NAME
    keys = {one.name: archive.file(one) for one in archive.manifest.files if one.name in KEY_FILES}
    if KEY_MEMBER not in keys:
        raise fail(f"{archive.path} holds no server key, which the gateways trust. Take another backup.")
    there = path.exists()
    if there and path.read_bytes() != keys[KEY_MEMBER]:
        raise fail(f"{path} is another server key than the backup's, which the gateways trust. Move it away.")
    engine = open_database_as_owner(settings)
    try:
        restore_database(archive, engine, progress)
    finally:
        engine.dispose()
    if there:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    for name, content in sorted(keys.items(), reverse=True):  # the key itself last
        beside = path.with_name(path.name + name.removeprefix(KEY_MEMBER))
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(content)


@contextmanager
def mistakes() -> Iterator[None]:
    """What can go wrong ends with a sentence, not a traceback."""
    from ingest_service.auth.server_key import ServerKeyError
    from ingest_service.backup.archive import BackupError
    from ingest_service.database import DatabaseError

    try:
        yield
    except (BackupError, DatabaseError, ServerKeyError) as error:
        raise fail(str(error)) from None
    except OSError as error:
        raise fail(f"{error.filename or 'the backup'}: {error.strerror}") from None


@contextmanager
def bar(word: str, quiet: bool) -> "Iterator[Progress]":
    """A bar on standard error where somebody looks at it."""
    if quiet or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(transient=True, console=Console(stderr=True)) as progress:
        task = progress.add_task(word, total=None)
        yield lambda table, done, total: progress.update(
            task, completed=done, total=total or None, description=f"{word} {table}".rstrip()
        )


def _facts(made: "Manifest") -> list[str]:
    persons = made.table("register", "persons")
    return [
        f"taken       {shown(made.made_at)} UTC, by OSHWatch {made.program}",
        f"ledger      {made.last_row:,} rows, the newest of {shown(made.newest_at)} UTC",
        f"row hash    {made.last_row_hash}",
        f"register    schema {made.register_revision}, {persons.rows if persons else 0:,} people",
        f"server key  {made.server_key}",
    ]


def _summary(made: "Manifest") -> dict[str, Any]:
    text: dict[str, Any] = json.loads(made.text())
    text["rows"] = {f"{one.store}.{one.table}": one.rows for one in made.tables}
    return {key: value for key, value in text.items() if key not in ("tables", "files", "v", "kind")}


def _broken(made: "Manifest") -> str:
    rows = ", ".join(str(row) for row in made.broken_rows[:5])
    return (
        f"the ledger was damaged or changed before this backup: row {rows} does not follow from the one "
        "before. Look at it with `oshwatch evidence` and `oshwatch verify`; older backups may hold it whole."
    )


def program_version() -> str:
    """Of this program, as its package says."""
    from importlib.metadata import version

    return version("oshwatch")
