"""Backups where something is in the way: full disks, killed ones, archives made to harm, a changed key."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sqlite3
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ingest_service.auth.server_key import FILE_NAME, ServerKey
from ingest_service.backup import making
from ingest_service.backup.archive import Archive, BackupError
from ingest_service.backup.checking import check
from ingest_service.backup.putting_back import check_folder, restore_folder
from ingest_service.ledger.sqlite import open_ledger
from oshwatch.commands.admin import app
from tests.ingest_service.gateways import Device
from tests.ingest_service.test_backup import Installation

Manifest = dict[str, Any]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    folder = tmp_path / "data"
    assert CliRunner().invoke(app, ["init", "--data-dir", str(folder)]).exit_code == 0
    found = Installation(folder, open_ledger(folder), Device())
    found.receive(3)
    yield found
    found.ledger.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a file system of its own")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    made = subprocess.run(command, capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"cannot mount here: {made.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def take(installation: Installation, target: Path, *more: str, code: int = 0) -> str:
    order = ["backup", str(target), "--data-dir", str(installation.folder), *more]
    done = CliRunner().invoke(app, order)
    assert done.exit_code == code, done.output
    return done.stdout if code == 0 else done.stderr


def test_a_disk_that_fills_meanwhile_ends_it_with_a_sentence_and_nothing_stays(
    installation: Installation, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "_check_space", lambda *_: None)
    for _ in range(30):  # more than fits into what is left
        installation.refuse(os.urandom(2000))
    for pages in (0, 1, 2, 4):
        with (disk / "filler").open("wb", buffering=0) as filler:
            filler.write(bytes((64 - pages) * 4096))
        with pytest.raises(BackupError, match="cannot be written"):
            installation.backup(disk / "a.zip")
        assert [path.name for path in disk.iterdir()] == ["filler"]
    assert "mount point" in CliRunner().invoke(
        app, ["restore", str(_whole(installation)), "--data-dir", str(_emptied(disk))]
    ).stderr  # fmt: skip


def _whole(installation: Installation) -> Path:
    installation.backup(installation.folder.parent / "whole.zip")
    return installation.folder.parent / "whole.zip"


def _emptied(disk: Path) -> Path:
    (disk / "filler").unlink()
    return disk


def test_what_a_killed_backup_left_goes_with_the_next_and_one_that_runs_stays(
    installation: Installation, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    killed = folder / ".oshwatch-2026-01-01T010000Z.backup.zip.part"
    running = folder / ".oshwatch-2026-01-01T020000Z.backup.zip.part"
    mine = folder / ".mine.part"
    for path in (killed, running, mine):
        path.write_bytes(b"half")
    with running.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        take(installation, folder)
    assert not killed.exists()
    assert running.exists()
    assert mine.exists()
    (tmp_path / ".a.zip.part").write_bytes(b"half")
    take(installation, tmp_path / "a.zip")
    assert not (tmp_path / ".a.zip.part").exists()
    with (tmp_path / ".b.zip.part").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "another backup into" in take(installation, tmp_path / "b.zip", code=1)


def test_a_disk_that_knows_no_links_holds_backups(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)  # as on FAT
    take(installation, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").stat().st_mode & 0o777 == 0o600


def test_a_backup_that_does_not_read_back_whole_is_not_taken_for_one(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = making._put_in_place

    def damaged(part: Path, target: Path) -> None:
        with part.open("r+b") as file:
            file.seek(part.stat().st_size // 2)
            file.write(b"\0" * 64)
        place(part, target)

    monkeypatch.setattr(making, "_put_in_place", damaged)
    assert "It was deleted" in take(installation, tmp_path / "a.zip", code=1)
    assert not list(tmp_path.glob("*.zip"))


def test_no_older_backup_is_deleted_while_the_ledger_is_damaged(
    installation: Installation, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    old = folder / "oshwatch-2026-01-01T010000Z.backup.zip"
    old.write_bytes(b"the last whole one")
    with closing(sqlite3.connect(installation.folder / "ledger.sqlite", isolation_level=None)) as file:
        file.execute("DROP TRIGGER batches_update")
        file.execute("UPDATE batches SET received_at = received_at + 1 WHERE row = 2")
    assert "row 2 does not follow" in take(installation, folder, "--keep", "1", code=1)
    assert old.exists()
    assert len(list(folder.iterdir())) == 2


def test_a_changed_server_key_comes_back_with_what_names_it(
    installation: Installation, tmp_path: Path
) -> None:
    """Without the statements a gateway that missed the change would never trust the new key."""
    ServerKey.load_or_create(installation.folder / FILE_NAME)
    new = ServerKey.replace(installation.folder / FILE_NAME)
    assert len(new.statements) == 1
    take(installation, tmp_path / "a.zip")
    archive = Archive(tmp_path / "a.zip")
    check(archive)
    restore_folder(archive, tmp_path / "back")
    back = ServerKey.load_or_create(tmp_path / "back" / FILE_NAME)
    assert (back.public_key, back.statements) == (new.public_key, new.statements)


Spoil = Callable[[Manifest, dict[str, bytes]], None]


def _file(manifest: Manifest, content: dict[str, bytes], name: str, data: bytes = b"x") -> None:
    content[name] = data
    manifest["files"].append({"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()})


def _table(manifest: Manifest, name: str) -> Manifest:
    found: Manifest = next(one for one in manifest["tables"] if one["table"] == name)
    return found


def _lines(manifest: Manifest, content: dict[str, bytes], name: str, data: bytes) -> None:
    member = _table(manifest, name)
    content[f"{member['store']}/{name}.jsonl"] = data
    member |= {"rows": data.count(b"\n"), "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _smaller(manifest: Manifest, _content: dict[str, bytes]) -> None:
    _table(manifest, "batches")["size"] = 1


def _twice(manifest: Manifest, _content: dict[str, bytes]) -> None:
    manifest["tables"].append(_table(manifest, "batches"))


def _plain(manifest: Manifest, _content: dict[str, bytes]) -> None:
    for column in _table(manifest, "batches")["columns"]:
        column["kind"] = "plain"


def _unhashable(manifest: Manifest, _content: dict[str, bytes]) -> None:
    _table(manifest, "batches")["columns"][0]["name"] = ["row"]


SPOILS: dict[str, Spoil] = {
    "a path upwards": lambda m, c: _file(m, c, "../evil"),
    "a path upwards in configuration": lambda m, c: _file(m, c, "configuration/../../evil"),
    "an absolute path": lambda m, c: _file(m, c, "/etc/evil"),
    "a file over the ledger": lambda m, c: _file(m, c, "ledger.sqlite"),
    "a file over its write-ahead log": lambda m, c: _file(m, c, "register.sqlite-wal"),
    "a bomb among the files": lambda m, c: _file(m, c, "configuration/zeros", bytes(65 * 2**20)),
    "more than the manifest says": _smaller,
    "a member twice": _twice,
    "bytes that are none": _plain,
    "names that are none": _unhashable,
    "a line without end": lambda m, c: _lines(m, c, "persons", b"[" * 70_000_000),
    "deep nesting": lambda m, c: _lines(m, c, "persons", b"[" * 100_000 + b"]" * 100_000 + b"\n"),
    "rows that are none": lambda m, c: _lines(m, c, "batches", b"{}\n"),
    "no tables": lambda m, _: m.update(tables=[]),
    "tables of another shape": lambda m, _: m.update(tables={"a": 1}),
    "a schema that is no text": lambda m, _: m.update(register_revision=7),
    "a size that is none": lambda m, _: m["files"][0].update(size="1"),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The members of a backup with three batches."""
    folder = tmp_path_factory.mktemp("good")
    CliRunner().invoke(app, ["init", "--data-dir", str(folder / "data")])
    one = Installation(folder / "data", open_ledger(folder / "data"), Device())
    one.receive(3)
    one.backup(folder / "good.zip")
    one.ledger.close()
    with zipfile.ZipFile(folder / "good.zip") as source:
        return {name: source.read(name) for name in source.namelist()}


def _put_back(file: Path, folder: Path) -> None:
    archive = Archive(file)
    check_folder(archive, folder)
    check(archive)
    restore_folder(archive, folder)


@pytest.mark.parametrize("how", SPOILS)
def test_an_archive_made_to_harm_is_refused_with_a_sentence_and_puts_nothing_anywhere(
    good: dict[str, bytes], tmp_path: Path, how: str
) -> None:
    content = dict(good)
    manifest = json.loads(content.pop("manifest.json"))
    SPOILS[how](manifest, content)
    with zipfile.ZipFile(tmp_path / "bad.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        for name, data in {**content, "manifest.json": json.dumps(manifest).encode()}.items():
            out.writestr(name, data)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BackupError):
        _put_back(tmp_path / "bad.zip", tmp_path / "new")
    assert sorted(tmp_path.iterdir()) == before
