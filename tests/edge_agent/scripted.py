"""A scripted server and a scripted sensor, to put the agent through what happens in the field."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_agent.agent import Agent
from edge_agent.clock import Clock, SimClock
from edge_agent.driver import ChannelInfo, DeviceInfo, DriverError, Sample
from edge_agent.identity import GatewaySigner, Identity, verify_ed25519
from edge_agent.mqtt_link import Link
from edge_agent.outbox.disk import DiskSpace, EndlessDisk
from edge_agent.settings import SensorSettings
from edge_agent.settings_file import checked
from osh_domain import strict_json
from osh_domain.acknowledgement import Ack, Received, Rejection, speak
from osh_domain.batch import Frame, open_frame, payload_hash
from osh_domain.senml import Record, read_pack
from osh_domain.topics import (
    ACK,
    BIRTH,
    CMD,
    CMD_RES,
    DATA_BACK,
    DATA_LIVE,
    STATE,
    TIME_REQ,
    TIME_RES,
    parse_topic,
)
from tests.servers import Broker

GATEWAY, SITE = "kh-f0123-a", "kh-f0123"
GATEWAY_KEY = bytes(range(32))
SERVER_KEY = bytes(range(32, 64))
T0 = 1_776_650_400.0


class Scripted:
    """A sensor that says what the test wants: `script` answers samples or raises for each read."""

    kind: ClassVar[str] = "scripted"
    api: ClassVar[int] = 1

    def __init__(
        self,
        script: Callable[[], Sequence[Sample]] = lambda: [Sample("ta", 31.4)],
        channels: Sequence[ChannelInfo] = (ChannelInfo("ta", "Cel", -40.0, 85.0, "0.2 K", 60.0),),
    ) -> None:
        self.script = script
        self.channels = tuple(channels)
        self.opened = self.closed = self.reads = 0
        self.missing = False

    @classmethod
    def check(cls, options: Mapping[str, object]) -> list[str]:
        del options
        return []

    def open(self) -> DeviceInfo:
        if self.missing:
            raise DriverError("missing", "nobody answers")
        self.opened += 1
        return DeviceInfo("Scripted", "sn-1", "1.0", self.channels)

    def read(self) -> Sequence[Sample]:
        self.reads += 1
        return self.script()

    def close(self) -> None:
        self.closed += 1


def agent_for(
    folder: Path,
    port: int,
    clock: Clock,
    drivers: Mapping[str, Scripted],
    *,
    link: Link | None = None,
    trusted: bytes | None = None,
    disk: DiskSpace | None = None,
    **overrides: object,
) -> Agent:
    """An agent with one scripted sensor for each driver, read once a minute, quiet about itself."""
    values: dict[str, object] = {
        "gateway": GATEWAY,
        "site": SITE,
        "data_dir": folder,
        "mqtt_port": port,
        "seal_grace_s": 0,
        "heartbeat_s": 0,
        "retry_first_s": 0.3,
        "back_rate": 500,
        "sensors": [SensorSettings(id=name, driver="scripted", period_s=60) for name in drivers],
        **overrides,
    }
    server_key = trusted if trusted is not None else GatewaySigner.from_bytes(SERVER_KEY).public_key
    identity = Identity(GATEWAY, SITE, GatewaySigner.from_bytes(GATEWAY_KEY), server_key, "serial-1")
    return Agent.build(
        checked(values), clock, identity, drivers=drivers, link=link, disk=disk or EndlessDisk()
    )


def run_minutes(agent: Agent, clock: SimClock, minutes: int) -> None:
    """Let simulated minutes pass; each ends with one step."""
    for _ in range(minutes):
        clock.set((clock.wall() // 60 + 1) * 60)
        agent.step()


def pump(agent: Agent, until: Callable[[], object], *, within_s: float = 10.0, what: str = "it") -> None:
    """Step the publisher until a condition holds."""
    deadline = time.monotonic() + within_s
    while not until():
        assert time.monotonic() < deadline, f"{what} did not come within {within_s} s"
        agent.publisher.step()
        time.sleep(0.01)


@dataclass
class ScriptedServer:
    """Keeps what arrives and acknowledges as scripted. Counters and lists are read by the test thread."""

    broker: Broker
    deaf: bool = False  # takes nothing in
    mute: bool = False  # takes in, never acknowledges
    reject: Callable[[Frame], str | None] = lambda _frame: None
    forge_head: bool = False
    window: int = 16
    signing_key: bytes = SERVER_KEY
    frames: dict[int, Frame] = field(default_factory=dict)
    arrivals: list[tuple[str, int]] = field(default_factory=list)
    hashes: dict[int, set[str]] = field(default_factory=dict)  # more than one for a number: a broken promise
    births: list[dict[str, Any]] = field(default_factory=list)
    states: list[dict[str, object]] = field(default_factory=list)
    answers: list[dict[str, object]] = field(default_factory=list)
    clock_ahead_s: float = 0.0
    conn: str | None = None

    def __post_init__(self) -> None:
        self._received = Received()
        self._rejections: dict[str, Rejection] = {}
        self._epoch = ""
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="server", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.on_connect = lambda client, *_: client.subscribe("osh/v1/#", qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", self.broker.port)
        self._client.loop_start()
        assert self._ready.wait(10), "the scripted server cannot reach the broker"

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def records(self) -> list[Record]:
        with self._lock:
            packs = [frame.pack for _, frame in sorted(self.frames.items())]
        return [record for pack in packs for record in read_pack(pack, T0)]

    def say(self, leaf: str, said: dict[str, object], *, key: bytes | None = None) -> None:
        word = speak(said, GatewaySigner.from_bytes(key or self.signing_key))
        self._client.publish(f"osh/v1/{SITE}/{GATEWAY}/{leaf}", word, qos=1)

    def acknowledge(self) -> None:
        cum = self._received.cum
        head = self.frames[cum].batch_hash if cum in self.frames else None
        ack = Ack(
            1,
            GATEWAY,
            self._epoch,
            cum,
            tuple(self._received.sel()),
            tuple(self._rejections.values()),
            "x" * 43 if self.forge_head and cum else head,
            self.window,
            500.0,
            time.time(),
            self.conn,
        )
        self.say(ACK, ack.to_dict())

    def command(self, name: str, operation: str, exp: float, **args: object) -> None:
        self.say(CMD, {"id": name, "op": operation, "args": args, "exp": exp})

    def _on_message(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        leaf = parse_topic(message.topic).leaf
        payload = bytes(message.payload)
        if leaf in (DATA_LIVE, DATA_BACK):
            self._take(leaf, payload)
        elif leaf == TIME_REQ:
            asked = strict_json.read_object(payload)
            now = time.time() + self.clock_ahead_s
            self.say(TIME_RES, {"id": asked["id"], "m0": asked["m0"], "s1": now, "s2": now})
        elif payload and leaf == BIRTH:
            self.births.append(strict_json.read_object(payload))
            self._epoch = str(self.births[-1]["ep"])
            if not self.deaf and not self.mute:
                self.acknowledge()
        elif payload and leaf == STATE:
            self.states.append(strict_json.read_object(payload))
        elif leaf == CMD_RES:
            self.answers.append(strict_json.read_object(payload))

    def _take(self, leaf: str, payload: bytes) -> None:
        frame = open_frame(payload)
        with self._lock:
            self.arrivals.append((leaf, frame.header.seq))
        if self.deaf:
            return
        assert frame.signature is not None
        public = GatewaySigner.from_bytes(GATEWAY_KEY).public_key
        assert verify_ed25519(public, frame.signature, frame.signed_bytes)
        code = self.reject(frame)
        if code is not None:
            name = payload_hash(payload)
            self._rejections[name] = Rejection(name, frame.header.seq, code)
        with self._lock:
            self._epoch = frame.header.ep
            self.frames[frame.header.seq] = frame
            self.hashes.setdefault(frame.header.seq, set()).add(frame.batch_hash)
            self._received.add(frame.header.seq)
        if not self.mute:
            self.acknowledge()


def connect(agent: Agent) -> None:
    pump(agent, lambda: agent.publisher.connected, what="the connection")


def delivered(agent: Agent) -> bool:
    return agent.outbox.counts().waiting == 0
