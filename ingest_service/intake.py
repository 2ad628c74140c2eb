"""The one way into the ledger: every payload is checked and appended here, whichever road it came by."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

import structlog

from ingest_service import metrics
from ingest_service.checking import Arrival, check
from ingest_service.key_replay import LONGEST_CHAIN, Introduced, replay_for
from ingest_service.ledger.port import Accepted, BirthNote, Ledger, Outcome, Rejected, StateNote
from ingest_service.payload_guard import PayloadGuard
from ingest_service.register.snapshot import RegisterSnapshot
from osh_domain.batch import MAX_FRAME

__all__ = ["Arrival", "Intake", "check"]
log = structlog.get_logger(__name__)


class Desk(Protocol):
    """What intake asks of the register besides reading it; see `intake_desk`."""

    def fresh(self) -> RegisterSnapshot: ...

    def introduce(self, entries: Iterable[Accepted]) -> list[str]: ...

    def used(self, entries: Sequence[Accepted], register: RegisterSnapshot) -> None: ...

    def notice(
        self,
        notes: Iterable[object],
        entries: Sequence[Accepted | Rejected | None],
        outcomes: Sequence[Outcome],
    ) -> None: ...


class Intake:
    """Checks payloads and puts them into the ledger; safe to share between threads.

    Without a `desk` no gateway can introduce its next key, and signs of copied gateways are not kept.
    """

    def __init__(
        self,
        ledger: Ledger,
        register: Callable[[], RegisterSnapshot],
        *,
        max_payload: int = MAX_FRAME,
        desk: Desk | None = None,
        guard: PayloadGuard | None = None,
    ) -> None:
        self._ledger = ledger
        self._guard = PayloadGuard() if guard is None else guard
        self._register = register
        self._max_payload = max_payload
        self._desk = desk
        self._replayed: list[Outcome] = []
        self._turn = threading.local()

    def take(
        self,
        arrivals: Sequence[Arrival],
        now: float,
        notes: Sequence[StateNote | BirthNote] = (),
    ) -> list[Outcome]:
        """One synced commit for all of it; one outcome for each arrival, in order.

        Raises LedgerError when nothing could be stored; then nothing may be acknowledged. An arrival that
        failed in a way nobody foresaw is ``refused``: neither kept nor acknowledged, so the gateway keeps it,
        and the others go on. At the third time it goes to the quarantine.

        Where a batch introduces a key, that is in force before anything signed with it is judged: what of the
        same group failed for its key goes into a second commit, and what came earlier is replayed.
        """
        outcomes: list[Outcome] = []
        for group in list(self._guard.groups(arrivals)) or [[]]:
            outcomes += self._guard.take(group, partial(self._take, group, now, () if outcomes else notes))
        return outcomes

    def _take(
        self, arrivals: Sequence[Arrival], now: float, notes: Sequence[StateNote | BirthNote]
    ) -> list[Outcome]:
        register = self._register()
        entries = [self._checked(arrival, register, now) for arrival in arrivals]
        if self._desk is None:
            return self._append(entries, arrivals, notes)
        late = self._judge_again(entries, arrivals, now, self._desk) if _keyless(entries) else []
        if not any(_introduces(entry) for entry in entries):
            outcomes = self._append(entries, arrivals, notes)
            self._desk.used(_stored(entries, outcomes), register)
        else:
            outcomes = self._introduce(entries, arrivals, notes, now, late, self._desk)
        self._desk.notice(notes, entries, outcomes)
        return outcomes

    def _introduce(
        self,
        entries: list[Accepted | Rejected | None],
        arrivals: Sequence[Arrival],
        notes: Sequence[StateNote | BirthNote],
        now: float,
        late: Sequence[int],
        desk: Desk,
    ) -> list[Outcome]:
        """The group holds next keys: first everything but what has no key, then that by the new register, and
        so on where a key that was introduced introduces the next."""
        outcomes: dict[int, Outcome] = {}
        kids: list[str] = []
        gateways: set[str] = set()
        left = list(late)
        turn = [number for number in range(len(entries)) if number not in set(late)]
        for rounds in itertools.count(1):
            done = self._append_some(turn, entries, arrivals, notes if rounds == 1 else ())
            outcomes |= zip(turn, done, strict=True)
            stored = _stored([entries[number] for number in turn], done)
            introducing = [entry for entry in stored if _introduces(entry)]
            kids += desk.introduce(introducing)
            gateways |= {entry.gateway for entry in introducing}
            register = desk.fresh()
            desk.used(stored, register)
            if not left:
                break
            for number in left:
                entries[number] = self._checked(arrivals[number], register, now)
            keyless = set(left) & set(_keyless(entries))
            helped = [number for number in left if number not in keyless]
            turn = helped if helped and rounds < LONGEST_CHAIN else left
            left = [number for number in left if number not in set(turn)]
        if kids:
            self._replay(Introduced(frozenset(kids), tuple(sorted(gateways))), now)
        return [outcomes[number] for number in range(len(entries))]

    def _replay(self, introduced: Introduced, now: float) -> None:
        """What is replayed may introduce the next key: then the call that began goes on with that."""
        line: list[Introduced] | None = getattr(self._turn, "line", None)
        if line is not None:
            line.append(introduced)
            return
        self._turn.line = line = [introduced]
        try:
            for number, one in enumerate(line):
                if number == LONGEST_CHAIN:
                    log.warning(
                        "too many keys in a row: replay the rest of the quarantine", gateways=one.gateways
                    )
                    return
                self._replayed += replay_for(one, self._ledger, self, now)
        finally:
            self._turn.line = None

    def replayed(self) -> list[Outcome]:
        """What came of payloads that were taken out of the quarantine since this was last asked."""
        found, self._replayed = self._replayed, []
        return found

    def _judge_again(
        self,
        entries: list[Accepted | Rejected | None],
        arrivals: Sequence[Arrival],
        now: float,
        desk: Desk,
    ) -> list[int]:
        """Another process may have registered the key a moment ago; answers what has no key even so."""
        register = desk.fresh()
        for number in _keyless(entries):
            entries[number] = self._checked(arrivals[number], register, now)
        return _keyless(entries)

    def _append_some(
        self,
        numbers: Sequence[int],
        entries: Sequence[Accepted | Rejected | None],
        arrivals: Sequence[Arrival],
        notes: Sequence[StateNote | BirthNote],
    ) -> list[Outcome]:
        return self._append([entries[n] for n in numbers], [arrivals[n] for n in numbers], notes)

    def _append(
        self,
        entries: Sequence[Accepted | Rejected | None],
        arrivals: Sequence[Arrival],
        notes: Sequence[StateNote | BirthNote],
    ) -> list[Outcome]:
        begun = time.perf_counter()
        outcomes = self._guard.store(self._ledger, entries, arrivals, notes, self._register)
        metrics.LEDGER_COMMIT.observe(time.perf_counter() - begun)
        _count(outcomes, entries)
        return outcomes

    def _checked(
        self, arrival: Arrival, register: RegisterSnapshot, now: float
    ) -> Accepted | Rejected | None:
        return self._guard.check(arrival, register, now, max_payload=self._max_payload)


def _keyless(entries: Sequence[Accepted | Rejected | None]) -> list[int]:
    """Which were refused for their key, by a gateway that is known."""
    return [
        number
        for number, entry in enumerate(entries)
        if isinstance(entry, Rejected) and entry.code == "key" and entry.known and entry.epoch is not None
    ]


def _introduces(entry: Accepted | Rejected | None) -> bool:
    return isinstance(entry, Accepted) and any(word.kind == "key" for word in entry.words)


def _stored(entries: Sequence[Accepted | Rejected | None], outcomes: Sequence[Outcome]) -> list[Accepted]:
    """What of it is in the ledger."""
    return [
        entry
        for entry, outcome in zip(entries, outcomes, strict=True)
        if isinstance(entry, Accepted) and outcome.verdict in ("new", "duplicate")
    ]


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
