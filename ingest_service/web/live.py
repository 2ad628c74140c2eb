"""Server-sent events: the parts of the page in view, pushed when something changed.

One stream a page. Each second a few small numbers are read that grow with everything that is written; only
when one of them moved are the page's facts read again, and only parts that look different are sent. Ages do
not count as different: the page itself lets them tick.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import Final

import anyio.to_thread
import sqlalchemy as sa
from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from ingest_service.auth.dependencies import Refused, caller_anew, caller_of, context_of, current_person
from ingest_service.cases.schema import ATTEMPTS, CASE_EVENTS, NOTICES, RUNNER_CURSORS
from ingest_service.context import Context
from ingest_service.projection import CURSOR
from ingest_service.queries.view import NotHere
from ingest_service.register.schema import AUDIT
from ingest_service.series.feed import CHANGE
from ingest_service.web.live_pages import LIVE_PAGES, Asked, LivePage
from ingest_service.web.rendering import fragment

router = APIRouter()

LOOK_S: Final = 1.0
# Even when nothing is written, time itself makes values stale and sensors silent.
ANYWAY_S: Final = 15.0
_AGES: Final = re.compile(r"<!--now [0-9.]+-->|>[^<]*</time>")

Pulse = tuple[object, ...]


@router.get("/live/{name}")
def live(request: Request, name: str) -> EventSourceResponse:
    """The event stream of one page; what is asked for stands in the query."""
    current_person(request)
    shown = LIVE_PAGES.get(name)
    if shown is None:
        raise NotHere(f"No page is called {name!r}.")
    caller = caller_of(request)
    asked = dict(request.query_params)
    shown.load(caller.view(), asked)  # what may not be seen ends here, as 404
    return EventSourceResponse(_events(request, shown, asked), ping=20)


async def _events(request: Request, shown: LivePage, asked: Asked) -> AsyncIterator[ServerSentEvent]:
    sent: dict[str, str] = {}
    pulse: Pulse | None = None
    looked = 0.0
    while not request.app.state.stop.is_set():
        await asyncio.sleep(LOOK_S)
        since = time.monotonic() - looked
        fresh = await anyio.to_thread.run_sync(_pulse, context_of(request))
        if since < shown.every_s or (fresh == pulse and since < ANYWAY_S):
            continue
        pulse, looked = fresh, time.monotonic()
        try:
            parts = await anyio.to_thread.run_sync(_parts, request, shown, asked)
        except (NotHere, Refused):  # the right to see it has ended
            return
        for name, text in parts.items():
            look = _AGES.sub("", text)
            if sent.get(name) != look:
                sent[name] = look
                yield ServerSentEvent(text, event=name)


def _parts(request: Request, shown: LivePage, asked: Asked) -> dict[str, str]:
    # Who asks is found anew: session, token or rights may have been taken away since the stream began.
    now = caller_anew(request)
    view = now.view()
    facts = shown.load(view, asked)
    return {name: fragment(now, view, template, {"page": facts}) for name, template in shown.parts.items()}


def _pulse(context: Context) -> Pulse:
    """Numbers of which at least one moves whenever something was written that a page may show."""
    with context.engine.connect() as connection:
        newest = [
            connection.execute(sa.select(sa.func.max(table.c.id))).scalar()
            for table in (CASE_EVENTS, NOTICES, ATTEMPTS, AUDIT)
        ]
        newest.append(connection.execute(sa.select(sa.func.sum(RUNNER_CURSORS.c.value))).scalar())
    return (
        *newest,
        context.register.snapshot().version,
        context.series.cursor(CURSOR),
        context.series.cursor(CHANGE),
        max((status.last_batch_at or 0.0 for status in context.ledger.statuses()), default=0.0),
    )
