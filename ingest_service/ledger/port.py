"""What goes into the ledger, what comes out of it, and what it promises.

Promises: what ``append`` was given is on the disk, synced, when it returns; nothing is stored twice, nothing
is overwritten, nothing is deleted. A batch whose number is taken by other bytes goes to the quarantine as
``conflict`` and both are kept.

Entries of the quarantine are of two sorts. A refused *payload* keeps its bytes. A *remark* (``ledger_row``
is set, no bytes of its own) says that a batch which is in the ledger holds something a person should see: a
unit that does not fit, a name nobody knows, a time in the future. The same payload, or the same remark again,
is one entry with a count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from ingest_service.ledger.accounts import GatewayStatus, QuarantineEntry, QuarantineEvent
from ingest_service.ledger.word import Word

__all__ = [
    "Accepted", "BirthNote", "GatewayStatus", "Kind", "Ledger", "LedgerError", "LedgerRow", "Outcome",
    "PublishedDay", "QuarantineEntry", "QuarantineEvent", "Rejected", "Remark", "Source", "Standing",
    "StateNote", "UnfitError", "Verdict",
]  # fmt: skip

Kind = Literal["sealed", "senml", "tombstone"]
Source = Literal["mqtt", "http", "upload", "replay"]
Verdict = Literal["new", "duplicate", "conflict", "quarantined", "refused"]
"""``refused``: the quarantine of this device is full; nothing was kept, so nothing may be acknowledged."""


class LedgerError(Exception):
    """The ledger cannot be opened, read or written now; nothing of the call was stored.

    A passing trouble (disk full, locked, read-only) unless it is an UnfitError: nothing is acknowledged,
    trying again may help.
    """


class UnfitError(LedgerError):
    """The store refuses what it was given, not now but always: trying the same again does not help."""


class Remark(NamedTuple):
    """Something in an accepted batch that a person should see; one entry per gateway, code and subject."""

    code: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """A payload that passed every check. ``prev``, ``epoch`` and ``seq`` are None for a bare pack.

    ``kid`` is the key whose signature was good; None without one.
    """

    received_at: float
    source: Source
    site: str
    gateway: str
    kind: Literal["sealed", "senml"]
    epoch: str | None
    seq: int | None
    batch_hash: str
    prev: str | None
    signed: bool
    payload: bytes = field(repr=False)
    payload_hash: str
    topic: str | None = None
    clk: str | None = None
    err: float | None = None
    readings: int = 0
    remarks: tuple[Remark, ...] = ()
    kid: str | None = None
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A payload that failed a check, to be kept in quarantine.

    ``epoch`` and ``seq`` are what the frame says; they count as arrived only when ``trusted``, that is when
    the signature over them was good. ``known``: the gateway is in the register.
    """

    received_at: float
    source: Source
    topic: str | None
    site: str
    gateway: str
    known: bool
    payload: bytes = field(repr=False)
    payload_hash: str
    code: str
    detail: str
    epoch: str | None = None
    seq: int | None = None
    trusted: bool = False
    batch_hash: str | None = None


class Outcome(NamedTuple):
    """What became of one payload: its ``row`` in the ledger or its entry ``quarantine_id``."""

    verdict: Verdict
    site: str
    gateway: str
    epoch: str | None
    seq: int | None
    payload_hash: str
    code: str | None = None
    detail: str | None = None
    row: int | None = None
    quarantine_id: int | None = None


class StateNote(NamedTuple):
    """What a gateway, or the broker in its name, says about its connection."""

    site: str
    gateway: str
    at: float
    state: str
    boot: str | None
    epoch: str | None
    conn: int | None


class BirthNote(NamedTuple):
    """What a gateway says about itself on connecting; ``birth`` is the JSON text as received."""

    site: str
    gateway: str
    at: float
    birth: str
    epoch: str | None
    configuration: tuple[str, str] | None
    backlog: int | None
    drops: int


class LedgerRow(NamedTuple):
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
    chain_ok: int | None
    payload: bytes


class Standing(NamedTuple):
    """What of an epoch has arrived: 1..cum without a hole, ranges beyond, and the batch hash of ``cum``."""

    cum: int
    sel: list[tuple[int, int]]
    head: str | None


class PublishedDay(NamedTuple):
    """The signed line of a day: see osh_domain/evidence/day_roots.py."""

    day: str
    first: int
    last: int
    word: bytes


class NewEvent(NamedTuple):
    """Something that was done about an entry of the quarantine, to be noted beside it."""

    entry: int
    at: float
    who: str
    action: str
    text: str


class Ledger(Protocol):
    """Safe to share between threads; any number of processes may append to one ledger."""

    def append(
        self, entries: Sequence[Accepted | Rejected], notes: Sequence[StateNote | BirthNote] = ()
    ) -> list[Outcome]:
        """Store all of it in one synced commit; one outcome for each entry, in order.

        Raises LedgerError when the commit did not happen: then nothing was stored.
        """
        ...

    def rows(self, after: int, limit: int, shard: int | None = None) -> list[LedgerRow]:
        """Rows with a number above ``after``, ascending; fewer than ``limit`` when they are very large.

        ``shard``: only those of its sites (ingest_service/shards.py), where the ledger keeps them apart.
        """
        ...

    def row(self, number: int) -> LedgerRow | None: ...

    def last_row(self) -> int: ...

    def standing(self, gateway: str, epoch: str) -> Standing: ...

    def epochs(self) -> list[tuple[str, str, str]]:
        """Site, gateway and epoch of everything that sent batches, or said in which epoch it is."""
        ...

    def close_hole(
        self, gateway: str, epoch: str, seq: int, *, site: str, who: str, why: str, at: float
    ) -> int:
        """A tombstone for a batch that can never come, set by a person; returns its ledger row.

        Raises ValueError when that number has arrived.
        """
        ...

    def remark_on(self, row: LedgerRow, remark: Remark, at: float) -> int:
        """Note a remark on a row that is in the ledger already; returns its entry in the quarantine. The same
        remark again is the same entry."""
        ...

    def broken_rows(self, after: int = 0) -> Iterator[int]:
        """Numbers of rows above ``after`` whose hash does not follow from the row and the one before."""
        ...

    def row_hashes(self, first: int, last: int) -> list[str]:
        """The hashes of the rows ``first`` to ``last`` (both included), in order."""
        ...

    def day_roots(self) -> list[PublishedDay]:
        """Every published day, oldest first."""
        ...

    def publish_day(self, published: PublishedDay) -> bool:
        """Keep the line of a day for ever; False when it does not follow the last one:
        somebody else was faster."""
        ...

    def statuses(self, sites: Collection[str] | None = None) -> list[GatewayStatus]: ...

    def status(self, gateway: str) -> GatewayStatus | None: ...

    def configuration(self, hash_: str) -> str | None: ...

    def quarantine(
        self,
        *,
        sites: Collection[str] | None = None,
        gateway: str | None = None,
        code: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[QuarantineEntry]:
        """Entries newest first; ``before`` is the smallest id of the page before."""
        ...

    def quarantined(self, entry: int) -> QuarantineEntry | None: ...

    def quarantined_payload(self, entry: int) -> bytes:
        """The bytes as received; those of the ledger row for a remark. KeyError for no such entry."""
        ...

    def quarantine_events(self, entry: int) -> list[QuarantineEvent]: ...

    def note_event(self, entry: int, *, at: float, who: str, action: str, text: str) -> int: ...

    def note_events(self, events: Sequence[NewEvent]) -> None:
        """Many in one commit, or none of them."""
        ...

    def close(self) -> None: ...
