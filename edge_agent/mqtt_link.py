"""The cable: MQTT 5 through paho, whose thread only fills a queue; the caller's thread decides."""

from __future__ import annotations

import contextlib
import math
import queue
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_agent.tls import NO_CLOCK, Moment, context_of, prepare_socket

KEEPALIVE_S = 30
SESSION_EXPIRY_S = 60  # only so that the will waits; no data depends on a broker session
WILL_DELAY_S = 30
RECEIVE_MAXIMUM = 32
IN_FLIGHT = 64  # more than our own windows, so paho never queues for us
PATIENCE_S = 20.0  # published, and not a word from the broker since; doubled while it does not help
LONGEST_PATIENCE_S = 600.0
TAKEN_OVER = 0x8E
CLONE_WAIT_S = (60, 600)
# Mosquitto before 2.1 does not say it: so many connections in a row that end so early look like it.
FLAPS, FLAP_S, FLAP_WAIT_S = 5, 5.0, (5, 30)


class Up(NamedTuple):
    """Connected; `conn` is the number that the will of this connection carries."""

    conn: int


class Down(NamedTuple):
    """The connection is gone; `taken_over`: another client came with our name."""

    reason: str
    taken_over: bool


class Refused(NamedTuple):
    """The broker does not let us in."""

    reason: str


class Heard(NamedTuple):
    """A message."""

    topic: str
    payload: bytes


class Answered(NamedTuple):
    """The broker's PUBACK for the post that carried `row`. Proves nothing; from 0x80 on, or 0x10 (nobody
    subscribed), it is worth knowing."""

    code: int
    row: int | None = None


class _Mid(NamedTuple):
    """A PUBACK as paho tells it, by its own number of the message."""

    mid: int
    code: int


LinkEvent = Up | Down | Refused | Heard | Answered


class Post(NamedTuple):
    """One message to publish."""

    topic: str
    payload: bytes
    content_type: str = "application/json"
    qos: int = 1
    retain: bool = False
    expiry_s: int | None = None
    user: tuple[tuple[str, str], ...] = ()
    row: int | None = None  # of the outbox; comes back with the broker's answer


class Link(Protocol):
    """What the publisher needs of a connection. `will(conn)` is asked before each attempt to connect."""

    def open(self, first_conn: int, will: Callable[[int], Post]) -> None: ...

    def events(self) -> list[LinkEvent]: ...

    def subscribe(self, topics: list[str]) -> None: ...

    def publish(self, post: Post) -> bool: ...

    def close(self) -> None:
        """Leave in good order: the broker forgets the will."""

    def cut(self) -> None:
        """Vanish as in a power cut: the broker publishes the will."""


@dataclass(frozen=True)
class Broker:
    """Where to connect and as whom."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    reconnect_longest_s: float = 60.0

    def __repr__(self) -> str:
        return f"Broker({self.host}:{self.port})"


class PahoLink:
    """A connection that is looked for until it is there, and again whenever it is lost."""

    def __init__(
        self,
        client_id: str,
        broker: Broker,
        *,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], Moment] = lambda: Moment("ntp", time.time()),
    ) -> None:
        """`clock` judges dates of certificates. Raises TlsError."""
        self._broker, self._clock, self._undated = broker, clock, False
        self._tls = context_of(broker, clock, lambda why: self._put(Refused(why)))
        self._wake = wake
        self._inbox: queue.SimpleQueue[LinkEvent | _Mid] = queue.SimpleQueue()
        # What the broker has not confirmed, oldest first: paho's number -> row and time of sending.
        self._unanswered: dict[int, tuple[int | None, float]] = {}
        self._heard_at = 0.0
        self._patience = PATIENCE_S
        self._flaps, self._up_at = 0, -math.inf
        self._conn, self._left_because = 0, ""
        self._will: Callable[[int], Post] | None = None
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5
        )
        client.max_inflight_messages_set(IN_FLIGHT)
        client.reconnect_delay_set(1, max(1, int(broker.reconnect_longest_s)))
        client.on_socket_open = prepare_socket
        client.on_pre_connect = self._on_pre_connect
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        if broker.username is not None:
            client.username_pw_set(broker.username, broker.password)
        if self._tls is not None:
            client.tls_set_context(self._tls)

    def open(self, first_conn: int, will: Callable[[int], Post]) -> None:
        self._conn = first_conn
        self._will = will
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        self._client.connect_async(
            self._broker.host,
            self._broker.port,
            keepalive=KEEPALIVE_S,
            clean_start=False,
            properties=properties,
        )
        self._client.loop_start()

    def events(self) -> list[LinkEvent]:
        found: list[LinkEvent] = []
        while True:
            try:
                event = self._inbox.get_nowait()
            except queue.Empty:
                break
            self._heard_at = time.monotonic()
            found.append(self._told(event))
        self._leave_if_silent(time.monotonic())
        if self._undated and self._clock().clk != NO_CLOCK:
            self._undated = False
            self._shut("there is a clock now: connecting again to check the certificate's dates")
        return found

    def _told(self, event: LinkEvent | _Mid) -> LinkEvent:
        if isinstance(event, _Mid):
            self._patience = PATIENCE_S
            return Answered(event.code, self._unanswered.pop(event.mid, (None, 0.0))[0])
        if isinstance(event, Down):
            self._unanswered.clear()
        return event

    def _leave_if_silent(self, now: float) -> None:
        """A road that swallows what is sent, or a broker that hangs: try another connection."""
        if not self._unanswered:
            return
        since = max(self._heard_at, next(iter(self._unanswered.values()))[1])
        if now - since >= self._patience:
            # Longer each time, or a road that is only slow would never get anything through.
            self._patience = min(2 * self._patience, LONGEST_PATIENCE_S)
            self._unanswered.clear()
            self._shut("the broker confirmed nothing for too long: trying again")

    def subscribe(self, topics: list[str]) -> None:
        self._client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])

    def publish(self, post: Post) -> bool:
        # Without a connection paho would keep the message in memory and send it later beside our own retry.
        if not self._client.is_connected():
            return False
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ContentType = post.content_type
        if post.expiry_s is not None:
            properties.MessageExpiryInterval = post.expiry_s
        if post.user:
            properties.UserProperty = list(post.user)
        info = self._client.publish(post.topic, post.payload, post.qos, post.retain, properties)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            return False
        if post.qos:
            self._unanswered[info.mid] = (post.row, time.monotonic())
        return True

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def cut(self) -> None:
        self._shut()
        self._client.loop_stop()

    def _shut(self, why: str = "") -> None:
        self._left_because = why
        connection = self._client.socket()
        if isinstance(connection, socket.socket):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # wakes paho's thread, which may sleep for a second

    # -- paho's thread: put it in the queue, decide nothing ---------------------------------------------

    def _on_pre_connect(self, client: paho.Client, _userdata: object) -> None:
        self._undated = self._tls is not None and self._tls.prepare()
        if self._will is None:
            return
        # paho would send again what was left unconfirmed, beside our own repetition, and gather it.
        with client._out_message_mutex:  # noqa: SLF001 - there is no public way
            client._out_messages.clear()  # noqa: SLF001
            client._inflight_messages = 0  # noqa: SLF001
        will = self._will(self._conn)
        properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
        properties.WillDelayInterval = WILL_DELAY_S
        properties.ContentType = will.content_type
        client.will_set(will.topic, will.payload, will.qos, will.retain, properties)

    def _on_connect(
        self, client: paho.Client, _userdata: object, _flags: object, code: ReasonCode, _properties: object
    ) -> None:
        if code.is_failure:
            self._put(Refused(str(code)))
            return
        client.reconnect_delay_set(1, max(1, int(self._broker.reconnect_longest_s)))
        self._up_at, self._left_because = time.monotonic(), ""
        self._put(Up(self._conn))
        self._conn += 1

    def _on_disconnect(
        self, client: paho.Client, _data: object, flags: paho.DisconnectFlags, code: ReasonCode, _more: object
    ) -> None:
        self._flaps = self._flaps + 1 if time.monotonic() - self._up_at < FLAP_S else 0
        told, taken_over = code.value == TAKEN_OVER, code.value == TAKEN_OVER or self._flaps >= FLAPS
        if taken_over:
            # Two with one name would throw each other out for ever.
            self._flaps = 0
            pause = random.randint(*(CLONE_WAIT_S if told else FLAP_WAIT_S))  # noqa: S311 - no secret
            client.reconnect_delay_set(pause, max(pause, CLONE_WAIT_S[1]))
        broke = str(code) if flags.is_disconnect_packet_from_server else "the connection broke off"
        self._put(Down(self._left_because or broke, taken_over))

    def _on_message(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        self._put(Heard(message.topic, bytes(message.payload)))

    def _on_publish(
        self, _client: paho.Client, _userdata: object, mid: int, code: ReasonCode, _properties: object
    ) -> None:
        self._put(_Mid(mid, code.value))

    def _put(self, event: LinkEvent | _Mid) -> None:
        self._inbox.put(event)
        self._wake()
