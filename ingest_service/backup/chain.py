"""The rows of the ledger as they pass by, each hashed over the one before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from osh_domain.evidence.ledger_rows import GENESIS_ROW_HASH, LedgerFacts, payload_digest, row_hash

TABLE: Final = "batches"
MOST_BROKEN: Final = 1000


class Chain:
    """Where the chain has got to; `broken`: the first rows that do not follow from the one before."""

    def __init__(self, columns: Sequence[str]) -> None:
        missing = {*LedgerFacts._fields, "payload", "row_hash"} - set(columns)
        if missing:
            raise ValueError(f"the ledger's rows lack {', '.join(sorted(missing))}")
        self._facts = [columns.index(name) for name in LedgerFacts._fields]
        self._payload, self._hash = columns.index("payload"), columns.index("row_hash")
        self.row, self.hash = 0, GENESIS_ROW_HASH
        self.at: float | None = None
        self.broken: list[int] = []

    def follow(self, row: Sequence[Any]) -> None:
        facts = LedgerFacts(*(row[place] for place in self._facts))
        expected = row_hash(facts, payload_digest(row[self._payload] or b""), self.hash)
        if (facts.row != self.row + 1 or row[self._hash] != expected) and len(self.broken) < MOST_BROKEN:
            self.broken.append(facts.row)
        self.row, self.hash, self.at = facts.row, str(row[self._hash]), facts.received_at
