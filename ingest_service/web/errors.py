"""An error as a page, for people who followed a link."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from ingest_service.auth.dependencies import caller_of
from ingest_service.web.rendering import page, reader
from ingest_service.web.vocabulary import N_

HEADINGS: Final = {
    400: N_("This request cannot be read."),
    401: N_("Please sign in."),
    403: N_("You may not do this."),
    404: N_("There is nothing here."),
    409: N_("This cannot be done."),
    422: N_("Something in the form is not right."),
    503: N_("The data cannot be reached right now."),
}
_OTHER: Final = N_("Something went wrong.")


def render_error(request: Request, status: int, message: str) -> Response:
    """The page for a status and a message that is fit for people."""
    heading = reader(caller_of(request))(HEADINGS.get(status, _OTHER))
    shown = "" if message.rstrip(".") == heading.rstrip(".") else message
    return page(
        request, "error.html", {"heading": heading, "message": shown, "status": status}, status=status
    )
