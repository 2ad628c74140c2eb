"""Accounts at a real Mosquitto with our server configuration: who may say and hear what."""

import datetime as dt
import gc
import json
import queue
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from ingest_service.auth.audit import Audit
from ingest_service.broker.accounts import Address, BrokerError, broker_accounts
from ingest_service.broker.grants import SERVICE, first_document
from ingest_service.database import migrate, open_database
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from oshwatch.administration.server_secrets import make_secrets
from oshwatch.commands.admin import app as admin
from tests.servers import Broker, free_port, wait_for

DEPLOYED = Path(__file__).parents[2] / "deploy" / "mosquitto" / "server.conf"
NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """Secrets made by our command, and the broker they are for: its configuration with other paths only."""
    folder = tmp_path_factory.mktemp("secrets")
    folder.parent.chmod(0o755)
    folder.chmod(0o755)
    make_secrets(folder, ["127.0.0.1"], NOW)
    plugin = next(iter(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so")), None)
    if plugin is None:
        pytest.skip("needs Mosquitto's dynamic security plugin: apt-get install mosquitto")
    port, config = free_port(), folder / "mosquitto.conf"
    text = re.sub(r"listener 8883", f"listener {port} 127.0.0.1", DEPLOYED.read_text())
    text = text.replace("/run/secrets/", f"{folder}/")
    text = text.replace("/usr/lib/mosquitto_dynamic_security.so", str(plugin))
    text = text.replace("/mosquitto/data/", f"{folder}/")
    config.write_text(f"{text}\nuser root\n")
    broker = Broker(port, config)
    broker.start()
    yield folder, port
    broker.stop()


@pytest.fixture
def address(served: tuple[Path, int]) -> Address:
    folder, port = served
    return Address("127.0.0.1", port, (folder / "mqtt_accounts_password").read_text(), folder / "ca.crt")


class Client:
    """Somebody at the broker: what was heard, and whether one was let in."""

    def __init__(self, address: Address, name: str, password: str, *, client_id: str = "") -> None:
        self.heard: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self.codes: list[int] = []
        self.granted: list[int] = []
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5, reconnect_on_failure=False
        )
        client.username_pw_set(name, password)
        client.tls_set(ca_certs=str(address.ca_file))
        client.on_connect = lambda *found: self.codes.append(found[3].value)
        client.on_subscribe = lambda *found: self.granted.extend(code.value for code in found[3])
        client.on_message = lambda _c, _u, m: self.heard.put((m.topic, bytes(m.payload)))
        client.connect(address.host, address.port)
        client.loop_start()
        wait_for(lambda: self.codes, what="the broker's answer")

    def listen(self, topic: str) -> bool:
        """Subscribe; whether the broker grants it."""
        before = len(self.granted)
        self._client.subscribe(topic, qos=1)
        wait_for(lambda: len(self.granted) > before, what="the answer to a subscription")
        return self.granted[-1] < 0x80

    def say(self, topic: str) -> int:
        """Publish; the reason code of the acknowledgement."""
        codes: list[int] = []
        self._client.on_publish = lambda *found: codes.append(found[3].value)
        self._client.publish(topic, b"x", qos=1)
        wait_for(lambda: codes, what="the acknowledgement")
        return codes[0]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def test_a_gateway_says_and_hears_its_own_topics_only(served: tuple[Path, int], address: Address) -> None:
    with broker_accounts(address) as accounts:
        assert accounts.put("kh-f0001-a", "first word") is True
        assert accounts.put("kh-f0002-a", "other word") is True
        assert accounts.gateways() == ["kh-f0001-a", "kh-f0002-a"]
    service = Client(address, SERVICE, (served[0] / "mqtt_password").read_text())
    for topic in ("data/#", "state", "birth", "time/req", "cmd/res"):
        assert service.listen(f"osh/v1/+/+/{topic}")
        assert service.listen(f"$share/oshwatch/osh/v1/+/+/{topic}")
    gateway = Client(address, "kh-f0001-a", "first word", client_id="kh-f0001-a")
    own, others = "osh/v1/kh-f0001/kh-f0001-a", "osh/v1/kh-f0002/kh-f0002-a"
    for leaf in ("ack", "time/res", "cmd"):
        assert gateway.listen(f"{own}/{leaf}")
        assert not gateway.listen(f"{others}/{leaf}")
    assert not gateway.listen("osh/v1/#")
    assert not gateway.listen("$CONTROL/dynamic-security/v1/#")
    for leaf in ("data/live", "data/back", "state", "birth", "time/req", "cmd/res"):
        gateway.say(f"{others}/{leaf}")
        gateway.say(f"{own}/{leaf}")
    gateway.say(f"{own}/ack")
    wanted = sorted(
        [f"{own}/{leaf}" for leaf in ("data/live", "data/back", "state", "birth", "time/req", "cmd/res")] * 2
    )
    heard: list[str] = []
    while len(heard) < len(wanted):
        heard.append(service.heard.get(timeout=10)[0])
    assert sorted(heard) == wanted  # once by each of the two subscriptions, and nothing of others
    for leaf in ("ack", "time/res", "cmd"):
        service.say(f"{own}/{leaf}")
        assert gateway.heard.get(timeout=10)[0] == f"{own}/{leaf}"
    assert service.heard.empty()
    gateway.close()
    service.close()


def test_another_password_ends_the_old_one_and_a_stopped_account_is_cut_off(address: Address) -> None:
    with broker_accounts(address) as accounts:
        accounts.put("kh-f0003-a", "lost card")
        assert accounts.put("kh-f0003-a", "new card") is False
        refused = Client(address, "kh-f0003-a", "lost card", client_id="kh-f0003-a")
        assert refused.codes == [0x87]
        stranger = Client(address, "kh-f0003-a", "new card", client_id="kh-f0009-a")
        assert stranger.codes != [0]
        gateway = Client(address, "kh-f0003-a", "new card", client_id="kh-f0003-a")
        assert gateway.codes == [0]
        gone: list[bool] = []
        gateway._client.on_disconnect = lambda *_: gone.append(True)
        assert accounts.stop("kh-f0003-a") is True
        wait_for(lambda: gone, what="the end of the connection")
        assert accounts.stop("kh-f0003-a") is False
        assert "kh-f0003-a" not in accounts.gateways()
    for client in (refused, stranger, gateway):
        client.close()


def test_a_wrong_password_and_no_broker_have_a_way_out(address: Address) -> None:
    wrong = Address(address.host, address.port, "wrong", address.ca_file)
    with pytest.raises(BrokerError, match=r"refuses the account oshwatch-accounts.*mqtt_accounts_password"):
        broker_accounts(wrong).__enter__()
    nobody = Address(address.host, free_port(), "any", address.ca_file)
    with pytest.raises(BrokerError, match="cannot be reached"):
        broker_accounts(nobody).__enter__()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho leaves that socket open
def test_a_foreign_authority_is_not_trusted(address: Address, tmp_path: Path) -> None:
    make_secrets(tmp_path, ["127.0.0.1"], NOW)
    foreign = Address(address.host, address.port, address.password, tmp_path / "ca.crt")
    with pytest.raises(BrokerError, match=r"certificate|CERTIFICATE"):
        broker_accounts(foreign).__enter__()
    gc.collect()


def test_the_first_document_holds_no_password() -> None:
    text = json.dumps(
        first_document({"oshwatch-ingest": "open-sesame-1", "oshwatch-accounts": "open-sesame-2"})
    )
    assert "sesame" not in text


def test_accounts_are_made_at_a_shell_for_registered_gateways_only(
    served: tuple[Path, int], tmp_path: Path, sample_description: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, port = served
    data_dir = tmp_path / "data"
    engine = open_database(data_dir)
    migrate(engine)
    register = Register(engine)
    import_description(register, sample_description, "test")
    known = sorted(gateway.id for gateway in register.snapshot().gateways)
    for key, value in {
        "DATA_DIR": data_dir,
        "MQTT_HOST": "127.0.0.1",
        "MQTT_PORT": port,
        "MQTT_CA_FILE": folder / "ca.crt",
        "MQTT_ACCOUNTS_PASSWORD_FILE": folder / "mqtt_accounts_password",
    }.items():
        monkeypatch.setenv(f"OSHWATCH_{key}", str(value))
    shell = CliRunner()
    made = json.loads(shell.invoke(admin, ["broker", "account", known[0], "--json"]).stdout)
    assert (made["gateway"], made["new"]) == (known[0], True)
    assert shell.invoke(admin, ["broker", "account", "kh-nobody-a"]).exit_code == 1
    words = tmp_path / "passwords.json"
    assert shell.invoke(admin, ["broker", "missing", str(words)]).exit_code == 0
    assert words.stat().st_mode & 0o777 == 0o600
    passwords = {known[0]: made["password"], **json.loads(words.read_text())}
    assert sorted(passwords) == known
    listed = json.loads(shell.invoke(admin, ["broker", "list", "--json"]).stdout)
    assert (listed["accounts"], listed["without_account"]) == (known, [])
    address = Address("127.0.0.1", port, "", folder / "ca.crt")
    for name, password in passwords.items():
        client = Client(address, name, password, client_id=name)
        assert client.codes == [0]
        client.close()
    assert shell.invoke(admin, ["broker", "stop", known[0]]).exit_code == 0
    actions = [row.action for row in Audit(register).rows(limit=10)]
    assert actions[0] == "broker account stopped"
    assert "broker account made" in actions
    assert not any(word in str(Audit(register).rows(limit=100)) for word in passwords.values())
    engine.dispose()
