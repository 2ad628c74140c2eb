"""Signing in and out, and the first page of each role."""

from __future__ import annotations

import math
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import PersonDependency, caller_of, context_of
from ingest_service.auth.sessions import COOKIE, LONGEST_S
from ingest_service.context import Context
from ingest_service.language import translator
from ingest_service.register.entries import Person
from ingest_service.web.rendering import Fields, page

router = APIRouter()

DEMO_PASSWORD_FILE: Final = "demo-password"  # noqa: S105 - a file's name


@router.get("/")
def first(request: Request, person: PersonDependency) -> Response:
    """Where each role begins: its one factory, the overview, or the fleet."""
    context = context_of(request)
    view = context.view(person)
    sites = view.sites(Action.READ_SITE)
    if len(sites) == 1:
        return RedirectResponse(f"/factories/{sites[0].id}", 303)
    if view.may(Action.READ_OVERVIEW, person.scope):
        return RedirectResponse("/overview", 303)
    return RedirectResponse("/account", 303)


@router.get("/sign-in")
def form(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    """The sign-in form; in the demo with the accounts that may be tried."""
    return _page(request, {}, login="", target=_inside(next))


@router.post("/sign-in")
def sign_in(
    request: Request,
    login: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",  # noqa: A002 - the name in the form
) -> Response:
    """Begin a session, or say what is wrong without telling which half it was."""
    context = context_of(request)
    address = request.client.host if request.client else ""
    outcome = context.passwords.sign_in(login, password, address)
    if outcome.person is None:
        _ = translator("en")
        text = _("Login and password do not belong together.")
        if outcome.wait_s > 0:
            wait = math.ceil(outcome.wait_s)
            text += " " + _.count("Wait %(n)s second.", "Wait %(n)s seconds before the next try.", wait)
        return _page(request, {"login": text}, login=login, target=_inside(next), status=422)
    old = request.cookies.get(COOKIE)
    if old:
        context.sessions.end(old)
    session = context.sessions.begin(outcome.person)
    answer = RedirectResponse(_inside(next), 303)
    answer.set_cookie(
        COOKIE,
        session.token,
        max_age=int(LONGEST_S),
        httponly=True,
        samesite="lax",
        secure=context.settings.secure_cookies,
    )
    return answer


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """End the session."""
    token = request.cookies.get(COOKIE)
    if token:
        context_of(request).sessions.end(token)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE)
    return answer


def _inside(target: str) -> str:
    """Only addresses of this site may be gone to after signing in."""
    inside = target.startswith("/") and not target.startswith(("//", "/\\")) and "\\" not in target
    return target if inside and target.isprintable() else "/"


def _page(
    request: Request, mistakes: dict[str, str], *, login: str, target: str, status: int = 200
) -> Response:
    context = context_of(request)
    password = _demo_password(context)
    values = {
        "mistakes": Fields(mistakes),
        "login": login,
        "next": target,
        "accounts": _accounts(context) if password else [],
        "demo_password": password,
    }
    if caller_of(request).person is not None and status == 200:
        return RedirectResponse(target, 303)
    return page(request, "sign_in.html", values, status=status)


def _demo_password(context: Context) -> str:
    """The password of the demo's accounts, which the demo leaves in its data directory; else empty."""
    if not context.settings.demo_accounts:
        return ""
    try:
        return (context.data_dir / DEMO_PASSWORD_FILE).read_text("utf-8").strip()
    except OSError:
        return ""


def _accounts(context: Context) -> list[Person]:
    return [person for person in context.register.snapshot().people if person.active]
