"""Publishes the root of each day: one signed line for every row that the ledger got since the line before.

A day is closed a while after its end, by the service's clock, so that what arrived just before midnight is
in. Days in which the service was down are covered by the next line; nothing depends on the clock but the
name of the day.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from ingest_service.ledger.port import Ledger, PublishedDay
from osh_domain.evidence.day_roots import NO_LINE, DayRoot, line_hash
from osh_domain.evidence.ledger_rows import GENESIS_ROW_HASH
from osh_domain.evidence.merkle import Tree, leaf
from osh_domain.signing import Signer

CLOSED_AFTER: Final = timedelta(minutes=5)


def due_day(now: float, published: list[PublishedDay]) -> str | None:
    """The UTC day that is over and has no line yet; None while there is none."""
    day = (datetime.fromtimestamp(now, UTC) - CLOSED_AFTER - timedelta(days=1)).date().isoformat()
    return day if not published or published[-1].day < day else None


def publish_due(ledger: Ledger, signer: Signer, now: float) -> PublishedDay | None:
    """Publish the day that is due, if one is; None also when somebody else was faster. LedgerError."""
    published = ledger.day_roots()
    day = due_day(now, published)
    if day is None:
        return None
    line = _line(ledger, signer, day, published, now)
    return line if ledger.publish_day(line) else None


def _line(
    ledger: Ledger, signer: Signer, day: str, published: list[PublishedDay], now: float
) -> PublishedDay:
    before = published[-1] if published else None
    first = 1 if before is None else before.last + 1
    last = ledger.last_row()
    hashes = ledger.row_hashes(first, last)
    if hashes:
        head = hashes[-1]
    elif before is not None:
        (head,) = ledger.row_hashes(before.last, before.last) or [GENESIS_ROW_HASH]
    else:
        head = GENESIS_ROW_HASH
    said = DayRoot(
        day=day,
        first=first,
        last=last,
        root=Tree([leaf(bytes.fromhex(one)) for one in hashes]).root.hex(),
        head=head,
        before=NO_LINE if before is None else line_hash(before.word),
        at=now,
    )
    return PublishedDay(day, first, last, said.word(signer))
