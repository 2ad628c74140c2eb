import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import ingest_service.auth.schema
import ingest_service.cases.schema
import ingest_service.leases
import ingest_service.overview_lines
import ingest_service.register.schema
import ingest_service.views.schema  # noqa: F401 - they fill METADATA
from ingest_service.database import (
    METADATA,
    MIGRATIONS,
    DatabaseError,
    head_revision,
    migrate,
    open_database,
    write,
)


def test_it_migrates_from_empty_to_the_schema_that_the_code_declares(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_it_finds_nothing_to_do_the_second_time(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_alembic(*_: object) -> None:
        pytest.fail("it started Alembic")

    monkeypatch.setattr("alembic.command.upgrade", no_alembic)
    migrate(engine)


def test_it_takes_the_file_names_for_the_order_that_alembic_knows() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [head_revision()]
    assert all(Path(script.path).stem == script.revision for script in scripts.walk_revisions())


def test_it_lets_several_processes_migrate_the_same_new_database(tmp_path: Path) -> None:
    program = (
        "import sys; from ingest_service.database import *\n"
        "engine = open_database(sys.argv[1]); migrate(engine); engine.dispose()"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "data")]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    results = [(process.communicate(timeout=60)[1], process.returncode) for process in running]
    assert results == [(b"", 0)] * 3


def test_it_rolls_back_what_fails_half_way(engine: sa.Engine) -> None:
    def half_way() -> None:
        with write(engine) as connection:
            connection.execute(sa.text("UPDATE register_version SET version = 99"))
            connection.execute(sa.text("INSERT INTO register_version (id, version) VALUES (1, 1)"))

    with pytest.raises(sa.exc.IntegrityError):
        half_way()
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT version FROM register_version")).scalar() == 1


def test_it_keeps_the_audit_log_append_only(engine: sa.Engine) -> None:
    with write(engine) as connection:
        connection.execute(
            sa.text("INSERT INTO audit (at, who, action, object, detail) VALUES (1, 'a', 'b', 'c', '{}')")
        )
    for statement in ("UPDATE audit SET who = 'x'", "DELETE FROM audit"):
        with pytest.raises(sa.exc.IntegrityError, match="append-only"), write(engine) as connection:
            connection.execute(sa.text(statement))


def test_it_says_where_it_looked_when_there_is_no_register(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="oshwatch admin init"):
        open_database(tmp_path / "nowhere", must_exist=True)
    assert not (tmp_path / "nowhere").exists()


def test_it_says_when_the_data_directory_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatabaseError, match=r"cannot be made .* OSHWATCH_DATA_DIR"):
        open_database(tmp_path / "file" / "data")


def test_it_says_when_the_data_directory_is_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    with pytest.raises(DatabaseError, match="read-only for this user"):
        open_database(tmp_path)


def test_it_says_when_the_file_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "register.sqlite").write_text("a letter to the editor, long enough to be no header" * 10)
    with pytest.raises(DatabaseError, match="cannot be opened"):
        open_database(tmp_path)
