"""One identity twice, and a server that remembers less than it had: nothing is overwritten, all is told."""

from __future__ import annotations

import itertools
import shutil
import threading
from pathlib import Path

import pytest

from edge_agent import mqtt_link
from edge_agent.agent import Agent
from edge_agent.clock import SimClock
from edge_agent.driver import Sample
from ingest_service.resending import HIGHEST, Answer, Hole, holes, resend
from tests.delivery.real_server import RealServer
from tests.edge_agent.scripted import GATEWAY, SITE, T0, Scripted, agent_for, connect, delivered, pump
from tests.servers import Broker


class Machine:
    """A gateway on a card: it can be switched on and off, and its card can be copied."""

    def __init__(self, folder: Path, broker: Broker, first: int) -> None:
        self.folder, self.broker = folder, broker
        self._numbers = itertools.count(first)
        self.agent: Agent
        self.clock: SimClock

    def on(self, t: float, *, connected: bool = True) -> None:
        self.clock = SimClock(t, booted_at=t - 10)
        sensor = Scripted(lambda: [Sample("co2", float(next(self._numbers)))])
        sensor.channels = (sensor.channels[0]._replace(quantity="co2", unit="ppm", low=0.0, high=9e4),)
        port = self.broker.port
        self.agent = agent_for(self.folder, port, self.clock, {"st1": sensor}, retry_first_s=5)
        self.agent.start()
        if connected:
            connect(self.agent)

    def measure(self, minutes: int) -> None:
        for _ in range(minutes):
            self.clock.set(self.clock.wall() // 60 * 60 + 60)
            self.agent.sample_due(self.clock.wall())
            self.agent.seal_due(self.clock.wall())

    def deliver(self) -> None:
        pump(self.agent, lambda: delivered(self.agent))

    def off(self) -> None:
        self.agent.stop(1.0)


def numbers(server: RealServer) -> list[float]:
    return sorted(float(str(r.value)) for r in server.records() if r.name.endswith("/co2"))


def twins(tmp_path: Path, broker: Broker) -> tuple[Machine, Machine]:
    """A machine that delivered five batches, then three more; one with its card as it was after five."""
    first = Machine(tmp_path / "a", broker, 1000)
    first.on(T0)
    first.measure(5)
    first.deliver()
    first.off()
    shutil.copytree(first.folder, tmp_path / "b")
    first.on(T0 + 3600)
    first.measure(3)
    first.deliver()
    first.off()
    return first, Machine(tmp_path / "b", broker, 2000)


def test_a_copied_card_begins_an_epoch_of_its_own_as_soon_as_the_server_knows_more(
    broker: Broker, tmp_path: Path
) -> None:
    with RealServer(tmp_path / "server", broker) as server:
        first, second = twins(tmp_path, broker)
        second.on(T0 + 7200)
        epoch = second.agent.outbox.epoch
        pump(second.agent, lambda: second.agent.outbox.epoch != epoch, what="another epoch")
        second.measure(3)
        second.deliver()
        second.off()
        assert numbers(server) == [*range(1000, 1008), *range(2000, 2003)]
        assert server.ledger.quarantine() == []
        assert any(text.startswith("clone suspected") for text in server.words("status"))
        first.on(T0 + 9000)
        first.measure(2)
        first.deliver()
        assert first.agent.outbox.epoch == epoch, "the first goes on undisturbed"
        first.off()


def test_what_a_copied_card_sealed_under_used_numbers_is_kept_on_both_sides(
    broker: Broker, tmp_path: Path
) -> None:
    with RealServer(tmp_path / "server", broker) as server:
        _, second = twins(tmp_path, broker)
        second.on(T0 + 7200, connected=False)
        epoch = second.agent.outbox.epoch
        second.measure(2)
        pump(second.agent, lambda: second.agent.outbox.epoch != epoch, what="another epoch")
        second.deliver()
        assert second.agent.outbox.counts().held == 3  # the first is the word about the restart
        second.measure(2)
        second.deliver()
        assert second.agent.outbox.send_again(epoch, 6, 8) == 3  # what the command `resend` does
        second.agent.publisher.batch_sealed()
        pump(second.agent, lambda: second.agent.outbox.counts().held == 3, what="the conflicts")
        second.off()
        assert numbers(server) == [*range(1000, 1008), 2002, 2003]
        assert {(entry.code, entry.seq) for entry in server.ledger.quarantine()} == {
            ("conflict", seq) for seq in (6, 7, 8)
        }
        assert any("3 batches of the old one are held" in text for text in server.words("status"))


def test_a_copied_card_that_is_ahead_meets_a_conflict_and_leaves_the_epoch(
    broker: Broker, tmp_path: Path
) -> None:
    with RealServer(tmp_path / "server", broker) as server:
        _, second = twins(tmp_path, broker)
        second.on(T0 + 7200, connected=False)
        epoch = second.agent.outbox.epoch
        second.measure(6)  # 6 to 12, where the first had come to 9
        pump(second.agent, lambda: second.agent.outbox.epoch != epoch, what="another epoch")
        second.measure(2)
        second.deliver()
        second.off()
        refused = {entry.seq for entry in server.ledger.quarantine()}
        assert {6, 7, 8, 9} >= refused >= {6}
        assert set(numbers(server)) >= {*range(1000, 1008), 2006.0, 2007.0}
        assert len(numbers(server)) == len(set(numbers(server)))
        words = server.words("status")
        assert any(text.startswith("clone suspected") for text in words)
        assert list(server.ledger.broken_rows()) == []


def test_two_machines_that_throw_each_other_out_wait_and_say_so(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_link, "CLONE_WAIT_S", (1, 1))
    monkeypatch.setattr(mqtt_link, "FLAP_WAIT_S", (1, 1))
    monkeypatch.setattr(mqtt_link, "FLAPS", 2)
    with RealServer(tmp_path / "server", broker) as server:
        first, second = Machine(tmp_path / "a", broker, 1000), Machine(tmp_path / "b", broker, 2000)
        first.on(T0)
        second.on(T0)
        pump(first.agent, lambda: first.agent.publisher.counters.connections >= 4, within_s=20)
        second.measure(2)
        pump(second.agent, lambda: delivered(second.agent), within_s=20)
        second.off()
        first.measure(2)
        pump(first.agent, lambda: delivered(first.agent), within_s=20)
        first.off()
        assert numbers(server) == [1000, 1001, 2000, 2001]
        assert any(text.startswith("clone suspected: another client") for text in server.words("status"))


def test_a_server_restored_from_an_old_backup_gets_everything_back_by_one_command(
    broker: Broker, tmp_path: Path
) -> None:
    machine = Machine(tmp_path / "gw", broker, 1000)
    server = RealServer(tmp_path / "server", broker)
    with server:
        machine.on(T0)
        machine.measure(4)
        machine.deliver()
    shutil.copytree(server.folder, tmp_path / "backup")
    with server:
        machine.measure(6)
        pump(machine.agent, lambda: delivered(machine.agent), within_s=20)
    shutil.rmtree(server.folder)
    shutil.copytree(tmp_path / "backup", server.folder)
    with server:
        machine.measure(2)
        pump(machine.agent, lambda: delivered(machine.agent), within_s=20)
        epoch = machine.agent.outbox.epoch
        wanted = holes(server.ledger)
        assert wanted == [Hole(SITE, GATEWAY, epoch, 5, 10), Hole(SITE, GATEWAY, epoch, 13, HIGHEST)]
        assert holes(server.ledger, ["kh-f0123-z"]) == []
        answers: list[Answer] = []
        asking = threading.Thread(
            target=lambda: answers.extend(
                resend(server.settings, wanted, server.signer, machine.clock.wall, within_s=15)
            )
        )
        asking.start()
        pump(machine.agent, lambda: not asking.is_alive() and delivered(machine.agent), within_s=20)
        machine.off()
        assert [(a.batches, a.error) for a in sorted(answers)] == [(6, None), (0, None)]
        assert numbers(server) == [float(number) for number in range(1000, 1012)]
        assert server.ledger.standing(GATEWAY, epoch).cum == machine_head(machine)
        assert list(server.ledger.broken_rows()) == []


def machine_head(machine: Machine) -> int:
    from edge_agent.outbox.store import Outbox

    with Outbox(machine.folder / "outbox.sqlite", GATEWAY, serial="serial-1") as outbox:
        return outbox.head().seq
