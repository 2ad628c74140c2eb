"""Who is told of a case, and their notices: the same words to both sides, each in their language."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from alert_rules.messages import notice_words
from alert_rules.notifier import kind_of
from alert_rules.pack_model import Recipient
from ingest_service.cases.schema import NOTICES
from ingest_service.cases.writing import insert_new
from ingest_service.language import translator
from ingest_service.register.entries import Person, Role
from ingest_service.register.snapshot import RegisterSnapshot

_ROLES: Final[Mapping[str, Role]] = {
    "committee.worker": Role.COMMITTEE_WORKER,
    "committee.management": Role.COMMITTEE_MANAGEMENT,
    "adviser": Role.ADVISER,
    "engineer": Role.ENGINEER,
    "authority": Role.AUTHORITY,
}


@dataclass(frozen=True, slots=True)
class Telling:
    """One occasion to tell people: `occasion` is the line of history that gave it."""

    case_id: int
    site: str
    kind: str
    occasion: int
    to: tuple[Recipient, ...]
    event: Mapping[str, Any]
    reason: str
    due_at: float


def people_to_tell(
    register: RegisterSnapshot, site: str, to: Iterable[Recipient], now: float
) -> list[Person]:
    """The people meant, each once, in the order of the recipients."""
    found: dict[int, Person] = {}
    for recipient in to:
        for person in register.people_with(_ROLES[recipient], site):
            if person.valid_until is None or now < person.valid_until:
                found.setdefault(person.id, person)
    return list(found.values())


def write_notices(
    connection: sa.Connection, register: RegisterSnapshot, link_base: str, telling: Telling, now: float
) -> int:
    """Write the notices of one occasion into the outbox; returns how many people are told.

    A repeated occasion writes nothing: each notice has one key.
    """
    link = f"{link_base}/cases/{telling.case_id}"
    rows = []
    for person in people_to_tell(register, telling.site, telling.to, now):
        words = notice_words(telling.kind, telling.event, link, translator(person.language))
        contacts = register.contacts(person.id)
        contact = contacts[0] if contacts else None
        contact_id = str(contact.id) if contact else None
        rows.append(
            {
                "key": f"{telling.case_id}|{telling.kind}|{telling.occasion}|{person.id}",
                "case_id": telling.case_id,
                "kind": telling.kind,
                "person": str(person.id),
                "name": person.name,
                "side": person.side,
                "contact_id": contact_id,
                "contact_kind": (kind_of(contact.url) or contact.kind) if contact else "",
                "language": person.language,
                "subject": words.subject,
                "body": words.body,
                "reason": telling.reason,
                "created_at": now,
                "due_at": min(telling.due_at, now),
                "state": "waiting",
            }
        )
    insert_new(connection, NOTICES, rows)
    return len(rows)
