"""The fleet and one gateway of it."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import caller_of
from ingest_service.queries.fleet import fleet, gateway
from ingest_service.web.live_pages import page_of
from ingest_service.web.rendering import page

router = APIRouter()


@router.get("/fleet")
def fleet_page(request: Request) -> Response:
    """The gateways that the reader may see, those in trouble first."""
    caller = caller_of(request)
    caller.must(Action.READ_FLEET)
    view = caller.view()
    found = fleet(view, page_of(request.query_params))
    live = "/live/fleet?" + urlencode({"page": found.page})
    return page(request, "fleet/page.html", {"page": found}, view=view, live=live)


@router.get("/fleet/{gateway_id}")
def gateway_page(request: Request, gateway_id: str) -> Response:
    """One gateway with its channels."""
    caller = caller_of(request)
    caller.must(Action.READ_FLEET)
    view = caller.view()
    found = gateway(view, gateway_id)
    caller.must(Action.READ_FLEET, found.site.id)
    live = "/live/gateway?" + urlencode({"gateway": gateway_id})
    return page(request, "fleet/gateway.html", {"page": found}, view=view, live=live)
