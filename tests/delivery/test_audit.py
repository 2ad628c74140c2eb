"""The audit of a campaign finds a loss that somebody made, also where a gap record would cover everything."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from firmware_sim.gateway import Delivery
from firmware_sim.progress import Plan
from firmware_sim.runner import FleetRunner
from ingest_service.database import migrate, open_database
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.projection import Projector
from ingest_service.register.store import Register
from ingest_service.series.sqlite import open_series
from osh_domain.batch import open_frame
from tests.delivery.audit import Audit, audit
from tests.demo.test_truth_check import MINUTES, START, keep, payloads
from tests.servers import free_port

LOST = 3
"""The place of the batch that vanishes."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fleet of one gateway that ran for six minutes and reached nobody."""
    folder = tmp_path_factory.mktemp("audit")
    plan = Plan(folder / "fleet", truth=folder / "truth.jsonl", part=(1, 6))
    runner = FleetRunner(plan, Delivery(port=free_port()), START)
    runner.run(threading.Event(), until=START + 60.0 * MINUTES)
    runner.close()
    return folder


@pytest.fixture
def fleet(ran: Path, tmp_path: Path) -> Path:
    """The same, to be changed: every batch is marked as delivered."""
    shutil.copytree(ran, tmp_path / "ran")
    change(tmp_path / "ran", "UPDATE batches SET state = 1")
    return tmp_path / "ran"


def change(fleet: Path, sql: str, *values: object) -> None:
    (path,) = (fleet / "fleet").glob("*/outbox.sqlite")
    with closing(sqlite3.connect(path, isolation_level=None)) as outbox:
        outbox.execute(sql, values)


def audited(fleet: Path, frames: list[bytes]) -> Audit:
    """The audit of a server that holds these batches and made the series of them."""
    data_dir = keep(fleet / "server", frames)
    engine = open_database(data_dir)
    migrate(engine)
    ledger, series = open_ledger(data_dir, read_only=True), open_series(data_dir)
    projector = Projector(ledger, series, Register(engine).snapshot)
    while projector.step(500):
        pass
    series.close()
    ledger.close()
    engine.dispose()
    (fleet / "scratch").mkdir()
    return audit(fleet / "truth.jsonl", data_dir, fleet / "fleet", fleet / "scratch")


def all_but(frames: list[bytes], place: int) -> list[bytes]:
    return [*frames[:place], *frames[place + 1 :]]


@pytest.fixture
def covers_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gap record that covers whatever was ever measured."""
    monkeypatch.setattr("tests.delivery.audit._Kept.covers", lambda *_: True)


def test_when_everything_arrived_every_promise_was_kept(fleet: Path) -> None:
    found = audited(fleet, payloads(fleet))
    assert found.kept, "\n".join(found.lines())
    assert found.truth.taken > 100


def test_a_row_taken_out_of_the_ledger_is_a_loss(fleet: Path) -> None:
    found = audited(fleet, all_but(payloads(fleet), LOST))
    assert found.lost
    assert not found.kept


@pytest.mark.usefixtures("covers_all")
def test_no_gap_record_excuses_a_batch_that_was_acknowledged(fleet: Path) -> None:
    found = audited(fleet, all_but(payloads(fleet), LOST))
    assert not found.lost
    assert found.in_gaps > 0
    assert [text.partition(":")[2] for text in found.batches] == [
        f"{LOST + 1} was acknowledged and is not in the ledger"
    ]
    assert not found.kept


VANISHED = {
    "gone from the outbox": ("DELETE FROM batches WHERE seq = ?", "and it is nowhere"),
    "held for no reason": (
        "UPDATE batches SET state = 2, code = 'overtaken' WHERE seq = ?", "nothing in the ledger is why",
    ),
    "refused although it was good": (
        "UPDATE batches SET state = 2, code = 'key' WHERE seq = ?", "is held (key)",
    ),
}  # fmt: skip


@pytest.mark.usefixtures("covers_all")
@pytest.mark.parametrize("how", VANISHED)
def test_no_gap_record_excuses_what_an_undamaged_outbox_forgot(fleet: Path, how: str) -> None:
    sent = payloads(fleet)
    sql, said = VANISHED[how]
    change(fleet, sql, open_frame(sent[LOST]).header.seq)
    found = audited(fleet, all_but(sent, LOST))
    assert len(found.batches) == 1
    assert said in found.batches[0]
    assert not found.kept


@pytest.mark.usefixtures("covers_all")
def test_a_damaged_outbox_excuses_what_cannot_be_read_and_nothing_that_was_acknowledged(fleet: Path) -> None:
    sent = payloads(fleet)
    (outbox,) = (fleet / "fleet").glob("*/outbox.sqlite")
    outbox.with_name("outbox.sqlite.damaged-20260420T003000Z").write_bytes(b"")
    change(fleet, "DELETE FROM batches WHERE seq = ?", open_frame(sent[LOST]).header.seq)
    found = audited(fleet, all_but(all_but(sent, LOST), 0))
    assert len(found.batches) == 1, "the other one was never acknowledged, and nothing of it is left"
    assert "1 was acknowledged and is not in the ledger" in found.batches[0]


def test_a_batch_whose_number_is_taken_by_another_content_is_rightly_held(fleet: Path) -> None:
    change(fleet, "UPDATE batches SET state = 2, code = 'overtaken', batch_hash = 'another' WHERE seq = 2")
    found = audited(fleet, payloads(fleet))
    assert found.batches == ()
