"""Each day's rows get one signed line, once, in a chain that nobody can write anew unseen."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest_service.auth.server_key import verify_ed25519
from ingest_service.evidence.roots import publish_days, publish_due
from ingest_service.intake import Intake
from ingest_service.ledger.connection import FILE_NAME
from ingest_service.ledger.sqlite import SqliteLedger, open_ledger
from osh_domain.evidence.day_roots import NO_LINE, line_hash, read_day_root
from osh_domain.evidence.merkle import Tree, leaf
from tests.ingest_service.gateways import NOW, SIGNER, Device, arrival, snapshot
from tests.servers import wait_for

MIDNIGHT = NOW - NOW % 86_400.0 + 86_400.0
DUE = MIDNIGHT + 300.0


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    found = open_ledger(tmp_path)
    device, intake = Device(), Intake(found, snapshot)
    intake.take([arrival(device.batch(), at=NOW) for _ in range(3)], NOW)
    yield found
    found.close()


def test_a_day_is_published_once_and_only_after_its_end(ledger: SqliteLedger) -> None:
    assert publish_due(ledger, SIGNER, DUE - 1.0) is None, "nothing had been received the day before"
    line = publish_due(ledger, SIGNER, DUE)
    assert line is not None
    assert (line.day, line.first, line.last) == ("2026-01-01", 1, 3)
    assert publish_due(ledger, SIGNER, DUE) is None
    assert publish_due(ledger, SIGNER, DUE + 3600.0) is None


def test_what_comes_after_midnight_belongs_to_the_next_day(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    device, intake = Device(), Intake(ledger, snapshot)
    for at in (NOW, MIDNIGHT - 0.5, MIDNIGHT, MIDNIGHT + 200.0):
        intake.take([arrival(device.batch(), at=at)], at)
    lines = [publish_due(ledger, SIGNER, DUE + 86_400.0 * day) for day in range(2)]
    assert [(one.first, one.last) for one in lines if one] == [(1, 2), (3, 4)]
    ledger.close()


def test_the_lines_of_all_days_form_one_chain_over_all_rows(ledger: SqliteLedger) -> None:
    lines = [publish_due(ledger, SIGNER, DUE + 86_400.0 * day) for day in range(3)]
    roots = [read_day_root(line.word, SIGNER.public_key, verify_ed25519) for line in lines if line]
    assert [(one.first, one.last) for one in roots] == [(1, 3), (4, 3), (4, 3)], (
        "days without rows speak for none"
    )
    assert roots[0].before == NO_LINE
    assert [one.before for one in roots[1:]] == [line_hash(line.word) for line in lines[:2] if line]
    hashes = [leaf(bytes.fromhex(one)) for one in ledger.row_hashes(1, 3)]
    assert roots[0].root == Tree(hashes).root.hex()
    assert {one.head for one in roots} == {ledger.row_hashes(3, 3)[0]}


def test_of_two_processes_one_publishes(ledger: SqliteLedger, tmp_path: Path) -> None:
    line = publish_due(ledger, SIGNER, DUE)
    assert line is not None
    other = open_ledger(tmp_path)
    assert not other.publish_day(line), "the same day"
    assert not other.publish_day(line._replace(day="2026-01-02")), "rows that have a line already"
    other.close()
    assert ledger.day_roots() == [line]


def test_a_published_line_cannot_be_changed(ledger: SqliteLedger, tmp_path: Path) -> None:
    publish_due(ledger, SIGNER, DUE)
    with sqlite3.connect(tmp_path / FILE_NAME) as around, pytest.raises(sqlite3.IntegrityError):
        around.execute("UPDATE day_roots SET last = 0")
    around.close()


def test_days_are_published_by_themselves(ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest_service.evidence.roots.LOOK_S", 0.01)
    stop = threading.Event()
    thread = threading.Thread(target=publish_days, args=(ledger, SIGNER, lambda: DUE, stop))
    thread.start()
    try:
        wait_for(ledger.day_roots)
    finally:
        stop.set()
        thread.join()


def test_a_ledger_of_the_version_before_is_brought_here_without_loss(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    Intake(ledger, snapshot).take([arrival(Device().batch(), at=NOW)], NOW)
    ledger.close()
    with sqlite3.connect(tmp_path / FILE_NAME) as old:
        old.executescript("DROP TABLE day_roots; PRAGMA user_version = 1;")
    old.close()
    ledger = open_ledger(tmp_path)
    assert ledger.last_row() == 1
    assert publish_due(ledger, SIGNER, DUE) is not None
    ledger.close()
