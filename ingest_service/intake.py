"""The one way into the ledger: every payload is checked and appended here, whichever road it came by."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

import structlog

from ingest_service import metrics
from ingest_service.checking import Arrival, check
from ingest_service.ledger.port import Accepted, BirthNote, Ledger, Outcome, Rejected, StateNote
from ingest_service.register.snapshot import RegisterSnapshot
from osh_domain.batch import MAX_FRAME, payload_hash

__all__ = ["Arrival", "Intake", "check"]

log = structlog.get_logger(__name__)


class Intake:
    """Checks payloads and puts them into the ledger; safe to share between threads."""

    def __init__(
        self, ledger: Ledger, register: Callable[[], RegisterSnapshot], *, max_payload: int = MAX_FRAME
    ) -> None:
        self._ledger = ledger
        self._register = register
        self._max_payload = max_payload

    def take(
        self,
        arrivals: Sequence[Arrival],
        now: float,
        notes: Sequence[StateNote | BirthNote] = (),
    ) -> list[Outcome]:
        """One synced commit for all of it; one outcome for each arrival, in order.

        Raises LedgerError when nothing could be stored; then nothing may be acknowledged. An arrival whose
        check failed in a way nobody foresaw is ``refused``: neither kept nor acknowledged, so the gateway
        keeps it, and the others go on.
        """
        register = self._register()
        entries = [self._checked(arrival, register, now) for arrival in arrivals]
        begun = time.perf_counter()
        stored = iter(self._ledger.append([entry for entry in entries if entry is not None], notes))
        metrics.LEDGER_COMMIT.observe(time.perf_counter() - begun)
        outcomes = [
            _unforeseen(arrival) if entry is None else next(stored)
            for arrival, entry in zip(arrivals, entries, strict=True)
        ]
        _count(outcomes, entries)
        return outcomes

    def _checked(
        self, arrival: Arrival, register: RegisterSnapshot, now: float
    ) -> Accepted | Rejected | None:
        try:
            return check(arrival, register, now, max_payload=self._max_payload)
        except Exception:  # one payload nobody foresaw must not keep all others out
            log.exception("a check failed in a way nobody foresaw", topic=arrival.topic)
            return None


def _unforeseen(arrival: Arrival) -> Outcome:
    detail = "the check of this payload failed unexpectedly; it was not kept, see the log"
    return Outcome(
        "refused", "", arrival.gateway or "", None, None, payload_hash(arrival.payload), detail=detail
    )


def _count(outcomes: Sequence[Outcome], entries: Sequence[Accepted | Rejected | None]) -> None:
    for verdict, number in Counter(outcome.verdict for outcome in outcomes).items():
        metrics.BATCHES.labels(verdict).inc(number)
    refused = Counter(o.code for o in outcomes if o.verdict in ("quarantined", "conflict"))
    for code, number in refused.items():
        metrics.QUARANTINED.labels(code or "").inc(number)
    readings = sum(
        entry.readings
        for outcome, entry in zip(outcomes, entries, strict=True)
        if outcome.verdict == "new" and isinstance(entry, Accepted)
    )
    metrics.READINGS.inc(readings)
