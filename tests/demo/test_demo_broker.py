"""The demo's broker: our Mosquitto rules tested end to end, iotcore when there is no Mosquitto."""

import importlib.util
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from oshwatch.demo.broker import DemoBroker
from oshwatch.demo.folder import DemoError, DemoFolder
from oshwatch.demo.mosquitto import ACL, INGEST_USER, RULES
from tests.servers import wait_for

DEPLOY = Path(__file__).parents[2] / "deploy" / "mosquitto"
PASSWORDS = {INGEST_USER: "one-long-password", "kh-f0123-a": "another-one", "kh-f0123-b": "a-third-one"}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DemoFolder]:
    folder = DemoFolder(tmp_path / "demo")
    folder.claim()
    yield folder
    folder.release()


@pytest.fixture
def mosquitto(folder: DemoFolder) -> Iterator[DemoBroker]:
    broker = DemoBroker(folder, PASSWORDS)
    broker.start()
    try:
        broker.wait()
        if broker.kind != "mosquitto":
            pytest.skip("needs the mosquitto package: apt-get install mosquitto")
        yield broker
    finally:
        broker.stop()


class Client:
    """A client that remembers what it heard and how its sign-in went."""

    def __init__(self, port: int, user: str | None, password: str | None) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.answer: str | None = None
        self._subscribed = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=user or "nobody", protocol=MQTTProtocolVersion.MQTTv5
        )
        if user is not None:
            self._client.username_pw_set(user, password)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _c, _u, m: self.heard.append((m.topic, bytes(m.payload)))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _on_connect(self, _client: object, _user: object, _flags: object, code: object, _p: object) -> None:
        self.answer = str(code)

    def listen(self, pattern: str) -> None:
        wait_for(lambda: self.answer == "Success", what="the sign-in")
        self._client.subscribe(pattern, qos=1)
        assert self._subscribed.wait(5)

    def say(self, topic: str, payload: bytes) -> None:
        wait_for(lambda: self.answer == "Success", what="the sign-in")
        self._client.publish(topic, payload, qos=1).wait_for_publish(5)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        # paho leaves the socket of a refused connection open.
        left = self._client.socket()
        if left is not None:
            left.close()


@pytest.fixture
def clients() -> Iterator[list[Client]]:
    made: list[Client] = []
    yield made
    for client in made:
        client.close()


def test_a_gateway_reaches_the_service_on_its_own_topics_only(
    mosquitto: DemoBroker, clients: list[Client]
) -> None:
    service, gateway = (Client(mosquitto.port, user, PASSWORDS[user]) for user in (INGEST_USER, "kh-f0123-a"))
    clients += [service, gateway]
    service.listen("osh/v1/+/+/data/#")
    gateway.say("osh/v1/kh-f0123/kh-f0123-b/data/live", b"not mine")
    gateway.say("osh/v1/kh-f0123/kh-f0123-a/ack", b"only the service may say this")
    gateway.say("osh/v1/kh-f0123/kh-f0123-a/data/live", b"mine")
    wait_for(lambda: service.heard, what="the gateway's batch")
    assert service.heard == [("osh/v1/kh-f0123/kh-f0123-a/data/live", b"mine")]


def test_a_gateway_hears_the_service_and_not_its_neighbour(
    mosquitto: DemoBroker, clients: list[Client]
) -> None:
    service, gateway = (Client(mosquitto.port, user, PASSWORDS[user]) for user in (INGEST_USER, "kh-f0123-a"))
    clients += [service, gateway]
    gateway.listen("osh/v1/#")
    service.say("osh/v1/kh-f0123/kh-f0123-b/ack", b"for the neighbour")
    service.say("osh/v1/kh-f0123/kh-f0123-a/ack", b"for you")
    wait_for(lambda: gateway.heard, what="the acknowledgement")
    assert gateway.heard == [("osh/v1/kh-f0123/kh-f0123-a/ack", b"for you")]


@pytest.mark.parametrize(("user", "password"), [(None, None), ("kh-f0123-a", "guessed"), ("stranger", "x")])
def test_nobody_comes_in_without_an_account(
    mosquitto: DemoBroker, clients: list[Client], user: str | None, password: str | None
) -> None:
    client = Client(mosquitto.port, user, password)
    clients.append(client)
    wait_for(lambda: client.answer, what="the refusal")
    assert client.answer == "Not authorized"


def test_passwords_are_hashed_on_disk_and_nobody_else_may_read_them(
    mosquitto: DemoBroker, folder: DemoFolder
) -> None:
    assert mosquitto.alive()
    for path in folder.broker.iterdir():
        assert path.stat().st_mode & 0o077 == 0
        assert not any(password in path.read_text() for password in PASSWORDS.values())


def test_it_falls_back_to_iotcore_which_asks_for_passwords_too(
    folder: DemoFolder, clients: list[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    broker = DemoBroker(folder, PASSWORDS)
    broker.start()
    try:
        broker.wait()
        assert broker.kind == "iotcore"
        client = Client(broker.port, INGEST_USER, PASSWORDS[INGEST_USER])
        clients.append(client)
        client.listen("osh/v1/#")
        client.say("osh/v1/kh-f0123/kh-f0123-a/data/live", b"x" * 200_000)
        wait_for(lambda: client.heard, what="a batch of 200 kB")
    finally:
        broker.stop()
    assert not broker.alive()


def test_no_broker_at_all_is_told_with_the_way_out(
    folder: DemoFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(DemoError, match="apt-get install mosquitto"):
        DemoBroker(folder, PASSWORDS).start()


def test_a_broker_that_does_not_start_names_its_log(
    folder: DemoFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/bin/false")
    broker = DemoBroker(folder, PASSWORDS)
    broker.start()
    try:
        with pytest.raises(DemoError, match=r"broker\.log"):
            broker.wait()
    finally:
        broker.stop()


def test_the_configuration_for_servers_has_the_rules_of_the_demo() -> None:
    lines = (DEPLOY / "oshwatch.conf").read_text().splitlines()
    for key, value in RULES.items():
        assert f"{key} {value}" in lines
    acl = (DEPLOY / "oshwatch.acl").read_text()
    assert (
        "".join(line + "\n" for line in acl.splitlines() if not line.startswith("#")).strip() == ACL.strip()
    )
