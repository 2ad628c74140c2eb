"""The hash of a ledger row. It covers the row before, so a row taken out or changed shows in all later ones.

row_hash = SHA-256("osh-ledger-v1", row, received_at, source, site, gateway, kind, epoch, seq, batch_hash,
                   signed, SHA-256(payload) in hex, row_hash of row - 1), fields joined by LF
"""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

GENESIS_ROW_HASH: Final = "0" * 64
"""What stands before row 1."""


class LedgerFacts(NamedTuple):
    """What a row says besides its payload; `received_at` in s since 1970 UTC, `signed` 0 or 1."""

    row: int
    received_at: float
    source: str
    site: str
    gateway: str
    kind: str
    epoch: str | None
    seq: int | None
    batch_hash: str
    signed: int


def payload_digest(payload: bytes) -> str:
    """The hash of a payload as it enters the hash of its row: 64 hex digits."""
    return hashlib.sha256(payload).hexdigest()


def row_hash(facts: LedgerFacts, digest: str, before: str) -> str:
    """The hash of a row, 64 hex digits; None is written as an empty field."""
    text = (
        f"osh-ledger-v1\n{facts.row}\n{float(facts.received_at)!r}\n{facts.source}\n{facts.site}\n"
        f"{facts.gateway}\n{facts.kind}\n{facts.epoch or ''}\n{'' if facts.seq is None else facts.seq}\n"
        f"{facts.batch_hash}\n{int(facts.signed)}\n{digest}\n{before}"
    )
    return hashlib.sha256(text.encode()).hexdigest()
