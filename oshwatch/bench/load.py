"""The load generator, in a process of its own: ``python -m oshwatch.bench.load``.

Reads one JSON line (the load, which part of its gateways is this process's, the broker's port), signs all
batches, answers ``{"ready": …}``, waits for a second line (the server's public key), connects each gateway,
answers ``{"connected": …}``, waits for a third line (when to begin), publishes each batch when it is due, and
writes what it saw as one JSON line. It ends when everything is acknowledged, or some time after.
"""

from __future__ import annotations

import base64
import json
import select
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ingest_service.auth.server_key import verify_ed25519
from osh_domain.acknowledgement import hear
from osh_domain.topics import ACK, DATA_LIVE, topic
from oshwatch.bench import mqtt_packets as mqtt
from oshwatch.bench.fleet import Load, Member, Planned, members, planned
from oshwatch.bench.servers import SPARE_FILES, allow_open_files

CONTENT_TYPE: Final = "application/x-osh-batch"
GIVE_UP_AFTER_S: Final = 60.0
VERIFY_EVERY: Final = 25
_RECEIVE_MAXIMUM: Final = 32  # as the agent's
_CHUNK: Final = 262_144


@dataclass(slots=True)
class Connection:
    """One gateway's connection; respects how many messages the broker takes at once."""

    number: int
    member: Member
    link: socket.socket
    window: int
    sent_at: list[float] = field(default_factory=list)
    acked: int = 0
    beyond: set[int] = field(default_factory=set)
    in_flight: int = 0
    waiting: deque[bytes] = field(default_factory=deque)
    heard: bytearray = field(default_factory=bytearray)
    unsent: bytearray = field(default_factory=bytearray)

    def push(self, packet: bytes) -> None:
        """Publish, or wait for room."""
        if self.in_flight < self.window:
            self.in_flight += 1
            self.write(packet)
        else:
            self.waiting.append(packet)

    def write(self, data: bytes) -> None:
        self.unsent += data
        self.flush()

    def flush(self) -> None:
        if not self.unsent:
            return
        try:
            del self.unsent[: self.link.send(self.unsent)]
        except BlockingIOError:
            return

    def answered(self) -> None:
        """A PUBACK came: there is room for one more."""
        self.in_flight -= 1
        if self.waiting:
            self.push(self.waiting.popleft())


def connect(number: int, member: Member, port: int) -> Connection:
    """Connect and subscribe to the acknowledgements; blocking, before the load begins."""
    link = socket.create_connection(("127.0.0.1", port), timeout=10)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.sendall(mqtt.connect(member.id, receive_maximum=_RECEIVE_MAXIMUM))
    reason, window = mqtt.read_connack(_expect(link, mqtt.CONNACK))
    if reason:
        raise ConnectionError(f"the broker refuses {member.id}: reason code {reason:#04x}")
    link.sendall(mqtt.subscribe(1, topic(member.site, member.id, ACK)))
    _expect(link, mqtt.SUBACK)
    link.setblocking(False)
    return Connection(number, member, link, min(window, _RECEIVE_MAXIMUM))


def _expect(link: socket.socket, kind: int) -> mqtt.Packet:
    buffer = bytearray()
    while True:
        more = link.recv(4096)
        if not more:
            raise ConnectionError("the broker closed the connection")
        buffer += more
        for packet in mqtt.take_packets(buffer):
            if packet.kind == kind:
                return packet


class Generator:
    """Publishes what is planned and notes when each batch was acknowledged."""

    def __init__(self, load: Load, connections: list[Connection]) -> None:
        self._load = load
        self._by_gateway = {connection.number: connection for connection in connections}
        self._by_descriptor = {connection.link.fileno(): connection for connection in connections}
        self._poll = select.epoll()
        for descriptor in self._by_descriptor:
            self._poll.register(descriptor, select.EPOLLIN)
        self.late: list[float] = []
        self.latencies: list[float] = []
        self.acked_at: list[float] = []
        self.acks: list[bytes] = []
        self.ack_count = 0
        self.rejected: set[str] = set()
        self.refused = 0
        self.breaches: list[dict[str, object]] = []

    def run(self, batches: list[tuple[Planned, bytes]]) -> float:
        """Publish everything and wait for its acknowledgement; returns the moment of the start.

        It starts when the load says, or at once when that is past.
        """
        started = max(time.time(), self._load.starts_at)
        following = 0
        until = started + self._load.seconds + GIVE_UP_AFTER_S
        while len(self.latencies) < len(batches) and time.time() < until:
            wait = 0.05
            while following < len(batches):
                plan, packet = batches[following]
                wait = started + plan.after - time.time()
                if wait > 0:
                    break
                self._publish(plan, packet, -wait)
                following += 1
            self._listen(max(0.0, min(wait, 0.05)) if following < len(batches) else 0.05)
        return started

    def close(self) -> None:
        self._poll.close()
        for connection in self._by_gateway.values():
            connection.link.close()

    def _publish(self, plan: Planned, packet: bytes, late: float) -> None:
        connection = self._by_gateway[plan.gateway]
        now = time.time()
        connection.sent_at.append(now)
        self.late.append(late)
        if plan.breach:
            self.breaches.append({"zone": connection.member.zone, "published_at": now})
        connection.push(packet)

    def _listen(self, wait: float) -> None:
        for descriptor, _ in self._poll.poll(wait):
            connection = self._by_descriptor[descriptor]
            connection.flush()
            data = connection.link.recv(_CHUNK)
            if not data:
                raise ConnectionError(f"the broker closed the connection of {connection.member.id}")
            connection.heard += data
            for packet in mqtt.take_packets(connection.heard):
                self._take(connection, packet)

    def _take(self, connection: Connection, packet: mqtt.Packet) -> None:
        if packet.kind == mqtt.PUBACK:
            self.refused += len(packet.body) > 2 and packet.body[2] >= 0x10
            connection.answered()
        elif packet.kind == mqtt.PUBLISH:
            name, payload = mqtt.read_publish(packet)
            if name is not None:
                connection.write(mqtt.puback(name))
            self._acknowledged(connection, payload)

    def _acknowledged(self, connection: Connection, payload: bytes) -> None:
        now = time.time()
        self.ack_count += 1
        if self.ack_count % VERIFY_EVERY == 1:
            self.acks.append(payload)
        said = json.loads(payload[: payload.index(b"\n")])
        self.rejected.update(rejection["h"] for rejection in said["rej"])
        fresh = range(connection.acked + 1, said["cum"] + 1)
        ranged = {seq for first, last in said["sel"] for seq in range(first, last + 1)}
        for seq in (*fresh, *ranged):
            if seq not in connection.beyond and seq > connection.acked:
                connection.beyond.add(seq)
                self.latencies.append(now - connection.sent_at[seq - 1])
                self.acked_at.append(now)
        connection.acked = max(connection.acked, said["cum"])
        connection.beyond = {seq for seq in connection.beyond if seq > connection.acked}


def main() -> None:
    """Follow the conversation that the module describes."""
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    load = Load(**order["load"])
    part, parts = order["part"], order["parts"]
    fleet = members(load)
    topics = [topic(member.site, member.id, DATA_LIVE) for member in fleet]
    batches = [
        (plan._replace(payload=b""), mqtt.publish(plan.seq, topics[plan.gateway], plan.payload, CONTENT_TYPE))
        for plan in planned(load, part, parts)
    ]
    _say({"ready": len(batches), "bytes": sum(len(packet) for _, packet in batches)})
    server_key = base64.b64decode(json.loads(sys.stdin.readline())["server_key"])
    allow_open_files(len(fleet) // parts + SPARE_FILES)
    links = [connect(number, fleet[number], order["port"]) for number in range(part, len(fleet), parts)]
    _say({"connected": len(links)})
    begin = json.loads(sys.stdin.readline())["begin"]
    generator = Generator(replace(load, starts_at=begin), links)
    started = generator.run(batches)
    generator.close()
    for payload in generator.acks:
        hear(payload, server_key, verify_ed25519)
    _say(_result(generator, started, len(batches)))
    sys.stdin.readline()  # stay until our memory and processor time were looked at


def _result(generator: Generator, started: float, published: int) -> dict[str, object]:
    return {
        "started": started,
        "published": published,
        "acknowledged": len(generator.latencies),
        "rejected": len(generator.rejected),
        "refused_by_broker": generator.refused,
        "acks": generator.ack_count,
        "acks_verified": len(generator.acks),
        "acked_at": [round(at, 3) for at in generator.acked_at],
        "publish_to_ack_s": [round(took, 5) for took in generator.latencies],
        "late_s": [round(late, 5) for late in generator.late],
        "breaches": generator.breaches,
    }


def _say(words: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
