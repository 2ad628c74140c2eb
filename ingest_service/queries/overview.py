"""The overview: many factories ranked by how long their zones were above a limit.

A few factories are counted when somebody asks. Of many the counts are kept (`overview_lines`) and only read
here; what is older than it should be is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ingest_service.auth.access import Action
from ingest_service.overview_lines import kept_calendars, kept_rows
from ingest_service.queries import judged, looks
from ingest_service.queries.models import (
    URGENCY,
    CalendarRow,
    Choice,
    FirstLook,
    Hazard,
    MapPoint,
    Overview,
    OverviewRow,
    Reason,
    worst,
)
from ingest_service.queries.panels import HAZARDS
from ingest_service.queries.site_count import CountedRow, count
from ingest_service.queries.standings import Standings
from ingest_service.queries.time_spans import PERIODS, period
from ingest_service.queries.view import View
from ingest_service.register.entries import Site

LIVE_SITES: Final = 5
"""So many factories are counted when asked; of more, counts that are kept are read."""
OLD_S: Final = 900.0
"""A count older than this is said to be old; it is shown all the same."""
PAGE_ROWS: Final = 100
MAP_POINTS: Final = 200
"""Of more factories the map shows districts."""
_FIRST: Final = 3


@dataclass(frozen=True, slots=True)
class Wish:
    """What the reader chose; an empty text chooses nothing. `page` counts from 1; 0 is all of them."""

    hazard: str = "heat"
    period: str = "week"
    country: str = ""
    district: str = ""
    sector: str = ""
    page: int = 1


def overview(view: View, wish: Wish = Wish()) -> Overview:
    """Everything the overview shows of the sites the person may read and has chosen."""
    allowed = view.sites(Action.READ_OVERVIEW)
    sites = [site for site in allowed if _chosen(site, wish)]
    hazard: Hazard = next((one for one in HAZARDS if one == wish.hazard), "heat")
    span = period(wish.period, view.now, sites[0].timezone if sites else "UTC")
    counted, calendars = _counted(view, sites, hazard, span.id)
    rows = sorted((one.row for one in counted.values()), key=_rank)
    whole = sum((one.whole for one in counted.values()), start=judged.NOTHING)
    shown, page, pages = _page(rows, wish.page)
    seen = looks.last_looks(view)
    shown = [row.model_copy(update={"last_look": seen.get(row.site.id)}) for row in shown]
    if calendars is None:
        calendars = kept_calendars(view.engine, hazard, [row.site.id for row in shown])
    return Overview(
        now=view.now,
        hazard=hazard,
        period=span,
        sites_total=len(sites),
        sites_over=sum(bool(row.hours_above) for row in rows),
        sites_silent=sum(row.state == "silent" for row in rows),
        sites_untold=tuple(
            row.site.name for row in rows if row.hours_above is None and row.coverage is not None
        ),
        sites_uncounted=len(sites) - len(rows),
        sites_old=sum(view.now - one.at > OLD_S * max(1.0, view.rate) for one in counted.values()),
        oldest_at=min((one.at for one in counted.values()), default=view.now),
        coverage=whole.coverage,
        first=tuple(islice((first for first in map(_first_look, rows) if first.reasons), _FIRST)),
        page=page,
        pages=pages,
        rows=tuple(shown),
        points=_points(sites, rows),
        calendar=tuple(calendars[row.site.id] for row in shown if row.site.id in calendars),
        choices=_choices(allowed, wish, hazard),
    )


def _counted(
    view: View, sites: Sequence[Site], hazard: Hazard, span: str
) -> tuple[dict[str, CountedRow], dict[str, CalendarRow] | None]:
    """Rows by site, and calendars if they were counted, too."""
    if len(sites) > LIVE_SITES:
        return kept_rows(view.engine, hazard, span, [site.id for site in sites]), None
    standings = Standings(view, sites)
    found = {site.id: count(view, site, hazard, standings) for site in sites}
    rows = {site: one.rows[span] for site, one in found.items()}
    return rows, {site: one.calendar for site, one in found.items()}


def _page(rows: list[OverviewRow], asked: int) -> tuple[list[OverviewRow], int, int]:
    """The rows of the page, its number, and how many pages there are."""
    if asked == 0:
        return rows, 1, 1
    pages = max(1, -(-len(rows) // PAGE_ROWS))
    number = min(max(1, asked), pages)
    return rows[(number - 1) * PAGE_ROWS : number * PAGE_ROWS], number, pages


def _chosen(site: Site, wish: Wish) -> bool:
    return (
        wish.country in {"", site.country}
        and wish.district in {"", site.district}
        and wish.sector in {"", site.sector}
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


def _points(sites: Sequence[Site], rows: Sequence[OverviewRow]) -> tuple[MapPoint, ...]:
    """Where the factories are; of very many, where their districts are: in the middle of their factories."""
    row_of = {row.site.id: row for row in rows}
    groups: dict[tuple[str, ...], list[Site]] = defaultdict(list)
    placed = [site for site in sites if site.latitude is not None and site.id in row_of]
    for site in placed:
        many = len(placed) > MAP_POINTS
        groups[(site.country, site.district) if many else (site.country, site.district, site.id)].append(site)
    return tuple(_point(group, [row_of[site.id] for site in group]) for group in groups.values())


def _point(group: Sequence[Site], rows: Sequence[OverviewRow]) -> MapPoint:
    first = group[0]
    alone = len(group) == 1
    return MapPoint(
        site=first.id if alone else "",
        district=first.district,
        sites=len(group),
        name=first.name if alone else first.district,
        country=first.country,
        latitude=sum(site.latitude or 0.0 for site in group) / len(group),
        longitude=sum(site.longitude or 0.0 for site in group) / len(group),
        workers=round(sum(row.workers.both for row in rows)),
        state=worst([row.state for row in rows]),
    )


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
