"""What the rules judged about a site over a span: hours above limits by zone, shift and day."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from ingest_service.queries import judged
from ingest_service.queries.judged import Minutes
from ingest_service.queries.models import Hazard, Split
from ingest_service.queries.panels import panels_of
from ingest_service.queries.view import View
from ingest_service.register.entries import Site, Zone
from osh_domain.shifts import ShiftInstance


@dataclass(frozen=True, slots=True)
class SiteSpan:
    """A site from `start` on: `worst` is the zone with the most hours above, `whole` the sum of all zones."""

    start: float
    worst: Minutes
    whole: Minutes
    worker_hours: Split


def rules_of(view: View, site: Site, zone: Zone, hazard: Hazard) -> list[str]:
    """The rule that counts for each panel of a hazard: the most severe one in force, one a panel."""
    found = []
    for panel in panels_of(hazard):
        active = view.limits.active(site, zone, (panel.judged,), view.now)
        if active:
            found.append(active[0].id)
    return found


def watched_since(view: View, zone: Zone) -> float | None:
    """When the first sensor was placed in the zone; before that nothing was expected. None for never."""
    return min((placement.valid_from for placement in view.register.placements_in(zone.id)), default=None)


def of_shift(
    view: View, connection: sa.Connection, site: Site, zone: Zone, hazard: Hazard, shift: ShiftInstance
) -> Minutes:
    """The minutes of one shift up to now, by the panel of the hazard that was longest above.

    Time before the zone was watched at all is not expected, so it does not count as missing.
    """
    since = watched_since(view, zone)
    if since is None:
        return judged.NOTHING
    start = max(shift.start, since)
    spans = [
        judged.between(connection, zone.id, rule, start, min(shift.end, view.now))
        for rule in rules_of(view, site, zone, hazard)
    ]
    known = [span for span in spans if span.known] or spans
    return max(known, key=lambda span: (span.above, span.known), default=judged.NOTHING)


def of_zone(
    view: View,
    connection: sa.Connection,
    site: Site,
    zone: Zone,
    hazard: Hazard,
    start: float,
    end: float,
) -> Minutes:
    """All shifts that began in [start, end), summed."""
    total = judged.NOTHING
    for shift in view.register.calendar(site.id).instances(start, end):
        if start <= shift.start:
            total += of_shift(view, connection, site, zone, hazard, shift)
    return total


def of_site(
    view: View, connection: sa.Connection, site: Site, hazard: Hazard, start: float, end: float
) -> SiteSpan:
    """All zones of the site. Worker-hours take every zone's whole headcount as present."""
    worst, whole, women, men = judged.NOTHING, judged.NOTHING, 0.0, 0.0
    for zone in view.register.zones_of(site.id):
        span = of_zone(view, connection, site, zone, hazard, start, end)
        if not span.expected:
            continue
        whole += span
        women += span.hours * zone.women
        men += span.hours * zone.men
        if (span.above, span.known) >= (worst.above, worst.known):
            worst = span
    return SiteSpan(start, worst, whole, Split(women=women, men=men))
