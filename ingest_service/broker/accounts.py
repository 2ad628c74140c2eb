"""Making, changing and stopping accounts of gateways at a running broker, over its control topic."""

from __future__ import annotations

import json
import queue
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest_service.broker.grants import KEEPER, gateway_role, role_name

CONTROL: Final = "$CONTROL/dynamic-security/v1"
RESPONSE: Final = f"{CONTROL}/response"
PATIENCE_S: Final = 10.0


class BrokerError(Exception):
    """The broker cannot be reached, refuses the account, or does not know the command; with the way out."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is and how to prove it is ours."""

    host: str
    port: int
    password: str
    ca_file: Path | None = None

    def __repr__(self) -> str:
        return f"Address({self.host}:{self.port})"


@contextmanager
def broker_accounts(address: Address) -> Iterator[BrokerAccounts]:
    """A connection as the keeper of accounts. Raises BrokerError."""
    accounts = BrokerAccounts(address)
    try:
        yield accounts
    finally:
        accounts.close()


class BrokerAccounts:
    """Speaks with the dynamic security of Mosquitto 2.0.11 and later."""

    def __init__(self, address: Address) -> None:
        self._where = f"{address.host}:{address.port}"
        self._answers: queue.SimpleQueue[list[dict[str, Any]]] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5, reconnect_on_failure=False
        )
        client.username_pw_set(KEEPER, address.password)
        if address.ca_file is not None:
            client.tls_set(ca_certs=str(address.ca_file))
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        try:
            client.connect(address.host, address.port)
        except (OSError, ssl.SSLError) as error:
            raise BrokerError(
                f"the broker at {self._where} cannot be reached ({error}). Is it running, are host, port and "
                "certificate authority right?"
            ) from None
        client.loop_start()
        refused = self._await(self._ready)
        if refused is not None:
            self.close()
            raise BrokerError(
                f"the broker at {self._where} refuses the account {KEEPER} ({refused}). Is the password the "
                "one in mqtt_accounts_password, and is dynamic security on?"
            )

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def put(self, gateway: str, password: str) -> bool:
        """Give a gateway an account of its own with this password; whether it is a new one.

        Its role is written anew each time, so running it again mends what was changed by hand.
        """
        role, name = gateway_role(gateway), role_name(gateway)
        known = gateway in self.gateways()
        self._must([{"command": "modifyRole" if self._has_role(name) else "createRole", **role}])
        account = {
            "username": gateway,
            "password": password,
            "clientid": gateway,
            "roles": [{"rolename": name}],
        }
        self._must([{"command": "modifyClient" if known else "createClient", **account}])
        if known:
            self._must([{"command": "enableClient", "username": gateway}])
        return not known

    def stop(self, gateway: str) -> bool:
        """Take a gateway's account away and end its connection; False if there was none."""
        if gateway not in self.gateways():
            return False
        self._must([{"command": "disableClient", "username": gateway}])
        self._must([{"command": "deleteClient", "username": gateway}])
        self._must([{"command": "deleteRole", "rolename": role_name(gateway)}])
        return True

    def gateways(self) -> list[str]:
        """Ids of the gateways with an account, sorted."""
        found = self._must([{"command": "listClients", "verbose": True, "count": -1, "offset": 0}])
        clients = found[0].get("data", {}).get("clients", [])
        return sorted(
            client["username"]
            for client in clients
            if any(role["rolename"] == role_name(client["username"]) for role in client.get("roles", []))
        )

    def _has_role(self, name: str) -> bool:
        found = self._must([{"command": "listRoles", "verbose": False, "count": -1, "offset": 0}])
        return name in found[0].get("data", {}).get("roles", [])

    def _must(self, commands: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The broker's answers to the commands. Raises BrokerError for the first that it refuses."""
        self._client.publish(CONTROL, json.dumps({"commands": list(commands)}), qos=1)
        answers: list[dict[str, Any]] = self._await(self._answers)
        for answer in answers:
            if "error" in answer:
                raise BrokerError(
                    f"the broker at {self._where} refuses {answer['command']}: {answer['error']}"
                )
        return answers

    def _await(self, box: queue.SimpleQueue[Any]) -> Any:
        try:
            return box.get(timeout=PATIENCE_S)
        except queue.Empty:
            self.close()
            raise BrokerError(
                f"the broker at {self._where} does not answer. Is dynamic security on (deploy/mosquitto/), "
                f"and may {KEEPER} use it?"
            ) from None

    def _on_connect(
        self,
        client: paho.Client,
        _userdata: object,
        _flags: paho.ConnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if code.is_failure:
            self._ready.put(str(code))
        else:
            client.subscribe(RESPONSE, qos=1)

    def _on_subscribe(
        self,
        _client: paho.Client,
        _userdata: object,
        _mid: int,
        codes: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        refused = [str(code) for code in codes if code.is_failure]
        self._ready.put(refused[0] if refused else None)

    def _on_message(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        self._answers.put(json.loads(message.payload)["responses"])
