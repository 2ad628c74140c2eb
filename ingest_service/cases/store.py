"""What people do with a case: see it, sign that they saw it, write actions down, agree on closing it.

Both sides of the committee have the same rights; nobody closes a case alone. The history only grows.
"""

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa

from ingest_service.cases.schema import ACTIONS, ATTEMPTS, CASE_EVENTS, CASES, NOTICES, SIGNATURES
from ingest_service.cases.writing import add_history, insert_new, insert_one
from ingest_service.database import write
from ingest_service.register.entries import Person, Side

SIDES: Final[frozenset[str]] = frozenset({"worker", "management"})
RUNNING: Final = ("open", "cleared")
RAISING: Final = ("opened", "worsened", "raised_again")
"""Kinds of history that start the clock of escalation and void signatures and agreements to close."""
LONGEST_TEXT: Final = 4000

Row = sa.RowMapping


class CaseError(Exception):
    """What was asked of a case cannot be done; the message says why and what to do."""


class Cases:
    """The cases in the database. Safe to share between threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def open_cases(self, sites: Iterable[str] | None = None) -> list[Row]:
        """Cases that are open or cleared but not closed, newest first; of these sites, or of all."""
        query = sa.select(CASES).where(CASES.c.state.in_(RUNNING)).order_by(CASES.c.opened_at.desc())
        if sites is not None:
            query = query.where(CASES.c.site.in_(list(sites)))
        return self._rows(query)

    def case(self, case_id: int) -> Row | None:
        """One case, or None."""
        rows = self._rows(sa.select(CASES).where(CASES.c.id == case_id))
        return rows[0] if rows else None

    def history(self, case_id: int) -> list[Row]:
        """Everything that happened to a case, oldest first."""
        return self._rows(
            sa.select(CASE_EVENTS).where(CASE_EVENTS.c.case_id == case_id).order_by(CASE_EVENTS.c.id)
        )

    def signatures(self, case_id: int) -> list[Row]:
        """Who said for which side that they saw the case as it is: since it last began or got worse."""
        return self._rows(
            sa.select(SIGNATURES)
            .where(
                SIGNATURES.c.case_id == case_id, SIGNATURES.c.occasion >= occasion_of(SIGNATURES.c.case_id)
            )
            .order_by(SIGNATURES.c.side)
        )

    def all_signatures(self, case_id: int) -> list[Row]:
        """Every signature of every occasion, oldest first."""
        return self._rows(
            sa.select(SIGNATURES)
            .where(SIGNATURES.c.case_id == case_id)
            .order_by(SIGNATURES.c.at, SIGNATURES.c.occasion, SIGNATURES.c.side)
        )

    def actions(self, case_id: int) -> list[Row]:
        """What was or will be done, oldest first."""
        return self._rows(sa.select(ACTIONS).where(ACTIONS.c.case_id == case_id).order_by(ACTIONS.c.id))

    def notices(self, case_id: int) -> list[Row]:
        """Every notice of a case, oldest first."""
        return self._rows(sa.select(NOTICES).where(NOTICES.c.case_id == case_id).order_by(NOTICES.c.id))

    def attempts(self, notice_id: int) -> list[Row]:
        """Every try to deliver a notice, oldest first."""
        return self._rows(
            sa.select(ATTEMPTS).where(ATTEMPTS.c.notice_id == notice_id).order_by(ATTEMPTS.c.id)
        )

    def acknowledge(self, case_id: int, person: Person, side: Side, now: float) -> bool:
        """One side signs that it saw the case. False when that side had signed already.

        A case that got worse or began again is to be seen, and signed, again.
        """
        with write(self._engine) as connection:
            _running(connection, case_id)
            occasion = int(connection.execute(sa.select(occasion_of(sa.literal(case_id)))).scalar_one())
            query = sa.select(SIGNATURES.c.side).where(
                SIGNATURES.c.case_id == case_id, SIGNATURES.c.occasion >= occasion
            )
            signed = set(connection.execute(query).scalars())
            if _side(side) in signed:
                return False
            row = {"case_id": case_id, "occasion": occasion, "side": side, "person": str(person.id),
                   "name": person.name, "at": now}  # fmt: skip
            insert_new(connection, SIGNATURES, [row])
            add_history(connection, case_id, now, "acknowledged", who=person.name, side=side)
            if signed | {side} >= SIDES:
                add_history(connection, case_id, now, "acknowledged_by_both")
        return True

    def add_action(
        self,
        case_id: int,
        text: str,
        person: Person,
        side: Side | None,
        now: float,
        due_at: float | None = None,
    ) -> int:
        """Write down what is or will be done; returns the action's id."""
        text = _text(text, "Write down what is done.")
        with write(self._engine) as connection:
            _running(connection, case_id)
            row = {
                "case_id": case_id,
                "text": text,
                "person": str(person.id),
                "name": person.name,
                "side": side,
                "due_at": due_at,
                "at": now,
            }
            action = insert_one(connection, ACTIONS, row)
            data = {"action": action, "due_at": due_at}
            add_history(
                connection, case_id, now, "action_added", text=text, who=person.name, side=side, data=data
            )
        return action

    def finish_action(self, action_id: int, person: Person, side: Side | None, now: float) -> None:
        """Say that an action is done. Doing so twice changes nothing."""
        with write(self._engine) as connection:
            row = connection.execute(sa.select(ACTIONS).where(ACTIONS.c.id == action_id)).mappings().first()
            if row is None:
                raise CaseError(f"There is no action {action_id}. Reload the page.")
            if row["done_at"] is not None:
                return
            connection.execute(sa.update(ACTIONS).where(ACTIONS.c.id == action_id).values(done_at=now))
            add_history(
                connection,
                row["case_id"],
                now,
                "action_done",
                text=row["text"],
                who=person.name,
                side=side,
                data={"action": action_id},
            )

    def agree_to_close(self, case_id: int, person: Person, side: Side, now: float, reason: str = "") -> bool:
        """One side agrees to close. True when with it both have agreed and the case is closed.

        Before it was measured below the limit, each side must give its reason. A case that begins again
        needs both agreements again.
        """
        with write(self._engine) as connection:
            case = _running(connection, case_id)
            if case["state"] == "open" and not reason.strip():
                raise CaseError("It has not ended yet. Close it only with a reason, and write that down.")
            agreed = _agreed(connection, case_id)
            if _side(side) not in agreed:
                text = reason.strip()[:LONGEST_TEXT]
                add_history(
                    connection, case_id, now, "agreed_to_close", text=text, who=person.name, side=side
                )
            if not agreed | {side} >= SIDES:
                return False
            connection.execute(
                sa.update(CASES).where(CASES.c.id == case_id).values(state="closed", closed_at=now)
            )
            add_history(connection, case_id, now, "closed", data={"by": "both sides"})
        return True

    def _rows(self, query: Any) -> list[Row]:
        with self._engine.connect() as connection:
            return list(connection.execute(query).mappings())


def occasion_of(case: sa.ColumnElement[int]) -> sa.ScalarSelect[Any]:
    """The line of history with which a case last began or got worse; 0 where there is none."""
    lines = CASE_EVENTS.alias("occasions")
    return (
        sa.select(sa.func.coalesce(sa.func.max(lines.c.id), 0))
        .where(lines.c.case_id == case, lines.c.kind.in_(RAISING))
        .scalar_subquery()
    )


def _running(connection: sa.Connection, case_id: int) -> Row:
    # Locked: the rules may clear it, or begin it again, at the same time.
    query = sa.select(CASES).where(CASES.c.id == case_id).with_for_update()
    row = connection.execute(query).mappings().first()
    if row is None:
        raise CaseError(f"There is no case {case_id}. Go back to the list of cases.")
    if row["state"] not in RUNNING:
        raise CaseError("This case has ended; its record stays as it is.")
    return row


def _agreed(connection: sa.Connection, case_id: int) -> set[str]:
    """The sides that agreed to close since the case last began or got worse."""
    kinds = ("agreed_to_close", *RAISING)
    query = (
        sa.select(CASE_EVENTS.c.kind, CASE_EVENTS.c.side)
        .where(CASE_EVENTS.c.case_id == case_id, CASE_EVENTS.c.kind.in_(kinds))
        .order_by(CASE_EVENTS.c.id)
    )
    agreed: set[str] = set()
    for row in connection.execute(query):
        if row.kind == "agreed_to_close":
            agreed.add(row.side)
        else:
            agreed.clear()
    return agreed


def _side(side: str) -> str:
    if side not in SIDES:
        raise CaseError("Only members of the two sides of the committee sign. Ask one of them.")
    return side


def _text(text: str, missing: str) -> str:
    text = text.strip()
    if not text:
        raise CaseError(missing)
    if len(text) > LONGEST_TEXT:
        raise CaseError(f"The text has {len(text)} characters; at most {LONGEST_TEXT} are kept. Shorten it.")
    return text
