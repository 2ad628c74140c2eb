"""The mail that a demo or a training caught, so that no account is needed to see what people were sent.

Whoever's scope is not the whole tree sees the letters to people within it, and no others.
"""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from fastapi import APIRouter, Request
from starlette.responses import Response

from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import caller_of
from ingest_service.queries.view import NotHere, View
from ingest_service.register.snapshot import covers
from ingest_service.web.rendering import page

router = APIRouter()

SHOWN: Final = 50
_LARGEST: Final = 1_000_000
_LOOKED_AT: Final = 500
_SENDER: Final = re.compile(r"from=[^&]*")
_ADDRESS: Final = re.compile(r"[\w.+-]+@[\w.-]+")


@router.get("/demo/mail")
def mail(request: Request) -> Response:
    """The newest caught messages; there is no such page where no folder is set."""
    caller = caller_of(request)
    caller.must(Action.READ_MAIL)
    folder = caller.context.settings.mail_viewer_dir
    if folder is None:
        raise NotHere("No folder of caught mail is set.")
    view = caller.view()
    files = sorted(folder.glob("*.eml"), key=lambda path: path.name, reverse=True)
    if view.may(Action.READ_MAIL, ""):
        letters, total = [_letter(path) for path in files[:SHOWN]], len(files)
    else:
        within = _addresses(view)
        found = [one for one in map(_letter, files[:_LOOKED_AT]) if _to(one) & within]
        letters, total = found[:SHOWN], len(found)
    return page(request, "mail.html", {"letters": letters, "total": total}, view=view)


def _addresses(view: View) -> set[str]:
    """The addresses of people whose scope lies within the reader's."""
    scope = view.person.scope if view.person is not None else None
    return {
        address.lower()
        for person in view.register.people
        if scope is not None and covers(scope, person.scope)
        for contact in view.register.contacts(person.id)
        for address in _ADDRESS.findall(unquote(_SENDER.sub("", contact.url)))
    }


def _to(letter: dict[str, Any]) -> set[str]:
    return {address.lower() for address in _ADDRESS.findall(letter["to"])}


def _letter(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        message = message_from_bytes(file.read(_LARGEST), policy=policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - what this policy makes
    part = message.get_body(preferencelist=("plain", "html"))
    return {
        "subject": str(message["subject"] or path.name),
        "to": str(message["to"] or ""),
        "date": str(message["date"] or ""),
        "body": part.get_content() if part else "",
    }
