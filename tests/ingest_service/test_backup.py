"""One file holds an installation: taken while it works, refused when it is damaged, whole when put back."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import stat
import threading
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ingest_service.auth.server_key import FILE_NAME, ServerKey
from ingest_service.backup.archive import Archive, BackupError, Manifest
from ingest_service.backup.checking import check
from ingest_service.backup.making import key_files, make_backup
from ingest_service.backup.putting_back import migrate_to, restore_database, restore_folder
from ingest_service.backup.stores import Stores, stores_of_folder
from ingest_service.database import head_revision, open_database
from ingest_service.intake import Intake
from ingest_service.ledger.sqlite import SqliteLedger, open_ledger
from ingest_service.register.store import Register
from ingest_service.stores import open_ledger_of
from oshwatch.commands.admin import app
from tests.ingest_service.gateways import NOW, Device, arrival, snapshot
from tests.postgres import Postgres
from tests.servers import wait_for

SAMPLE = Path(__file__).parents[2] / "docs" / "site-description.sample.yaml"


@dataclass
class Installation:
    """A data directory with a factory in its register, a server key and a ledger."""

    folder: Path
    ledger: SqliteLedger
    device: Device

    def receive(self, batches: int) -> None:
        Intake(self.ledger, snapshot).take([arrival(self.device.batch()) for _ in range(batches)], NOW)

    def refuse(self, payload: bytes = b"[]") -> None:
        Intake(self.ledger, snapshot).take([arrival(payload)], NOW)

    def backup(self, target: Path) -> Manifest:
        stores = stores_of_folder(self.folder)
        try:
            return make_backup(
                stores, target, keys=key_files(self.folder / FILE_NAME), key_id="0" * 16,
                files={"configuration/oshwatch.toml": b"mqtt_port = 1883\n"}, program="0.1.0", now=NOW,
            )  # fmt: skip
        finally:
            stores.close()


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    folder = tmp_path / "data"
    for command in (["init", "--data-dir", str(folder)], ["import", str(SAMPLE), "--data-dir", str(folder)]):
        assert CliRunner().invoke(app, command).exit_code == 0
    return Installation(folder, open_ledger(folder), Device())


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup with three batches and a refused payload."""
    folder = tmp_path_factory.mktemp("small")
    CliRunner().invoke(app, ["init", "--data-dir", str(folder / "data")])
    one = Installation(folder / "data", open_ledger(folder / "data"), Device())
    one.receive(3)
    one.refuse()
    one.backup(folder / "small.zip")
    one.ledger.close()
    return folder / "small.zip"


def restored(file: Path, folder: Path) -> SqliteLedger:
    archive = Archive(file)
    check(archive)
    restore_folder(archive, folder)
    archive.close()
    return open_ledger(folder)


def everything(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of both databases that a backup keeps."""
    found = {}
    for name in ("ledger.sqlite", "register.sqlite"):
        with sqlite3.connect(folder / name) as file:
            tables = file.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (table,) in tables:
                if table not in ("sessions", "sign_in_failures"):
                    found[table] = sorted(file.execute(f"SELECT * FROM {table}"), key=repr)  # noqa: S608
        file.close()
    return found


def test_what_is_put_back_is_what_was_there(installation: Installation, tmp_path: Path) -> None:
    installation.receive(5)
    installation.refuse()
    made = installation.backup(tmp_path / "a.zip")
    assert made.last_row == 5
    ledger = restored(tmp_path / "a.zip", tmp_path / "new")
    assert everything(tmp_path / "new") == everything(installation.folder)
    assert list(ledger.broken_rows()) == []
    key = (tmp_path / "new" / FILE_NAME, installation.folder / FILE_NAME)
    assert ServerKey.load_or_create(key[0]).public_key == ServerKey.load_or_create(key[1]).public_key
    assert (tmp_path / "new/configuration/oshwatch.toml").read_text() == "mqtt_port = 1883\n"


def test_a_backup_under_load_is_one_moment_of_the_ledger_and_a_register_no_older(
    installation: Installation, tmp_path: Path
) -> None:
    stop = threading.Event()
    other = open_ledger(installation.folder)
    engine = open_database(installation.folder)
    register = Register(engine)

    def work() -> None:
        """Every batch is preceded by the change of the register that it needs."""
        busy = Installation(installation.folder, other, installation.device)
        while not stop.is_set():
            name = f"for row {other.last_row() + 1}"
            with register.change("test") as change:
                change.put_site(replace(register.snapshot().sites[0], name=name))
            busy.receive(1)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        wait_for(lambda: installation.ledger.last_row() > 20, what="some load")
        for number in range(3):
            before = installation.ledger.last_row()
            made = installation.backup(tmp_path / f"{number}.zip")
            assert made.last_row >= before
        wait_for(lambda: installation.ledger.last_row() > made.last_row + 5, what="load after the backup")
    finally:
        stop.set()
        worker.join()
    for number in range(3):
        folder = tmp_path / f"back-{number}"
        ledger = restored(tmp_path / f"{number}.zip", folder)
        last = ledger.last_row()
        assert list(ledger.broken_rows()) == []
        assert ledger.rows(0, last) == installation.ledger.rows(0, last)
        engine_of_old = open_database(folder)
        named = Register(engine_of_old).snapshot().sites[0].name
        assert int(named.removeprefix("for row ")) >= last
        engine_of_old.dispose()
        ledger.close()
    engine.dispose()
    other.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_or_changes_nothing(
    small: Path, tmp_path: Path, place: float, bit: int
) -> None:
    """Some bytes of a zip mean nothing (its dates); all others are found before anything is written."""
    damaged = bytearray(small.read_bytes())
    damaged[int(place * len(damaged))] ^= 1 << bit
    (tmp_path / "damaged.zip").write_bytes(damaged)
    try:
        archive = Archive(tmp_path / "damaged.zip")
        check(archive)
    except BackupError:
        return
    whole = Archive(small)
    assert archive.manifest == whole.manifest
    for member in whole.manifest.tables:
        assert list(archive.lines(member)) == list(whole.lines(member))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_half_an_archive_is_refused_and_nothing_is_put_in_place(
    small: Path, tmp_path: Path, share: float
) -> None:
    whole = small.read_bytes()
    (tmp_path / "half.zip").write_bytes(whole[: int(len(whole) * share)])
    done = CliRunner().invoke(
        app, ["restore", str(tmp_path / "half.zip"), "--data-dir", str(tmp_path / "new")]
    )
    assert done.exit_code == 1
    assert "is not a whole backup" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["half.zip"]


def rewritten(small: Path, target: Path, member: str, old: bytes, new: bytes, *, fix: bool) -> None:
    """The archive with one member changed; ``fix`` makes size and hash in its manifest fit again."""
    with zipfile.ZipFile(small) as source, zipfile.ZipFile(target, "w") as out:
        content = {name: source.read(name) for name in source.namelist()}
        assert old in content[member]
        content[member] = content[member].replace(old, new)
        if fix:
            manifest = json.loads(content["manifest.json"])
            for one in manifest["tables"]:
                if f"{one['store']}/{one['table']}.jsonl" == member:
                    one["size"] = len(content[member])
                    one["sha256"] = hashlib.sha256(content[member]).hexdigest()
            content["manifest.json"] = json.dumps(manifest).encode()
        for name, data in content.items():
            out.writestr(name, data)


def test_a_changed_row_is_found_by_the_chain_although_every_hash_was_made_to_fit(
    small: Path, tmp_path: Path
) -> None:
    rewritten(small, tmp_path / "f.zip", "ledger/batches.jsonl", b'"kh-f0123"', b'"kh-f0999"', fix=True)
    with pytest.raises(BackupError, match="row 1 of the ledger does not follow"):
        check(Archive(tmp_path / "f.zip"))


def test_a_changed_table_is_found_by_its_hash(small: Path, tmp_path: Path) -> None:
    rewritten(small, tmp_path / "f.zip", "register/persons.jsonl", b"admin", b"adman", fix=False)
    with pytest.raises(BackupError, match=r"register/persons\.jsonl is not what the manifest says"):
        check(Archive(tmp_path / "f.zip"))


def test_a_ledger_that_was_damaged_before_is_kept_with_the_place_named(
    installation: Installation, tmp_path: Path
) -> None:
    installation.receive(3)
    with sqlite3.connect(installation.folder / "ledger.sqlite") as file:
        file.execute("DROP TRIGGER batches_update")
        file.execute("UPDATE batches SET received_at = received_at + 1 WHERE row = 2")
    file.close()
    made = CliRunner().invoke(
        app, ["backup", str(tmp_path / "a.zip"), "--data-dir", str(installation.folder), "--json"]
    )
    assert made.exit_code == 1
    assert json.loads(made.stdout)["broken_rows"] == [2]
    assert "row 2 does not follow" in made.stderr
    assert list(restored(tmp_path / "a.zip", tmp_path / "new").broken_rows()) == [2]


def test_a_backup_is_for_its_owner_alone_and_overwrites_nothing(
    installation: Installation, tmp_path: Path
) -> None:
    installation.receive(1)
    installation.backup(tmp_path / "a.zip")
    assert stat.S_IMODE((tmp_path / "a.zip").stat().st_mode) == 0o600
    with pytest.raises(BackupError, match="is there already and is not overwritten"):
        installation.backup(tmp_path / "a.zip")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(BackupError, match="is not empty"):
        restored(tmp_path / "a.zip", tmp_path / "full")
    assert (tmp_path / "full" / "mine.txt").read_text() == "mine"
    restored(tmp_path / "a.zip", tmp_path / "new").close()
    modes = {stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "new").rglob("*") if one.is_file()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_too_little_space_is_said_before_anything_is_written(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(BackupError, match=r"0 MiB free and the backup may need \d+ MiB"):
        installation.backup(tmp_path / "a.zip")
    assert not list(tmp_path.glob("*.zip*"))


def test_a_backup_from_before_an_upgrade_is_brought_to_the_newest_schema(tmp_path: Path) -> None:
    """As an older version made it: with the tables of its time."""
    old = "0003_calendar"
    folder = tmp_path / "old"
    folder.mkdir()
    open_ledger(folder).close()
    engine = open_database(folder)
    migrate_to(engine, old)
    engine.dispose()
    ServerKey.load_or_create(folder / FILE_NAME)
    made = Installation(folder, open_ledger(folder), Device()).backup(tmp_path / "old.zip")
    assert made.register_revision == old
    restored(tmp_path / "old.zip", tmp_path / "new").close()
    engine = open_database(tmp_path / "new")
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    engine.dispose()
    assert found == head_revision()


def test_a_folder_of_backups_keeps_the_newest(installation: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for hour in ("01", "02", "03"):
        (folder / f"oshwatch-2026-01-01T{hour}0000Z.backup.zip").write_bytes(b"old")
    (folder / "oshwatch-notes.txt").write_text("mine")
    done = CliRunner().invoke(
        app, ["backup", str(folder), "--keep", "2", "--data-dir", str(installation.folder), "--json"]
    )
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["oshwatch-2026-01-01T030000Z.backup.zip", Path(said["file"]).name, "oshwatch-notes.txt"]
    assert len(said["deleted"]) == 2
    assert said["checked"] is True


def test_a_box_moves_to_a_server_and_back_by_the_same_file(
    installation: Installation, tmp_path: Path, postgres: Postgres
) -> None:
    installation.receive(5)
    installation.refuse()
    installation.backup(tmp_path / "box.zip")
    archive = Archive(tmp_path / "box.zip")
    check(archive)
    engine = open_database(postgres.owner_url)
    restore_database(archive, engine)
    with pytest.raises(BackupError, match="is not empty"):
        restore_database(archive, engine)
    ledger = open_ledger_of(postgres.settings(tmp_path / "server"))
    assert list(ledger.broken_rows()) == []
    Intake(ledger, snapshot).take([arrival(installation.device.batch()), arrival(b"[1]")], NOW)
    assert ledger.last_row() == 6, "numbers go on after what was restored"
    ledger.close()
    make_backup(
        Stores(engine, engine), tmp_path / "server.zip", keys={"server.key": b"k"}, key_id="0", files={},
        program="t", now=NOW,
    )  # fmt: skip
    engine.dispose()
    back = restored(tmp_path / "server.zip", tmp_path / "back")
    assert back.rows(0, 5) == installation.ledger.rows(0, 5)
    assert list(back.broken_rows()) == []
    there, here = everything(tmp_path / "back"), everything(installation.folder)
    assert {name: there[name] for name in ("persons", "zones", "shifts", "audit")} == {
        name: here[name] for name in ("persons", "zones", "shifts", "audit")
    }
