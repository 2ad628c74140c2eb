"""The outbox of notices: the port of `alert_rules.delivery` over the database."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from alert_rules.notifier import kind_of
from alert_rules.ports import Waiting
from ingest_service.cases.schema import ATTEMPTS, NOTICES
from ingest_service.cases.writing import add_history, insert_new, insert_one
from ingest_service.database import write
from ingest_service.register.entries import Contact

INTERRUPTED: Final = "the service ended while sending; it may have arrived"
_COPIED: Final = ("case_id", "kind", "person", "name", "side", "language", "subject", "body")


class NoticeOutbox:
    """Notices and attempts. `contacts` gives a person's contacts, the first one first."""

    def __init__(self, engine: sa.Engine, contacts: Callable[[str], Sequence[Contact]]) -> None:
        self._engine, self._contacts = engine, contacts

    def due(self, now: float, limit: int) -> list[Waiting]:
        query = (
            sa.select(NOTICES)
            .where(NOTICES.c.state == "waiting", NOTICES.c.due_at <= now)
            .order_by(NOTICES.c.due_at, NOTICES.c.id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            rows = list(connection.execute(query).mappings())
        return [
            Waiting(row["id"], self._url(row), row["subject"], row["body"], row["tries"], row["created_at"])
            for row in rows
        ]

    def begin(self, notice: int, now: float) -> int:
        with write(self._engine) as connection:
            connection.execute(
                sa.update(NOTICES).where(NOTICES.c.id == notice).values(tries=NOTICES.c.tries + 1)
            )
            row = {"notice_id": notice, "started_at": now, "outcome": "sending"}
            return insert_one(connection, ATTEMPTS, row)

    def delivered(self, attempt: int, now: float, detail: str) -> None:
        with write(self._engine) as connection:
            notice = _finish(connection, attempt, now, "delivered", detail)
            _set(connection, notice["id"], state="sent")

    def failed(self, attempt: int, now: float, detail: str, *, again_at: float | None, second: bool) -> None:
        with write(self._engine) as connection:
            notice = _finish(connection, attempt, now, "failed", detail)
            if again_at is None:
                _set(connection, notice["id"], state="given_up")
                text = f"{notice['name']}: {detail}"
                add_history(connection, notice["case_id"], now, "notice_given_up", text=text)
            else:
                _set(connection, notice["id"], due_at=again_at)
            if second:
                self._tell_otherwise(connection, notice, now)

    def interrupted(self, now: float) -> int:
        with write(self._engine) as connection:
            left = (
                sa.update(ATTEMPTS)
                .where(ATTEMPTS.c.outcome == "sending")
                .values(outcome="failed", finished_at=now, detail=INTERRUPTED)
            )
            return int(connection.execute(left).rowcount)

    def _tell_otherwise(self, connection: sa.Connection, notice: sa.RowMapping, now: float) -> None:
        """The same words through the person's next contact; the first goes on being tried.

        After a contact that was taken away since, or where there was none, the person's first one is next.
        """
        contacts = list(self._contacts(notice["person"]))
        ids = [str(contact.id) for contact in contacts]
        following = ids.index(notice["contact_id"]) + 1 if notice["contact_id"] in ids else 0
        if following >= len(contacts):
            return
        contact = contacts[following]
        row: dict[str, Any] = {key: notice[key] for key in _COPIED}
        row |= {
            "key": f"{notice['key']}>{contact.id}",
            "contact_id": str(contact.id),
            "contact_kind": kind_of(contact.url) or contact.kind,
            "reason": "the other channel failed",
            "created_at": now,
            "due_at": now,
            "state": "waiting",
        }
        insert_new(connection, NOTICES, [row])

    def _url(self, row: sa.RowMapping) -> str | None:
        for contact in self._contacts(row["person"]):
            if str(contact.id) == row["contact_id"]:
                return contact.url
        return None


def _finish(connection: sa.Connection, attempt: int, now: float, outcome: str, detail: str) -> sa.RowMapping:
    """Write an attempt's outcome; returns its notice."""
    connection.execute(
        sa.update(ATTEMPTS)
        .where(ATTEMPTS.c.id == attempt)
        .values(finished_at=now, outcome=outcome, detail=detail)
    )
    query = (
        sa.select(NOTICES)
        .join(ATTEMPTS, ATTEMPTS.c.notice_id == NOTICES.c.id)
        .where(ATTEMPTS.c.id == attempt)
    )
    return connection.execute(query).mappings().one()


def _set(connection: sa.Connection, notice: int, **values: Any) -> None:
    connection.execute(sa.update(NOTICES).where(NOTICES.c.id == notice).values(**values))
