"""The server changes its key: gateways follow a statement of the key they were given, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_agent.agent import Agent
from edge_agent.clock import SimClock
from edge_agent.identity import GatewaySigner, Identity, verify_ed25519
from edge_agent.server_trust import FILE, ServerTrust
from ingest_service.auth.server_key import ServerKey, statements_file
from ingest_service.settings import Settings
from ingest_service.subscriber import Subscriber
from osh_domain.acknowledgement import speak
from osh_domain.server_keys import followed, join, name_successor, preceding, read_successor, split
from osh_domain.topics import CMD
from osh_domain.wire_error import WireError
from oshwatch.administration.server_key import app
from tests.edge_agent.scripted import (
    GATEWAY,
    GATEWAY_KEY,
    SERVER_KEY,
    SITE,
    Scripted,
    ScriptedServer,
    agent_for,
    connect,
    delivered,
    pump,
)
from tests.servers import Broker

OLD = GatewaySigner.from_bytes(SERVER_KEY)
NEW, THIRD = (GatewaySigner.from_bytes(bytes(range(n, n + 32))) for n in (100, 140))


def trust(folder: Path, pinned: bytes = OLD.public_key) -> ServerTrust:
    return ServerTrust(folder, Identity(GATEWAY, SITE, GatewaySigner.from_bytes(GATEWAY_KEY), pinned))


def obeys(found: ServerTrust, signer: GatewaySigner) -> bool:
    try:
        return found.hear(speak({"x": 1}, signer)) == {"x": 1}
    except WireError as error:
        return error.code != "sig"


def test_a_gateway_obeys_the_new_key_and_then_no_longer_the_old_one(tmp_path: Path) -> None:
    found = trust(tmp_path)
    word = name_successor(OLD, NEW)
    assert not obeys(found, NEW)
    found.hear(word)
    assert obeys(found, OLD), "a service that did not change yet is still obeyed"
    assert obeys(found, NEW)
    assert not obeys(found, OLD)
    assert found.hear(word) == {}, "said again at each connection"
    again = trust(tmp_path)
    assert obeys(again, NEW)
    again.hear(name_successor(NEW, THIRD))
    assert obeys(trust(tmp_path), THIRD)


@pytest.mark.parametrize(
    "word",
    [
        name_successor(NEW, THIRD),  # of a key nobody introduced
        speak({"v": 1, "kind": "osh-server-key", "old": "x", "new": "y", "proof": "z"}, OLD),
        name_successor(OLD, NEW)[:-4] + b"AAAA",
        name_successor(OLD, NEW).replace(b'"v":1', b'"v":2'),
    ],
)
def test_nobody_else_can_introduce_a_key(tmp_path: Path, word: bytes) -> None:
    found = trust(tmp_path)
    with pytest.raises(WireError):
        found.hear(word)
    assert obeys(found, OLD)
    assert not (tmp_path / FILE).exists()


def test_a_statement_needs_the_new_keys_own_signature(tmp_path: Path) -> None:
    said = name_successor(OLD, NEW).partition(b"\n")[0]
    from osh_domain import strict_json

    forged = {**strict_json.read_object(said), "proof": strict_json.read_object(
        name_successor(OLD, THIRD).partition(b"\n")[0])["proof"]}  # fmt: skip
    found = trust(tmp_path)
    with pytest.raises(WireError, match="did not sign"):
        found.hear(speak(forged, OLD))


def test_another_pinned_key_forgets_what_followed_from_the_old_one(tmp_path: Path) -> None:
    trust(tmp_path).hear(name_successor(OLD, NEW))
    found = trust(tmp_path, pinned=THIRD.public_key)
    assert obeys(found, THIRD)
    assert not obeys(found, NEW)


def test_chains_are_walked_both_ways() -> None:
    words = [name_successor(OLD, NEW), name_successor(NEW, THIRD)]
    assert split(join(words)) == words
    assert split(join(words)[:-10]) == words[:1]
    keys = [OLD.public_key, NEW.public_key, THIRD.public_key]
    assert followed(keys[0], words, verify_ed25519) == keys
    assert followed(keys[1], words, verify_ed25519) == keys[1:]
    assert preceding(keys[2], words, verify_ed25519) == keys[::-1]
    assert preceding(keys[2], words[:1], verify_ed25519) == keys[2:]
    assert read_successor(words[0], verify_ed25519) == (keys[0], keys[1])


def test_an_agent_hears_of_it_by_the_broker_and_goes_on_delivering(broker: Broker, tmp_path: Path) -> None:
    server = ScriptedServer(broker)
    clock = SimClock(1_776_650_400.0, booted_at=1_776_650_300.0)
    agent: Agent = agent_for(tmp_path, broker.port, clock, {"st1": Scripted()})
    agent.start()
    connect(agent)
    word = name_successor(OLD, NEW)
    server._client.publish(f"osh/v1/{SITE}/{GATEWAY}/{CMD}", word, qos=1)
    server.signing_key = bytes(range(100, 132))
    pump(agent, (tmp_path / FILE).exists, what="the new key")
    agent.tell("measured")
    agent.seal("flush")
    pump(agent, lambda: delivered(agent))
    assert agent.publisher.counters.unsigned_words <= 1
    agent.stop(0.1)
    server.close()


def test_the_service_tells_every_gateway_that_was_away(broker: Broker, tmp_path: Path) -> None:
    """A gateway that knows the first key only connects to a service at its third."""
    import threading

    from ingest_service.clock import WallClock
    from ingest_service.ledger.sqlite import open_ledger
    from tests.ingest_service.gateways import snapshot

    path = tmp_path / "server.key"
    first = ServerKey.load_or_create(path).public_key
    for _ in range(2):
        done = CliRunner().invoke(app, ["--data-dir", str(tmp_path)])
        assert done.exit_code == 0, done.output
    key = ServerKey.load_or_create(path)
    assert len(key.statements) == 2
    ledger = open_ledger(tmp_path)
    settings = Settings(data_dir=tmp_path, mqtt_port=broker.port, back_rate=500.0)
    subscriber = Subscriber(settings, ledger, snapshot, key, WallClock())
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            subscriber.step()
            stop.wait(min(subscriber.pause_s, 0.05))

    thread = threading.Thread(target=run)
    thread.start()
    clock = SimClock(1_776_650_400.0, booted_at=1_776_650_300.0)
    agent = agent_for(tmp_path / "gw", broker.port, clock, {"st1": Scripted()}, trusted=first)
    agent.start()
    connect(agent)
    agent.tell("measured")
    agent.seal("flush")
    pump(agent, lambda: delivered(agent), within_s=20)
    agent.stop(0.1)
    stop.set()
    thread.join()
    subscriber.close()
    ledger.close()


def test_a_change_that_was_cut_off_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "server.key"
    old = ServerKey.load_or_create(path).public_key
    shutil.copy(path, tmp_path / "copy")
    new = ServerKey.replace(path)
    # As if it had been killed before the last step.
    path.rename(tmp_path / "server.key.next")
    shutil.copy(tmp_path / "copy", path)
    assert ServerKey.load_or_create(path).public_key == old
    again = ServerKey.replace(path)
    assert (again.public_key, len(again.statements)) == (new.public_key, 1)
    assert split(statements_file(path).read_bytes()) == list(again.statements)
