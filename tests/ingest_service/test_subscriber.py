import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_agent.identity import GatewaySigner, verify_ed25519
from ingest_service import heartbeat
from ingest_service.auth.server_key import ServerKeyError
from ingest_service.clock import clock_from
from ingest_service.ledger.port import LedgerError
from ingest_service.ledger.sqlite import SqliteLedger, open_ledger
from ingest_service.settings import Settings
from ingest_service.subscriber import Subscriber, run
from osh_domain.acknowledgement import Ack, hear
from osh_domain.topics import ACK, BIRTH, DATA_LIVE, STATE, TIME_REQ, TIME_RES, topic
from tests.ingest_service.gateways import SIGNED, SITE, Device, snapshot
from tests.servers import Broker, wait_for

ROOT = Path(__file__).parents[2]
SERVER = GatewaySigner.from_bytes(bytes(range(32, 64)))


class Peer:
    """A gateway's connection to the broker: publishes, and keeps what the server said."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_message = lambda _c, _u, m: self.heard.append((m.topic, bytes(m.payload)))
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe([(self.topic(leaf), 1) for leaf in (ACK, TIME_RES)])
        assert self._subscribed.wait(10)

    @staticmethod
    def topic(leaf: str) -> str:
        return topic(SITE.id, SIGNED.id, leaf)

    def publish(
        self, leaf: str, payload: bytes, *, retain: bool = False, content_type: str | None = None
    ) -> None:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if content_type is not None:
            properties.ContentType = content_type
        self._client.publish(self.topic(leaf), payload, 1, retain, properties).wait_for_publish(10)

    def words(self, leaf: str) -> list[dict[str, object]]:
        return [
            hear(payload, SERVER.public_key, verify_ed25519)
            for name, payload in list(self.heard)
            if name == self.topic(leaf)
        ]

    def acks(self) -> list[Ack]:
        return [Ack.from_dict(word) for word in self.words(ACK)]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Runner:
    """The subscriber in a thread of the test."""

    def __init__(self, subscriber: Subscriber) -> None:
        self._subscriber = subscriber
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._subscriber.step()
            self._stop.wait(min(self._subscriber.pause_s, 0.1))

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._subscriber.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    opened = open_ledger(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def start(tmp_path: Path, broker: Broker, ledger: SqliteLedger) -> Iterator[Callable[[], Runner]]:
    settings = Settings(data_dir=tmp_path, mqtt_port=broker.port)
    runners: list[Runner] = []

    def begin() -> Runner:
        runner = Runner(Subscriber(settings, ledger, snapshot, SERVER, clock_from(settings)))
        runners.append(runner)
        wait_for(lambda: _connected(tmp_path), what="the connection of the intake")
        return runner

    yield begin
    for runner in runners:
        runner.stop()


@pytest.fixture
def peer(broker: Broker) -> Iterator[Peer]:
    connected = Peer(broker.port)
    yield connected
    connected.close()


def _connected(data_dir: Path) -> bool:
    found = heartbeat.read_all(data_dir).get("intake")
    return found is not None and found.facts["connected"] is True


def test_a_batch_is_acknowledged_with_a_signature_and_only_after_its_row_is_committed(
    start: Callable[[], Runner], peer: Peer, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    said_before_commit: list[int] = []
    append = ledger.append

    def watched(*arguments: object) -> object:
        said_before_commit.append(len(peer.heard))
        return append(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(ledger, "append", watched)
    start()
    peer.publish(DATA_LIVE, Device().batch(), content_type="application/x-osh-batch")
    wait_for(peer.acks, what="the acknowledgement")
    assert peer.acks()[0].cum == 1
    assert ledger.last_row() == 1
    assert said_before_commit == [0]


def test_nothing_is_acknowledged_while_the_ledger_cannot_be_written(
    start: Callable[[], Runner], peer: Peer, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = ledger.append

    def full(*_arguments: object) -> object:
        raise LedgerError("database or disk is full")

    monkeypatch.setattr(ledger, "append", full)
    start()
    device = Device()
    frame = device.batch()
    peer.publish(DATA_LIVE, frame)
    wait_for(peer.acks, what="the word to stop")
    assert [(ack.cum, ack.win) for ack in peer.acks()] == [(0, 0)]
    monkeypatch.setattr(ledger, "append", append)
    peer.publish(DATA_LIVE, frame)
    wait_for(lambda: peer.acks()[-1].cum == 1, what="the acknowledgement after the disk was cleared")
    assert peer.acks()[-1].win == 16
    assert ledger.last_row() == 1


def test_a_rubbish_payload_goes_to_quarantine_and_the_next_batch_is_taken(
    start: Callable[[], Runner], peer: Peer, ledger: SqliteLedger
) -> None:
    start()
    for rubbish in (b"", b"\x00\xff", b"{torn", b"x" * 100, b"[" * 5000):
        peer.publish(DATA_LIVE, rubbish)
    peer.publish(DATA_LIVE, Device().batch())
    wait_for(lambda: any(ack.cum == 1 for ack in peer.acks()), what="the acknowledgement")
    assert sorted(entry.code for entry in ledger.quarantine()) == ["frame"] * 4 + ["sig"]


def test_a_birth_is_kept_and_answered_with_where_the_gateway_stands(
    start: Callable[[], Runner], peer: Peer, ledger: SqliteLedger
) -> None:
    device = Device()
    birth = {"v": 1, "gw": SIGNED.id, "ep": device.epoch, "backlog": {"batches": 7}, "cfg": {"gw": SIGNED.id}}
    peer.publish(BIRTH, json.dumps(birth).encode(), retain=True)
    peer.publish(STATE, b'{"v":1,"state":"online","boot":"b","conn":3}', retain=True)
    peer.publish(BIRTH, b"{not json", retain=False)
    start()
    wait_for(peer.acks, what="the acknowledgement of the birth")
    assert (peer.acks()[0].cum, peer.acks()[0].ep) == (0, device.epoch)
    wait_for(lambda: ledger.statuses() and ledger.statuses()[0].state, what="the state")
    status = ledger.statuses()[0]
    assert (status.state, status.conn, status.backlog) == ("online", 3, 7)
    document = '{"gw":"kh-f0123-a"}'
    assert ledger.configuration(hashlib.sha256(document.encode()).hexdigest()[:32]) == document


def test_who_asks_for_the_time_gets_a_signed_answer_with_its_own_nonce(
    start: Callable[[], Runner], peer: Peer
) -> None:
    start()
    peer.publish(TIME_REQ, b'{"id":"0123456789abcdef","m0":12.5}')
    wait_for(lambda: peer.words(TIME_RES), what="the time")
    (said,) = peer.words(TIME_RES)
    assert (said["id"], said["m0"]) == ("0123456789abcdef", 12.5)
    assert isinstance(said["s1"], float)
    assert isinstance(said["s2"], float)
    assert said["s1"] <= said["s2"]


def test_the_intake_waits_for_an_absent_broker_and_comes_back_after_a_crash_of_it(
    tmp_path: Path, broker: Broker, ledger: SqliteLedger
) -> None:
    broker.kill()
    settings = Settings(data_dir=tmp_path, mqtt_port=broker.port)
    runner = Runner(Subscriber(settings, ledger, snapshot, SERVER, clock_from(settings)))
    wait_for(lambda: "intake" in heartbeat.read_all(tmp_path), what="the sign of life")
    assert not _connected(tmp_path)
    broker.start()
    wait_for(lambda: _connected(tmp_path), within_s=15, what="the connection")
    broker.kill()
    wait_for(lambda: not _connected(tmp_path), within_s=15, what="the loss being noticed")
    broker.start()
    wait_for(lambda: _connected(tmp_path), within_s=15, what="the connection after the crash")
    peer = Peer(broker.port)
    peer.publish(DATA_LIVE, Device().batch())
    wait_for(peer.acks, what="the acknowledgement")
    peer.close()
    runner.stop()


def test_a_data_directory_that_cannot_be_written_ends_the_runner_with_a_clear_error(tmp_path: Path) -> None:
    # A file where the directory should be: what root may not write either.
    (tmp_path / "data").write_text("")
    with pytest.raises((LedgerError, ServerKeyError), match=r"data"):
        run(Settings(data_dir=tmp_path / "data"), threading.Event())
