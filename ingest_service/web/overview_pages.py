"""The overview as page and as table for a spreadsheet."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import caller_of
from ingest_service.queries.overview import overview
from ingest_service.web import csv_files, vocabulary
from ingest_service.web.live_pages import wish_of
from ingest_service.web.rendering import page, reader
from ingest_service.web.vocabulary import N_
from ingest_service.web.words import Words

router = APIRouter()

_TITLES = {
    "hazard": N_("Hazard"),
    "period": N_("Span"),
    "country": N_("Country"),
    "district": N_("District"),
    "sector": N_("Sector"),
}


@router.get("/overview")
def overview_page(request: Request) -> Response:
    """Many factories at once, for those who look after many."""
    caller = caller_of(request)
    person = caller.must(Action.READ_OVERVIEW)
    view = caller.context.view(person)
    asked = dict(request.query_params)
    say = reader(caller)
    wording = Words(say, view.now)

    def filter_title(name: str) -> str:
        return say(_TITLES[name])

    def filter_word(name: str, option: str) -> str:
        tables = {"hazard": vocabulary.HAZARDS, "period": vocabulary.PERIODS}
        return wording.of(tables[name], option) if name in tables else wording.place(option)

    values = {
        "page": overview(view, wish_of(asked)),
        "filter_title": filter_title,
        "filter_word": filter_word,
    }
    return page(request, "overview/page.html", values, view=view, live=f"/live/overview?{urlencode(asked)}")


@router.get("/overview.csv")
def overview_csv(request: Request) -> Response:
    """The table of the overview, with units in the header."""
    caller = caller_of(request)
    person = caller.must(Action.READ_OVERVIEW)
    view = caller.context.view(person)
    found = overview(view, replace(wish_of(dict(request.query_params)), page=0))
    header = [
        "site", "name", "country", "district", "sector", "state_now", "hazard", "from_utc", "to_utc",
        "hours_above_limit_worst_zone [h]", "worker_hours_above_women [h]", "worker_hours_above_men [h]",
        "share_of_working_time_above [1]", "coverage [1]", "open_cases [1]", "days_to_respond [d]",
        "women [1]", "men [1]",
    ]  # fmt: skip
    rows = [
        [
            row.site.id, row.site.name, row.site.country, row.site.district, row.sector, row.state,
            found.hazard, csv_files.utc(row.start), csv_files.utc(found.period.end), row.hours_above,
            row.worker_hours_above.women if row.worker_hours_above else None,
            row.worker_hours_above.men if row.worker_hours_above else None, row.shift_share, row.coverage,
            row.open_cases, row.days_to_respond, row.workers.women, row.workers.men,
        ]
        for row in found.rows
    ]  # fmt: skip
    return csv_files.answer("overview.csv", header, rows)
