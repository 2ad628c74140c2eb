"""What the alert runner does to cases inside its one transaction: open, worsen, clear, find afterwards."""

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from alert_rules.alerts import CaseChange, Deed
from alert_rules.escalation import Due
from alert_rules.pack_model import SEVERITIES
from ingest_service.cases.schema import CASE_EVENTS, CASES
from ingest_service.cases.store import RUNNING
from ingest_service.cases.telling import Telling, write_notices
from ingest_service.cases.writing import add_history, insert_new
from ingest_service.register.snapshot import RegisterSnapshot

Event = Mapping[str, Any]
_RISING: Final = frozenset({Deed.OPENED, Deed.WORSENED, Deed.JOINED, Deed.AGAIN})
# The last of several rules to clear may have judged another exposure than the one people were told of.
_OF_THE_END: Final = ("at", "value", "exposure", "unit", "ended_by")
_OF_DEVICES: Final = frozenset({"silence", "device"})
_NOBODY_SIGNS: Final = "it was noted only; nobody needs to sign"


class CaseKeeper:
    """Keeps cases within one transaction. `event` always has site, zone, subject, hazard, rule, pack,
    pack_version, severity, at and tell; see `events`. That of a rule that judges no more has less."""

    def __init__(
        self, connection: sa.Connection, register: RegisterSnapshot, link_base: str, now: float
    ) -> None:
        self._connection, self._register = connection, register
        self._link_base, self._now = link_base, now
        self.notices = 0
        self.touched: set[int] = set()
        """The cases that anything was written of."""

    def change(self, change: CaseChange, event: Event) -> None:
        """Carry out what the rules decided for the case of this event's hazard and place."""
        case = self._running(event)
        reason = change.transition.reason
        if case is None or case["state"] != "open":
            # What only eases begins nothing: both sides may have closed the case before it ended.
            if change.deed in _RISING:
                self._begin(case, event, reason)
        elif change.deed is Deed.CLEARED:
            self._clear(case, event, reason)
        elif change.deed is Deed.WORSENED or (change.deed is Deed.AGAIN and _worse(event, case)):
            self._worsen(case, event, reason)
        elif change.deed is not Deed.AGAIN:
            self._note(case, change, event, reason)

    def raised(self, event: Event, reason: str) -> None:
        """Open a case, or open it again."""
        case = self._running(event)
        if case is None or case["state"] == "cleared":
            self._begin(case, event, reason)

    def cleared(self, event: Event, reason: str) -> None:
        """Say that the hazard is over, if a case of it is open."""
        case = self._running(event)
        if case is not None and case["state"] == "open":
            self._clear(case, event, reason)

    def found_afterwards(self, event: Event, key: str, reason: str) -> bool:
        """Write a retrospective finding down, once per `key`, unless a live case told of it at the time.

        Nobody is called: it is history. True when it is new.
        """
        if self._was_told(event):
            return False
        insert_new(self._connection, CASES, [self._row(event, key, "found_afterwards")])
        query = sa.select(CASES.c.id, CASES.c.opened_at).where(CASES.c.key == key)
        case_id = int(self._connection.execute(query).one().id)
        if self._has_history(case_id):
            return False
        self._history(case_id, "found_afterwards", reason, event)
        return True

    def joined(self, event: Event, reason: str) -> None:
        """Write down that more belongs to a case that people were told of."""
        case = self._running(event)
        if case is not None:
            self._history(case["id"], "joined", reason, event)

    def note(self, case_id: int, kind: str, text: str, data: Event) -> None:
        """Write a line into a case's history; nobody is called."""
        self._history(case_id, kind, text, data)

    def tell(self, case: sa.RowMapping, due: Due, occasion: int) -> None:
        """Tell further people of a case as its event stands; written into its history."""
        event = {
            **case["event"],
            "due_reason": due.reason,
            "due_unless": due.unless,
            "due_after_s": due.after_s,
            "due_running": due.running,
        }
        self._history(case["id"], due.kind, due.reason, {"raised": occasion, "to": list(due.to)})
        telling = Telling(case["id"], case["site"], due.kind, occasion, due.to, event, due.reason, due.due_at)
        self._write(telling)

    def _begin(self, case: sa.RowMapping | None, event: Event, reason: str) -> None:
        if case is None:
            place = event["zone"] or event["site"]
            key = f"{place}|{event['hazard']}|{event['subject']}|{event['at']:.0f}"
            insert_new(self._connection, CASES, [self._row(event, key, "open")])
            found = sa.select(CASES.c.id).where(CASES.c.key == key)
            self._tell(int(self._connection.execute(found).scalar_one()), "opened", event, reason)
            return
        self._update(case["id"], state="open", cleared_at=None, **_judged_by(event))
        self._tell(case["id"], "raised_again", event, reason)

    def _worsen(self, case: sa.RowMapping, event: Event, reason: str) -> None:
        self._update(case["id"], **_judged_by(event))
        self._tell(case["id"], "worsened", event, reason)

    def _note(self, case: sa.RowMapping, change: CaseChange, event: Event, reason: str) -> None:
        if change.deed is Deed.EASED:
            self._update(case["id"], severity=change.severity)
        # That it is open already is no new occasion, whatever the rules thought: nobody signs it again.
        deed = Deed.JOINED if change.deed is Deed.OPENED else change.deed
        self._history(case["id"], deed.value, reason, event)

    def _clear(self, case: sa.RowMapping, event: Event, reason: str) -> None:
        told = {**case["event"], **{key: event[key] for key in _OF_THE_END if key in event}}
        # What nobody was called for, and what concerns devices, needs no signatures.
        if not case["event"]["tell"] or case["hazard"] in _OF_DEVICES:
            self._update(case["id"], state="closed", cleared_at=event["at"], closed_at=self._now)
            self._tell(case["id"], "cleared", told, reason)
            self._history(case["id"], "closed", _NOBODY_SIGNS, {})
            return
        self._update(case["id"], state="cleared", cleared_at=event["at"])
        self._tell(case["id"], "cleared", told, reason)

    def _tell(self, case_id: int, kind: str, event: Event, reason: str) -> None:
        occasion = self._history(case_id, kind, reason, event)
        word = "opened" if kind == "raised_again" else kind
        to = tuple(event["tell"])
        telling = Telling(case_id, event["site"], word, occasion, to, event, reason, self._now)
        self._write(telling)

    def _write(self, telling: Telling) -> None:
        self.notices += write_notices(self._connection, self._register, self._link_base, telling, self._now)

    def _history(self, case_id: int, kind: str, text: str, data: Event) -> int:
        self.touched.add(case_id)
        return add_history(self._connection, case_id, self._now, kind, text=text, data=data)

    def _update(self, case_id: int, **values: Any) -> None:
        self._connection.execute(sa.update(CASES).where(CASES.c.id == case_id).values(**values))

    def _running(self, event: Event) -> sa.RowMapping | None:
        query = (
            sa.select(CASES)
            .where(*_same(event), CASES.c.state.in_(RUNNING))
            .order_by(CASES.c.id.desc())
            .limit(1)
            .with_for_update()  # people sign and close at the same time
        )
        return self._connection.execute(query).mappings().first()

    def _was_told(self, event: Event) -> bool:
        ended = sa.func.coalesce(CASES.c.cleared_at, CASES.c.closed_at)
        query = sa.select(CASES.c.id).where(
            *_same(event),
            CASES.c.state != "found_afterwards",
            CASES.c.opened_at <= event["at"],
            sa.or_(ended.is_(None), ended >= event["since"]),
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def _has_history(self, case_id: int) -> bool:
        query = sa.select(CASE_EVENTS.c.id).where(CASE_EVENTS.c.case_id == case_id).limit(1)
        return self._connection.execute(query).first() is not None

    def _row(self, event: Event, key: str, state: str) -> dict[str, Any]:
        return {
            "key": key,
            "site": event["site"],
            "zone": event["zone"],
            "subject": event["subject"],
            "hazard": event["hazard"],
            "state": state,
            "opened_at": event["at"],
            **_judged_by(event),
        }


def _worse(event: Event, case: sa.RowMapping) -> bool:
    return SEVERITIES.index(event["severity"]) > SEVERITIES.index(case["severity"])


def _judged_by(event: Event) -> dict[str, Any]:
    names = ("rule", "pack", "pack_version", "severity")
    return {**{name: event[name] for name in names}, "event": dict(event)}


def _same(event: Event) -> tuple[Any, ...]:
    same = (
        CASES.c.site == event["site"],
        CASES.c.hazard == event["hazard"],
        CASES.c.subject == event["subject"],
    )
    if event["hazard"] in _OF_DEVICES:
        return same  # a device may have been placed elsewhere since
    return (*same, CASES.c.zone.is_(None) if event["zone"] is None else CASES.c.zone == event["zone"])
