"""The outbox of notices: the port of `alert_rules.delivery` over the database.

Several processes may deliver from it. Who sends a notice has an attempt `sending` under its name; nobody else
begins while there is one. When that process is gone its attempt is written off as interrupted, and the notice
goes out again: it may then come twice, and the attempt says so.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from alert_rules.notifier import kind_of
from alert_rules.ports import Waiting
from ingest_service.cases.schema import ATTEMPTS, NOTICES
from ingest_service.cases.writing import add_history, insert_new, insert_one
from ingest_service.database import write
from ingest_service.lease_schema import LEASE_HOLDERS, database_time
from ingest_service.register.entries import Contact

INTERRUPTED: Final = "the service ended while sending; it may have arrived"
LIVING: Final = "alerts"
"""The kind of processes that deliver, in the table of those that live."""
_COPIED: Final = ("case_id", "kind", "person", "name", "side", "language", "subject", "body")

_BEING_SENT: Final = sa.exists().where(ATTEMPTS.c.notice_id == NOTICES.c.id, ATTEMPTS.c.outcome == "sending")


class NoticeOutbox:
    """Notices and attempts. `contacts` gives a person's contacts, the first one first.

    `holder` names this process among several, as in the table of those that live; None: it is the only one.
    """

    def __init__(
        self,
        engine: sa.Engine,
        contacts: Callable[[str], Sequence[Contact]],
        *,
        holder: str | None = None,
    ) -> None:
        self._engine, self._contacts, self._holder = engine, contacts, holder

    def due(self, now: float, limit: int) -> list[Waiting]:
        query = (
            sa.select(NOTICES)
            .where(NOTICES.c.state == "waiting", NOTICES.c.due_at <= now, ~_BEING_SENT)
            .order_by(NOTICES.c.due_at, NOTICES.c.id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            rows = list(connection.execute(query).mappings())
        return [
            Waiting(row["id"], self._url(row), row["subject"], row["body"], row["tries"], row["created_at"])
            for row in rows
        ]

    def begin(self, notice: int, now: float) -> int | None:
        due = (NOTICES.c.id == notice, NOTICES.c.state == "waiting", NOTICES.c.due_at <= now)
        free = sa.select(NOTICES.c.id).where(*due).with_for_update(skip_locked=True)
        with write(self._engine, alone=False) as connection:
            # Locked first: only then can nobody add an attempt any more while this looks for one.
            if connection.execute(free).first() is None or self._is_being_sent(connection, notice):
                return None
            connection.execute(
                sa.update(NOTICES).where(NOTICES.c.id == notice).values(tries=NOTICES.c.tries + 1)
            )
            row = {"notice_id": notice, "started_at": now, "outcome": "sending", "holder": self._holder}
            return insert_one(connection, ATTEMPTS, row)

    def delivered(self, attempt: int, now: float, detail: str) -> None:
        with write(self._engine, alone=False) as connection:
            notice, _ = _finish(connection, attempt, now, "delivered", detail)
            _set(connection, notice["id"], state="sent")

    def failed(self, attempt: int, now: float, detail: str, *, again_at: float | None, second: bool) -> None:
        with write(self._engine, alone=False) as connection:
            notice, ours = _finish(connection, attempt, now, "failed", detail)
            if not ours:  # it was written off meanwhile, and others see to the notice
                return
            if again_at is None:
                _set(connection, notice["id"], state="given_up")
                if notice["case_id"] is not None:
                    text = f"{notice['name']}: {detail}"
                    add_history(connection, notice["case_id"], now, "notice_given_up", text=text)
            else:
                _set(connection, notice["id"], due_at=again_at)
            if second:
                self._tell_otherwise(connection, notice, now)

    def interrupted(self, now: float) -> int:
        with write(self._engine, alone=False) as connection:
            gone = [ATTEMPTS.c.outcome == "sending"]
            if self._holder is not None:
                # One statement with the update: who is new is there before its first attempt is.
                lives = sa.exists().where(
                    LEASE_HOLDERS.c.kind == LIVING,
                    LEASE_HOLDERS.c.holder == ATTEMPTS.c.holder,
                    LEASE_HOLDERS.c.until >= database_time(connection),
                )
                gone.append(~lives)
            left = (
                sa.update(ATTEMPTS).where(*gone).values(outcome="failed", finished_at=now, detail=INTERRUPTED)
            )
            return int(connection.execute(left).rowcount)

    def _is_being_sent(self, connection: sa.Connection, notice: int) -> bool:
        sending = (ATTEMPTS.c.notice_id == notice, ATTEMPTS.c.outcome == "sending")
        return connection.execute(sa.select(ATTEMPTS.c.id).where(*sending)).first() is not None

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


def _finish(
    connection: sa.Connection, attempt: int, now: float, outcome: str, detail: str
) -> tuple[sa.RowMapping, bool]:
    """Write an attempt's outcome; its notice, and whether the attempt still stood as `sending`."""
    query = (
        sa.select(NOTICES)
        .join(ATTEMPTS, ATTEMPTS.c.notice_id == NOTICES.c.id)
        .where(ATTEMPTS.c.id == attempt)
        .with_for_update(of=NOTICES)
    )
    notice = connection.execute(query).mappings().one()
    stood = connection.execute(sa.select(ATTEMPTS.c.outcome).where(ATTEMPTS.c.id == attempt)).scalar_one()
    if outcome == "delivered" or stood == "sending":
        connection.execute(
            sa.update(ATTEMPTS)
            .where(ATTEMPTS.c.id == attempt)
            .values(finished_at=now, outcome=outcome, detail=detail)
        )
    return notice, stood == "sending"


def _set(connection: sa.Connection, notice: int, **values: Any) -> None:
    connection.execute(sa.update(NOTICES).where(NOTICES.c.id == notice).values(**values))
