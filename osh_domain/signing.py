"""The small port behind which Ed25519 lives, so that words and science need no cryptographic library."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

SIGNATURE_BYTES = 64
PUBLIC_KEY_BYTES = 32

Verifier = Callable[[bytes, bytes, bytes], bool]
"""``verify(public_key, signature, data)``: is the Ed25519 signature good; never raises for bad bytes."""


class Signer(Protocol):
    """Somebody who holds an Ed25519 private key."""

    @property
    def public_key(self) -> bytes:
        """The raw public key, 32 bytes."""

    def sign(self, data: bytes) -> bytes:
        """The Ed25519 signature over ``data``, 64 bytes."""


def key_id(public_key: bytes) -> str:
    """The name of a key in headers and registers: first 8 bytes of SHA-256 of the raw public key, 16 hex."""
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise ValueError(
            f"an Ed25519 public key has {PUBLIC_KEY_BYTES} bytes, this one has {len(public_key)}"
        )
    return hashlib.sha256(public_key).hexdigest()[:16]
