"""The quarantine for people: look at what was refused, say what was done, take it in after a fix.

Nothing is ever removed from it. Replaying sends the kept bytes through the same `Intake.take` as everything
else, dated by their first arrival but judged by the register of today, and leaves an event either way.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from ingest_service.checking import Arrival
from ingest_service.intake import Intake
from ingest_service.ledger.port import Ledger, Outcome, QuarantineEntry, QuarantineEvent
from ingest_service.set_aside import ORDERED, PROJECTION
from osh_domain.batch import first_byte_kind, open_frame
from osh_domain.wire_error import WireError

Action = Literal["note", "replayed", "refused again", "closed"]
SHOWN_BYTES = 4096
LONGEST_TEXT = 2000


class QuarantineError(Exception):
    """What was asked cannot be done with this entry; the message says why."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """One entry with its bytes made readable, and what was done about it.

    ``frame`` is what the payload inflates to, cut to the first `SHOWN_BYTES`, with undecodable bytes shown as
    escapes; ``replayable`` is false for remarks, whose batch is in the ledger already, unless the projector
    could not read it.
    """

    entry: QuarantineEntry
    payload: bytes
    shown: str
    cut: bool
    replayable: bool
    events: list[QuarantineEvent]


class Quarantine:
    """List, inspect, note, replay."""

    def __init__(self, ledger: Ledger, intake: Intake) -> None:
        self._ledger = ledger
        self._intake = intake

    def entries(
        self,
        *,
        sites: Collection[str] | None = None,
        gateway: str | None = None,
        code: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[QuarantineEntry]:
        """Entries newest first, of these sites only unless None."""
        return self._ledger.quarantine(sites=sites, gateway=gateway, code=code, before=before, limit=limit)

    def inspect(self, number: int) -> Inspection:
        """Raises KeyError when there is no such entry."""
        entry = self._entry(number)
        payload = self._ledger.quarantined_payload(number)
        readable = _inflated(payload)
        return Inspection(
            entry,
            payload,
            readable[:SHOWN_BYTES].decode("utf-8", "backslashreplace"),
            cut=len(readable) > SHOWN_BYTES,
            replayable=entry.ledger_row is None or entry.code == PROJECTION,
            events=self._ledger.quarantine_events(number),
        )

    def note(self, number: int, *, who: str, text: str, now: float) -> None:
        """Add a remark of a person to the entry's history. Raises KeyError, QuarantineError."""
        self._add_event(number, "note", who, text, now)

    def close(self, number: int, *, who: str, text: str, now: float) -> None:
        """Say that nothing more is to be done about it, and why. Raises KeyError, QuarantineError."""
        if not text.strip():
            raise QuarantineError("Say why nothing more is to be done about this entry.")
        self._add_event(number, "closed", who, text, now)

    def replay(self, number: int, *, who: str, now: float) -> Outcome:
        """Send the payload through the intake once more, or have the projector read a row that it set aside.

        Raises KeyError, QuarantineError for a remark, LedgerError when nothing could be stored.
        """
        entry = self._entry(number)
        if entry.code == PROJECTION:
            return self._order(entry, who, now)
        if entry.ledger_row is not None:
            raise QuarantineError(
                f"Entry {number} is a remark on ledger row {entry.ledger_row}: its batch is in the ledger. "
                "Mend the register, then rebuild the series."
            )
        (outcome,) = self._intake.take([arrival_of(entry, self._ledger.quarantined_payload(number))], now)
        action, text = event_of(outcome)
        self._ledger.note_event(number, at=now, who=who, action=action, text=text)
        return outcome

    def _order(self, entry: QuarantineEntry, who: str, now: float) -> Outcome:
        self._ledger.note_event(
            entry.id, at=now, who=who, action=ORDERED, text="the projector tries it again"
        )
        told = "the projector tries it again within seconds; its answer is noted here"
        return Outcome(
            "duplicate", entry.site, entry.gateway, entry.epoch, entry.seq, entry.payload_hash,
            PROJECTION, told, entry.ledger_row,
        )  # fmt: skip

    def _add_event(self, number: int, action: Action, who: str, text: str, now: float) -> None:
        self._entry(number)
        if not text.strip() or len(text) > LONGEST_TEXT:
            raise QuarantineError(f"A note has 1 to {LONGEST_TEXT} characters.")
        self._ledger.note_event(number, at=now, who=who, action=action, text=text.strip())

    def _entry(self, number: int) -> QuarantineEntry:
        entry = self._ledger.quarantined(number)
        if entry is None:
            raise KeyError(number)
        return entry


def arrival_of(entry: QuarantineEntry, payload: bytes) -> Arrival:
    """The payload as if it came again, dated by its first arrival."""
    return Arrival(
        payload, entry.received_at, source="replay", topic=entry.topic, gateway=entry.gateway or None
    )


def event_of(outcome: Outcome) -> tuple[Action, str]:
    """What is written beside an entry after it was tried again."""
    if outcome.verdict in ("new", "duplicate"):
        where = f"ledger row {outcome.row}" if outcome.row is not None else "it was in the ledger already"
        return "replayed", where
    return "refused again", f"{outcome.code or outcome.verdict}: {outcome.detail or 'nothing was kept'}"


def _inflated(payload: bytes) -> bytes:
    """The text of a payload as far as it can be had; the raw bytes when it cannot."""
    try:
        if first_byte_kind(payload) == "frame" and payload[:1] == b"x":
            frame = open_frame(payload)
            return frame.signed_bytes
    except WireError:
        pass
    return payload
