"""The sealed batch: header line, SenML line, signature line; made once and never encoded again.

The signature is over ``header`` LF ``pack``; the batch hash is the SHA-256 of the same bytes.
docs/wire-protocol.md has the meaning of every header key.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from osh_domain import strict_json
from osh_domain.acknowledgement import decode_signature, encode_signature
from osh_domain.readings import GATEWAY_ID
from osh_domain.senml import MAX_PACK, Record
from osh_domain.signing import Signer
from osh_domain.wire_error import WireError

VERSION: Final = 1
MAX_FRAME: Final = 1_048_576
"""Bytes of a frame, also after inflation (1 MiB)."""
NO_KEY: Final = "0" * 16
"""The ``kid`` of a gateway that does not sign."""
CLOCKS: Final = frozenset({"ntp", "srv", "rtc", "hold", "none"})

_HEX16: Final = re.compile(r"[0-9a-f]{16}")
_HEX32: Final = re.compile(r"[0-9a-f]{32}")
_HASH: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_MAX_SEQ: Final = 2**53

Anchor = tuple[float, float, float, str]
"""Boot-time clock, UTC, error (all s), source."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a frame. Times in s; ``mono`` is the boot-time clock of the first and last record.

    ``off`` is wall clock minus boot-time clock for every record of the batch, ``err`` the largest error of
    the clock (None when nobody knows it, as with ``clk`` "none"), ``anc`` the clock anchors since the last
    batch, ``n`` the number of records.
    """

    v: int
    gw: str
    ep: str
    seq: int
    prev: str
    kid: str
    cfg: str
    boot: str
    off: float
    mono: tuple[float, float]
    clk: str
    err: float | None
    anc: tuple[Anchor, ...] = ()
    n: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame taken apart; nothing in it has been verified but its shape."""

    header: Header
    header_bytes: bytes
    pack: bytes
    signature: bytes | None
    batch_hash: str
    signed_bytes: bytes = field(repr=False)


def text_hash(data: bytes) -> str:
    """SHA-256 as base64url without padding, 43 characters."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest())[:43].decode("ascii")


payload_hash = text_hash
"""The name of a payload as received, for ``rej`` and the quarantine."""


def genesis(gateway: str, epoch: str) -> str:
    """What stands in ``prev`` of the first batch of an epoch."""
    return text_hash(f"osh-batch-v1:{gateway}:{epoch}".encode())


def seal(header: Header, pack: bytes, signer: Signer | None) -> bytes:
    """The bytes of a frame; without a signer the signature line stays empty.

    Raises ``WireError`` (frame, size) when a receiver would refuse the result.
    """
    signed = _header_line(header) + b"\n" + pack
    signature = b"" if signer is None else encode_signature(signer.sign(signed))
    frame = signed + b"\n" + signature
    open_frame(frame)
    return frame


def _header_line(header: Header) -> bytes:
    line: dict[str, object] = {
        "v": header.v,
        "gw": header.gw,
        "ep": header.ep,
        "seq": header.seq,
        "prev": header.prev,
        "kid": header.kid,
        "cfg": header.cfg,
        "boot": header.boot,
        "off": header.off,
        "mono": list(header.mono),
        "clk": header.clk,
        "err": header.err,
    }
    if header.anc:
        line["anc"] = [list(anchor) for anchor in header.anc]
    line["n"] = header.n
    return strict_json.write(line)


def compress(frame: bytes) -> bytes:
    """The same frame for transport, deflated."""
    return zlib.compress(frame, 6)


def first_byte_kind(payload: bytes) -> Literal["frame", "senml", "cbor"]:
    """What a payload is, told from its first byte; raises ``WireError`` (frame) for anything else."""
    first = payload[:1]
    if first in (b"{", b"x"):
        return "frame"
    if first == b"[":
        return "senml"
    if first and 0x81 <= first[0] <= 0x9B:
        return "cbor"
    raise WireError("frame", f"begins with {first.hex() or 'nothing'}: no frame, no deflated frame, no SenML")


def _inflate(payload: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        frame = inflater.decompress(payload, MAX_FRAME + 1)
    except zlib.error as error:
        raise WireError("frame", f"does not inflate: {error}") from None
    if len(frame) > MAX_FRAME:
        raise WireError("size", f"inflates to more than {MAX_FRAME} bytes")
    if not inflater.eof or inflater.unused_data:
        raise WireError("frame", "the deflated frame is cut short or followed by something")
    return frame


def open_frame(payload: bytes) -> Frame:
    """Take a frame apart, inflating it if need be, and check the shape of its header.

    Raises ``WireError``: size, frame or version. The signature is not verified and the pack not read.
    """
    if len(payload) > MAX_FRAME:
        raise WireError("size", f"{len(payload)} bytes; a frame has at most {MAX_FRAME}")
    if first_byte_kind(payload) != "frame":
        raise WireError("frame", "a bare SenML pack where a sealed batch is expected")
    frame = _inflate(payload) if payload[:1] == b"x" else payload
    lines = frame.split(b"\n")
    if len(lines) != 3:
        raise WireError("frame", f"a frame has 3 lines (header, pack, signature), this one has {len(lines)}")
    head, pack, last = lines
    signature = decode_signature(last) if last else None
    if last and signature is None:
        raise WireError("frame", "the signature line is not 86 characters of base64url")
    if len(pack) > MAX_PACK:
        raise WireError(
            "size", f"the pack has {len(pack)} bytes, at most {MAX_PACK} are read", rule="profile"
        )
    signed = frame[: len(head) + 1 + len(pack)]
    return Frame(_read_header(head), head, pack, signature, text_hash(signed), signed)


def _read_header(line: bytes) -> Header:
    try:
        said = strict_json.read_objects(line)  # every number we use is checked below
    except WireError as error:
        raise WireError("frame", f"header: {error.message}") from None
    if not isinstance(said, dict):
        raise WireError("frame", "the header is not a JSON object")
    if said.get("v") != VERSION or type(said["v"]) is not int:
        raise WireError("version", f"frame version {str(said.get('v'))[:20]}; this program reads {VERSION}")
    for key in said.keys() - _KEYS:
        if key.endswith("_"):
            raise WireError("version", f"header key {key[:60]!r} must be understood and is not", rule="R11")
    mono = said.get("mono")
    if not isinstance(mono, list) or len(mono) != 2:
        raise WireError("frame", "header: mono is not a pair of numbers")
    clk, err = said.get("clk"), said.get("err")
    if not isinstance(clk, str) or clk not in CLOCKS:
        raise WireError("frame", f"header: clk is not one of {', '.join(sorted(CLOCKS))}")
    return Header(
        v=VERSION,
        gw=_match(said, "gw", GATEWAY_ID),
        ep=_match(said, "ep", _HEX16),
        seq=_count(said, "seq", 1),
        prev=_match(said, "prev", _HASH),
        kid=_match(said, "kid", _HEX16),
        cfg=_match(said, "cfg", _HEX32),
        boot=_match(said, "boot", _HEX16),
        off=_number(said.get("off"), "off"),
        mono=(_number(mono[0], "mono"), _number(mono[1], "mono")),
        clk=clk,
        err=None if err is None else _number(err, "err", low=0.0),
        anc=_anchors(said["anc"]) if "anc" in said else (),
        n=_count(said, "n", 0),
    )


_KEYS: Final = frozenset(Header.__dataclass_fields__)


def _match(said: dict[str, object], key: str, pattern: re.Pattern[str]) -> str:
    value = said.get(key)
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise WireError("frame", f"header: {key} is missing or not of the form {pattern.pattern}")
    return value


def _count(said: dict[str, object], key: str, low: int) -> int:
    value = said.get(key)
    if type(value) is not int or not low <= value < _MAX_SEQ:
        raise WireError("frame", f"header: {key} is missing or not a whole number from {low}")
    return value


def _number(value: object, key: str, low: float = -1e12) -> float:
    if (type(value) is not float and type(value) is not int) or not low <= value <= 1e12:
        raise WireError("frame", f"header: {key} is missing or not a number of seconds")
    return float(value)


def _anchors(value: object) -> tuple[Anchor, ...]:
    if not isinstance(value, list):
        raise WireError("frame", "header: anc is not a list of clock anchors")
    found: list[Anchor] = []
    for anchor in value:
        if not isinstance(anchor, list) or len(anchor) != 4 or not isinstance(anchor[3], str):
            raise WireError("frame", "header: an anchor is not [mono, utc, error, source]")
        mono, utc = (_number(part, "anc") for part in anchor[:2])
        found.append((mono, utc, _number(anchor[2], "anc", low=0.0), anchor[3]))
    return tuple(found)


def check_contents(header: Header, records: Sequence[Record]) -> None:
    """Raise ``WireError`` (senml) unless number, gateway and clock of the records are those of the header."""
    if len(records) != header.n:
        raise WireError("senml", f"header: {header.n} records, the pack: {len(records)}", rule="profile")
    own = header.gw + "/"
    for index, record in enumerate(records):
        if not record.name.startswith(own):
            raise WireError(
                "senml", f"{record.name[:120]!r} does not belong to {header.gw}", rule="profile", record=index
            )
    if records and (header.clk == "none") != (records[0].clock == "none"):
        raise WireError("senml", "clk and btq_ disagree about the clock", rule="profile")
