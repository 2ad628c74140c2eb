"""What lies in an outbox: open records, the segment they belong to, sealed batches."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple


class State(IntEnum):
    """Where a sealed batch stands. SENT is not here: it lives in memory, so a restart sends again."""

    SEALED = 0
    DONE = 1
    HELD = 2


class OpenRecord(NamedTuple):
    """A record not yet sealed; `mono` is the boot time of the measurement in s."""

    mono: float
    sensor: str
    quantity: str
    value: float | str | bool
    unit: str | None
    flags: int


class Anchoring(NamedTuple):
    """The clock and configuration all records of one segment share (header keys of the same names)."""

    boot: str
    off: float
    clk: str
    err: float | None
    cfg: str


class Sealed(NamedTuple):
    """A batch as it travels: `payload` never changes once it is written."""

    row: int
    epoch: str
    seq: int
    batch_hash: str
    payload: bytes


class ChainHead(NamedTuple):
    """The last batch of the epoch: number (0 before the first) and hash. `ended`: no batch is made in this
    epoch any more, and its true end may not be known here."""

    seq: int
    batch_hash: str
    ended: bool = False


@dataclass(frozen=True)
class Counts:
    """How full the outbox is; `waiting` is sealed and not yet acknowledged.

    `oldest_at`: when the oldest waiting batch was sealed, by the wall clock of then.
    """

    waiting: int
    waiting_bytes: int
    done: int
    held: int
    oldest_seq: int | None
    oldest_at: float | None = None


class LastMoment(NamedTuple):
    """The last record the outbox knows of: boot id, boot time and wall time in s."""

    boot: str
    mono: float
    wall: float


class Leftover(NamedTuple):
    """An open segment found at start: it belongs to an earlier run, perhaps to an earlier boot."""

    anchoring: Anchoring
    records: list[OpenRecord]
