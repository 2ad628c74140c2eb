"""Two machines with one identity, as a gateway, a broker and the service see it."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent import mqtt_link
from edge_agent.agent import Agent
from edge_agent.clock import SimClock
from edge_agent.identity import KEY_FILE, load_or_create_key
from ingest_service.clone_suspicion import Boot, Sign, clone_suspicion, sign_of, suspicions
from ingest_service.ledger.port import StateNote
from osh_domain.batch import open_frame
from osh_domain.senml import read_pack
from tests.delivery.rotating_gateway import agent_of, go_on
from tests.delivery.test_key_rotation import KeyServer
from tests.edge_agent.scripted import GATEWAY, SITE, T0, connect, delivered, pump
from tests.servers import Broker, wait_for


@pytest.fixture
def server(broker: Broker, tmp_path: Path) -> Iterator[KeyServer]:
    key = load_or_create_key(tmp_path / "a" / KEY_FILE)
    server = KeyServer(tmp_path / "server", broker, key.public_key)
    yield server
    server.close()


def kinds(server: KeyServer) -> tuple[str, ...]:
    found = suspicions(server.register.engine, time.time()).get(GATEWAY)
    return () if found is None else found.kinds


def on(
    folder: Path, broker: Broker, server: KeyServer, t: float, boot: str, first: int
) -> tuple[Agent, SimClock]:
    clock = SimClock(t, booted_at=T0 - 100, boot_id=boot)
    agent = agent_of(folder, broker.port, server.signer.public_key, clock, first)
    agent.start()
    connect(agent)
    return agent, clock


def test_the_service_suspects_a_copied_card_and_keeps_what_both_measured(
    broker: Broker, server: KeyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest_service.clone_suspicion.IN_A_ROW_S", 0.0)
    one, two = "a" * 16, "b" * 16
    agent, clock = on(tmp_path / "a", broker, server, T0, one, 1000)
    go_on(agent, clock, 3)
    agent.stop(1.0)
    assert kinds(server) == ()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    agent, clock = on(tmp_path / "a", broker, server, T0 + 1800, one, 2000)  # the agent began anew
    go_on(agent, clock, 2)
    agent.stop(1.0)
    assert kinds(server) == (), "one machine that is switched off and on is not two"
    copy, its_clock = on(tmp_path / "b", broker, server, T0 + 3600, two, 3000)
    go_on(copy, its_clock, 2)
    copy.stop(1.0)
    agent, clock = on(tmp_path / "a", broker, server, T0 + 7200, one, 4000)
    go_on(agent, clock, 2)
    agent.stop(1.0)
    wait_for(lambda: "boots" in kinds(server), what="the suspicion")
    found = suspicions(server.register.engine, time.time())[GATEWAY]
    assert found.times >= 2
    assert "conflict" in found.kinds, "the copy found its numbers in use, and said so"
    assert suspicions(server.register.engine, time.time() + 8 * 86_400) == {}
    numbers = _values(server)
    assert len(numbers) == len(set(numbers))
    assert {1000.0, 2000.0, 3001.0, 4001.0} <= set(numbers)


def _values(server: KeyServer) -> list[float]:
    return [
        record.value
        for row in server.ledger.rows(0, 1000)
        for record in read_pack(_pack(row.payload), T0)
        if record.name.endswith("/co2") and isinstance(record.value, float)
    ]


def _pack(payload: bytes) -> bytes:
    return open_frame(payload).pack


def online(boot: str, conn: int | None, at: float, epoch: str = "e") -> StateNote:
    return StateNote(SITE, GATEWAY, at, "online", boot, epoch, conn)


@pytest.mark.parametrize(
    ("note", "known", "kind"),
    [
        (online("A", 1, 100.0), [], None),
        (online("A", 5, 100.0), [Boot("A", "e", 5, 50.0)], None),  # retained, heard again
        (online("A", 6, 100.0), [Boot("A", "e", 5, 50.0)], None),
        (online("B", 6, 100.0), [Boot("A", "e", 5, 50.0)], None),  # a restart
        (online("B", 1, 100.0, "new"), [Boot("A", "e", 5, 50.0)], None),  # its outbox was lost
        (online("B", None, 100.0), [Boot("A", "e", 5, 50.0)], None),
        (online("A", 4, 100.0), [Boot("A", "e", 5, 50.0)], "conn"),
        (online("B", 3, 100.0), [Boot("A", "e", 5, 50.0)], "conn"),
        (online("A", 7, 100.0), [Boot("A", "e", 5, 50.0), Boot("B", "e", 6, 60.0)], "boots"),
        (online("A", 7, 61.0), [Boot("A", "e", 5, 50.0), Boot("B", "e", 6, 60.0)], None),  # two processes
        (online("A", 4, 100.0)._replace(state="offline"), [Boot("A", "e", 5, 50.0)], None),
    ],
)
def test_what_an_online_says_beside_the_boots_before(
    note: StateNote, known: list[Boot], kind: str | None
) -> None:
    sign = sign_of(note, known)
    assert (sign.kind if sign else None) == kind


def test_a_suspicion_names_its_kinds_and_lapses_after_a_week() -> None:
    signs = [Sign("g", 10.0, "boots", "x"), Sign("g", 20.0, "conn", "y"), Sign("g", 15.0, "boots", "z")]
    found = clone_suspicion(signs, 100.0)
    assert found is not None
    assert found == ("g", 10.0, 20.0, ("boots", "conn"), 3, "y")
    later = clone_suspicion(signs, 15.0 + 7 * 86_400)
    assert later is not None
    assert later.kinds == ("conn",)
    assert clone_suspicion(signs, 20.0 + 7 * 86_400) is None


class TakingOver:
    """As much of a broker as it takes to let a client in and say that another one came with its name."""

    def __init__(self) -> None:
        self.connected_at: list[float] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                if not connection.recv(4096):
                    return
                self.connected_at.append(time.monotonic())
                connection.sendall(bytes.fromhex("2003000000"))  # CONNACK
                connection.recv(4096)
                connection.sendall(bytes.fromhex("e0018e"))  # DISCONNECT, session taken over

    def close(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port)):
            pass
        self._thread.join()
        self._listener.close()


def test_a_gateway_that_is_taken_over_waits_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mqtt_link.CLONE_WAIT_S == (60, 600), "1 to 10 minutes in the field"
    monkeypatch.setattr(mqtt_link, "CLONE_WAIT_S", (2, 2))
    broker = TakingOver()
    clock = SimClock(T0, booted_at=T0 - 100)
    agent = agent_of(tmp_path, broker.port, bytes(32), clock, 0)
    agent.start()
    pump(agent, lambda: len(broker.connected_at) >= 2, what="the second attempt")
    assert broker.connected_at[1] - broker.connected_at[0] >= 1.9
    agent.seal("flush")
    told = b"clone suspected: another client comes with this gateway's name"
    assert any(told in pack for pack in _waiting(agent))
    assert not delivered(agent)
    agent.publisher.cut()
    broker.close()
    agent.outbox.close()


def _waiting(agent: Agent) -> list[bytes]:
    return [_pack(batch.payload) for batch in agent.outbox.waiting(0, 2**62, 100)]
