"""Where in the ledger a moment lies."""

from __future__ import annotations

from ingest_service.ledger.port import Ledger


def first_row_at(ledger: Ledger, t: float) -> int:
    """The number of the first row received at or after an instant [s]; one beyond the last if none was.

    Rows are numbered as they were committed, so their times ascend as far as the service's clock did.
    """
    low, high = 1, ledger.last_row() + 1
    while low < high:
        middle = (low + high) // 2
        row = ledger.row(middle)
        if row is not None and row.received_at < t:
            low = middle + 1
        else:
            high = middle
    return low
