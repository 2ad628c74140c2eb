"""The overview: many factories ranked by how long their zones were above a limit."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Final

import sqlalchemy as sa

from ingest_service.auth.access import Action
from ingest_service.cases.schema import ACTIONS, CASES
from ingest_service.queries import judged, looks, site_weeks
from ingest_service.queries.models import (
    URGENCY,
    CalendarCell,
    CalendarRow,
    Choice,
    FirstLook,
    Hazard,
    MapPoint,
    Overview,
    OverviewRow,
    Period,
    Reason,
    Split,
    State,
)
from ingest_service.queries.panels import HAZARDS
from ingest_service.queries.site_weeks import SiteSpan
from ingest_service.queries.standings import Standings, state_of
from ingest_service.queries.time_spans import PERIODS, local_days, period
from ingest_service.queries.view import View, site_name
from ingest_service.register.entries import Site

DAY_S: Final = 86400.0
CALENDAR_DAYS: Final = 14
_FIRST: Final = 3


@dataclass(frozen=True, slots=True)
class Wish:
    """What the reader chose; an empty text chooses nothing."""

    hazard: str = "heat"
    period: str = "week"
    country: str = ""
    district: str = ""
    sector: str = ""


@dataclass(frozen=True, slots=True)
class _CaseFacts:
    running: int
    oldest: float | None
    days: tuple[float, ...]


_NO_CASES: Final = _CaseFacts(0, None, ())


def overview(view: View, wish: Wish = Wish()) -> Overview:
    """Everything the overview shows of the sites the person may read and has chosen."""
    allowed = view.sites(Action.READ_OVERVIEW)
    sites = [site for site in allowed if _chosen(site, wish)]
    hazard: Hazard = next((one for one in HAZARDS if one == wish.hazard), "heat")
    span = period(wish.period, view.now, sites[0].timezone if sites else "UTC")
    standings = Standings(view, sites)
    spans = {site.id: period(wish.period, view.now, site.timezone) for site in sites}
    cases = _case_facts(view, spans, hazard)
    seen = looks.last_looks(view)
    with view.engine.connect() as connection:
        whole = judged.NOTHING
        rows = []
        for site in sites:
            pair = _two_periods(view, connection, site, hazard, spans[site.id])
            whole += pair[0].whole
            facts = cases.get(site.id, _NO_CASES)
            rows.append(_row(view, site, hazard, pair, standings, facts, seen.get(site.id)))
        calendar = tuple(_calendar(view, connection, site, hazard) for site in sites)
    rows.sort(key=_rank)
    order = {row.site.id: number for number, row in enumerate(rows)}
    return Overview(
        now=view.now,
        hazard=hazard,
        period=span,
        sites_total=len(rows),
        sites_over=sum(bool(row.hours_above) for row in rows),
        sites_silent=sum(row.state == "silent" for row in rows),
        sites_untold=tuple(
            row.site.name for row in rows if row.hours_above is None and row.coverage is not None
        ),
        coverage=whole.coverage,
        first=tuple(first for first in map(_first_look, rows) if first.reasons)[:_FIRST],
        rows=tuple(rows),
        points=tuple(_point(site, rows) for site in sites if site.latitude is not None),
        calendar=tuple(sorted(calendar, key=lambda line: order[line.site])),
        choices=_choices(allowed, wish, hazard),
    )


def _chosen(site: Site, wish: Wish) -> bool:
    return (
        wish.country in {"", site.country}
        and wish.district in {"", site.district}
        and wish.sector in {"", site.sector}
    )


def _two_periods(
    view: View, connection: sa.Connection, site: Site, hazard: Hazard, span: Period
) -> tuple[SiteSpan, SiteSpan]:
    """The period and the one of the same length before it."""
    earlier = 2 * span.start - span.end
    return (
        site_weeks.of_site(view, connection, site, hazard, span.start, span.end),
        site_weeks.of_site(view, connection, site, hazard, earlier, span.start),
    )


def _row(
    view: View,
    site: Site,
    hazard: Hazard,
    pair: tuple[SiteSpan, SiteSpan],
    standings: Standings,
    cases: _CaseFacts,
    last_look: float | None,
) -> OverviewRow:
    zones = view.zones(site)
    now, before = pair
    found = [one for zone in zones if (one := standings.of_hazard(zone, hazard)) is not None]
    state = state_of(found)
    if state in {"within", "idle"} and now.whole.expected and not now.whole.known:
        state = "cannot_tell"  # cool air after work says nothing about work of which nothing was measured
    silent = [one.reason.since for one in found if one.state == "silent" and one.reason.since]
    return OverviewRow(
        site=site_name(site),
        sector=site.sector,
        state="silent" if found and all(one.state == "silent" for one in found) else state,
        workers=Split(women=sum(z.women for z in zones), men=sum(z.men for z in zones)),
        start=now.start,
        hours_above=now.worst.hours if now.whole.told else None,
        hours_above_before=before.worst.hours if before.whole.told else None,
        worker_hours_above=now.worker_hours if now.whole.told else None,
        shift_share=now.whole.share if now.whole.told else None,
        coverage=now.whole.coverage,
        open_cases=cases.running,
        oldest_case_at=cases.oldest,
        days_to_respond=median(cases.days) if cases.days else None,
        last_look=last_look,
        silent_since=max(silent, default=None) if state == "silent" else None,
    )


def _rank(row: OverviewRow) -> tuple[int, float, float, str]:
    people = row.worker_hours_above.both if row.worker_hours_above else 0.0
    return URGENCY.index(row.state), -(row.hours_above or 0.0), -people, row.site.name


def _first_look(row: OverviewRow) -> FirstLook:
    """Why this factory before others; nothing to say means it is not among the first."""
    reasons: list[Reason] = []
    if row.state == "silent":
        reasons.append(Reason(code="silent", since=row.silent_since))
    if row.hours_above:
        reasons.append(Reason(code="hours_above", number=row.hours_above))
        if row.hours_above_before is not None and row.hours_above > 1.2 * row.hours_above_before:
            reasons.append(Reason(code="rising", number=row.hours_above_before))
    elif row.hours_above_before:
        reasons.append(Reason(code="hours_above_before", number=row.hours_above_before))
    if row.oldest_case_at is not None:
        reasons.append(Reason(code="case_open", number=row.open_cases, since=row.oldest_case_at))
    if row.coverage is not None and row.coverage < 0.75:
        reasons.append(Reason(code="coverage", number=row.coverage))
    return FirstLook(site=row.site.id, name=row.site.name, state=row.state, reasons=tuple(reasons))


def _point(site: Site, rows: list[OverviewRow]) -> MapPoint:
    row = next(row for row in rows if row.site.id == site.id)
    state: State = row.state
    return MapPoint(
        site=site.id,
        name=site.name,
        country=site.country,
        latitude=site.latitude or 0.0,
        longitude=site.longitude or 0.0,
        workers=round(row.workers.both),
        state=state,
    )


def _calendar(view: View, connection: sa.Connection, site: Site, hazard: Hazard) -> CalendarRow:
    starts = local_days(view.now, site.timezone, CALENDAR_DAYS)
    cells = []
    for start, end in zip(starts, [*starts[1:], view.now], strict=True):
        day = site_weeks.of_site(view, connection, site, hazard, start, end)
        shifts = [one for one in view.register.calendar(site.id).instances(start, end) if one.start >= start]
        # A day with a shift before anything was watched is unknown, too; a day without one is no gap.
        unknown = 0.0 if shifts else None
        cells.append(
            CalendarCell(
                start=start,
                share=day.whole.share if day.whole.told else None,
                hours_above=day.worst.hours if day.whole.told else None,
                coverage=unknown if day.whole.coverage is None else day.whole.coverage,
            )
        )
    return CalendarRow(site=site.id, name=site.name, timezone=site.timezone, cells=tuple(cells))


def _case_facts(view: View, spans: dict[str, Period], hazard: Hazard) -> dict[str, _CaseFacts]:
    earliest = min((span.start for span in spans.values()), default=view.now)
    first = sa.select(ACTIONS.c.case_id, sa.func.min(ACTIONS.c.at).label("at")).group_by(ACTIONS.c.case_id)
    answered = first.subquery()
    query = (
        sa.select(CASES.c.site, CASES.c.state, CASES.c.opened_at, answered.c.at)
        .outerjoin(answered, answered.c.case_id == CASES.c.id)
        .where(
            CASES.c.site.in_(list(spans)),
            CASES.c.hazard.in_((hazard, "silence")),
            sa.or_(CASES.c.state.in_(("open", "cleared")), CASES.c.opened_at >= earliest),
        )
    )
    found: dict[str, list[sa.RowMapping]] = {}
    with view.engine.connect() as connection:
        for row in connection.execute(query).mappings():
            found.setdefault(row["site"], []).append(row)
    return {site: _summed(rows, spans[site].start) for site, rows in found.items()}


def _summed(rows: list[sa.RowMapping], start: float) -> _CaseFacts:
    running = [row["opened_at"] for row in rows if row["state"] in {"open", "cleared"}]
    answered = [
        row
        for row in rows
        if row["at"] is not None and (row["state"] in {"open", "cleared"} or row["opened_at"] >= start)
    ]
    days = tuple((row["at"] - row["opened_at"]) / DAY_S for row in answered)
    return _CaseFacts(len(running), min(running, default=None), days)


def _choices(sites: list[Site], wish: Wish, hazard: Hazard) -> tuple[Choice, ...]:
    def choice(name: str, values: set[str], chosen: str) -> Choice:
        return Choice(name=name, options=tuple(sorted(values)), chosen=chosen)

    return (
        Choice(name="hazard", options=HAZARDS, chosen=hazard),
        Choice(name="period", options=tuple(PERIODS), chosen=wish.period),
        choice("country", {site.country for site in sites}, wish.country),
        choice("district", {site.district for site in sites}, wish.district),
        choice("sector", {site.sector for site in sites}, wish.sector),
    )
