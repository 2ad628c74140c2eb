"""The quarantine: look at what was refused, note, and try to take it in after a fix."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from ingest_service import quarantine_orders
from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import Caller, caller_of
from ingest_service.ledger.port import Outcome
from ingest_service.quarantine import QuarantineError
from ingest_service.queries.quarantine import item, quarantine
from ingest_service.queries.records import QuarantineItem
from ingest_service.queries.view import View
from ingest_service.set_aside import PROJECTION
from ingest_service.web.rendering import Fields, page, reader

router = APIRouter()

Number = Annotated[int, Path(ge=1, le=2**62)]
_LONGEST = 2000


@router.get("/quarantine")
def list_page(
    request: Request,
    code: str = "",
    gateway: str = "",
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    """The newest entries."""
    caller = caller_of(request)
    caller.must(Action.READ_QUARANTINE)
    view = caller.view()
    values = {"page": quarantine(view, code, before, gateway), "mistakes": Fields(), "typed": Fields()}
    return page(request, "quarantine/list.html", values, view=view)


@dataclass
class BulkForm:
    """What was filled in to deal with many entries at once; days are of UTC."""

    deed: Annotated[Literal["replay", "note", "close"], Form()] = "replay"
    why: Annotated[str, Form(max_length=20_000)] = ""
    code: Annotated[str, Form(max_length=32)] = ""
    gateway: Annotated[str, Form(max_length=64)] = ""
    since: Annotated[date | Literal[""], Form()] = ""
    until: Annotated[date | Literal[""], Form()] = ""
    resend: Annotated[str, Form(max_length=8)] = ""
    sure: Annotated[str, Form(max_length=8)] = ""

    def typed(self) -> Fields:
        """As the fields were, to show them again."""
        return Fields({name: str(value) for name, value in asdict(self).items()})


@router.post("/quarantine/bulk")
def bulk(request: Request, form: Annotated[BulkForm, Depends()]) -> Response:
    """Count first; when the person is sure, do it to all that fit."""
    caller = caller_of(request)
    caller.must(Action.REPLAY_QUARANTINE)
    view = caller.view()
    values: dict[str, Any] = {"mistakes": Fields(), "typed": form.typed(), "deed": form.deed}
    try:
        which = quarantine_orders.wanted(
            view, gateway=form.gateway.strip(), code=form.code, since=_midnight(form.since),
            until=_midnight(form.until, after=1),
        )  # fmt: skip
        values["answer"] = quarantine_orders.carry_out(
            caller.context, which, form.deed, who=caller.who, why=form.why, dry_run=not form.sure,
            resend=bool(form.resend),
        )  # fmt: skip
    except QuarantineError as error:
        values["mistakes"] = Fields(why=str(error))
    values["page"] = quarantine(caller.view(), form.code, None, form.gateway.strip())
    status = 422 if values["mistakes"] else 200
    return page(request, "quarantine/list.html", values, view=view, status=status)


def _midnight(day: date | Literal[""], *, after: int = 0) -> float | None:
    if not isinstance(day, date):
        return None
    return datetime.combine(day + timedelta(days=after), time(), UTC).timestamp()


@router.get("/quarantine/{entry}")
def item_page(request: Request, entry: Number) -> Response:
    """One entry with its bytes."""
    caller = caller_of(request)
    caller.must(Action.READ_QUARANTINE)
    view = caller.view()
    found = item(view, entry)
    caller.must(Action.READ_QUARANTINE, _place(view, found))
    return _shown(request, view, found)


@router.post("/quarantine/{entry}/note")
def note(request: Request, entry: Number, text: Annotated[str, Form(max_length=20_000)] = "") -> Response:
    """Keep a remark of a person with the entry."""
    caller, view, found = _to_change(request, entry)
    _ = reader(caller)
    mistake = ""
    if not text.strip():
        mistake = _("Write the note first.")
    elif len(text) > _LONGEST:
        mistake = _("This is longer than %(n)s characters. Shorten it.", n=_LONGEST)
    if mistake:
        return _shown(request, view, found, mistakes={"text": mistake}, text=text, status=422)
    caller.context.ledger.note_event(entry, at=view.now, who=caller.who, action="note", text=text.strip())
    return RedirectResponse(f"/quarantine/{entry}", 303)


@router.post("/quarantine/{entry}/replay")
def replay(request: Request, entry: Number) -> Response:
    """Send the bytes through every check again, as they came."""
    caller, view, found = _to_change(request, entry)
    try:
        outcome = caller.context.quarantine.replay(entry, who=caller.who, now=view.now)
    except QuarantineError as error:
        return _shown(request, view, found, mistakes={"replay": str(error)}, status=409)
    taken = outcome.verdict in {"new", "duplicate"}
    return _shown(request, view, item(view, entry), said=_said(caller, outcome), status=200 if taken else 409)


def _to_change(request: Request, entry: int) -> tuple[Caller, View, QuarantineItem]:
    caller = caller_of(request)
    caller.must(Action.REPLAY_QUARANTINE)
    view = caller.view()
    found = item(view, entry)
    caller.must(Action.REPLAY_QUARANTINE, _place(view, found))
    return caller, view, found


def _place(view: View, found: QuarantineItem) -> str | None:
    """The site an entry belongs to; None for what came from nowhere, which only the whole tree may see."""
    site = view.register.site(found.line.site)
    return site.id if site else None


def _said(caller: Caller, outcome: Outcome) -> str:
    _ = reader(caller)
    if outcome.verdict == "new":
        return _("Taken in: it is row %(row)s of the ledger now.", row=outcome.row)
    if outcome.code == PROJECTION:
        return _("The projector tries it again; what came of it will stand below within seconds.")
    if outcome.verdict == "duplicate":
        return _("The ledger already holds this payload.")
    return _("Refused again: %(reason)s", reason=outcome.detail or outcome.code or outcome.verdict)


def _shown(
    request: Request,
    view: View,
    found: QuarantineItem,
    *,
    mistakes: dict[str, str] | None = None,
    text: str = "",
    said: str = "",
    status: int = 200,
) -> Response:
    values = {"page": found, "mistakes": Fields(mistakes or {}), "typed": Fields(text=text), "said": said}
    return page(request, "quarantine/item.html", values, view=view, status=status)
