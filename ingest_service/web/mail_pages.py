"""The mail that a demo or a training caught, so that no account is needed to see what people were sent."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import caller_of
from ingest_service.queries.view import NotHere
from ingest_service.web.rendering import page

router = APIRouter()

SHOWN: Final = 50
_LARGEST: Final = 1_000_000


@router.get("/demo/mail")
def mail(request: Request) -> Response:
    """The newest caught messages; there is no such page where no folder is set."""
    caller = caller_of(request)
    person = caller.must(Action.READ_MAIL)
    folder = caller.context.settings.mail_viewer_dir
    if folder is None:
        raise NotHere("No folder of caught mail is set.")
    files = sorted(folder.glob("*.eml"), key=lambda path: path.name, reverse=True)
    values = {"letters": [_letter(path) for path in files[:SHOWN]], "total": len(files)}
    return page(request, "mail.html", values, view=caller.context.view(person))


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
