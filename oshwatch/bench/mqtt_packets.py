"""The few MQTT 5 packets a load generator needs, as bytes.

A client library would cost the generator a good part of a core, and it shares the machine with what it
measures.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

CONNACK: Final = 2
PUBLISH: Final = 3
PUBACK: Final = 4
SUBACK: Final = 9

_RECEIVE_MAXIMUM: Final = 0x21
_DEFAULT_RECEIVE_MAXIMUM: Final = 65_535
# Length in bytes of each property a CONNACK may carry; None: a text, "pair": two texts.
_WIDTHS: Final[dict[int, int | None]] = {
    0x11: 4,
    0x12: None,
    0x13: 2,
    0x15: None,
    0x16: None,
    0x1A: None,
    0x1C: None,
    0x1F: None,
    0x21: 2,
    0x22: 2,
    0x24: 1,
    0x25: 1,
    0x27: 4,
    0x28: 1,
    0x29: 1,
    0x2A: 1,
}


class Packet(NamedTuple):
    """A control packet: type, the flags of its first byte, all that follows the length."""

    kind: int
    flags: int
    body: bytes


def _length(number: int) -> bytes:
    out = bytearray()
    while True:
        number, digit = number >> 7, number & 0x7F
        out.append(digit | 0x80 if number else digit)
        if not number:
            return bytes(out)


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def _packet(first: int, body: bytes) -> bytes:
    return bytes([first]) + _length(len(body)) + body


def connect(client_id: str, *, receive_maximum: int) -> bytes:
    """CONNECT with Clean Start, without a keepalive and without credentials."""
    properties = bytes([_RECEIVE_MAXIMUM]) + receive_maximum.to_bytes(2, "big")
    header = _text("MQTT") + b"\x05\x02\x00\x00" + _length(len(properties)) + properties
    return _packet(0x10, header + _text(client_id))


def subscribe(packet_id: int, topic: str, *, qos: int = 1) -> bytes:
    """SUBSCRIBE to one topic."""
    return _packet(0x82, packet_id.to_bytes(2, "big") + b"\x00" + _text(topic) + bytes([qos]))


def publish(packet_id: int, topic: str, payload: bytes, content_type: str) -> bytes:
    """PUBLISH at QoS 1."""
    properties = b"\x03" + _text(content_type)
    return _packet(
        0x32, _text(topic) + packet_id.to_bytes(2, "big") + _length(len(properties)) + properties + payload
    )


def puback(packet_id: bytes) -> bytes:
    """The answer to a PUBLISH at QoS 1."""
    return b"\x40\x02" + packet_id


def take_packets(buffer: bytearray) -> Iterator[Packet]:
    """The whole packets at the front of the buffer, which they leave."""
    while True:
        length, at = 0, 1
        while True:
            if at >= len(buffer):
                return
            digit = buffer[at]
            length |= (digit & 0x7F) << (7 * (at - 1))
            at += 1
            if not digit & 0x80:
                break
        if len(buffer) < at + length:
            return
        packet = Packet(buffer[0] >> 4, buffer[0] & 0x0F, bytes(buffer[at : at + length]))
        del buffer[: at + length]
        yield packet


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        digit = body[at]
        at += 1
        value |= (digit & 0x7F) << shift
        shift += 7
        if not digit & 0x80:
            return value, at


def read_publish(packet: Packet) -> tuple[bytes | None, bytes]:
    """The packet id (None at QoS 0) and the payload of a PUBLISH."""
    at = 2 + int.from_bytes(packet.body[:2], "big")
    name = None
    if packet.flags & 0x06:
        name, at = packet.body[at : at + 2], at + 2
    properties, at = _varint(packet.body, at)
    return name, packet.body[at + properties :]


def read_connack(packet: Packet) -> tuple[int, int]:
    """The reason code of a CONNACK and how many QoS 1 messages the broker takes at once."""
    reason = packet.body[1]
    length, at = _varint(packet.body, 2)
    end = at + length
    while at < end:
        name, at = packet.body[at], at + 1
        width = _WIDTHS.get(name)
        if name == _RECEIVE_MAXIMUM:
            return reason, int.from_bytes(packet.body[at : at + 2], "big")
        at += width if width is not None else 2 + int.from_bytes(packet.body[at : at + 2], "big")
    return reason, _DEFAULT_RECEIVE_MAXIMUM
