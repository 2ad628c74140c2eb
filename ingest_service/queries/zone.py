"""One zone and one hazard: the sentence's facts, the shifts, and where the numbers come from."""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

from ingest_service.auth.access import Action
from ingest_service.queries import doubts, site_weeks
from ingest_service.queries.ahead import ahead
from ingest_service.queries.chart import span_of
from ingest_service.queries.judged import Counts, Minutes
from ingest_service.queries.measured import MINUTE_S, letter, of_channel
from ingest_service.queries.models import Hazard, Split, State
from ingest_service.queries.models import Reason as Why
from ingest_service.queries.panels import HAZARDS, Panel, feeds, panel, panels_of
from ingest_service.queries.past import as_of, past
from ingest_service.queries.places import HazardStanding, PanelName, ShiftLine, Source
from ingest_service.queries.places import Zone as ZonePage
from ingest_service.queries.standings import Standings, final
from ingest_service.queries.view import NotHere, View, site_name
from ingest_service.register.entries import ExpectedChannel, Site, Zone
from osh_domain.coverage import shift_capture
from osh_domain.exposure.projection import first_minute
from osh_domain.quantities import UnknownQuantity, quantity
from osh_domain.shifts import ShiftInstance

SHIFTS_S: Final = 7 * 86400.0
_NOT_WATCHED: Final[State] = "cannot_tell"


def zone(
    view: View,
    site_id: str,
    word: str,
    hazard: str = "heat",
    range_name: str = "day",
    until: date | None = None,
) -> ZonePage:
    """Everything the page of one zone shows beside its charts. Raises NotHere.

    `until`: a past local day at whose end the span and the table of shifts end, instead of now.
    """
    site, place = view.zone(site_id, word, Action.READ_SITE)
    if hazard not in HAZARDS:
        raise NotHere(f"There is no hazard {hazard!r}; there are {', '.join(HAZARDS)}.")
    chosen: Hazard = next(one for one in HAZARDS if one == hazard)
    standings = Standings(view, [site])
    standing = standings.of_hazard(place, chosen) or _unwatched(chosen)
    watched = [one for one in panels_of(chosen) if standings.watched(place, one)]
    first = panel(standing.panel)
    then = as_of(view, site, until)
    stood = then.as_it_stands(place)
    range_id, start, end = span_of(then, site.id, range_name)
    facts = [standings.latest(place.id, kind) for kind in (first.facts if first else ())]
    if standing.state == "idle":
        facts = [final(fact) for fact in facts]
    return ZonePage(
        now=view.now,
        past=past(then, site, stood, chosen, first, start, end) if first and then is not view else None,
        site=site_name(site),
        id=place.id,
        path=f"/factories/{site.id}/zones/{place.word}",
        name=place.name,
        kind=place.kind,
        workers=Split(women=stood.women, men=stood.men),
        metabolic_class=stood.metabolic_class,
        acclimatised=stood.acclimatised,
        radiant_source=stood.radiant_source,
        outdoors=stood.outdoors,
        clothing_caf=stood.clothing_caf,
        hazard=chosen,
        range=range_id,
        standing=standing,
        kept_from=(kept * MINUTE_S if (kept := view.series.kept_from("exposures", place.id)) else None),
        ahead=None if then is not view else ahead(view, site, place, chosen),
        work_rest=None if then is not view or chosen != "heat" else standings.work_rest(place),
        others=tuple(one for one in standings.of_zone(place) if one.hazard != chosen),
        facts=tuple(fact for fact in facts if fact is not None),
        panels=tuple(PanelName(id=one.id, title=one.title, unit=one.unit) for one in watched),
        limits=tuple(
            line for one in watched for line in then.limits.of_zone(site, stood, one.limited, then.now)
        ),
        shifts=_shift_lines(then, site, stood, chosen, first),
        sources=tuple(_sources(view, standings, place, chosen)),
    )


def _unwatched(hazard: Hazard) -> HazardStanding:
    return HazardStanding(
        hazard=hazard,
        panel=panels_of(hazard)[0].id,
        state=_NOT_WATCHED,
        reason=Why(code="not_watched"),
        judged=None,
        momentary=None,
        limit=None,
        since=None,
        case=None,
    )


def _shift_lines(
    view: View, site: Site, place: Zone, hazard: Hazard, shown: Panel | None
) -> tuple[ShiftLine, ...]:
    """The shifts of the last week, newest first."""
    if shown is None:
        return ()
    since = site_weeks.watched_since(view, place)
    if since is None:
        return ()
    shifts = view.register.calendar(site.id).instances(max(since, view.now - SHIFTS_S), view.now)
    with view.engine.connect() as connection:
        counts = Counts(connection)
        return tuple(
            _shift_line(view, counts, site, place, hazard, shown, shift) for shift in reversed(shifts)
        )


def _shift_line(
    view: View,
    counts: Counts,
    site: Site,
    place: Zone,
    hazard: Hazard,
    shown: Panel,
    shift: ShiftInstance,
) -> ShiftLine:
    span: Minutes = site_weeks.of_shift(view, counts, site, place, hazard, shift)
    m0, m1 = first_minute(shift), int(min(shift.end, view.now) // MINUTE_S)
    worst = _worst(view, place, shown.judged, m0, m1)
    return ShiftLine(
        shift=shift.name,
        start=shift.start,
        end=shift.end,
        hours_above=span.hours if span.above or shift_capture(span.expected, span.known) else None,
        worst=worst.value,
        worst_at=worst.at,
        coverage=span.coverage,
        grade=letter(worst.grade),
        known=span.known,
        expected=span.expected,
        revision=worst.revision,
    )


class _Worst(NamedTuple):
    """The highest of a shift, when, the worst grade of what is known, and how often it was revised."""

    value: float | None
    at: float | None
    grade: int | None
    revision: int


def _worst(view: View, place: Zone, kind: str, m0: int, m1: int) -> _Worst:
    """From the shift's summary where it is over and was summed up, else from its minutes."""
    for summed in view.series.summaries(place.id, kind, "shift", m1, m1):
        if summed.first == m0:
            at = None if summed.high_minute is None else summed.high_minute * MINUTE_S
            return _Worst(summed.high, at, summed.grade if summed.known else None, summed.revision)
    rows = [row for row in view.series.exposures(place.id, kind, m0, m1) if row.value is not None]
    worst = max(rows, key=lambda row: row.value or 0.0, default=None)
    if worst is None:
        return _Worst(None, None, None, 0)
    grade = max(row.grade for row in rows)
    return _Worst(worst.value, worst.minute * MINUTE_S, grade, max(row.revision for row in rows))


def _sources(view: View, standings: Standings, place: Zone, hazard: Hazard) -> list[Source]:
    found = [
        _source(view, standings, expected)
        for expected in view.register.expected_in(place.id, view.now)
        if any(feeds(expected.quantity, one) for one in panels_of(hazard)) or _of(expected, hazard)
    ]
    return sorted(found, key=lambda source: (source.gateway, source.sensor, source.quantity))


def _of(expected: ExpectedChannel, hazard: Hazard) -> bool:
    try:
        return quantity(expected.quantity).hazard == hazard
    except UnknownQuantity:
        return False


def _source(view: View, standings: Standings, expected: ExpectedChannel) -> Source:
    entry = standings.channel(expected)
    placements = view.register.placements_of(expected.gateway, expected.sensor)
    placement = next((one for one in placements if one.valid_at(view.now)), None)
    doubted = doubts.of_day(view, entry)
    try:
        title = quantity(expected.quantity).title
    except UnknownQuantity:
        title = expected.quantity
    return Source(
        gateway=expected.gateway,
        sensor=expected.sensor,
        quantity=expected.quantity,
        title=title,
        last=of_channel(expected.quantity, entry, expected.period_s, view),
        period_s=expected.period_s,
        height_m=placement.height_m if placement else None,
        placed_since=placement.valid_from if placement else None,
        flags=(entry.last_flags or 0) if entry else 0,
        suspect_minutes=doubted.suspect,
        failed_minutes=doubted.failed,
        tests=doubted.tests,
    )
