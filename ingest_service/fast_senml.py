"""Reads the packs of gateways at full speed, and leaves everything unusual to `osh_domain.senml`.

A pack in the profile of docs/wire-protocol.md, written compactly and with its keys in the usual order, is
decoded by msgspec. Encoding what was decoded must give the same bytes again: then nothing was overlooked, no
key stood twice, no number lost a digit. Whatever fails that, or any rule of the profile, is read again by the
complete reader, which alone decides what is an error and words it. A property test holds the two to equal
answers.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec
from msgspec import UNSET, UnsetType

from osh_domain.quality import ALL_FLAGS
from osh_domain.senml import MAX_NAME, MAX_PACK, MAX_RECORDS, Record, read_pack

VERSION = 26
LOWEST_ABSOLUTE = 2**28
LAST_SECOND = 253_402_300_799
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")


class _First(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The first record of a pack, which alone carries base fields; keys in the order of the writer."""

    bn: str
    bt: int | float
    bver: int
    btq_: str | UnsetType = UNSET
    n: str | UnsetType = UNSET
    u: str | UnsetType = UNSET
    t: int | float | UnsetType = UNSET
    v: int | float | UnsetType = UNSET
    vs: str | UnsetType = UNSET
    vb: bool | UnsetType = UNSET
    q_: int | UnsetType = UNSET


class _Next(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Every other record."""

    n: str
    u: str | UnsetType = UNSET
    t: int | float | UnsetType = UNSET
    v: int | float | UnsetType = UNSET
    vs: str | UnsetType = UNSET
    vb: bool | UnsetType = UNSET
    q_: int | UnsetType = UNSET


_FIRST = msgspec.json.Decoder(_First)
_REST = msgspec.json.Decoder(list[_Next])
_ENCODE = msgspec.json.Encoder().encode
_NEW = tuple.__new__


def read_sealed_pack(pack: bytes, relative_to: float) -> list[Record]:
    """The records of a gateway's pack, exactly as `osh_domain.senml.read_pack` gives them. WireError."""
    found = _read_usual(pack)
    return read_pack(pack, relative_to) if found is None else found


def _read_usual(pack: bytes) -> list[Record] | None:
    """The records, or None when the complete reader has to look at the pack."""
    if len(pack) > MAX_PACK:
        return None
    end = pack.find(b"}") + 1  # of the first record; with a brace in a string decoding fails
    try:
        first = _FIRST.decode(pack[1:end])
        rest = _REST.decode(b"[" + pack[end + 1 :]) if pack[end : end + 1] == b"," else []
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    again = b"[" + _ENCODE(first) + (b"," + _ENCODE(rest)[1:] if rest else b"]")
    if again != pack or len(rest) >= MAX_RECORDS:
        return None
    if first.bver != VERSION or not LOWEST_ABSOLUTE <= first.bt <= LAST_SECOND:
        return None
    try:
        return _records(first, rest)
    except OverflowError:  # a whole number that no double can hold
        return None


def _records(first: _First, rest: list[_Next]) -> list[Record] | None:
    """The records with their base fields applied; None when one of them is not of the profile."""
    base_name, base_time = first.bn, float(first.bt)
    clock = None if first.btq_ is UNSET else first.btq_
    if clock is not None and clock != "none":
        return None
    found: list[Record] = []
    last = 0.0
    ascending = True
    items: list[_First | _Next] = [first, *rest]
    for item in items:
        value, own, after, unit, flags = item.v, item.n, item.t, item.u, item.q_
        if value is UNSET or item.vs is not UNSET or item.vb is not UNSET:
            word = _word(item)
            if word is None:
                return None
            said: float | str | bool = word
        else:
            said = value + 0.0  # a double; -0.0 becomes 0, as by the base value of the complete reader
        name = base_name if own is UNSET else base_name + own
        time = base_time if after is UNSET else base_time + after
        if not LOWEST_ABSOLUTE <= time <= LAST_SECOND or len(name) > MAX_NAME or not _named_well(name):
            return None
        if unit is not UNSET and len(unit) > MAX_NAME:
            return None
        if flags is UNSET:
            flags = 0
        elif not 0 <= flags <= ALL_FLAGS:
            return None
        ascending &= time >= last
        last = time
        # Straight to the tuple: the class's own constructor takes longer than all the rest of this loop.
        found.append(
            _NEW(
                Record, (name, None if unit is UNSET else unit, time, said, None, None, flags, clock, VERSION)
            )
        )
    if not ascending:
        found.sort(key=lambda record: record.time)
    return found


def _word(item: _First | _Next) -> str | bool | None:
    """The one value of a record that is no number; None when there is none or more than one."""
    if item.v is not UNSET:
        return None
    if item.vs is not UNSET:
        return item.vs if item.vb is UNSET else None
    return None if item.vb is UNSET else item.vb


@lru_cache(maxsize=65_536)
def _named_well(name: str) -> bool:
    return _NAME.fullmatch(name) is not None
