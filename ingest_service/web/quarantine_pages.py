"""The quarantine: look at what was refused, note, and try to take it in after a fix."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import Caller, caller_of
from ingest_service.ledger.port import Outcome
from ingest_service.quarantine import QuarantineError
from ingest_service.queries.quarantine import item, quarantine
from ingest_service.queries.records import QuarantineItem
from ingest_service.queries.view import View
from ingest_service.web.rendering import Fields, page, reader

router = APIRouter()

Number = Annotated[int, Path(ge=1, le=2**62)]
_LONGEST = 2000


@router.get("/quarantine")
def list_page(
    request: Request, code: str = "", before: Annotated[int | None, Query(ge=1, le=2**62)] = None
) -> Response:
    """The newest entries."""
    caller = caller_of(request)
    caller.must(Action.READ_QUARANTINE)
    view = caller.view()
    return page(request, "quarantine/list.html", {"page": quarantine(view, code, before)}, view=view)


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
