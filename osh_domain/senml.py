"""SenML packs: RFC 8428 with the secondary units of RFC 8798 and the version bits of RFC 9100.

``resolve`` implements rules R1 to R14 of docs/wire-protocol.md over what either reader gives, that of JSON
(here) or that of CBOR (R15, ``senml_cbor``); ``write_pack`` writes the narrower profile of our gateways. Two
labels of our own must be understood by any reader: ``q_`` (flags of a reading) and ``btq_`` ("none": times
are lower bounds only).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from osh_domain import strict_json
from osh_domain.quality import ALL_FLAGS
from osh_domain.senml_cbor import parse_cbor
from osh_domain.senml_record import DEFAULT_VERSION, MAX_NAME, MAX_PACK, MAX_RECORDS, VERSION, Limits, Record
from osh_domain.senml_writing import resolved_json, write_pack
from osh_domain.wire_error import WireError

__all__ = [
    "MAX_NAME",
    "MAX_PACK",
    "MAX_RECORDS",
    "Limits",
    "Record",
    "WireError",
    "parse_bare",
    "parse_cbor",
    "parse_json",
    "read_pack",
    "resolve",
    "resolved_json",
    "write_pack",
]

_RELATIVE_BELOW: Final = 2**28
_LAST_SECOND: Final = 253_402_300_799.0  # 9999-12-31T23:59:59Z, the last one a calendar can show

_BASE: Final = frozenset({"bn", "bt", "bu", "bv", "bs", "bver", "btq_"})
_VALUES: Final = frozenset({"v", "vs", "vb", "vd"})
_OWN: Final = frozenset({"n", "u", "s", "t", "ut", "q_"}) | _VALUES
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*")


def parse_json(data: bytes, *, limit: Limits = Limits()) -> list[dict[str, Any]]:  # noqa: B008 - immutable
    """The records of a pack as they stand, R1 and the JSON half of R12 checked; raises ``WireError``."""
    if len(data) > limit.octets:
        raise WireError(
            "size", f"the pack has {len(data)} bytes, at most {limit.octets} are read", rule="profile"
        )
    pack = strict_json.read_objects(data)
    if type(pack) is not list or not pack:
        raise WireError("senml", "a pack is a JSON array of at least one record", rule="R1")
    if len(pack) > limit.records:
        raise WireError("size", f"{len(pack)} records, at most {limit.records} are read", rule="profile")
    for index, record in enumerate(pack):
        if type(record) is not dict:
            raise WireError("senml", "a record is a JSON object", rule="R1", record=index)
    return pack


def parse_bare(data: bytes) -> list[dict[str, Any]]:
    """The records of a pack in JSON or CBOR; raises ``WireError``.

    The first byte tells: no text in UTF-8 begins like an array of CBOR.
    """
    return parse_cbor(data) if data[:1] and data[0] >> 5 == 4 else parse_json(data)


def read_pack(data: bytes, now: float) -> list[Record]:
    """Parse and resolve JSON; relative times are taken against ``now``, the arrival (s since 1970 UTC)."""
    return resolve(parse_json(data), now)


class _Shape(NamedTuple):
    """What the labels alone say about a record."""

    base: bool
    own: bool
    value: str | None
    fault: tuple[str, str] | None


@lru_cache(maxsize=512)
def _shape(labels: tuple[str, ...]) -> _Shape:
    """R8, R9 and R11 as far as labels go. Cached: a deployment sends the same few shapes for ever."""
    known = frozenset(labels)
    for label in labels:
        if label.endswith("_") and label not in _BASE and label not in _OWN:
            return _Shape(False, False, None, ("R11", f"label {label[:60]!r} must be understood and is not"))
    values = sorted(known & _VALUES)
    if len(values) > 1:
        return _Shape(False, False, None, ("R8", f"more than one value: {' and '.join(values)}"))
    return _Shape(bool(known & _BASE), bool(known & _OWN), values[0] if values else None, None)


class _Resolver:
    """The base fields in force (R3), and the records resolved so far."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.name = ""
        self.time = 0.0
        self.unit: str | None = None
        self.value = 0.0
        self.sum: float | None = None
        self.version: int | None = None
        self.begun_without_version = False
        self.clock: str | None = None

    def take(self, record: dict[str, Any]) -> Record | None:
        """Resolve one record; None when it only sets base fields (R9). Raises ``_Broken``."""
        shape = _shape(tuple(record))
        if shape.fault is not None:
            raise _Broken(*shape.fault)
        if shape.base:
            self._take_base(record)
            if not shape.own:
                return None
        elif not shape.own:
            raise _Broken("R9", "neither a base field nor a value nor a sum")
        total = self.sum
        if "s" in record:
            total = (total or 0.0) + _number(record, "s")
        if shape.value is None and total is None:
            raise _Broken("R8", "no value (v, vs, vb or vd) and no sum")
        name = self._name(record.get("n", ""))
        if self.version is None:
            self.begun_without_version = True
        return Record(
            name,
            _unit(record, "u") if "u" in record else self.unit,
            self._time(record),
            self._value(record, shape.value),
            None if total is None else _finite(total, "sum", "R7"),
            _number(record, "ut") if "ut" in record else None,
            _flags(record["q_"]) if "q_" in record else 0,
            self.clock,
            DEFAULT_VERSION if self.version is None else self.version,
        )

    def _take_base(self, record: dict[str, Any]) -> None:
        if "bver" in record:
            self._take_version(record["bver"])
        if "bn" in record:
            self.name = _text(record, "bn")
        if "bt" in record:
            self.time = _number(record, "bt")
        if "bu" in record:
            self.unit = _unit(record, "bu")
        if "bv" in record:
            self.value = _number(record, "bv")
        if "bs" in record:
            self.sum = _number(record, "bs")
        if "btq_" in record:
            if record["btq_"] != "none":
                raise _Broken("R11", "btq_ is not 'none', the only value this version understands")
            self.clock = "none"

    def _take_version(self, bver: object) -> None:
        if type(bver) is not int or bver < 1:
            raise _Broken("R10", "bver is not a whole number from 1")
        if self.version is not None and bver != self.version:
            raise _Broken("R10", f"bver changes from {self.version} to {str(bver)[:20]} within the pack")
        if bver > 10 and bver != VERSION:
            raise _Broken("R10", f"bver {str(bver)[:20]} asks for features this program does not know")
        self.version = bver

    def _name(self, own: object) -> str:
        if type(own) is not str:
            raise _Broken("R2", "n is not text")
        if len(self.name) + len(own) > MAX_NAME:
            raise _Broken("profile", f"a name of more than {MAX_NAME} characters")
        name = self.name + own
        if _NAME.fullmatch(name) is None:
            raise _Broken(
                "R4",
                f"name {name[:120]!r}: letters, digits and - : . / _ only, beginning with a letter or digit",
            )
        return name

    def _time(self, record: dict[str, Any]) -> float:
        time = self.time + _number(record, "t") if "t" in record else self.time
        if time < _RELATIVE_BELOW:
            time += self.now
        if not 0.0 <= time <= _LAST_SECOND:
            raise _Broken("R6", "the time lies outside the years 1970 to 9999")
        return time

    def _value(self, record: dict[str, Any], label: str | None) -> float | str | bool | bytes | None:
        if label == "v":
            return _finite(self.value + _number(record, "v"), "value", "R7")
        if label == "vs":
            return _text(record, "vs")
        if label == "vb":
            if type(record["vb"]) is not bool:
                raise _Broken("R2", "vb is neither true nor false")
            return record["vb"]
        return None if label is None else _data(record)


class _Broken(Exception):  # noqa: N818 - carried to resolve(), which adds the record and raises WireError
    def __init__(self, rule: str, message: str) -> None:
        super().__init__(rule, message)
        self.rule = rule
        self.message = message


def _number(record: dict[str, Any], label: str) -> float:
    number = record[label]
    kind = type(number)
    if kind is float:
        return _finite(number, label, "R12")
    if kind is not int:
        raise _Broken("R2", f"{label} is not a number")
    if not strict_json.finite(number):
        raise _Broken("R12", f"{label} is too large for a double")
    return float(number)


def _finite(number: float, what: str, rule: str) -> float:
    if number - number != 0.0:  # only infinities and NaN; cheaper than a call
        raise _Broken(rule, f"{what} is too large for a double")
    return number


def _text(record: dict[str, Any], label: str) -> str:
    text = record[label]
    if type(text) is not str:
        raise _Broken("R2", f"{label} is not text")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise _Broken("R1", f"{label} holds half a character, which no UTF-8 can carry") from None
    return text


def _unit(record: dict[str, Any], label: str) -> str:
    unit = _text(record, label)
    if len(unit) > MAX_NAME:
        raise _Broken("profile", f"{label} has more than {MAX_NAME} characters")
    return unit


def _flags(flags: object) -> int:
    if type(flags) is not int or not 0 <= flags <= ALL_FLAGS:
        raise _Broken("R11", f"q_ is not a whole number from 0 to {ALL_FLAGS}")
    return flags


def _data(record: dict[str, Any]) -> bytes:
    if type(record["vd"]) is bytes:  # CBOR has byte strings
        return record["vd"]
    text = _text(record, "vd")
    if _BASE64URL.fullmatch(text) is None:
        raise _Broken("R2", "vd is not base64url without padding")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise _Broken("R2", "vd is not base64url without padding") from None


def resolve(pack: Sequence[dict[str, Any]], now: float) -> list[Record]:
    """The measurements of a pack in chronological order (R13), stable for equal times.

    ``now`` (s since 1970 UTC) is added to relative times. Raises ``WireError`` (senml) with the rule and the
    index of the record. An empty answer is possible: a pack may consist of base fields alone.
    """
    resolver = _Resolver(now)
    found: list[Record] = []
    for index, raw in enumerate(pack):
        try:
            record = resolver.take(raw)
        except _Broken as broken:
            raise WireError("senml", broken.message, rule=broken.rule, record=index) from None
        if record is not None:
            found.append(record)
    found.sort(key=lambda record: record.time)
    if resolver.begun_without_version and resolver.version is not None:  # it is that of the whole pack
        return [record._replace(version=resolver.version) for record in found]
    return found
