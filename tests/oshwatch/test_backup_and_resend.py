"""The whole way back: a backup, more data, a lost disk, `restore`, `resend`: every reading is there once."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from typer.testing import CliRunner

from ingest_service.resending import Answer, holes, resend
from oshwatch.commands.admin import app
from tests.delivery.real_server import RealServer
from tests.delivery.test_twins import Machine, numbers
from tests.edge_agent.scripted import T0, delivered, pump
from tests.servers import Broker


def admin(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    return done.stdout


def test_after_a_lost_disk_restore_and_resend_bring_every_reading_back_once(
    broker: Broker, tmp_path: Path
) -> None:
    folder, file = tmp_path / "server", tmp_path / "kept.zip"
    admin("init", "--data-dir", str(folder))
    machine = Machine(tmp_path / "gw", broker, 1000)
    server = RealServer(folder, broker)
    with server:
        machine.on(T0)
        machine.measure(4)
        machine.deliver()
        admin("backup", str(file), "--data-dir", str(folder))  # while the intake runs
        machine.measure(6)
        pump(machine.agent, lambda: delivered(machine.agent), within_s=20)
    shutil.rmtree(folder)
    said = admin("restore", str(file), "--data-dir", str(folder))
    assert "oshwatch admin resend" in said
    with server:
        machine.measure(2)
        pump(machine.agent, lambda: delivered(machine.agent), within_s=20)
        assert len(numbers(server)) < 12
        answers: list[Answer] = []
        wanted = holes(server.ledger)
        asking = threading.Thread(
            target=lambda: answers.extend(
                resend(server.settings, wanted, server.signer, machine.clock.wall, within_s=15)
            )
        )
        asking.start()
        pump(machine.agent, lambda: not asking.is_alive() and delivered(machine.agent), within_s=20)
        machine.off()
        assert numbers(server) == [float(number) for number in range(1000, 1012)]
        assert list(server.ledger.broken_rows()) == []
