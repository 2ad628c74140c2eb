"""A gateway's program is replaced by a later one, or by the earlier one again, while a backlog waits."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from edge_agent.agent import OUTBOX_FILE
from edge_agent.outbox.schema import LATEST
from tests.delivery.real_server import RealServer
from tests.delivery.test_twins import Machine, numbers
from tests.edge_agent.scripted import T0
from tests.servers import Broker

FIRST, WAITING = 1000, 10


def as_written_by(folder: Path, statements: str) -> None:
    """Give the outbox the form that another version of the program writes."""
    with closing(sqlite3.connect(folder / OUTBOX_FILE)) as outbox:
        outbox.executescript(statements)


def with_a_backlog(folder: Path, broker: Broker) -> Machine:
    machine = Machine(folder, broker, FIRST)
    machine.on(T0, connected=False)
    machine.measure(WAITING)
    machine.off()
    return machine


def test_an_upgrade_delivers_the_backlog_of_the_version_before(broker: Broker, tmp_path: Path) -> None:
    machine = with_a_backlog(tmp_path / "gw", broker)
    as_written_by(
        machine.folder,
        "ALTER TABLE epochs DROP COLUMN ended; ALTER TABLE open_records DROP COLUMN digest;"
        "PRAGMA user_version = 1",
    )
    with RealServer(tmp_path / "server", broker) as server:
        machine.on(T0 + 3600)
        machine.measure(2)
        machine.deliver()
        assert machine.agent.outbox.set_aside is None
        machine.off()
        assert numbers(server) == [float(n) for n in range(FIRST, FIRST + WAITING + 2)]
        assert len({row.epoch for row in server.ledger.rows(0, 100)}) == 1, "the chain goes on"


def test_a_rollback_delivers_the_backlog_of_the_later_version_and_says_what_happened(
    broker: Broker, tmp_path: Path
) -> None:
    machine = with_a_backlog(tmp_path / "gw", broker)
    as_written_by(
        machine.folder,
        f"ALTER TABLE batches ADD COLUMN priority INTEGER; PRAGMA user_version = {LATEST + 1}",
    )
    with RealServer(tmp_path / "server", broker) as server:
        machine.on(T0 + 3600)
        machine.measure(2)
        machine.agent.step()  # brings back what was set aside
        machine.agent.step()  # says so with the next batch
        machine.measure(1)
        machine.deliver()
        machine.off()
        assert numbers(server) == [float(n) for n in range(FIRST, FIRST + WAITING + 3)]
        assert server.ledger.quarantine() == []
        assert any(f"its form is {LATEST + 1}" in text for text in server.words("status"))
