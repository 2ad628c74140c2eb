"""Takes out of the quarantine what waited for a key: batches that came before the one that introduces it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from ingest_service.checking import Arrival
from ingest_service.ledger.port import Ledger, Outcome, QuarantineEntry
from osh_domain.batch import open_frame
from osh_domain.wire_error import WireError

if TYPE_CHECKING:
    from ingest_service.intake import Intake

AT_ONCE: Final = 200
LONGEST_CHAIN: Final = 8
"""Keys that may follow one another out of the quarantine at once: each costs a look through all of it."""
WHO: Final = "intake"
log = structlog.get_logger(__name__)


class Introduced(NamedTuple):
    """Keys that are new, and the gateways that introduced them."""

    kids: frozenset[str]
    gateways: tuple[str, ...]


def replay_for(introduced: Introduced, ledger: Ledger, intake: Intake, now: float) -> list[Outcome]:
    """Send everything that is signed with these keys and was refused for it through the intake once more.

    Raises LedgerError; what was not replayed then is a person's to replay.
    """
    answers: list[Outcome] = []
    for gateway in introduced.gateways:
        # Without the payloads, of which there may be more than memory.
        waiting = list(_waiting(ledger, gateway, introduced.kids))
        waiting.reverse()  # the oldest first: the order in which they were sealed
        for begin in range(0, len(waiting), AT_ONCE):
            answers += _replay(waiting[begin : begin + AT_ONCE], ledger, intake, now)
    if answers:
        log.info("replayed what waited for a key", batches=len(answers), keys=sorted(introduced.kids))
    return answers


def _waiting(ledger: Ledger, gateway: str, kids: frozenset[str]) -> Iterator[QuarantineEntry]:
    before: int | None = None
    while page := ledger.quarantine(gateway=gateway, code="key", before=before, limit=AT_ONCE):
        before = page[-1].id
        for entry in page:
            if entry.settled or entry.ledger_row is not None:
                continue
            if _kid(ledger.quarantined_payload(entry.id)) in kids:
                yield entry


def _kid(payload: bytes) -> str | None:
    try:
        return open_frame(payload).header.kid
    except WireError:
        return None


def _replay(portion: Sequence[QuarantineEntry], ledger: Ledger, intake: Intake, now: float) -> list[Outcome]:
    arrivals = [
        Arrival(
            ledger.quarantined_payload(entry.id),
            entry.received_at,
            source="replay",
            topic=entry.topic,
            gateway=entry.gateway or None,
        )
        for entry in portion
    ]
    outcomes = intake.take(arrivals, now)
    for entry, outcome in zip(portion, outcomes, strict=True):
        if outcome.verdict in ("new", "duplicate"):
            where = "it was in the ledger already" if outcome.row is None else f"ledger row {outcome.row}"
            ledger.note_event(entry.id, at=now, who=WHO, action="replayed", text=f"its key came: {where}")
    return outcomes
