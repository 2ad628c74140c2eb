"""What failed a check: look at it, write a note beside it, try it again after a fix."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from ingest_service import quarantine_orders
from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import Caller, PersonDependency, caller_of, require
from ingest_service.queries import quarantine as quarantine_query
from ingest_service.queries.records import QuarantineItem, QuarantineList

router = APIRouter(prefix="/api/v1", tags=["quarantine"])

EntryId = Annotated[int, Path(ge=1, le=2**53)]
Moment = Annotated[float | None, Field(ge=0, le=1e11)]
AnyCaller = Annotated[Caller, Depends(caller_of)]


class Note(BaseModel):
    """What a person has to say about an entry."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=2000)


class Replayed(BaseModel):
    """What became of the bytes this time; with a code they are still refused."""

    model_config = ConfigDict(frozen=True)

    verdict: str
    ledger_row: int | None
    code: str | None
    detail: str | None


class BulkOrder(BaseModel):
    """What to do with every entry that nobody settled and that fits; at least one condition is needed.

    `since`, `until`: first arrival, in seconds since 1970 UTC. `dry_run` only counts. `resend`: ask the
    gateways to send again what was taken in, so that they hold it no more.
    """

    model_config = ConfigDict(extra="forbid")

    deed: Literal["replay", "note", "close"]
    why: str = Field(min_length=1, max_length=1800)
    gateway: str = Field("", max_length=64)
    code: str = Field("", max_length=32)
    since: Moment = None
    until: Moment = None
    dry_run: bool = True
    resend: bool = False


@router.post("/quarantine/bulk", summary="Replay, note or close many entries at once, at the caller's sites")
def bulk(
    order: BulkOrder, caller: Annotated[Caller, Depends(require(Action.REPLAY_QUARANTINE))]
) -> quarantine_orders.BulkAnswer:
    asked = order.model_dump(include={"gateway", "code", "since", "until"})
    wanted = quarantine_orders.wanted(caller.view(), **asked)
    return quarantine_orders.carry_out(
        caller.context, wanted, order.deed, who=caller.who, why=order.why, dry_run=order.dry_run,
        resend=order.resend,
    )  # fmt: skip


@router.get("/quarantine", summary="What failed a check at the caller's sites, newest first")
def get_quarantine(
    caller: Annotated[Caller, Depends(require(Action.READ_QUARANTINE))],
    code: Annotated[str, Query(max_length=32)] = "",
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    gateway: Annotated[str, Query(max_length=64)] = "",
) -> QuarantineList:
    return quarantine_query.quarantine(caller.view(), code, before, gateway)


@router.get("/quarantine/{entry}", summary="One entry, with the beginning of its bytes")
def get_entry(entry: EntryId, _person: PersonDependency, caller: AnyCaller) -> QuarantineItem:
    return _allowed(caller, entry, Action.READ_QUARANTINE)


@router.get(
    "/quarantine/{entry}/payload",
    summary="The bytes of an entry as they were received",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
def get_payload(entry: EntryId, _person: PersonDependency, caller: AnyCaller) -> Response:
    _allowed(caller, entry, Action.READ_QUARANTINE)
    return Response(
        caller.context.ledger.quarantined_payload(entry),
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="quarantine-{entry}.bin"'},
    )


@router.post("/quarantine/{entry}/note", status_code=201, summary="Write a note beside an entry")
def add_note(entry: EntryId, note: Note, _person: PersonDependency, caller: AnyCaller) -> QuarantineItem:
    _allowed(caller, entry, Action.REPLAY_QUARANTINE)
    context = caller.context
    context.quarantine.note(entry, who=caller.who, text=note.text, now=context.clock.now())
    return quarantine_query.item(caller.view(), entry)


@router.post("/quarantine/{entry}/close", status_code=201, summary="Say why nothing more is to be done")
def close(entry: EntryId, note: Note, _person: PersonDependency, caller: AnyCaller) -> QuarantineItem:
    _allowed(caller, entry, Action.REPLAY_QUARANTINE)
    context = caller.context
    context.quarantine.close(entry, who=caller.who, text=note.text, now=context.clock.now())
    return quarantine_query.item(caller.view(), entry)


@router.post("/quarantine/{entry}/replay", summary="Send the bytes through the checks once more")
def replay(entry: EntryId, _person: PersonDependency, caller: AnyCaller) -> Replayed:
    _allowed(caller, entry, Action.REPLAY_QUARANTINE)
    context = caller.context
    outcome = context.quarantine.replay(entry, who=caller.who, now=context.clock.now())
    return Replayed(verdict=outcome.verdict, ledger_row=outcome.row, code=outcome.code, detail=outcome.detail)


def _allowed(caller: Caller, entry: int, action: Action) -> QuarantineItem:
    """The entry, if the caller may do this at its site; what came from nowhere needs the whole tree."""
    found = quarantine_query.item(caller.view(), entry)
    known = caller.context.register.snapshot().site(found.line.site)
    caller.must(action, found.line.site if known is not None else None)
    return found
