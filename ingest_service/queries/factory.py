"""One factory now: its zones, the worst first, its cases, its week by shift, and who looked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingest_service.auth.access import Action
from ingest_service.cases.schema import CASES
from ingest_service.queries import judged, looks, site_weeks
from ingest_service.queries.ahead import ahead, next_limit
from ingest_service.queries.case_lines import ENDED, lines
from ingest_service.queries.models import URGENCY, CaseLine, Hazard, Split, State
from ingest_service.queries.outlook import Ahead
from ingest_service.queries.panels import HAZARDS, panel
from ingest_service.queries.places import Factory, HazardStanding, MatrixRow, ShiftCell, ZoneCard
from ingest_service.queries.standings import Standings, state_of
from ingest_service.queries.time_spans import local_days
from ingest_service.queries.view import View, site_name
from ingest_service.register.entries import Site, Zone
from osh_domain.coverage import shift_capture

MATRIX_DAYS: Final = 7


def factory(view: View, site_id: str, hazard: str = "heat") -> Factory:
    """Everything the page of one factory shows. Raises NotHere."""
    site = view.site(site_id, Action.READ_SITE)
    chosen: Hazard = next((one for one in HAZARDS if one == hazard), "heat")
    zones = view.zones(site)
    standings = Standings(view, [site])
    cards = sorted((_card(view, standings, site, zone) for zone in zones), key=_urgency)
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


def _ahead(view: View, site: Site, zone: Zone, hazards: tuple[HazardStanding, ...]) -> Iterator[Ahead]:
    """The projections of what is measured here and comes to a limit before the shift ends."""
    for one in hazards:
        found = None if one.state == "silent" else ahead(view, site, zone, one.hazard)
        if found is not None and next_limit(found) is not None:
            yield found


def _card(view: View, standings: Standings, site: Site, zone: Zone) -> ZoneCard:
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
        ahead=tuple(_ahead(view, site, zone, hazards)),
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


def _matrix(view: View, site: Site, hazard: Hazard) -> tuple[tuple[MatrixRow, ...], judged.Minutes]:
    """Zones by shifts of the last days; a shift that was hardly measured has no number."""
    start = local_days(view.now, site.timezone, MATRIX_DAYS)[0]
    shifts = [one for one in view.register.calendar(site.id).instances(start, view.now) if one.start >= start]
    rows, total = [], judged.NOTHING
    with view.engine.connect() as connection:
        counts = judged.Counts(connection)
        for zone in view.register.zones_of(site.id):
            cells = []
            for shift in shifts:
                span = site_weeks.of_shift(view, counts, site, zone, hazard, shift)
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
