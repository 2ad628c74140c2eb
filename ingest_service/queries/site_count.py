"""What the overview says of one factory and one hazard, counted from everything that is stored of it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Final, NamedTuple

import sqlalchemy as sa

from ingest_service.cases.schema import ACTIONS, CASES
from ingest_service.queries import site_weeks
from ingest_service.queries.judged import NOTHING, Counts, Minutes
from ingest_service.queries.models import CalendarCell, CalendarRow, Hazard, OverviewRow, Period, Split, State
from ingest_service.queries.standings import Standings, state_of
from ingest_service.queries.time_spans import PERIODS, local_days, period
from ingest_service.queries.view import View, site_name
from ingest_service.register.entries import Site, Zone

DAY_S: Final = 86400.0
CALENDAR_DAYS: Final = 14


class CountedRow(NamedTuple):
    """A factory's row of the overview, and the minutes behind its shares; `at`: when it was counted [s].

    `last_look` is not in it: that is a matter of the moment in which the row is shown.
    """

    row: OverviewRow
    whole: Minutes
    at: float


@dataclass(frozen=True, slots=True)
class SiteCount:
    """Rows by the name of their span, and the last fortnight day by day."""

    rows: dict[str, CountedRow]
    calendar: CalendarRow


class _Worked(NamedTuple):
    """A shift of a zone that began, with its judged minutes."""

    zone: Zone
    start: float
    minutes: Minutes


class _Span(NamedTuple):
    """A site over a span: the zone with the most hours above, and the sum of all zones."""

    worst: Minutes
    whole: Minutes
    worker_hours: Split


class _CaseFacts(NamedTuple):
    """Cases of the hazard that run, and those that anybody answered: when they opened, when that was."""

    running: tuple[float, ...]
    answered: tuple[tuple[bool, float, float], ...]


def count(view: View, site: Site, hazard: Hazard, standings: Standings) -> SiteCount:
    """Count one factory anew; `standings` must have been read for it."""
    spans = {name: period(name, view.now, site.timezone) for name in PERIODS}
    since = min(2 * span.start - span.end for span in spans.values())
    with view.engine.connect() as connection:
        worked = _worked(view, connection, site, hazard, since)
        cases = _cases(connection, site, hazard, since)
    rows = {name: _row(view, site, hazard, span, worked, standings, cases) for name, span in spans.items()}
    return SiteCount(rows, _calendar(view, site, worked))


def _worked(view: View, connection: sa.Connection, site: Site, hazard: Hazard, since: float) -> list[_Worked]:
    zones = view.register.zones_of(site.id)
    counts = Counts(connection, [zone.id for zone in zones], int(since // 60))
    shifts = [one for one in view.register.calendar(site.id).instances(since, view.now) if one.start >= since]
    return [
        _Worked(zone, shift.start, site_weeks.of_shift(view, counts, site, zone, hazard, shift))
        for zone in zones
        for shift in shifts
    ]


def _span(worked: list[_Worked], start: float, end: float) -> _Span:
    """Shifts that began in [start, end), summed. Worker-hours take a zone's whole headcount as present."""
    of_zone: dict[str, tuple[Zone, Minutes]] = {}
    for zone, began, minutes in worked:
        if start <= began < end:
            of_zone[zone.id] = (zone, of_zone.get(zone.id, (zone, NOTHING))[1] + minutes)
    worst, whole, women, men = NOTHING, NOTHING, 0.0, 0.0
    for zone, span in of_zone.values():
        if not span.expected:
            continue
        whole += span
        women += span.hours * zone.women
        men += span.hours * zone.men
        if (span.above, span.known) >= (worst.above, worst.known):
            worst = span
    return _Span(worst, whole, Split(women=women, men=men))


def _row(
    view: View,
    site: Site,
    hazard: Hazard,
    span: Period,
    worked: list[_Worked],
    standings: Standings,
    cases: _CaseFacts,
) -> CountedRow:
    now = _span(worked, span.start, view.now)
    before = _span(worked, 2 * span.start - span.end, span.start)
    zones = view.zones(site)
    state, silent_since = _state(zones, hazard, standings, now.whole)
    days = [(at - opened) / DAY_S for runs, opened, at in cases.answered if runs or opened >= span.start]
    row = OverviewRow(
        site=site_name(site),
        sector=site.sector,
        state=state,
        workers=Split(women=sum(z.women for z in zones), men=sum(z.men for z in zones)),
        start=span.start,
        hours_above=now.worst.hours if now.whole.told else None,
        hours_above_before=before.worst.hours if before.whole.told else None,
        worker_hours_above=now.worker_hours if now.whole.told else None,
        shift_share=now.whole.share if now.whole.told else None,
        coverage=now.whole.coverage,
        open_cases=len(cases.running),
        oldest_case_at=min(cases.running, default=None),
        days_to_respond=median(days) if days else None,
        last_look=None,
        silent_since=silent_since,
    )
    return CountedRow(row, now.whole, view.now)


def _state(
    zones: list[Zone], hazard: Hazard, standings: Standings, whole: Minutes
) -> tuple[State, float | None]:
    """How the site stands, and since when it is silent if it is."""
    found = [one for zone in zones if (one := standings.of_hazard(zone, hazard)) is not None]
    state = state_of(found)
    if state in {"within", "idle"} and whole.expected and not whole.known:
        state = "cannot_tell"  # cool air after work says nothing about work of which nothing was measured
    if found and all(one.state == "silent" for one in found):
        state = "silent"
    since = [one.reason.since for one in found if one.state == "silent" and one.reason.since]
    return state, max(since, default=None) if state == "silent" else None


def _calendar(view: View, site: Site, worked: list[_Worked]) -> CalendarRow:
    starts = local_days(view.now, site.timezone, CALENDAR_DAYS)
    shifts = view.register.calendar(site.id).instances(starts[0], view.now)
    cells = []
    for start, end in zip(starts, [*starts[1:], view.now], strict=True):
        day = _span(worked, start, end)
        # A day with a shift before anything was watched is unknown, too; a day without one is no gap.
        unknown = 0.0 if any(start <= one.start < end for one in shifts) else None
        cells.append(
            CalendarCell(
                start=start,
                share=day.whole.share if day.whole.told else None,
                hours_above=day.worst.hours if day.whole.told else None,
                coverage=unknown if day.whole.coverage is None else day.whole.coverage,
            )
        )
    return CalendarRow(site=site.id, name=site.name, timezone=site.timezone, cells=tuple(cells))


def _cases(connection: sa.Connection, site: Site, hazard: Hazard, since: float) -> _CaseFacts:
    first = sa.select(ACTIONS.c.case_id, sa.func.min(ACTIONS.c.at).label("at")).group_by(ACTIONS.c.case_id)
    answered = first.where(ACTIONS.c.case_id.in_(sa.select(CASES.c.id).where(CASES.c.site == site.id)))
    answers = answered.subquery()
    runs = CASES.c.state.in_(("open", "cleared"))
    query = (
        sa.select(runs.label("runs"), CASES.c.opened_at, answers.c.at)
        .outerjoin(answers, answers.c.case_id == CASES.c.id)
        .where(
            CASES.c.site == site.id,
            CASES.c.hazard.in_((hazard, "silence")),
            sa.or_(runs, CASES.c.opened_at >= since),
        )
    )
    rows = connection.execute(query).all()
    return _CaseFacts(
        tuple(row.opened_at for row in rows if row.runs),
        tuple((bool(row.runs), row.opened_at, row.at) for row in rows if row.at is not None),
    )
