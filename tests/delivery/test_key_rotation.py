"""A gateway changes its key at a real broker and a real service, and dies at every step of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.clock import SimClock
from edge_agent.identity import KEY_FILE, load_or_create_key
from edge_agent.key_rotation import NEXT_FILE, former_keys
from edge_agent.outbox.salvaging import Salvage
from ingest_service.clock import WallClock
from ingest_service.database import migrate, open_database
from ingest_service.intake_desk import IntakeDesk
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.register.store import Register
from ingest_service.settings import Settings
from ingest_service.subscriber import Subscriber
from osh_domain import strict_json
from osh_domain.acknowledgement import speak
from osh_domain.batch import Frame, open_frame
from osh_domain.crash_points import VARIABLE
from osh_domain.signing import key_id
from osh_domain.topics import CMD, CMD_RES, topic
from tests.delivery.rotating_gateway import agent_of, go_on
from tests.edge_agent.scripted import GATEWAY, SERVER_KEY, SITE, T0
from tests.servers import Broker, wait_for

ROOT = Path(__file__).parents[2]
OF_THE_ROTATION = (
    "rotation: key made",
    "rotation: statement sealed",
    "rotation: statement noted",
    "rotation: before the switch",
    "rotation: after the switch",
)


class KeyServer:
    """Intake with a register of its own, in a thread; the gateway's first key is registered."""

    def __init__(self, folder: Path, broker: Broker, first_key: bytes) -> None:
        from edge_agent.identity import GatewaySigner
        from ingest_service.register.entries import Site

        folder.mkdir()
        engine = open_database(folder)
        migrate(engine)
        self.register = Register(engine)
        with self.register.change("test") as change:
            change.put_site(Site(SITE, "Hall", "kh", "phnom-penh", "UTC", "garment", None, None))
            change.put_gateway(GATEWAY, SITE, "signed")
            change.put_key(GATEWAY, first_key)
        self.ledger = open_ledger(folder)
        self.signer = GatewaySigner.from_bytes(SERVER_KEY)
        settings = Settings(data_dir=folder, mqtt_port=broker.port, back_rate=500.0)
        desk = IntakeDesk(self.register)
        self._subscriber = Subscriber(
            settings, self.ledger, self.register.snapshot, self.signer, WallClock(), desk=desk
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._subscriber.close()
        self.ledger.close()
        self.register.engine.dispose()

    def frames(self) -> list[Frame]:
        """All of the ledger, by number."""
        return sorted(
            (open_frame(row.payload) for row in self.ledger.rows(0, 1000)), key=lambda one: one.header.seq
        )

    def _run(self) -> None:
        while not self._stop.is_set():
            self._subscriber.step()
            self._stop.wait(min(self._subscriber.pause_s, 0.05))


@pytest.fixture
def server(broker: Broker, tmp_path: Path) -> Iterator[KeyServer]:
    key = load_or_create_key(tmp_path / "gw" / KEY_FILE)
    server = KeyServer(tmp_path / "server", broker, key.public_key)
    yield server
    server.close()


def gateway(folder: Path, broker: Broker, server: KeyServer, t0: float, *more: str, at: str = "") -> int:
    """Run the gateway; answers how it ended."""
    command = [sys.executable, "-m", "tests.delivery.rotating_gateway", str(folder), str(broker.port)]
    command += [server.signer.public_key.hex(), str(t0), *more]
    environment = {**os.environ, VARIABLE: at} if at else dict(os.environ)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=90, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()[-2000:]
    return done.returncode


@pytest.mark.parametrize("point", OF_THE_ROTATION)
def test_a_gateway_killed_while_it_changes_its_key_is_never_disbelieved(
    point: str, broker: Broker, server: KeyServer, tmp_path: Path
) -> None:
    folder = tmp_path / "gw"
    old = key_id(load_or_create_key(folder / KEY_FILE).public_key)
    assert gateway(folder, broker, server, T0, "rotate", at=point) == -signal.SIGKILL
    assert gateway(folder, broker, server, T0 + 3600) == 0
    frames = server.frames()
    assert [one.header.seq for one in frames] == list(range(1, len(frames) + 1))
    assert server.ledger.quarantine() == []
    assert {row.chain_ok for row in server.ledger.rows(0, 1000)} == {1}
    new = key_id(load_or_create_key(folder / KEY_FILE).public_key)
    kids = [one.header.kid for one in frames]
    assert new != old
    assert kids == sorted(kids, key=[old, new].index), "once the new key signs, the old one does not"
    assert kids[-1] == new
    assert not (folder / NEXT_FILE).exists()
    registered = {key.kid: key for key in server.register.snapshot(fresh=True).keys_of(GATEWAY)}
    assert set(registered) == {old, new}
    first = kids.index(new) + 1
    assert registered[new].used_from == f"{frames[0].header.ep}:{first}"
    assert registered[old].good_up_to == f"{frames[0].header.ep}:{first - 1}"


def test_the_command_of_the_server_changes_the_key(broker: Broker, server: KeyServer, tmp_path: Path) -> None:
    folder = tmp_path / "gw"
    clock = SimClock(T0, booted_at=T0 - 100)
    agent = agent_of(folder, broker.port, server.signer.public_key, clock, 0)
    old = key_id(load_or_create_key(folder / KEY_FILE).public_key)
    agent.start()
    go_on(agent, clock, 1)
    link, answers = server._subscriber._link, []
    link._client.message_callback_add(
        topic(SITE, GATEWAY, CMD_RES), lambda *args: answers.append(strict_json.read_object(args[2].payload))
    )
    link._client.subscribe(topic(SITE, GATEWAY, CMD_RES))
    said = {"id": "1", "op": "rotate-key", "args": {}, "exp": clock.wall() + 300}
    word = speak(said, server.signer)
    link.publish(topic(SITE, GATEWAY, CMD), word, expiry_s=60)
    link.publish(topic(SITE, GATEWAY, CMD), word, expiry_s=60)  # QoS 1 may bring it twice
    deadline = time.monotonic() + 20
    while former_keys(folder) == () and time.monotonic() < deadline:
        clock.set(clock.wall() + 1)
        agent.step()
        time.sleep(0.02)
    go_on(agent, clock, 2)
    new = key_id(load_or_create_key(folder / KEY_FILE).public_key)
    agent.stop(1.0)
    assert new != old
    assert [key_id(key) for key in former_keys(folder)] == [old]
    wait_for(lambda: len(answers) == 2, what="the answers")
    assert answers[0] == answers[1] == {"id": "1", "ok": True, "kid": new}
    assert server.frames()[-1].header.kid == new
    words = [one.pack for one in server.frames() if b"key changed" in one.pack]
    assert len(words) == 1


def test_a_key_whose_statement_was_refused_is_given_up_and_the_old_one_signs_on(
    broker: Broker, server: KeyServer, tmp_path: Path
) -> None:
    folder = tmp_path / "gw"
    clock = SimClock(T0, booted_at=T0 - 100)
    agent = agent_of(folder, broker.port, server.signer.public_key, clock, 0)
    old = key_id(load_or_create_key(folder / KEY_FILE).public_key)
    agent.start()
    go_on(agent, clock, 1)
    with server.register.change("rith") as change:
        change.revoke_key(old)
    server.register.snapshot(fresh=True)
    agent.rotate_key()
    deadline = time.monotonic() + 20
    while (folder / NEXT_FILE).exists() and time.monotonic() < deadline:
        clock.set(clock.wall() + 1)
        agent.step()
        time.sleep(0.02)
    assert not (folder / NEXT_FILE).exists()
    assert key_id(load_or_create_key(folder / KEY_FILE).public_key) == old
    assert agent.outbox.counts().held >= 1
    agent.stop(0.2)


def test_an_outbox_lost_before_the_server_knew_the_next_key_states_it_again(
    broker: Broker, server: KeyServer, tmp_path: Path
) -> None:
    folder = tmp_path / "gw"
    point = "rotation: statement noted"
    assert gateway(folder, broker, server, T0, "rotate", at=point) == -signal.SIGKILL
    (folder / "outbox.sqlite").write_bytes(b"rubbish" * 1000)
    (folder / "outbox.sqlite-wal").unlink(missing_ok=True)
    assert gateway(folder, broker, server, T0 + 3600) == 0
    assert server.ledger.quarantine() == []
    kid = key_id(load_or_create_key(folder / KEY_FILE).public_key)
    assert server.register.snapshot(fresh=True).key(kid) is not None
    assert len(former_keys(folder)) == 1


def test_what_the_former_key_signed_is_salvaged_as_well(
    broker: Broker, server: KeyServer, tmp_path: Path
) -> None:
    folder = tmp_path / "gw"
    assert gateway(folder, broker, server, T0, "rotate") == 0
    new = load_or_create_key(folder / KEY_FILE).public_key
    salvage = Salvage(folder / "outbox.sqlite", GATEWAY, new, *former_keys(folder))
    found = {frame.header.seq for frame, _ in salvage.frames()}
    assert found == {one.header.seq for one in server.frames()}
    assert salvage.foreign == 0
