"""Writing SenML in CBOR: each item in the shortest form that keeps its value (RFC 8949 section 4.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

from osh_domain.senml_cbor import LABELS
from osh_domain.senml_record import Record
from osh_domain.senml_writing import resolved_fields


def pack_cbor(pack: Sequence[Mapping[str, float | str | bool | bytes]]) -> bytes:
    """A pack whose records have the labels of JSON, in their order; ``vd`` is bytes.

    ``ValueError`` for NaN and infinity.
    """
    return _head(4, len(pack)) + b"".join(
        _head(5, len(record)) + b"".join(_label(label) + _item(value) for label, value in record.items())
        for record in pack
    )


def resolved_cbor(records: Iterable[Record]) -> bytes:
    """The resolved form of a pack (R13); records keep the order given."""
    return pack_cbor([resolved_fields(record) for record in records])


def _label(label: str) -> bytes:
    return _integer(LABELS[label]) if label in LABELS else _item(label)


def _item(value: float | str | bool | bytes) -> bytes:
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, str):
        text = value.encode("utf-8")
        return _head(3, len(text)) + text
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    return _number(value)


def _number(number: float) -> bytes:
    """A whole number as such where that is no longer than the float; -0.0 is 0, as in JSON."""
    if isinstance(number, int) and -(2**64) <= number < 2**64:
        return _integer(number)
    written = _float(float(number))
    if number == int(number) and -(2**64) <= number < 2**64:
        whole = _integer(int(number))
        return whole if len(whole) <= len(written) else written
    return written


def _float(number: float) -> bytes:
    if number - number != 0.0:
        raise ValueError("NaN and infinity cannot be written")
    for first, form in ((b"\xf9", ">e"), (b"\xfa", ">f")):
        try:
            packed = struct.pack(form, number)
        except OverflowError:
            continue
        if struct.unpack(form, packed)[0] == number:
            return first + packed
    return b"\xfb" + struct.pack(">d", number)


def _integer(number: int) -> bytes:
    return _head(0, number) if number >= 0 else _head(1, -1 - number)


def _head(major: int, argument: int) -> bytes:
    """Major type and argument in the fewest bytes."""
    if argument < 24:
        return bytes((major << 5 | argument,))
    for short, length in ((24, 1), (25, 2), (26, 4)):
        if argument < 1 << 8 * length:
            return bytes((major << 5 | short,)) + argument.to_bytes(length)
    return bytes((major << 5 | 27,)) + argument.to_bytes(8)
