"""What the pages show, as JSON: thin endpoints over the queries, at most as wide as the caller's scope."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BeforeValidator

from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import Caller, PersonDependency, caller_of, require
from ingest_service.queries import case as case_query
from ingest_service.queries import case_lines, doubts, factory, fleet, overview
from ingest_service.queries import zone as zone_query
from ingest_service.queries.models import Hazard, Overview
from ingest_service.queries.overview import Wish
from ingest_service.queries.past import read_day
from ingest_service.queries.places import Chart, Factory
from ingest_service.queries.places import Zone as ZonePage
from ingest_service.queries.records import Case, CaseList, Fleet, Gateway

router = APIRouter(prefix="/api/v1", tags=["reading"])

Word = Annotated[str, Query(max_length=64)]
Range = Literal["shift", "day", "week", "month", "year"]
Until = Annotated[
    date | None,
    BeforeValidator(read_day),
    Query(description="A past local day of the site with which the span ends, instead of now."),
]


@router.get("/overview", summary="Every factory in the caller's scope, ranked")
def get_overview(
    caller: Annotated[Caller, Depends(require(Action.READ_OVERVIEW))],
    hazard: Hazard = "heat",
    period: Word = "week",
    country: Word = "",
    district: Word = "",
    sector: Word = "",
    page: Annotated[
        int, Query(ge=0, le=100_000, description="Rows 100 at a time, counted from 1; 0 for all of them.")
    ] = 1,
) -> Overview:
    return overview.overview(caller.view(), Wish(hazard, period, country, district, sector, page))


@router.get("/sites/{site}", summary="One factory: zones now, cases, the week, who looked")
def get_site(
    site: str, caller: Annotated[Caller, Depends(require(Action.READ_SITE))], hazard: Hazard = "heat"
) -> Factory:
    return factory.factory(caller.view(), site, hazard)


@router.get("/sites/{site}/zones/{zone}", summary="One zone: one hazard, its limit, its shifts")
def get_zone(
    site: str,
    zone: str,
    caller: Annotated[Caller, Depends(require(Action.READ_SITE))],
    hazard: Hazard = "heat",
    span: Annotated[Range, Query(alias="range")] = "day",
    until: Until = None,
) -> ZonePage:
    return zone_query.zone(caller.view(), site, zone, hazard, span, until)


@router.get("/sites/{site}/zones/{zone}/charts/{panel}", summary="The lines of one chart")
def get_chart(
    site: str,
    zone: str,
    panel: str,
    caller: Annotated[Caller, Depends(require(Action.READ_SITE))],
    span: Annotated[Range, Query(alias="range")] = "day",
    until: Until = None,
) -> Chart:
    return doubts.chart_with_doubts(caller.view(), site, zone, panel, span, until)


@router.get("/cases", summary="Running cases, and the newest that ended")
def get_cases(caller: Annotated[Caller, Depends(require(Action.READ_CASE))]) -> CaseList:
    return case_lines.case_list(caller.view())


@router.get("/cases/{case}", summary="One case with its notices and its history")
def get_case(case: int, _person: PersonDependency, caller: Annotated[Caller, Depends(caller_of)]) -> Case:
    found = case_query.case(caller.view(), case)
    caller.must(Action.READ_CASE, found.site.id)
    return found


@router.get("/fleet", summary="The gateways in the caller's scope, those in trouble first")
def get_fleet(
    caller: Annotated[Caller, Depends(require(Action.READ_FLEET))],
    page: Annotated[
        int, Query(ge=0, le=100_000, description="Gateways 100 at a time, counted from 1; 0 for all of them.")
    ] = 1,
) -> Fleet:
    return fleet.fleet(caller.view(), page)


@router.get("/gateways/{gateway}", summary="One gateway: channels, keys, configuration")
def get_gateway(
    gateway: str, _person: PersonDependency, caller: Annotated[Caller, Depends(caller_of)]
) -> Gateway:
    found = fleet.gateway(caller.view(), gateway)
    caller.must(Action.READ_FLEET, found.site.id)
    return found
