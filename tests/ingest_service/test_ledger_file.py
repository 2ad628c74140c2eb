"""What only a ledger in a file can show: a full disk, a folder that cannot be used."""

from pathlib import Path

import pytest

from ingest_service.ledger.port import LedgerError
from ingest_service.ledger.sqlite import open_ledger
from tests.ingest_service.test_ledger import EPOCH, GATEWAY, sealed


def test_a_full_disk_is_a_clear_error_and_leaves_nothing_half_stored(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    ledger.append([sealed(1)])
    pages = ledger._file.connection.execute("PRAGMA page_count").fetchone()[0]
    ledger._file.connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(LedgerError, match=r"full.*free some space"):
        ledger.append([sealed(n, content="x" * 5000) for n in range(2, 20)])
    assert ledger.last_row() == 1
    assert ledger.standing(GATEWAY, EPOCH).cum == 1
    ledger._file.connection.execute("PRAGMA max_page_count=1000000")
    assert [outcome.verdict for outcome in ledger.append([sealed(2)])] == ["new"]
    ledger.close()


def test_a_data_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"cannot use the data directory .*missing.*No such file"):
        open_ledger(tmp_path / "missing")
