"""What the server says to a gateway, signed, and what it knows of the batches of one epoch."""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from osh_domain import strict_json
from osh_domain.signing import SIGNATURE_BYTES, Signer, Verifier
from osh_domain.wire_error import WireError

MAX_RANGES: Final = 64
_SIGNATURE_CHARACTERS: Final = 86
_MAX_SEQ: Final = 2**53
_CODE: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
"""A code's form. Which there are is the server's affair, and a later one may know more than ``CODES``."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A payload that went to quarantine; ``seq`` is None when the frame was too broken to show it.

    ``h`` is the SHA-256 of the payload as received (base64url without padding), ``code`` one of ``CODES``,
    or of a later server one that this program does not know: the payload is held all the same.
    """

    h: str
    seq: int | None
    code: str


@dataclass(frozen=True, slots=True)
class Ack:
    """A statement of fact about the ledger; repeating it is harmless.

    Every batch 1..``cum`` of epoch ``ep``, and every one in the ranges ``sel`` beyond it, is in the ledger
    or in quarantine. ``head`` is the batch hash of ``cum`` (None when ``cum`` is 0). ``win``: batches that
    may be unacknowledged in the back lane (0: stop), ``rate``: batches a second there, ``t``: server time.
    ``conn`` names the server's connection to the broker (None: this word came another way). What was
    published before that connection began and is not covered reached nobody.
    """

    v: int
    gw: str
    ep: str
    cum: int
    sel: tuple[tuple[int, int], ...]
    rej: tuple[Rejection, ...]
    head: str | None
    win: int
    rate: float
    t: float
    conn: str | None = None

    def to_dict(self) -> dict[str, object]:
        """The object that goes over the wire."""
        said: dict[str, object] = {
            "v": self.v,
            "gw": self.gw,
            "ep": self.ep,
            "cum": self.cum,
            "sel": [list(pair) for pair in self.sel],
            "rej": [{"h": r.h, "seq": r.seq, "code": r.code} for r in self.rej],
            "head": self.head,
            "win": self.win,
            "rate": self.rate,
            "t": self.t,
        }
        if self.conn is not None:
            said["conn"] = self.conn
        return said

    @classmethod
    def from_dict(cls, said: dict[str, object]) -> Ack:
        """Read what ``to_dict`` wrote; unknown keys are ignored. Raises ``WireError`` (version or json)."""
        if said.get("v") != 1:
            raise WireError(
                "version", f"acknowledgement of version {str(said.get('v'))[:20]}, this program reads 1"
            )
        head = said.get("head")
        if head is not None and not isinstance(head, str):
            raise WireError("json", "acknowledgement: head is neither text nor null")
        return cls(
            v=1,
            gw=_text(said, "gw"),
            ep=_text(said, "ep"),
            cum=_count(said.get("cum"), "cum"),
            sel=tuple(_range(pair) for pair in _list(said, "sel")),
            rej=tuple(_rejection(entry) for entry in _list(said, "rej")),
            head=head,
            win=_count(said.get("win"), "win"),
            rate=_number(said, "rate"),
            t=_number(said, "t"),
            conn=None if said.get("conn") is None else _text(said, "conn"),
        )


def _text(said: dict[str, object], key: str) -> str:
    value = said.get(key)
    if not isinstance(value, str):
        raise WireError("json", f"acknowledgement: {key} is not text")
    return value


def _list(said: dict[str, object], key: str) -> list[object]:
    value = said.get(key, [])
    if not isinstance(value, list):
        raise WireError("json", f"acknowledgement: {key} is not a list")
    return value


def _number(said: dict[str, object], key: str) -> float:
    value = said.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not strict_json.finite(value):
        raise WireError("json", f"acknowledgement: {key} is not a number")
    return value


def _count(value: object, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MAX_SEQ:
        raise WireError("json", f"acknowledgement: {key} is not a whole number from 0")
    return value


def _range(pair: object) -> tuple[int, int]:
    if not isinstance(pair, list) or len(pair) != 2:
        raise WireError("json", "acknowledgement: sel holds something else than pairs")
    first, last = _count(pair[0], "sel"), _count(pair[1], "sel")
    if not 1 <= first <= last:
        raise WireError("json", "acknowledgement: a range of sel ends before it begins")
    return first, last


def _rejection(entry: object) -> Rejection:
    said = entry if isinstance(entry, dict) else {}
    h, code, seq = said.get("h"), said.get("code"), said.get("seq")
    if not isinstance(h, str) or not isinstance(code, str) or _CODE.fullmatch(code) is None:
        raise WireError("json", "acknowledgement: an entry of rej lacks h or a code")
    return Rejection(h, None if seq is None else _count(seq, "rej"), code)


class Received:
    """Which numbers of an epoch have arrived: everything up to ``cum``, and ranges beyond it.

    ``cum`` is contiguous from 1, not the largest number seen: a gateway deletes on its word.
    """

    def __init__(self, cum: int = 0, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._cum = cum
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in sorted(ranges):
            if self._lasts and first <= self._lasts[-1] + 1:
                self._lasts[-1] = max(self._lasts[-1], last)
            else:
                self._firsts.append(first)
                self._lasts.append(last)
        self._absorb()

    @property
    def cum(self) -> int:
        """The last number of the unbroken run that begins at 1; 0 when 1 has not arrived."""
        return self._cum

    def add(self, seq: int) -> bool:
        """Note that ``seq`` arrived; whether it was new. Numbers below 1 are a ``ValueError``."""
        if seq < 1:
            raise ValueError(f"batches are numbered from 1, not {seq}")
        if seq in self:
            return False
        if seq == self._cum + 1:
            self._cum = seq
            self._absorb()
            return True
        self._insert(seq)
        return True

    def __contains__(self, seq: int) -> bool:
        if seq <= self._cum:
            return seq >= 1
        at = bisect_right(self._firsts, seq) - 1
        return at >= 0 and seq <= self._lasts[at]

    def sel(self, limit: int = MAX_RANGES) -> list[tuple[int, int]]:
        """The lowest ranges beyond ``cum``, both ends included, at most ``limit`` of them."""
        return list(zip(self._firsts[:limit], self._lasts[:limit], strict=True))

    def _insert(self, seq: int) -> None:
        at = bisect_right(self._firsts, seq)
        joins_left = at > 0 and self._lasts[at - 1] == seq - 1
        joins_right = at < len(self._firsts) and self._firsts[at] == seq + 1
        if joins_left and joins_right:
            self._lasts[at - 1] = self._lasts[at]
            del self._firsts[at], self._lasts[at]
        elif joins_left:
            self._lasts[at - 1] = seq
        elif joins_right:
            self._firsts[at] = seq
        else:
            self._firsts.insert(at, seq)
            self._lasts.insert(at, seq)

    def _absorb(self) -> None:
        while self._firsts and self._firsts[0] <= self._cum + 1:
            self._cum = max(self._cum, self._lasts[0])
            del self._firsts[0], self._lasts[0]


def speak(said: dict[str, object], signer: Signer) -> bytes:
    """A word of the server (``ack``, ``cmd``, ``time/res``): JSON, LF, Ed25519 signature over the JSON."""
    line = strict_json.write(said)
    return line + b"\n" + encode_signature(signer.sign(line))


def hear(payload: bytes, public_key: bytes, verify: Verifier) -> dict[str, object]:
    """The object of a word; raises ``WireError``: ``sig`` unless signed by ``public_key``, ``json``.

    The signature is checked before anything is parsed.
    """
    line, _, signature = payload.partition(b"\n")
    raw = decode_signature(signature)
    if raw is None or not verify(public_key, raw, line):
        raise WireError("sig", "this word is not signed by the server's key")
    return strict_json.read_object(line)


def encode_signature(raw: bytes) -> bytes:
    """64 bytes as 86 characters: base64url without padding."""
    if len(raw) != SIGNATURE_BYTES:
        raise ValueError(f"a signature has {SIGNATURE_BYTES} bytes, not {len(raw)}")
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def decode_signature(text: bytes) -> bytes | None:
    """The inverse of ``encode_signature``; None unless ``text`` is exactly what it would write."""
    if len(text) != _SIGNATURE_CHARACTERS:
        return None
    try:
        raw = base64.b64decode(text + b"==", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # The last character has bits to spare: only one spelling of a signature is accepted.
    return raw if encode_signature(raw) == text else None
