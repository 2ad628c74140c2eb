"""The only maker of error answers: one JSON shape for programs, a page for people.

`{"error": {"code", "message", "where", "way_out"}}`; `where` names the field or the place, `way_out` what to
do, both may be null. A message never tells whether something exists that the caller may not see.
"""

import importlib
from collections.abc import Callable
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import sqlalchemy as sa
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ingest_service.auth.access import Why
from ingest_service.auth.dependencies import CsrfRefused, Refused
from ingest_service.cases.store import CaseError
from ingest_service.ledger.port import LedgerError
from ingest_service.quarantine import QuarantineError
from ingest_service.queries.view import NotHere
from ingest_service.register.recorder import ChangeRefused
from ingest_service.series.port import SeriesError

log = structlog.get_logger()

Renderer: TypeAlias = Callable[[Request, int, str], Response]

SIGN_IN_PATH: Final = "/sign-in"
_STATUS: Final = {
    Why.NOT_SIGNED_IN: 401,
    Why.ENDED: 401,
    Why.OUT_OF_SCOPE: 404,
    Why.ROLE: 403,
    Why.TOKEN: 403,
}
_WAYS_OUT: Final = {
    401: "Sign in, or send an API token as `Authorization: Bearer osh_...`.",
    403: "Ask an administrator for an account, or a token, that may do this.",
    404: "Check the address; what lies outside your scope is not shown.",
    405: "Use a method that the `Allow` header names.",
    409: "Load it again and see how it stands now.",
    413: "Send less at once.",
    422: "See /api/v1/openapi.json for what is asked for.",
    500: "Try again; if it stays so, tell the operator the address and the time.",
    503: "Try again in a moment.",
}
_CODES: Final = {400: "bad_request", 401: "not_signed_in", 403: "not_allowed", 404: "not_found",
                 405: "method_not_allowed", 413: "too_large", 415: "media_type", 429: "too_many"}  # fmt: skip


class ErrorFacts(BaseModel):
    """What an error answer says."""

    code: str
    message: str
    where: str | None = None
    way_out: str | None = None


class ErrorAnswer(BaseModel):
    """The one shape of an error answer."""

    error: ErrorFacts


class ApiError(Exception):
    """Raised by an endpoint to end with an error answer."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        where: str | None = None,
        way_out: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.facts = ErrorFacts(code=code, message=message, where=where, way_out=way_out)
        self.headers = headers


def error_answer(
    request: Request, status: int, facts: ErrorFacts, headers: dict[str, str] | None = None
) -> Response:
    """The answer in the shape the caller reads: HTML for a browser on a page, else JSON."""
    if facts.way_out is None:
        facts = facts.model_copy(update={"way_out": _WAYS_OUT.get(status, "Check the request.")})
    renderer = _page_renderer(request)
    if renderer is None:
        return JSONResponse(ErrorAnswer(error=facts).model_dump(), status, headers)
    if status == 401 and request.method == "GET":
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{SIGN_IN_PATH}?next={quote(target, safe='/')}", 303, headers)
    answer = renderer(request, status, facts.message)
    answer.headers.update(headers or {})
    return answer


def _page_renderer(request: Request) -> Renderer | None:
    if request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
        return None
    found: Renderer = importlib.import_module("ingest_service.web.errors").render_error
    return found


def install(app: FastAPI) -> None:
    """Make every way to fail end in the one shape."""
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(CsrfRefused, _csrf)
    app.add_exception_handler(NotHere, _not_here)
    app.add_exception_handler(ChangeRefused, _change_refused)
    app.add_exception_handler(CaseError, _change_refused)
    app.add_exception_handler(QuarantineError, _change_refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    # A server that is read-only or gave up on a transaction says InternalError, an empty pool TimeoutError.
    database = (sa.exc.OperationalError, sa.exc.InternalError, sa.exc.TimeoutError)
    for trouble in (LedgerError, SeriesError, *database):
        app.add_exception_handler(trouble, _store_trouble)
    app.add_exception_handler(Exception, _unexpected)


async def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - registered for this class
    return error_answer(request, error.status, error.facts, error.headers)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - registered for this class
    status = _STATUS[error.decision.why]
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return error_answer(
        request, status, ErrorFacts(code=_CODES[status], message=error.decision.reason), headers
    )


async def _csrf(request: Request, error: Exception) -> Response:
    way_out = "Send the session's word as header X-CSRF-Token or form field `csrf`."
    return error_answer(request, 403, ErrorFacts(code="csrf", message=str(error), way_out=way_out))


async def _not_here(request: Request, _error: Exception) -> Response:
    return error_answer(request, 404, ErrorFacts(code="not_found", message="There is nothing here."))


async def _change_refused(request: Request, error: Exception) -> Response:
    return error_answer(request, 409, ErrorFacts(code="refused", message=str(error)))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
    mistakes = [_mistake(detail) for detail in error.errors()]
    where = ", ".join(dict.fromkeys(place for place, _ in mistakes))
    message = "; ".join(f"{place}: {problem}" for place, problem in mistakes)
    facts = ErrorFacts(
        code="invalid",
        message=message,
        where=where,
        way_out="See /api/v1/openapi.json for what is asked for.",
    )
    return error_answer(request, 422, facts)


def _mistake(detail: Any) -> tuple[str, str]:
    """Where and what, without what was sent: it may be a secret."""
    return ".".join(str(part) for part in detail["loc"]), str(detail["msg"])


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    status = error.status_code
    message = "There is nothing here." if status == 404 else str(error.detail)
    headers = dict(error.headers) if error.headers else None
    return error_answer(
        request, status, ErrorFacts(code=_CODES.get(status, "error"), message=message), headers
    )


async def _store_trouble(request: Request, error: Exception) -> Response:
    log.error("a store did not answer", path=request.url.path, error=str(error))
    facts = ErrorFacts(code="store", message="The data cannot be read or written at the moment.")
    return error_answer(request, 503, facts, {"Retry-After": "5"})


async def _unexpected(request: Request, error: Exception) -> Response:
    # The server logs the traceback itself, once this answer is out.
    log.error("a request failed unexpectedly", path=request.url.path, error=type(error).__name__)
    message = "Something went wrong on our side; it has been written to the log."
    return error_answer(request, 500, ErrorFacts(code="unexpected", message=message))
