"""The reader's own account."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from ingest_service.auth.dependencies import PersonDependency, caller_of
from ingest_service.language import LANGUAGES
from ingest_service.register.entries import Contact, Person
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.web.rendering import page, reader

router = APIRouter()


@router.get("/account")
def account(request: Request, person: PersonDependency) -> Response:
    """Who the reader is here, in which language, and where notices reach them."""
    caller = caller_of(request)
    view = caller.context.view(person)
    values = {
        "languages": LANGUAGES,
        "contacts": [_contact(contact) for contact in view.register.contacts(person.id)],
        "place": _place(person, view.register) or reader(caller)("everything"),
    }
    return page(request, "account.html", values, view=view)


@router.post("/account/language")
def choose_language(
    request: Request, person: PersonDependency, language: Annotated[str, Form(max_length=16)] = ""
) -> Response:
    """Keep another language; one that is not offered changes nothing."""
    if language in LANGUAGES:
        with caller_of(request).context.register.change(person.login) as change:
            change.put_person(
                person.login, person.name, person.role, person.scope, language, person.valid_until
            )
    return RedirectResponse("/account", 303)


def _contact(contact: Contact) -> dict[str, Any]:
    """A contact without its secrets: only what stands after the user's part of the address."""
    host = urlsplit(contact.url).hostname or ""
    return {"kind": contact.kind, "shown": host}


def _place(person: Person, register: RegisterSnapshot) -> str:
    site = register.site(person.scope.rpartition("/")[2])
    return site.name if site else person.scope
