"""What was published of each day, for everybody, and bundles of evidence for those of a factory."""

from __future__ import annotations

import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from ingest_service.api.errors import ApiError
from ingest_service.api.evidence import published
from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import caller_of, context_of
from ingest_service.evidence.making import BundleMaker, Wanted
from ingest_service.web.rendering import page
from osh_domain.evidence.bundle import to_pem
from osh_domain.signing import key_id

router = APIRouter()

SHOWN_DAYS: Final = 400
LONGEST: Final = timedelta(days=92)


@router.get("/evidence")
def evidence_page(request: Request) -> Response:
    """What was published of each day, with the key that signed it. Needs no account."""
    context = context_of(request)
    view = caller_of(request).view()
    days = list(reversed(published(context)))[:SHOWN_DAYS]
    key = context.server_key.public_key
    content = {"days": days, "key": key_id(key), "pem": to_pem(key).decode()}
    return page(request, "evidence.html", content, view=view)


@router.get("/evidence/server.pem")
def server_key(request: Request) -> Response:
    """The service's public key as openssl reads it."""
    return Response(to_pem(context_of(request).server_key.public_key), media_type="application/x-pem-file")


@router.get("/evidence/{day}.root")
def day_root(request: Request, day: date) -> Response:
    """The published line of a day, byte for byte."""
    found = next((one for one in context_of(request).ledger.day_roots() if one.day == day.isoformat()), None)
    if found is None:
        raise ApiError(404, "not_found", f"Nothing was published for {day}.")
    return Response(found.word, media_type="text/plain; charset=utf-8")


@router.get("/factories/{site}/evidence.tar")
def bundle(
    request: Request,
    site: str,
    first: Annotated[date, Query(description="First day, in the site's own time.")],
    last: Annotated[date, Query(description="Last day, included.")],
) -> Response:
    """What a factory measured in a period, with all that is needed to check it; noted in its log."""
    caller = caller_of(request)
    person = caller.must(Action.TAKE_EVIDENCE, site)
    if not timedelta() <= last - first <= LONGEST:
        raise ApiError(
            422, "period", f"A bundle holds 1 to {LONGEST.days} days, in order; ask for less at a time."
        )
    context = caller.context
    register = context.register.snapshot()
    place = register.site(site)
    zone = ZoneInfo(place.timezone if place else "UTC")
    wanted = Wanted(site, _midnight(first, zone), _midnight(last + timedelta(days=1), zone))
    with tempfile.NamedTemporaryFile(delete=False, suffix=".tar") as file:
        try:
            maker = BundleMaker(context.ledger, register, context.engine, context.server_key)
            maker.write(wanted, file, context.clock.now())  # type: ignore[arg-type]
        except BaseException:
            Path(file.name).unlink()
            raise
    context.audit.taken(person, site, wanted.start, wanted.end)
    name = f"{site}-{first}-{last}.tar"
    done = BackgroundTask(Path(file.name).unlink)
    return FileResponse(file.name, media_type="application/x-tar", filename=name, background=done)


def _midnight(day: date, zone: ZoneInfo) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
