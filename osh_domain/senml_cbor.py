"""SenML in CBOR (RFC 8428 section 6): the same records as in JSON, with integers for labels.

A pack nests two levels, an array of maps, so this reader knows no more of CBOR (RFC 8949) than that: integers
of at most 64 bits, floats of 2, 4 and 8 bytes, decimal fractions (tag 4), text, byte strings, truth values.
The array must have a length (without one it is a stream, another media type), and so must text and byte
strings; a record's map may do without. What stands under an unknown label is passed over, whatever it is.
"""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

from osh_domain.senml_record import Limits
from osh_domain.wire_error import WireError

LABELS: Final = {
    "bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6,
    "n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4, "s": 5, "t": 6, "ut": 7, "vd": 8,
}  # fmt: skip
"""Table 4 of RFC 8428, which is conclusive: every other label stays text."""
MOST_NESTED: Final = 64
"""Levels of arrays, maps and tags below an unknown label."""

_NAMED: Final = {number: label for label, number in LABELS.items()}
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_INDEFINITE: Final = 31
_DECIMAL_FRACTION: Final = 4
_BREAK: Final = 0xFF
_FLOATS: Final = {25: ">e", 26: ">f", 27: ">d"}
_FALSE, _TRUE, _NULL, _UNDEFINED = 20, 21, 22, 23
_LOWEST_IN_TWO_BYTES: Final = 32  # simple values below that have one byte


class _Head(NamedTuple):
    """What an item begins with: major type, the five bits that say how long, and the number they give."""

    major: int
    short: int
    argument: int


class _Broken(Exception):  # noqa: N818 - carried to parse_cbor(), which adds the record
    def __init__(self, rule: str, message: str) -> None:
        super().__init__(rule, message)
        self.rule = rule
        self.message = message


def parse_cbor(data: bytes, *, limit: Limits = Limits()) -> list[dict[str, Any]]:  # noqa: B008 - immutable
    """The records of a pack under the labels of JSON; ``vd`` is bytes. Raises ``WireError`` (size, senml)."""
    if len(data) > limit.octets:
        raise WireError(
            "size", f"the pack has {len(data)} bytes, at most {limit.octets} are read", rule="profile"
        )
    reader = _Reader(data)
    records: list[dict[str, Any]] = []
    try:
        for _ in range(_records(reader.head(), limit)):
            records.append(reader.record())  # noqa: PERF401 - its length names the record that is broken
    except _Broken as broken:
        raise WireError("senml", broken.message, rule=broken.rule, record=len(records)) from None
    if reader.at != len(data):
        raise WireError("senml", "something follows the pack", rule="R1")
    return records


def _records(head: _Head, limit: Limits) -> int:
    if head.major != _ARRAY:
        raise WireError("senml", "a pack is a CBOR array of at least one record", rule="R1")
    if head.short == _INDEFINITE:
        raise WireError("senml", "an array without a length is a stream; none are taken", rule="R16")
    if head.argument == 0:
        raise WireError("senml", "a pack is a CBOR array of at least one record", rule="R1")
    if head.argument > limit.records:
        raise WireError("size", f"{head.argument} records, at most {limit.records} are read", rule="profile")
    return head.argument


class _Reader:
    """One pass over the bytes; ``at`` is the next one."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def head(self) -> _Head:
        first = self._take(1)[0]
        major, short = first >> 5, first & 31
        if short < 24:
            return _Head(major, short, short)
        if short < 28:
            return _Head(major, short, int.from_bytes(self._take(1 << (short - 24))))
        if short == _INDEFINITE and major in (_BYTES, _TEXT, _ARRAY, _MAP):
            return _Head(major, short, 0)
        raise _Broken("R15", f"no CBOR at byte {self.at - 1}")

    def record(self) -> dict[str, Any]:
        head = self.head()
        if head.major != _MAP:
            raise _Broken("R1", "a record is a CBOR map")
        record: dict[str, Any] = {}
        left = head.argument
        while not self._ended() if head.short == _INDEFINITE else left > 0:
            left -= 1
            label = self._label()
            if label in record:
                raise _Broken("R12", f"the label {label[:60]!r} stands twice in one record")
            record[label] = self._value(label)
        return record

    def _label(self) -> str:
        head = self.head()
        if head.major == _TEXT:
            label = self._text(head)
            if label in LABELS:
                raise _Broken("R15", f"the label {label!r} is the number {LABELS[label]} in CBOR")
            return label
        number = head.argument if head.major == _UNSIGNED else -1 - head.argument
        if head.major not in (_UNSIGNED, _NEGATIVE) or number not in _NAMED:
            raise _Broken("R15", "a label is neither text nor one of the numbers -6 to 8")
        return _NAMED[number]

    def _value(self, label: str) -> object:
        if label not in LABELS and not label.endswith("_"):
            self._pass_over(0)
            return None
        head = self.head()
        if label == "vd":
            if head.major != _BYTES:
                raise _Broken("R2", "vd is not a byte string")
            return self._bytes(head)
        match head.major:
            case 0:
                return head.argument
            case 1:
                return -1 - head.argument
            case 3:
                return self._text(head)
            case 6:
                return self._decimal_fraction(head)
            case 7:
                return self._simple(head)
        raise _Broken("R2", f"{label} is neither number, text nor truth value")

    def _simple(self, head: _Head) -> float | bool | None:
        if head.short in _FLOATS:
            number = _float(head)
            if number - number != 0.0:
                raise _Broken("R12", "a number is infinite or none at all")
            return number
        if head.short in (_FALSE, _TRUE):
            return head.short == _TRUE
        if head.short in (_NULL, _UNDEFINED):
            return None
        raise _Broken("R15", "a simple value that SenML does not know")

    def _decimal_fraction(self, head: _Head) -> float:
        """Mantissa times ten to the exponent, as the nearest double."""
        parts = self.head() if head.argument == _DECIMAL_FRACTION else None
        if parts is None or parts.major != _ARRAY or parts.short == _INDEFINITE or parts.argument != 2:
            raise _Broken("R15", "a tag is no decimal fraction of exponent and mantissa")
        exponent, mantissa = self._integer(), self._integer()
        return float(f"{mantissa}e{exponent}")  # beyond a double: infinite, which the resolver refuses

    def _integer(self) -> int:
        head = self.head()
        if head.major not in (_UNSIGNED, _NEGATIVE):
            raise _Broken("R15", "exponent and mantissa of a decimal fraction are whole numbers of 64 bits")
        return head.argument if head.major == _UNSIGNED else -1 - head.argument

    def _bytes(self, head: _Head) -> bytes:
        if head.short == _INDEFINITE:
            raise _Broken("R15", "text and data have a length")
        return self._take(head.argument)

    def _text(self, head: _Head) -> str:
        try:
            return self._bytes(head).decode("utf-8")
        except UnicodeDecodeError as error:
            raise _Broken("R1", f"not UTF-8 at byte {self.at - head.argument + error.start}") from None

    def _pass_over(self, depth: int) -> None:
        """Any one item. Of what is nested in it only the form is looked at."""
        if depth > MOST_NESTED:
            raise _Broken("R1", "nested far too deep")
        head = self.head()
        if head.major in (_BYTES, _TEXT):
            self._pass_over_string(head)
        elif head.major in (_ARRAY, _MAP):
            each = 1 if head.major == _ARRAY else 2
            left = head.argument
            while not self._ended() if head.short == _INDEFINITE else left > 0:
                left -= 1
                for _ in range(each):
                    self._pass_over(depth + 1)
        elif head.major == _TAG:
            self._pass_over(depth + 1)
        elif head.major == _SIMPLE and head.short == 24 and head.argument < _LOWEST_IN_TWO_BYTES:
            raise _Broken("R15", f"no CBOR at byte {self.at - 2}")

    def _pass_over_string(self, head: _Head) -> None:
        read = self._text if head.major == _TEXT else self._bytes
        if head.short != _INDEFINITE:
            read(head)
            return
        while not self._ended():
            piece = self.head()
            if piece.major != head.major:
                raise _Broken("R15", "a string in pieces holds something else")
            read(piece)

    def _ended(self) -> bool:
        """Whether the end of an item without a length stands here; it is taken."""
        if self.at >= len(self.data):
            raise _Broken("R1", "cut short")
        ended = self.data[self.at] == _BREAK
        self.at += ended
        return ended

    def _take(self, length: int) -> bytes:
        taken = self.data[self.at : self.at + length]
        if len(taken) != length:
            raise _Broken("R1", "cut short")
        self.at += length
        return taken


def _float(head: _Head) -> float:
    (number,) = struct.unpack(_FLOATS[head.short], head.argument.to_bytes(1 << (head.short - 24)))
    return float(number)
