"""What the rules judged about a site over a span: hours above limits by zone, shift and day."""

from __future__ import annotations

from ingest_service.queries import judged
from ingest_service.queries.judged import Counts, Minutes
from ingest_service.queries.models import Hazard
from ingest_service.queries.panels import feeds, panels_of
from ingest_service.queries.view import View
from ingest_service.register.entries import Site, Zone
from osh_domain.shifts import ShiftInstance


def rules_of(view: View, site: Site, zone: Zone, hazard: Hazard, at: float) -> dict[str, bool]:
    """The rule that counts for each panel of a hazard at an instant: of those in force the most severe.

    With each whether the register expected readings for its panel in the zone then.
    """
    stood = view.register.zone_as_of(zone.id, at) or zone
    expected = view.register.expected_in(zone.id, at)
    found = {}
    for panel in panels_of(hazard):
        active = view.limits.active(site, stood, (panel.judged,), at)
        if active:
            found[active[0].id] = any(feeds(one.quantity, panel) for one in expected)
    return found


def watched_since(view: View, zone: Zone) -> float | None:
    """When the first sensor was placed in the zone; before that nothing was expected. None for never."""
    return min((placement.valid_from for placement in view.register.placements_in(zone.id)), default=None)


def of_shift(
    view: View, counts: Counts, site: Site, zone: Zone, hazard: Hazard, shift: ShiftInstance
) -> Minutes:
    """The minutes of one shift up to now, by the panel of the hazard that was longest above.

    Where none was above, the least known of those that should be measured speaks: dust that was measured says
    nothing of carbon monoxide that was not. Time before the zone was watched does not count as missing.
    """
    since = watched_since(view, zone)
    if since is None:
        return judged.NOTHING
    start = max(shift.start, since)
    end = min(shift.end, view.now)
    rules = rules_of(view, site, zone, hazard, max(start, end - 1.0))
    spans = {rule: counts.between(zone.id, rule, start, end) for rule in rules}
    worst = max(spans.values(), key=lambda span: (span.above, span.known), default=judged.NOTHING)
    if worst.above:
        return worst
    return min(
        (spans[rule] for rule, due in rules.items() if due), key=lambda span: span.known, default=worst
    )


def of_zone(
    view: View,
    counts: Counts,
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
            total += of_shift(view, counts, site, zone, hazard, shift)
    return total
