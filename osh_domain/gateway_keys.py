"""The keys of a gateway: which batches each of them vouches for, and how one introduces the next.

A gateway that changes its key says so in a batch signed by the old one: the record ``sys/key`` holds the new
public key and a signature by the new key. So both keys speak, the old one for the change, the new one for
being held by the same gateway. Pure; docs/wire-protocol.md section 4.2.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from osh_domain.acknowledgement import decode_signature, encode_signature
from osh_domain.readings import SYSTEM_SENSOR
from osh_domain.signing import PUBLIC_KEY_BYTES, Signer, Verifier, key_id
from osh_domain.wire_error import WireError

QUANTITY: Final = "key"
OVERLAP_S: Final = 7 * 86_400.0
"""How long a key stays in force beside the one that it introduced, from the first batch of that on [s]."""
WHOLE_EPOCH: Final = 2**53 - 1

_DOMAIN: Final = "osh-gateway-key-v1"
_GOOD: Final = re.compile(r"([0-9a-f]{16})(?::([0-9]{1,16}))?")


@dataclass(frozen=True, slots=True)
class Validity:
    """When a key is in force, for whom, and what it still vouches for afterwards.

    Instants in s since 1970 UTC. ``valid_to``: end of the overlap with its successor; ``good_up_to``: by
    epoch, the last batch that a key which has ended vouches for, however late that batch arrives.
    ``last_good_seq`` is the same without an epoch, as older registers have it. ``stated_in``: epoch and
    number of the batch that introduced it; later ones of that epoch may arrive before it.
    """

    gateway: str
    valid_from: float
    valid_to: float | None = None
    revoked_at: float | None = None
    good_up_to: Mapping[str, int] = field(default_factory=dict)
    last_good_seq: int | None = None
    stated_in: tuple[str, int] | None = None

    def vouches_for(self, epoch: str, seq: int) -> bool:
        """Whether a person, or the first batch of its successor, said that it was still good there."""
        if self.last_good_seq is not None and seq <= self.last_good_seq:
            return True
        return seq <= self.good_up_to.get(epoch, 0)

    def why_not(self, gateway: str, epoch: str, seq: int, received_at: float) -> str | None:
        """Why this key does not vouch for a batch received at that instant; None when it does."""
        if gateway != self.gateway:
            return f"the key belongs to {self.gateway}"
        if received_at < self.valid_from and not self._follows(epoch, seq):
            return "the key was not in force yet when it was received"
        revoked = self.revoked_at is not None and received_at >= self.revoked_at
        if self.vouches_for(epoch, seq):
            if revoked and self.good_up_to.get(epoch) == WHOLE_EPOCH:
                # "All of it" is what had come: else whoever has the key could go on in that epoch for ever.
                return "the key had been revoked when it was received, and no last number of its epoch named"
            return None
        if revoked:
            return "the key had been revoked when it was received"
        if self.valid_to is not None and received_at >= self.valid_to:
            return "the key had been replaced by another when it was received"
        return None

    def why_ended(self, t: float) -> str | None:
        """Why the key may introduce no other at that instant, whatever it still vouches for."""
        if self.revoked_at is not None:
            return "it was revoked"
        if self.valid_to is not None and t >= self.valid_to:
            return "another has replaced it"
        return None

    def _follows(self, epoch: str, seq: int) -> bool:
        return self.stated_in is not None and epoch == self.stated_in[0] and seq > self.stated_in[1]

    def doubted(self, epoch: str, seq: int) -> bool:
        """Whether the batch lies beyond what was declared good when the key was revoked, whenever it came.

        A revocation that names no last good batch (a device taken out of service) doubts nothing before it.
        """
        named = bool(self.good_up_to) or self.last_good_seq is not None
        return self.revoked_at is not None and named and not self.vouches_for(epoch, seq)


def statement(gateway: str, old_kid: str, signer: Signer) -> str:
    """The text of the record by which the key `old_kid` introduces the one of `signer`."""
    proof = signer.sign(_said(gateway, old_kid, signer.public_key))
    return f"{_text(signer.public_key)} {encode_signature(proof).decode()}"


def read_statement(text: str, gateway: str, old_kid: str, verify: Verifier) -> bytes:
    """The public key that a record introduces; WireError (key) unless the new key itself agrees.

    The caller has verified the signature of `old_kid` over the batch that holds the record.
    """
    written, _, signed = text.partition(" ")
    try:
        public_key = base64.b64decode(written + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        public_key = b""
    proof = decode_signature(signed.encode("ascii", "replace"))
    if len(public_key) != PUBLIC_KEY_BYTES or _text(public_key) != written or proof is None:
        raise WireError("key", "this does not introduce a key: a public key and a signature, base64url")
    if not verify(public_key, proof, _said(gateway, old_kid, public_key)):
        raise WireError("key", f"the key {key_id(public_key)} did not sign that it follows {old_kid}")
    if key_id(public_key) == old_kid:
        raise WireError("key", f"the key {old_kid} introduces itself")
    return public_key


def statement_name(gateway: str) -> str:
    """The name of the record on the wire."""
    return f"{gateway}/{SYSTEM_SENSOR}/{QUANTITY}"


def read_good(texts: Iterable[str]) -> dict[str, int]:
    """`EPOCH:SEQ`, or `EPOCH` alone for all that had come of it, several of them; ValueError for anything
    else."""
    found: dict[str, int] = {}
    for text in texts:
        form = _GOOD.fullmatch(text)
        if form is None:
            raise ValueError(f"{text!r} is not EPOCH:SEQ: 16 hex digits, a colon, the last good number")
        found[form[1]] = WHOLE_EPOCH if form[2] is None else min(int(form[2]), WHOLE_EPOCH)
    return found


def read_batch(text: str) -> tuple[str, int]:
    """One `EPOCH:SEQ`; ValueError."""
    ((epoch, seq),) = read_good([text]).items()
    return epoch, seq


def write_good(good: Mapping[str, int]) -> list[str]:
    """What `read_good` reads."""
    return [epoch if seq == WHOLE_EPOCH else f"{epoch}:{seq}" for epoch, seq in sorted(good.items())]


def _said(gateway: str, old_kid: str, public_key: bytes) -> bytes:
    return f"{_DOMAIN}:{gateway}:{old_kid}:{_text(public_key)}".encode()


def _text(public_key: bytes) -> str:
    return base64.urlsafe_b64encode(public_key).rstrip(b"=").decode()
