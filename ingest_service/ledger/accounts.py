"""What the ledger tells of gateways and of its quarantine, as rows of their tables."""

from __future__ import annotations

from typing import NamedTuple


class GatewayStatus(NamedTuple):
    """The newest word about a gateway; not evidence."""

    gateway: str
    site: str
    state: str | None
    state_at: float | None
    boot: str | None
    conn: int | None
    birth: str | None
    birth_at: float | None
    last_batch_at: float | None
    last_seq: int | None
    epoch: str | None
    clk: str | None
    err: float | None
    backlog: int | None
    drops: int
    rejected: int
    conflicts: int
    chain_breaks: int


class QuarantineEntry(NamedTuple):
    """An entry without its bytes; ``settled`` when a person replayed it with success or closed it."""

    id: int
    received_at: float
    source: str
    topic: str | None
    site: str
    gateway: str
    known: int
    payload_hash: str
    code: str
    detail: str
    size: int
    epoch: str | None
    seq: int | None
    ledger_row: int | None
    times: int
    last_at: float
    last_row: int | None
    settled: int


class QuarantineEvent(NamedTuple):
    id: int
    quarantine_id: int
    at: float
    who: str
    action: str
    text: str
