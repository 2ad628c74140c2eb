"""Publishes the root of each day: one signed line for the rows that came until its end and after the line
before.

A day (UTC) is closed a while after its end. Days in which the service was down are covered by the next line,
and so is a row whose time went back with the service's clock: every row is under exactly one line.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import structlog

from ingest_service.evidence.received import first_row_at
from ingest_service.ledger.port import Ledger, LedgerError, PublishedDay
from osh_domain.evidence.day_roots import NO_LINE, DayRoot, line_hash
from osh_domain.evidence.ledger_rows import GENESIS_ROW_HASH
from osh_domain.evidence.merkle import Tree, leaf
from osh_domain.signing import Signer

CLOSED_AFTER: Final = timedelta(minutes=5)
LOOK_S: Final = 5.0

log = structlog.get_logger(__name__)


def publish_days(ledger: Ledger, signer: Signer, now: Callable[[], float], stop: threading.Event) -> None:
    """Publish each day when it is due, until the event is set; a thread's body."""
    while not stop.wait(LOOK_S):
        try:
            line = publish_due(ledger, signer, now())
        except LedgerError as error:
            log.warning("the day's root cannot be published yet", reason=str(error))
            continue
        if line is not None:
            log.info("published the root of a day", day=line.day, rows=line.last - line.first + 1)


def due_day(now: float, published: list[PublishedDay]) -> date | None:
    """The UTC day that is over and has no line yet; None while there is none."""
    day = (datetime.fromtimestamp(now, UTC) - CLOSED_AFTER - timedelta(days=1)).date()
    return day if not published or published[-1].day < day.isoformat() else None


def publish_due(ledger: Ledger, signer: Signer, now: float) -> PublishedDay | None:
    """Publish the day that is due, if one is; None also when somebody else was faster. LedgerError."""
    published = ledger.day_roots()
    day = due_day(now, published)
    if day is None:
        return None
    line = _line(ledger, signer, day, published, now)
    if line.last == 0:  # nothing has ever been received
        return None
    return line if ledger.publish_day(line) else None


def _line(
    ledger: Ledger, signer: Signer, day: date, published: list[PublishedDay], now: float
) -> PublishedDay:
    before = published[-1] if published else None
    first = 1 if before is None else before.last + 1
    end = datetime.combine(day + timedelta(days=1), time(), UTC).timestamp()
    last = max(first_row_at(ledger, end), first) - 1
    hashes = ledger.row_hashes(first, last)
    if hashes:
        head = hashes[-1]
    elif before is not None:
        (head,) = ledger.row_hashes(before.last, before.last) or [GENESIS_ROW_HASH]
    else:
        head = GENESIS_ROW_HASH
    said = DayRoot(
        day=day.isoformat(),
        first=first,
        last=last,
        root=Tree([leaf(bytes.fromhex(one)) for one in hashes]).root.hex(),
        head=head,
        before=NO_LINE if before is None else line_hash(before.word),
        at=now,
    )
    return PublishedDay(said.day, first, last, said.word(signer))
