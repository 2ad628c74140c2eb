"""Sends the signed line of each day to both sides of every committee, through the outbox of notices.

One notice a person and day, however many factories the person belongs to and however often a process starts:
its key says so. Both sides are written down in one transaction, so that neither has it before the other. Only
the newest line is sent; it names the one before it, so a chain that was not told for a while is whole.
"""

from __future__ import annotations

import threading
from typing import Any, Final

import sqlalchemy as sa
import structlog

from alert_rules.day_line_words import day_line_words
from alert_rules.notifier import kind_of
from alert_rules.pack_model import Recipient
from ingest_service.cases.schema import NOTICES
from ingest_service.cases.telling import people_to_tell
from ingest_service.cases.writing import insert_new
from ingest_service.clock import Clock
from ingest_service.database import write
from ingest_service.language import translator
from ingest_service.ledger.port import Ledger, LedgerError, PublishedDay
from ingest_service.register.entries import Person
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.register.store import Register

KIND: Final = "day_line"
BOTH_SIDES: Final[tuple[Recipient, ...]] = ("committee.worker", "committee.management")
LOOK_S: Final = 5.0
DAY_S: Final = 86_400.0

log = structlog.get_logger(__name__)


class DayLines:
    """Tells of a day once it is published."""

    def __init__(self, engine: sa.Engine, register: Register, ledger: Ledger, link_base: str) -> None:
        self._engine, self._register, self._ledger, self._link_base = engine, register, ledger, link_base
        self._told = ""

    def tell_due(self, now: float) -> int:
        """Write the notices of the newest day, unless they are there; how many there were. LedgerError."""
        published = self._ledger.day_roots()
        if not published or published[-1].day == self._told:
            return 0
        newest = published[-1]
        people = committee_members(self._register.snapshot(), now)
        rows = [self._row(newest, person, now) for person in people]
        with write(self._engine) as connection:
            key = NOTICES.c.key.startswith(f"day|{newest.day}|", autoescape=True)
            if connection.execute(sa.select(NOTICES.c.id).where(key).limit(1)).first() is not None:
                rows = []
            insert_new(connection, NOTICES, rows)
        self._told = newest.day
        return len(rows)

    def _row(self, line: PublishedDay, person: Person, now: float) -> dict[str, Any]:
        contacts = self._register.snapshot().contacts(person.id)
        contact = contacts[0] if contacts else None
        words = day_line_words(
            line.day,
            line.last,
            line.word.decode(),
            f"{self._link_base}/evidence",
            translator(person.language),
        )
        return {
            "key": f"day|{line.day}|{person.id}",
            "case_id": None,
            "kind": KIND,
            "person": str(person.id),
            "name": person.name,
            "side": person.side,
            "contact_id": str(contact.id) if contact else None,
            "contact_kind": (kind_of(contact.url) or contact.kind) if contact else "",
            "language": person.language,
            "subject": words.subject,
            "body": words.body,
            "reason": f"the line of {line.day} was published",
            "created_at": now,
            "due_at": now,
            "state": "waiting",
        }


def committee_members(register: RegisterSnapshot, now: float) -> list[Person]:
    """Both sides of every committee, each person once, by number."""
    found = {
        person.id: person
        for site in register.sites
        for person in people_to_tell(register, site.id, BOTH_SIDES, now)
    }
    return [found[number] for number in sorted(found)]


def tell_days(lines: DayLines, clock: Clock, stop: threading.Event) -> None:
    """Tell of each day until the event is set; a thread's body."""
    while not stop.wait(LOOK_S):
        try:
            told = lines.tell_due(clock.now())
        except (LedgerError, sa.exc.SQLAlchemyError) as error:
            log.warning("the day's line cannot be sent yet", reason=type(error).__name__)
            continue
        if told:
            log.info("sent the line of a day to both sides", people=told)
