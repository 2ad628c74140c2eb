"""Which parts of which page are pushed when something changed, and how each page's facts are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ingest_service.queries.case import case
from ingest_service.queries.case_lines import case_list
from ingest_service.queries.factory import factory
from ingest_service.queries.fleet import fleet, gateway
from ingest_service.queries.models import Facts
from ingest_service.queries.overview import Wish, overview
from ingest_service.queries.view import NotHere, View
from ingest_service.queries.zone import zone

Asked = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LivePage:
    """A page with moving parts: `parts` are templates by event name, looked at every `every_s` at most."""

    load: Callable[[View, Asked], Facts]
    parts: Mapping[str, str]
    every_s: float


def wish_of(asked: Asked) -> Wish:
    """What the reader of the overview chose."""
    names = ("hazard", "period", "country", "district", "sector")
    return Wish(**{name: asked[name] for name in names if asked.get(name)}, page=page_of(asked))


def page_of(asked: Asked) -> int:
    """Which page of a table, from 1; what is no number is the first."""
    page = asked.get("page", "")
    return max(1, int(page)) if page.isdecimal() and len(page) < 6 else 1


def case_number(text: str) -> int:
    """The number of a case from an address; NotHere for what is none."""
    if not text.isdecimal() or len(text) > 12:
        raise NotHere("A case has a number.")
    return int(text)


LIVE_PAGES: Final[dict[str, LivePage]] = {
    "overview": LivePage(
        lambda view, asked: overview(view, wish_of(asked)),
        {"overview-head": "overview/head.html", "overview-body": "overview/body.html"},
        5.0,
    ),
    "factory": LivePage(
        lambda view, asked: factory(view, asked.get("site", ""), asked.get("hazard", "heat")),
        {
            "factory-head": "factory/head.html",
            "factory-zones": "factory/zones.html",
            "factory-cases": "factory/cases.html",
            "factory-week": "factory/week.html",
            "factory-log": "factory/log.html",
        },
        2.0,
    ),
    "zone": LivePage(
        lambda view, asked: zone(
            view,
            asked.get("site", ""),
            asked.get("zone", ""),
            asked.get("hazard", "heat"),
            asked.get("range", "day"),
        ),
        {"zone-head": "zone/head.html", "zone-more": "zone/more.html"},
        1.0,
    ),
    "case": LivePage(
        lambda view, asked: case(view, case_number(asked.get("case", ""))),
        {
            "case-head": "case/head.html",
            "case-outlook": "case/outlook.html",
            "case-seen": "case/seen.html",
            "case-actions": "case/actions.html",
            "case-told": "case/told.html",
            "case-history": "case/history.html",
        },
        1.0,
    ),
    "cases": LivePage(lambda view, _asked: case_list(view), {"case-list": "case/list_body.html"}, 2.0),
    "fleet": LivePage(
        lambda view, asked: fleet(view, page_of(asked)), {"fleet-body": "fleet/body.html"}, 5.0
    ),
    "gateway": LivePage(
        lambda view, asked: gateway(view, asked.get("gateway", "")),
        {"gateway-body": "fleet/gateway_body.html"},
        2.0,
    ),
}
