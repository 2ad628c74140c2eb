"""Orders from the pages and the JSON interface on many entries of the quarantine, where the caller may."""

from __future__ import annotations

from typing import Final

import structlog
from pydantic import Field

from ingest_service.auth.access import Action
from ingest_service.context import Context
from ingest_service.quarantine import QuarantineError
from ingest_service.quarantine_bulk import Counted, Deed, Wanted, annotate, checked, count, find, replay
from ingest_service.queries.models import Facts
from ingest_service.queries.quarantine import sites_for
from ingest_service.queries.view import View
from ingest_service.resending import Answer, Hole, resend

ANSWERS_WITHIN_S: Final = 5.0
MOST_AT_ONCE: Final = 2000
"""A request has to end in some seconds; the command line takes as many as there are."""
log = structlog.get_logger(__name__)


class Resent(Facts):
    """What a gateway said to sending a range again; `error` None: it does."""

    gateway: str
    first: int
    last: int
    batches: int
    error: str | None


class BulkAnswer(Facts):
    """What a deed touches, or touched; `left`: what fits as well and is for the next order, newer ones."""

    done: bool
    entries: int
    replayable: int
    remarks: int
    gateways: tuple[str, ...]
    codes: dict[str, int]
    oldest: float | None
    newest: float | None
    left: int = 0
    taken: int = 0
    ordered: int = 0
    known_already: int = 0
    refused: dict[str, int] = Field(default_factory=dict)
    resent: tuple[Resent, ...] = ()


def wanted(view: View, *, gateway: str, code: str, since: float | None, until: float | None) -> Wanted:
    """The entries that fit, of the sites where the caller may replay. Raises QuarantineError."""
    sites = sites_for(view, Action.REPLAY_QUARANTINE)
    found = Wanted(sites, gateway or None, code or None, since, until)
    if not found.narrow():
        raise QuarantineError("Say which: a gateway, a reason, or a period.")
    return found


def carry_out(
    context: Context, which: Wanted, deed: Deed, *, who: str, why: str, dry_run: bool, resend: bool
) -> BulkAnswer:
    """Do it, or only count. Raises QuarantineError, LedgerError."""
    why = checked(why)
    found = find(context.ledger, which)
    if dry_run:
        return _answer(count(found), done=False)
    entries = found[:MOST_AT_ONCE]
    counted, left = count(entries), len(found) - len(entries)
    if deed != "replay":
        annotate(context.ledger, entries, deed, who=who, text=why, now=context.clock.now())
        return _answer(counted, done=True, left=left)
    made = replay(context.ledger, context.intake, entries, who=who, why=why, now=context.clock.now)
    told = _resend(context, made.holes) if resend else ()
    answer = _answer(counted, done=True, left=left)
    return answer.model_copy(
        update={
            "taken": made.taken,
            "ordered": made.ordered,
            "known_already": made.known_already,
            "refused": dict(made.refused),
            "resent": told,
        }
    )


def _resend(context: Context, holes: list[Hole]) -> tuple[Resent, ...]:
    if not holes:
        return ()
    try:
        answers = resend(
            context.settings, holes, context.server_key, context.clock.now, within_s=ANSWERS_WITHIN_S
        )
    except OSError as error:
        log.warning("gateways could not be asked to send again", reason=str(error))
        answers = [Answer(hole, 0, "the broker cannot be reached") for hole in holes]
    return tuple(
        Resent(gateway=a.hole.gateway, first=a.hole.first, last=a.hole.last, batches=a.batches, error=a.error)
        for a in answers
    )


def _answer(counted: Counted, *, done: bool, left: int = 0) -> BulkAnswer:
    return BulkAnswer(done=done, left=left, **counted._asdict())
