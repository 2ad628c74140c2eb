"""Keys of gateways at the shell: listed, changed by command, ended by two people who know their passwords."""

import json
import threading
import time
from pathlib import Path

import pytest

from edge_agent.clock import SimClock
from edge_agent.identity import KEY_FILE, load_or_create_key
from edge_agent.key_rotation import NEXT_FILE
from ingest_service.auth.server_key import ServerKey
from osh_domain.signing import key_id
from tests.delivery.rotating_gateway import agent_of
from tests.edge_agent.scripted import GATEWAY, connect, pump
from tests.oshwatch.test_admin import admin, data_dir, done, prepared, refused  # noqa: F401 - two are fixtures
from tests.servers import Broker

KID = "56475aa75463474c"
EPOCH = "00112233445566aa"


@pytest.fixture
def passwords(prepared: Path) -> Path:  # noqa: F811
    for login in ("rith", "bopha", "dara"):
        done("person", "password", login, "--ask-password", typed=f"the password of {login}\n")
    return prepared


def propose(*more: str, by: str = "rith") -> tuple[str, ...]:
    return ("gateway", "revoke", "kh-f0123-a", "--key", KID, "--why", "the card was stolen", "--by", by,
            "--password-stdin", *more)  # fmt: skip


@pytest.mark.usefixtures("passwords")
def test_a_key_ends_when_a_second_person_says_so_with_a_password() -> None:
    good = ("--good-up-to", f"{EPOCH}:41")
    assert "not the password of rith" in refused(*propose(*good), typed="guessed\n")
    assert "may not revoke gateways or keys" in refused(
        *propose(*good, by="dara"), typed="the password of dara\n"
    )
    assert "is not EPOCH:SEQ" in refused(*propose("--good-up-to", "41"), typed="the password of rith\n")
    said = done(*propose(*good), typed="the password of rith\n")
    assert "Nothing ended yet" in said
    confirm = ("gateway", "confirm", "1", "--password-stdin", "--by")
    assert "takes two people" in refused(*confirm, "rith", typed="the password of rith\n")
    assert "may not revoke" in refused(*confirm, "dara", typed="the password of dara\n")
    assert "not the password" in refused(*confirm, "bopha", typed="the password of rith\n")
    assert "REVOKED" not in done("gateway", "keys", "kh-f0123-a")
    assert f"Key {KID} of kh-f0123-a is revoked" in done(*confirm, "bopha", typed="the password of bopha\n")
    (key,) = json.loads(done("gateway", "keys", "kh-f0123-a", "--json"))
    assert (key["kid"], key["good_up_to"]) == (KID, f"{EPOCH}:41")
    assert key["revoked_at"] is not None
    assert "REVOKED" in done("gateway", "keys", "kh-f0123-a")
    assert "confirmed already, by bopha" in refused(*confirm, "bopha", typed="the password of bopha\n")


@pytest.mark.usefixtures("prepared")
def test_mistakes_are_told() -> None:
    assert "no gateway kh-f0123-q" in refused("gateway", "keys", "kh-f0123-q")
    assert "no gateway kh-f0123-q" in refused("gateway", "rotate-key", "kh-f0123-q")
    whole = ("gateway", "revoke", "kh-f0123-a", "--why", "x", "--by", "rith", "--good-up-to", "0" * 16)
    assert "add --key" in refused(*whole)


def test_the_command_makes_a_connected_gateway_make_its_next_key(
    prepared: Path,  # noqa: F811
    broker: Broker,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("OSHWATCH_MQTT_PORT", str(broker.port))
    silent = admin("gateway", "rotate-key", GATEWAY, "--within", "0.3")
    assert (silent.exit_code, "does not answer" in silent.output) == (1, True)
    clock = SimClock(time.time(), booted_at=time.time() - 60)
    folder = tmp_path / "gw"
    server = ServerKey.load_or_create(prepared / "server.key").public_key
    agent = agent_of(folder, broker.port, server, clock, 0)
    old = load_or_create_key(folder / KEY_FILE).public_key
    agent.start()
    connect(agent)
    said: list[str] = []
    asking = threading.Thread(target=lambda: said.append(done("gateway", "rotate-key", GATEWAY)))
    asking.start()
    pump(agent, lambda: not asking.is_alive(), within_s=20, what="the answer")
    new = load_or_create_key(folder / NEXT_FILE).public_key
    assert new != old
    assert key_id(new) in said[0]
    agent.stop(0.1)
