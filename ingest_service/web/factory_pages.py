"""A factory, a zone of it, and the columns of a zone's charts."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from pydantic import BeforeValidator
from starlette.responses import RedirectResponse, Response

from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import caller_of
from ingest_service.queries.doubts import chart_with_doubts
from ingest_service.queries.factory import factory
from ingest_service.queries.past import read_day
from ingest_service.queries.places import Chart
from ingest_service.queries.zone import zone
from ingest_service.web import csv_files
from ingest_service.web.rendering import page

router = APIRouter()

Until = Annotated[date | None, BeforeValidator(read_day)]
"""A form field that may be left empty."""


@router.get("/factories/{site}")
def factory_page(request: Request, site: str, hazard: str = "heat") -> Response:
    """One factory: its zones, the worst first."""
    caller = caller_of(request)
    person = caller.must(Action.READ_SITE, site)
    view = caller.context.view(person)
    live = "/live/factory?" + urlencode({"site": site, "hazard": hazard})
    taking = caller.decide(Action.TAKE_EVIDENCE, site).allowed
    content = {"page": factory(view, site, hazard), "may_take_evidence": taking}
    return page(request, "factory/page.html", content, view=view, live=live)


@router.get("/factories/{site}/zones/{word}")
def zone_first(site: str, word: str) -> Response:
    """A zone without a hazard begins with heat."""
    return RedirectResponse(f"/factories/{site}/zones/{word}/heat", 303)


@router.get("/factories/{site}/zones/{word}/{hazard}")
def zone_page(
    request: Request,
    site: str,
    word: str,
    hazard: str,
    range: str = "day",  # noqa: A002
    until: Until = None,
) -> Response:
    """One hazard in one zone, now or until the end of a past day."""
    caller = caller_of(request)
    person = caller.must(Action.READ_SITE, f"{site}/{word}")
    view = caller.context.view(person)
    asked = {"site": site, "zone": word, "hazard": hazard, "range": range}
    found = zone(view, site, word, hazard, range, until)
    live = "" if found.past else f"/live/zone?{urlencode(asked)}"  # what is past does not move
    return page(request, "zone/page.html", {"page": found}, view=view, live=live)


@router.get("/factories/{site}/zones/{word}/{panel}/chart.json")
def chart_columns(
    request: Request,
    site: str,
    word: str,
    panel: str,
    range: str = "day",  # noqa: A002
    until: Until = None,
) -> Chart:
    """What a chart draws."""
    caller = caller_of(request)
    person = caller.must(Action.READ_SITE, f"{site}/{word}")
    return chart_with_doubts(caller.context.view(person), site, word, panel, range, until)


@router.get("/factories/{site}/zones/{word}/{hazard}/shifts.csv")
def shifts_csv(request: Request, site: str, word: str, hazard: str, until: Until = None) -> Response:
    """The table of shifts, with units in the header."""
    caller = caller_of(request)
    person = caller.must(Action.READ_SITE, f"{site}/{word}")
    found = zone(caller.context.view(person), site, word, hazard, until=until)
    unit = found.standing.judged.unit if found.standing.judged else ""
    kind = found.standing.judged.kind if found.standing.judged else hazard
    header = ["shift", "start_utc", "end_utc", "hours_above_limit [h]", f"highest {kind} [{unit}]",
              "highest_at_utc", "known [min]", "expected [min]", "coverage [1]", "grade",
              "revision"]  # fmt: skip
    rows = [
        [
            shift.shift,
            csv_files.utc(shift.start),
            csv_files.utc(shift.end),
            shift.hours_above,
            shift.worst,
            csv_files.utc(shift.worst_at) if shift.worst_at is not None else "",
            shift.known,
            shift.expected,
            shift.coverage,
            shift.grade,
            shift.revision,
        ]
        for shift in found.shifts
    ]
    return csv_files.answer(f"{site}-{word}-{hazard}-shifts.csv", header, rows)
