"""Cases: the list, one case, and what a member of the committee writes into it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import Caller, caller_of
from ingest_service.cases.store import CaseError, Cases
from ingest_service.queries.case import case
from ingest_service.queries.case_lines import case_list
from ingest_service.queries.records import Case
from ingest_service.queries.view import NotHere, View
from ingest_service.register.entries import Person, Side
from ingest_service.web.live_pages import case_number
from ingest_service.web.rendering import Fields, page, reader

router = APIRouter()

LONGEST = 2000


@router.get("/cases")
def list_page(request: Request) -> Response:
    """Every case the reader may see."""
    caller = caller_of(request)
    person = caller.must(Action.READ_CASE)
    view = caller.context.view(person)
    return page(request, "case/list.html", {"page": case_list(view)}, view=view, live="/live/cases")


@router.get("/cases/{case_id}")
def case_page(request: Request, case_id: str) -> Response:
    """One case."""
    caller, found, view = _found(request, case_id, Action.READ_CASE)
    caller.must(Action.READ_CASE, found.site.id)
    return _shown(request, view, found)


@router.post("/cases/{case_id}/acknowledge")
def acknowledge(request: Request, case_id: str) -> Response:
    """The reader's side has seen the case."""
    caller, found, view = _found(request, case_id, Action.ACKNOWLEDGE_CASE)
    person, side = _member(caller, found, Action.ACKNOWLEDGE_CASE)
    try:
        Cases(caller.context.engine).acknowledge(found.line.id, person, side, view.now)
    except CaseError as error:
        return _shown(request, view, found, {"case": str(error)}, status=409)
    return RedirectResponse(f"/cases/{found.line.id}", 303)


@router.post("/cases/{case_id}/actions")
def add_action(
    request: Request,
    case_id: str,
    text: Annotated[str, Form(max_length=20_000)] = "",
    due: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Write down what is or will be done. On a mistake the page comes back with all that was typed."""
    caller, found, view = _found(request, case_id, Action.ADD_ACTION)
    person = caller.must(Action.ADD_ACTION, found.site.id)
    _ = reader(caller)
    mistakes: dict[str, str] = {}
    due_at = _instant(due, found.site.timezone)
    if not text.strip():
        mistakes["text"] = _("Write down what will be done.")
    elif len(text) > LONGEST:
        mistakes["text"] = _("This is longer than %(n)s characters. Shorten it.", n=LONGEST)
    if due.strip() and due_at is None:
        mistakes["due"] = _("Write date and time like 2026-04-20T15:30, or leave it empty.")
    if not mistakes:
        try:
            Cases(caller.context.engine).add_action(
                found.line.id, text, person, person.side, view.now, due_at
            )
        except CaseError as error:
            mistakes["text"] = str(error)
    if mistakes:
        typed = {"text": text, "due": due}
        return _shown(request, view, found, mistakes, typed, status=422)
    return RedirectResponse(f"/cases/{found.line.id}#actions", 303)


@router.post("/cases/{case_id}/close")
def agree_to_close(
    request: Request, case_id: str, reason: Annotated[str, Form(max_length=20_000)] = ""
) -> Response:
    """The reader's side agrees that the case can be closed."""
    caller, found, view = _found(request, case_id, Action.CLOSE_CASE)
    person, side = _member(caller, found, Action.CLOSE_CASE)
    try:
        Cases(caller.context.engine).agree_to_close(found.line.id, person, side, view.now, reason)
    except CaseError as error:
        typed = {"reason": reason}
        return _shown(request, view, found, {"reason": str(error)}, typed, status=422)
    return RedirectResponse(f"/cases/{found.line.id}", 303)


def _found(request: Request, case_id: str, action: Action) -> tuple[Caller, Case, View]:
    caller = caller_of(request)
    person = caller.must(action)
    view = caller.context.view(person)
    return caller, case(view, case_number(case_id)), view


def _member(caller: Caller, found: Case, action: Action) -> tuple[Person, Side]:
    person = caller.must(action, found.site.id)
    side = person.side or person.role.side
    if side is None:  # no other role holds the rights that come here
        raise NotHere("Only members of the two sides of the committee sign.")
    return person, side


def _instant(text: str, timezone: str) -> float | None:
    """A wall time of the factory as an instant; None for an empty or unreadable text."""
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=ZoneInfo(timezone)).timestamp()
    except (ValueError, OverflowError):
        return None


def _shown(
    request: Request,
    view: View,
    found: Case,
    mistakes: dict[str, str] | None = None,
    typed: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    values = {
        "page": found,
        "mistakes": Fields(mistakes or {}),
        "typed": Fields(typed or {}),
    }
    live = f"/live/case?case={found.line.id}"
    return page(request, "case/page.html", values, view=view, live=live, status=status)
