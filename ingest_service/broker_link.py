"""The connection of the intake to the broker: paho, driven by one thread.

No second thread means no queue between two of them: what is not read stays in the socket, and TCP slows the
broker down. paho's own loop is not used, because it waits in select(), which fails beyond 1,024 descriptors.
"""

from __future__ import annotations

import secrets
import select
import socket
import ssl
import time
from collections.abc import Callable, Sequence

import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest_service.settings import Settings

KEEPALIVE_S = 10  # a road that swallows everything is noticed after at most twice this
GROUP_KEEPALIVE_S = 5  # what goes to one of a group that hangs is lost to the others until the broker notices
SHARED, OWN = 1, 2  # the names of the two subscriptions of one of a group
RECEIVE_MAXIMUM = 256
PACKET_ROOM = 4  # times the largest payload taken, so that an oversize one is seen and named
MOST_BYTES = 32 * 2**20  # of one portion
MOST_QUEUED = 10_000
MOST_UNCONFIRMED = 128  # paho reads as many packets in one go as it has messages unconfirmed
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
TCP_PATIENCE_MS = 10_000  # sent, and not even the other machine's network answers
CONNECT_WITHIN_S = 5.0
log = structlog.get_logger(__name__)


class BrokerLink:
    """Connects, waits for an absent broker with growing pauses, reads in portions, publishes.

    ``on_message`` is called from within `read` for each message. ``group``: several share what is published,
    each message goes to one of them; what the broker keeps of the ``kept`` filters comes to each of them all
    the same, when it subscribes.
    """

    def __init__(
        self,
        settings: Settings,
        filters: Sequence[str],
        on_message: Callable[[paho.MQTTMessage], None],
        *,
        group: str | None = None,
        kept: Sequence[str] = (),
    ) -> None:
        self.connected = False
        self.name: str | None = None  # of this connection; another one has another
        self.trouble: str | None = None
        self._host, self._port = settings.mqtt_host, settings.mqtt_port
        self._filters, self._group, self._kept = tuple(filters), group, tuple(kept)
        self._asked: dict[int, tuple[str, ...]] = {}
        self._pause = FIRST_PAUSE_S
        self._next_try = 0.0
        self._next_misc = 0.0
        self._heard = 0
        self._heard_bytes = 0
        self._unconfirmed = 0
        self._tried = True
        self._largest = settings.max_payload * PACKET_ROOM
        self._hand_over = on_message
        self._client = self._make_client(settings)

    def ready(self) -> bool:
        """Connect when it is time to; whether there is a connection."""
        if self.connected:
            return True
        if time.monotonic() >= self._next_try:
            self._connect()
        return self.connected

    def read(self, most: int, wait_s: float) -> int:
        """Hand over up to ``most`` messages: waits for the first, never for more. How many there were."""
        self._heard = self._heard_bytes = 0
        self._keep_up()
        wait: float = wait_s
        while (
            self.connected and self._heard < most and self._heard_bytes < MOST_BYTES and self._readable(wait)
        ):
            self._check(self._client.loop_read())
            wait = 0.0
        return self._heard

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, expiry_s: int | None = None) -> None:
        """Send a message; lost when the connection is, since everything we say is said again."""
        if not self.connected:
            return
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ContentType = "application/json"
        if expiry_s is not None:
            properties.MessageExpiryInterval = expiry_s
        self._client.publish(topic, payload, qos, properties=properties)
        self._unconfirmed += qos > 0

    def hear_again(self) -> None:
        """Ask for what the broker keeps once more."""
        if self.connected:
            self._subscribe(self._kept, OWN)

    def room(self) -> int:
        """How many messages may be published before the broker has confirmed earlier ones."""
        return max(0, MOST_UNCONFIRMED - self._unconfirmed) if self.connected else 0

    def close(self) -> None:
        if self.connected:
            self.connected, self._tried = False, True  # asked for, so no trouble to tell of
            self._client.disconnect()
            self._flush()
        connection = self._client.socket()
        if connection is not None:
            connection.close()
        self.connected = False

    def _make_client(self, settings: Settings) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"oshwatch-intake-{secrets.token_hex(4)}",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        client.max_inflight_messages_set(RECEIVE_MAXIMUM)
        client.max_queued_messages_set(MOST_QUEUED)
        client.connect_timeout = CONNECT_WITHIN_S
        client.on_socket_open = _prepare_socket
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        if settings.mqtt_username is not None:
            password = settings.mqtt_password
            client.username_pw_set(settings.mqtt_username, password.get_secret_value() if password else None)
        if settings.mqtt_ca_file is not None:
            client.tls_set(ca_certs=str(settings.mqtt_ca_file), cert_reqs=ssl.CERT_REQUIRED)
        return client

    def _connect(self) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.MaximumPacketSize = self._largest
        self._tried = False
        try:
            keepalive = KEEPALIVE_S if self._group is None else GROUP_KEEPALIVE_S
            self._client.connect(self._host, self._port, keepalive, clean_start=True, properties=properties)
            deadline = time.monotonic() + CONNECT_WITHIN_S
            while not self.connected and not self._tried and time.monotonic() < deadline:
                self._keep_up()
                if self._readable(0.1):
                    self._check(self._client.loop_read())
        except OSError as error:
            self._lost(f"{error}")
        if not self.connected and not self._tried:
            self._lost("it accepts connections but does not answer")

    def _lost(self, reason: str) -> None:
        self.connected, self._tried = False, True
        self._unconfirmed = 0
        self._next_try = time.monotonic() + self._pause
        if self.trouble != reason:
            log.warning(
                "no connection to the broker; trying again",
                broker=f"{self._host}:{self._port}",
                reason=reason,
            )
        self.trouble = reason
        self._pause = min(self._pause * 2, LONGEST_PAUSE_S)

    def _keep_up(self) -> None:
        """Write what waits, and once a second let paho look after its keepalive."""
        self._flush()
        now = time.monotonic()
        if now >= self._next_misc:
            self._next_misc = now + 1.0
            self._check(self._client.loop_misc())

    def _flush(self) -> None:
        if self._client.want_write():
            self._check(self._client.loop_write())

    def _readable(self, wait_s: float) -> bool:
        connection = self._client.socket()
        if connection is None:
            return False
        if isinstance(connection, ssl.SSLSocket) and connection.pending():
            return True
        poll = select.poll()
        poll.register(connection, select.POLLIN | (select.POLLOUT if self._client.want_write() else 0))
        events = poll.poll(wait_s * 1000)
        if events and events[0][1] & select.POLLOUT:
            self._flush()
        return bool(events and events[0][1] & ~select.POLLOUT)

    def _check(self, code: MQTTErrorCode) -> None:
        if code not in (paho.MQTT_ERR_SUCCESS, paho.MQTT_ERR_AGAIN) and self.connected:
            self._lost(paho.error_string(code))

    def _on_connect(
        self, _client: paho.Client, _userdata: object, _flags: object, code: ReasonCode, _properties: object
    ) -> None:
        if code.is_failure:
            self._lost(f"it refuses us: {code}; check mqtt_username and mqtt_password")
            return
        self.connected, self.trouble, self._pause = True, None, FIRST_PAUSE_S
        self.name = secrets.token_hex(8)
        log.info("connected to the broker", broker=f"{self._host}:{self._port}")
        if self._group is None:
            self._subscribe(self._filters, None)
            return
        self._subscribe([f"$share/{self._group}/{topic}" for topic in self._filters], SHARED)
        self._subscribe(self._kept, OWN)

    def _subscribe(self, topics: Sequence[str], name: int | None) -> None:
        properties = Properties(PacketTypes.SUBSCRIBE)  # type: ignore[no-untyped-call]
        if name is not None:
            properties.SubscriptionIdentifier = name
        asked = [(topic, SubscribeOptions(qos=1)) for topic in topics]
        _, number = self._client.subscribe(asked, properties=properties)
        if number is not None:
            self._asked[number] = tuple(topics)

    def _on_disconnect(
        self, _client: paho.Client, _userdata: object, _flags: object, code: ReasonCode, _properties: object
    ) -> None:
        if self.connected or not self._tried:
            self._lost(str(code))

    def _on_subscribe(
        self, _client: paho.Client, _userdata: object, mid: int, codes: list[ReasonCode], _properties: object
    ) -> None:
        topics = self._asked.pop(mid, ())
        refused = [topic for topic, code in zip(topics, codes, strict=False) if code.is_failure]
        if refused:
            log.error("the broker does not let us subscribe; check its access list", topics=refused)

    def _on_publish(
        self, _client: paho.Client, _userdata: object, _mid: int, _code: ReasonCode, _properties: object
    ) -> None:
        self._unconfirmed = max(0, self._unconfirmed - 1)

    def _on_message(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        self._heard += 1
        self._heard_bytes += len(message.payload)
        if self._group is None or not self._is_copy(message):
            self._hand_over(message)

    def _is_copy(self, message: paho.MQTTMessage) -> bool:
        """What is published comes to all by their own subscriptions and to one by the shared one: it counts.
        What the broker keeps counts when it comes by our own one."""
        names = getattr(message.properties, "SubscriptionIdentifier", None) or ()
        if message.retain:
            return SHARED in names and self._keeps(message.topic)
        return OWN in names

    def _keeps(self, topic: str) -> bool:
        return any(paho.topic_matches_sub(one, topic) for one in self._kept)


def _prepare_socket(_client: paho.Client, _userdata: object, connection: object) -> None:
    # paho leaves Nagle's algorithm on; acknowledgements would wait for the broker's own.
    if isinstance(connection, socket.socket):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TCP_PATIENCE_MS)
