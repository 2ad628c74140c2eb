"""A server that says what it has: just enough to let simulated gateways delete. Keeps every payload."""

import threading
from collections import defaultdict
from typing import Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_agent.identity import GatewaySigner
from osh_domain.acknowledgement import Ack, Received, speak
from osh_domain.batch import open_frame
from osh_domain.topics import ACK, parse_topic, topic


class ConfirmingServer:
    """Use as a context manager; `payloads` are (gateway, epoch, seq, bytes) in the order of arrival."""

    def __init__(self, port: int) -> None:
        self._signer = GatewaySigner.from_bytes(bytes(range(32)))
        self.public_key = self._signer.public_key
        self.payloads: list[tuple[str, str, int, bytes]] = []
        self._received: dict[tuple[str, str], Received] = defaultdict(Received)
        self._hashes: dict[tuple[str, str, int], str] = {}
        self._ready = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="confirming-server", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.on_connect = lambda client, *_: client.subscribe("osh/v1/+/+/data/#", qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)

    def __enter__(self) -> Self:
        self._client.loop_start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def batches(self) -> set[tuple[str, str, int]]:
        return {payload[:3] for payload in self.payloads}

    def _take(self, client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        payload = bytes(message.payload)
        frame = open_frame(payload)
        header = frame.header
        self.payloads.append((header.gw, header.ep, header.seq, payload))
        received = self._received[header.gw, header.ep]
        received.add(header.seq)
        self._hashes[header.gw, header.ep, header.seq] = frame.batch_hash
        head = self._hashes.get((header.gw, header.ep, received.cum))
        ack = Ack(
            1, header.gw, header.ep, received.cum, tuple(received.sel(64)), (), head, 16, 50.0, header.off
        )
        name = parse_topic(message.topic)
        client.publish(topic(name.site, name.gateway, ACK), speak(ack.to_dict(), self._signer), qos=1)
