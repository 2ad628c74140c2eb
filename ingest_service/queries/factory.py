"""One factory now: its zones, the worst first, its cases, its week by shift, and who looked."""

from __future__ import annotations

from typing import Final

from ingest_service.auth.access import Action
from ingest_service.cases.schema import CASES
from ingest_service.queries import judged, looks, site_weeks
from ingest_service.queries.case_lines import ENDED, lines
from ingest_service.queries.measured import MINUTE_S
from ingest_service.queries.models import URGENCY, CaseLine, Hazard, Split, State
from ingest_service.queries.panels import HAZARDS, panel
from ingest_service.queries.places import Factory, HazardStanding, MatrixRow, ShiftCell, ZoneCard
from ingest_service.queries.standings import Standings, state_of
from ingest_service.queries.time_spans import local_days
from ingest_service.queries.view import View, site_name
from ingest_service.register.entries import Site, Zone
from osh_domain.coverage import shift_capture

MATRIX_DAYS: Final = 7
_TREND_S: Final = 1800.0
_AHEAD_S: Final = 6 * 3600.0


def factory(view: View, site_id: str, hazard: str = "heat") -> Factory:
    """Everything the page of one factory shows. Raises NotHere."""
    site = view.site(site_id, Action.READ_SITE)
    chosen: Hazard = next((one for one in HAZARDS if one == hazard), "heat")
    zones = view.register.zones_of(site.id)
    standings = Standings(view, [site])
    cards = sorted((_card(view, standings, zone) for zone in zones), key=_urgency)
    matrix, whole = _matrix(view, site, chosen)
    return Factory(
        now=view.now,
        site=site_name(site),
        sector=site.sector,
        workers=Split(women=sum(z.women for z in zones), men=sum(z.men for z in zones)),
        state=state_of(one for card in cards for one in card.hazards),
        zones_over=_zones(cards, "danger", "warning"),
        zones_cannot_tell=_zones(cards, "cannot_tell"),
        zones_silent=_zones(cards, "silent"),
        coverage=whole.coverage,
        zones=tuple(cards),
        cases=_running_cases(view, site),
        hazard=chosen,
        matrix=matrix,
        changes=looks.changes(view, site.id),
        looks=looks.looks(view, site.id),
    )


def _running_cases(view: View, site: Site) -> tuple[CaseLine, ...]:
    if not view.may(Action.READ_CASE, site.scope):
        return ()
    return tuple(lines(view, [site.id], CASES.c.state.not_in(ENDED)))


def _card(view: View, standings: Standings, zone: Zone) -> ZoneCard:
    hazards = standings.of_zone(zone)
    if hazards:
        first = hazards[0]
        shown = panel(first.panel)
        kind = shown.judged if shown else ""
        hazards = (first.model_copy(update={"spark": standings.spark(zone, kind)}), *hazards[1:])
    return ZoneCard(
        id=zone.id,
        path=f"/factories/{zone.site}/zones/{zone.word}",
        name=zone.name,
        state=state_of(hazards),
        workers=Split(women=zone.women, men=zone.men),
        hazards=hazards,
        reaches_limit_at=_reaches_limit_at(view, zone, hazards),
    )


def _urgency(card: ZoneCard) -> tuple[int, float, str]:
    over = max(
        (
            one.judged.value / one.limit.value
            for one in card.hazards
            if one.judged and one.judged.value is not None and one.limit and one.limit.value
        ),
        default=0.0,
    )
    return URGENCY.index(card.state), -over, card.name


def _zones(cards: list[ZoneCard], *states: State) -> int:
    return sum(card.state in states for card in cards)


def _reaches_limit_at(view: View, zone: Zone, hazards: tuple[HazardStanding, ...]) -> float | None:
    """When the hour's WBGT comes to its limit if it goes on as in the last half hour, within this shift."""
    heat = next((one for one in hazards if one.hazard == "heat" and one.state == "within"), None)
    shift = view.register.calendar(zone.site).shift_at(view.now)
    if heat is None or shift is None or heat.judged is None or heat.limit is None or heat.judged.stale:
        return None
    value, time = heat.judged.value, heat.judged.time
    if value is None or time is None:
        return None
    minute = int(time // MINUTE_S)
    rows = view.series.exposures(zone.id, heat.judged.kind, minute - int(_TREND_S // MINUTE_S), minute - 1)
    first = next((row for row in rows if row.value is not None), None)
    if first is None or first.value is None or value <= first.value:
        return None
    slope = (value - first.value) / (time - first.minute * MINUTE_S)
    at = time + (heat.limit.value - value) / slope
    return at if at < min(shift.end, view.now + _AHEAD_S) else None


def _matrix(view: View, site: Site, hazard: Hazard) -> tuple[tuple[MatrixRow, ...], judged.Minutes]:
    """Zones by shifts of the last days; a shift that was hardly measured has no number."""
    start = local_days(view.now, site.timezone, MATRIX_DAYS)[0]
    shifts = [one for one in view.register.calendar(site.id).instances(start, view.now) if one.start >= start]
    rows, total = [], judged.NOTHING
    with view.engine.connect() as connection:
        for zone in view.register.zones_of(site.id):
            cells = []
            for shift in shifts:
                span = site_weeks.of_shift(view, connection, site, zone, hazard, shift)
                total += span
                cells.append(
                    ShiftCell(
                        shift=shift.name,
                        start=shift.start,
                        end=shift.end,
                        hours_above=span.hours if span.above or _enough(span) else None,
                        coverage=span.coverage,
                    )
                )
            path = f"/factories/{site.id}/zones/{zone.word}"
            rows.append(MatrixRow(zone=zone.id, path=path, name=zone.name, cells=tuple(cells)))
    return tuple(rows), total


def _enough(span: judged.Minutes) -> bool:
    return shift_capture(span.expected, span.known)
