"""Ledger rows that the projector cannot read: not in the series, shown in the quarantine, taken in on order.

A row set aside is a remark in the quarantine with the code `PROJECTION`, on that row, with the traceback. It
stays aside, also when the series is built again, until a person orders it to be replayed (after an upgrade,
say) and the projector has taken it in.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

import structlog

from ingest_service.ledger.port import Ledger, LedgerRow, Remark
from ingest_service.shards import shard_of

PROJECTION: Final = "projection"
ORDERED: Final = "replay ordered"
REPLAYED: Final = "replayed"
REFUSED_AGAIN: Final = "refused again"
WHO: Final = "projector"
LOOK_EVERY_S: Final = 2.0
LONGEST_WHY: Final = 1900
PAGE: Final = 1000
log = structlog.get_logger(__name__)


class Order(NamedTuple):
    """A person wants a row tried again: the entry of the quarantine and the row."""

    entry: int
    row: int


class SetAside:
    """The rows of one projector. `writable` opens the ledger to write, which is rarely done."""

    def __init__(
        self,
        ledger: Ledger,
        writable: Callable[[], Ledger],
        now: Callable[[], float],
        shard: int | None = None,
    ) -> None:
        self._ledger, self._writable, self._now, self._shard = ledger, writable, now, shard
        self._entries: dict[int, int] | None = None
        self._next_look = 0.0

    def __contains__(self, row: int) -> bool:
        return row in self._rows()

    def put(self, row: LedgerRow, why: str) -> None:
        """Show the row to people, then pass over it. Raises LedgerError; then it is not aside yet."""
        detail = f"ledger row {row.row} is not in the series: {why[-LONGEST_WHY:]}"
        ledger = self._writable()
        try:
            entry = ledger.remark_on(row, Remark(PROJECTION, f"row {row.row}", detail), self._now())
        finally:
            ledger.close()
        log.error("a ledger row is set aside; see the quarantine", row=row.row, entry=entry)
        self._rows()[row.row] = entry

    def ordered(self) -> list[Order]:
        """What is to be tried again; asked of the ledger every few seconds, and only if anything is aside."""
        if not self._rows() or time.monotonic() < self._next_look:
            return []
        self._next_look = time.monotonic() + LOOK_EVERY_S
        found: list[Order] = []
        for row, entry in self._rows().items():
            told = [e.action for e in self._ledger.quarantine_events(entry) if e.action != "note"]
            if told and told[-1] == ORDERED:
                found.append(Order(entry, row))
        return found

    def taken_in(self, order: Order) -> None:
        """The row is in the series."""
        self._tell(order, REPLAYED, f"ledger row {order.row} is in the series")
        del self._rows()[order.row]

    def refused(self, order: Order, why: str) -> None:
        """It failed again and stays aside."""
        self._tell(order, REFUSED_AGAIN, why[-LONGEST_WHY:])

    def _tell(self, order: Order, action: str, text: str) -> None:
        ledger = self._writable()
        try:
            ledger.note_event(order.entry, at=self._now(), who=WHO, action=action, text=text)
        finally:
            ledger.close()

    def _rows(self) -> dict[int, int]:
        if self._entries is None:
            self._entries = self._read()
        return self._entries

    def _read(self) -> dict[int, int]:
        found: dict[int, int] = {}
        before = None
        while entries := self._ledger.quarantine(code=PROJECTION, before=before, limit=PAGE):
            for one in entries:
                here = self._shard is None or shard_of(one.site) == self._shard
                if one.ledger_row is not None and here and not self._taken_in_before(one.id, one.settled):
                    found[one.ledger_row] = one.id
            before = entries[-1].id
        return found

    def _taken_in_before(self, entry: int, settled: int) -> bool:
        """One that a person closed is settled too, and stays aside."""
        return bool(settled) and any(e.action == REPLAYED for e in self._ledger.quarantine_events(entry))
