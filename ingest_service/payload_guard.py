"""Keeps one payload that nobody foresaw from stopping the intake of all others.

What a payload does to this program is taken for a passing trouble first: it is neither kept nor acknowledged,
so its gateway keeps it and sends it again. When it failed three times, apart from each other, its bytes go to
the quarantine with the code `FAULT` and the traceback. A payload that ends the whole process counts as well,
see `trials`; what is never a payload's fault is in `passing`.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import structlog

from ingest_service.checking import Arrival, check
from ingest_service.ledger.port import Accepted, BirthNote, Ledger, LedgerError, Outcome, Rejected, StateNote
from ingest_service.passing import is_passing
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.trials import Trials
from osh_domain.batch import payload_hash
from osh_domain.topics import parse_topic
from osh_domain.wire_error import WireError

FAULT: Final = "fault"
LONGEST_WHY: Final = 1900
DIED: Final = "the intake ended three times while it took this payload in alone, without a word"
Entry = Accepted | Rejected | None
log = structlog.get_logger(__name__)


class PayloadGuard:
    """What failed so far; with ``trials`` that has a file, also what ended the process."""

    def __init__(self, trials: Trials | None = None) -> None:
        self._trials = Trials() if trials is None else trials

    def groups(self, arrivals: Sequence[Arrival]) -> Iterator[list[Arrival]]:
        """The payloads in order, suspects alone."""
        return self._trials.groups(arrivals, _name)

    def take(self, arrivals: Sequence[Arrival], take: Callable[[], list[Outcome]]) -> list[Outcome]:
        """``take`` of these payloads, remembered while it lasts."""
        names = [_name(arrival) for arrival in arrivals]
        self._trials.begin(names)
        try:
            outcomes = take()
        except Exception as error:
            if is_passing(error):
                self._trials.wait()
                raise _nothing_stored(error) from error
            raise
        kept = [name for name, one in zip(names, outcomes, strict=True) if one.verdict != "refused"]
        self._trials.passed(kept)
        return outcomes

    def check(self, arrival: Arrival, register: RegisterSnapshot, now: float, *, max_payload: int) -> Entry:
        """The check's answer; None when it failed in a way nobody foresaw, not yet too often, or for a
        passing trouble, which counts nothing and holds up no other payload."""
        if self._trials.spent(_name(arrival)):
            return _put_aside(arrival, register, DIED)
        try:
            return check(arrival, register, now, max_payload=max_payload)
        except Exception as error:  # one payload nobody foresaw must not keep all others out
            if is_passing(error):
                log.warning("a payload cannot be checked now", topic=arrival.topic, reason=repr(error))
                return None
            log.exception("a check failed in a way nobody foresaw", topic=arrival.topic)
            return self._failed(arrival, register, traceback.format_exc())

    def store(
        self,
        ledger: Ledger,
        entries: Sequence[Entry],
        arrivals: Sequence[Arrival],
        notes: Sequence[StateNote | BirthNote],
        register: Callable[[], RegisterSnapshot],
    ) -> list[Outcome]:
        """One commit; one by one only if that fails in a way nobody foresaw. Raises LedgerError."""
        try:
            stored = iter(ledger.append([entry for entry in entries if entry is not None], notes))
        except Exception as error:  # one of them, and nobody knows which
            if is_passing(error):
                raise
            log.exception("a commit failed in a way nobody foresaw: its payloads are taken one by one")
            self._store_notes(ledger, notes)
            return [
                _refused(arrival) if entry is None else self._store_alone(ledger, entry, arrival, register())
                for entry, arrival in zip(entries, arrivals, strict=True)
            ]
        return [
            _refused(arrival) if entry is None else next(stored)
            for entry, arrival in zip(entries, arrivals, strict=True)
        ]

    def _store_notes(self, ledger: Ledger, notes: Sequence[StateNote | BirthNote]) -> None:
        """Words are no evidence, and come again with the next connection: one that cannot be kept is left."""
        for note in notes:
            try:
                ledger.append([], [note])
            except Exception as error:  # as above
                if is_passing(error):
                    raise
                log.exception("a gateway's word could not be kept", gateway=note.gateway)

    def _store_alone(
        self, ledger: Ledger, entry: Accepted | Rejected, arrival: Arrival, register: RegisterSnapshot
    ) -> Outcome:
        instead: Entry = entry
        for _ in range(2):  # the payload as it was judged, or else its bytes alone
            if instead is None:
                break
            try:
                (outcome,) = ledger.append([instead])
            except Exception as error:  # as above
                if is_passing(error):
                    raise
                log.exception("a payload could not be stored in a way nobody foresaw", topic=arrival.topic)
                instead = self._failed(arrival, register, traceback.format_exc())
            else:
                return outcome
        return _refused(arrival)

    def _failed(self, arrival: Arrival, register: RegisterSnapshot, why: str) -> Rejected | None:
        self._trials.count(_name(arrival))
        return _put_aside(arrival, register, why) if self._trials.spent(_name(arrival)) else None


def _nothing_stored(error: Exception) -> LedgerError:
    """For the caller, who tells the gateways to wait."""
    if isinstance(error, LedgerError):
        return error
    return LedgerError(f"nothing can be taken in now ({type(error).__name__}: {error})")


def _name(arrival: Arrival) -> str:
    return payload_hash(arrival.payload)


def _put_aside(arrival: Arrival, register: RegisterSnapshot, why: str) -> Rejected:
    """The bytes and the road they came by; nothing that is in them is looked at."""
    site, gateway = "", arrival.gateway or ""
    try:
        name = parse_topic(arrival.topic or "")
        site, gateway = name.site, name.gateway
    except WireError:
        registered = register.gateway(gateway)
        site = registered.site if registered is not None else ""
    return Rejected(
        arrival.received_at,
        arrival.source,
        arrival.topic,
        site,
        gateway,
        known=register.gateway(gateway) is not None,
        payload=arrival.payload,
        payload_hash=_name(arrival),
        code=FAULT,
        detail=f"this program fails on it, nothing is said against the payload: {why[-LONGEST_WHY:]}",
    )


def _refused(arrival: Arrival) -> Outcome:
    detail = "this payload made the program fail unexpectedly; it was not kept, see the log"
    return Outcome("refused", "", arrival.gateway or "", None, None, _name(arrival), detail=detail)
