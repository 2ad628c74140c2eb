from pathlib import Path

import pytest

from ingest_service.database import open_database
from ingest_service.settings import Settings
from oshwatch.starting import NotPreparedError, prepare, starting_errors


def test_a_folder_nobody_prepared_is_refused_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(NotPreparedError, match="oshwatch admin init"):
        prepare(Settings(data_dir=tmp_path / "mistyped"))
    assert not (tmp_path / "mistyped").exists()


def test_a_prepared_folder_gets_every_store(tmp_path: Path) -> None:
    engine = open_database(tmp_path)
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE made (x)")
        connection.exec_driver_sql("DROP TABLE made")
    engine.dispose()
    prepare(Settings(data_dir=tmp_path))
    names = {path.name for path in tmp_path.iterdir()}
    assert {"register.sqlite", "ledger.sqlite", "series.sqlite", "server.key"} <= names


def test_a_ledger_that_is_no_database_is_told_in_one_sentence(tmp_path: Path) -> None:
    open_database(tmp_path).dispose()
    (tmp_path / "register.sqlite").touch()
    (tmp_path / "ledger.sqlite").write_bytes(b"no database at all, but long enough to be read as one")
    with pytest.raises(starting_errors(), match=r"ledger\.sqlite"):
        prepare(Settings(data_dir=tmp_path))
