"""What is ahead of a zone: heat and noise to the end of the shift, work and rest until then. Advice only."""

from __future__ import annotations

from typing import Final

from ingest_service.queries.measured import MINUTE_S, method_of
from ingest_service.queries.models import Hazard, LimitLine, Measured
from ingest_service.queries.outlook import Ahead, LimitAhead, PastErrors, WorkRest, WorkRestAdvice
from ingest_service.queries.panels import unit_of
from ingest_service.queries.view import View
from ingest_service.register.entries import Site, Zone
from ingest_service.series.port import ExposureRow
from osh_domain.exposure.heat_stress import ASSUMED_GLOBE
from osh_domain.exposure.projection import (
    HEAT_RECORD,
    NOISE_RECORD,
    OLD_MINUTES,
    TREND_MINUTES,
    Path,
    Record,
    first_minute,
    project_heat,
    project_noise,
    reach,
)
from osh_domain.exposure.work_rest import ACGIH_SOURCE, NIOSH_SOURCE, Advice, HeatOfPlace, advice
from osh_domain.shifts import ShiftInstance

_JUDGED: Final[dict[Hazard, str]] = {"heat": "wbgt_eff.twa60", "noise": "la.lex8h"}
_MINUTES: Final[dict[Hazard, str]] = {"heat": "wbgt.minute", "noise": "la.leq1"}
_RECORDS: Final[dict[Hazard, Record]] = {"heat": HEAT_RECORD, "noise": NOISE_RECORD}
_URGENCY: Final = ("danger", "warning", "notice")


def ahead(view: View, site: Site, zone: Zone, hazard: Hazard) -> Ahead | None:
    """The projection of a hazard to the end of the shift; None for hazards that are not projected."""
    kind = _JUDGED.get(hazard)
    if kind is None:
        return None
    shift = view.register.calendar(site.id).shift_at(view.now)
    rows = _rows(view, zone, hazard, shift)
    path = _path(view, zone, hazard, shift, rows)
    unit, decimals = unit_of(kind)
    if not isinstance(path, Path) or shift is None:
        reason = path if isinstance(path, str) else "no_shift"
        return Ahead(hazard=hazard, kind=kind, unit=unit, decimals=decimals, reason=reason)
    method = rows[-1].method
    how = method_of(method)
    end = path.end
    return Ahead(
        hazard=hazard,
        kind=kind,
        unit=unit,
        decimals=decimals,
        reason="",
        shift_end=shift.end,
        since=path.now.minute * MINUTE_S,
        now_value=path.now.value,
        end_value=end.value,
        end_low=end.low,
        end_high=end.high,
        rate=path.rate,
        measured=path.measured,
        method=method,
        uncertainty=how.uncertainty if how else None,
        limits=tuple(_limit(path, line) for line in _limits(view, site, zone, kind)),
        record=_record(_RECORDS[hazard]),
    )


def next_limit(found: Ahead | None) -> LimitAhead | None:
    """The most severe limit that a projection still comes to, for a card with room for one."""
    if found is None:
        return None
    coming = [one for one in found.limits if one.at is not None and not one.already]
    return min(coming, key=lambda one: (_URGENCY.index(one.limit.severity), one.at or 0.0), default=None)


def work_rest(zone: Zone, value: Measured | None, *, forgotten: bool = False) -> WorkRest:
    """Work and rest at the hour's WBGT of a zone, people new to heat first; or why nothing is advised.

    `forgotten`: the value is too old to speak of now.
    """
    estimated = value is not None and value.method.startswith(ASSUMED_GLOBE)
    clothing: float | None = zone.clothing_caf
    place = HeatOfPlace(
        wbgt_eff=value.value if value else None,
        method=value.method if value else "",
        uncertainty=value.uncertainty if value and estimated else None,
        metabolic_class=zone.metabolic_class,
        clothing_known=clothing is not None,
        radiant_source=zone.radiant_source,
        old=forgotten,
    )
    people = (False, True) if zone.acclimatised else (False,)
    told = [(one, advice(_for(place, acclimatised=one))) for one in people]
    reason = next((answer for _, answer in told if isinstance(answer, str)), "")
    return WorkRest(
        reason=reason,
        value=value,
        metabolic_class=zone.metabolic_class,
        clothing_caf=clothing,
        people=tuple(_people(answer) for _, answer in told if isinstance(answer, Advice)),
        sources=() if reason else (ACGIH_SOURCE, NIOSH_SOURCE),
    )


def _for(place: HeatOfPlace, *, acclimatised: bool) -> HeatOfPlace:
    return HeatOfPlace(
        place.wbgt_eff, place.method, place.uncertainty, place.metabolic_class, acclimatised,
        place.clothing_known, place.radiant_source, place.old,
    )  # fmt: skip


def _people(one: Advice) -> WorkRestAdvice:
    return WorkRestAdvice(
        acclimatised=one.place.acclimatised,
        work=one.acgih.work,
        cautious=one.cautious.work,
        niosh_least=one.niosh_least,
        niosh_most=one.niosh_most,
        niosh_limit=one.niosh_limit,
    )


def _rows(view: View, zone: Zone, hazard: Hazard, shift: ShiftInstance | None) -> list[ExposureRow]:
    """The measured minutes that a projection stands on."""
    if shift is None:
        return []
    now = int(view.now // MINUTE_S)
    first = now - TREND_MINUTES - _late(view) if hazard == "heat" else first_minute(shift)
    rows = view.series.exposures(zone.id, _MINUTES[hazard], first, now)
    return [row for row in rows if row.value is not None]


def _path(
    view: View, zone: Zone, hazard: Hazard, shift: ShiftInstance | None, rows: list[ExposureRow]
) -> Path | str:
    clothing: float | None = zone.clothing_caf
    if hazard == "heat" and clothing is None:
        return "unknown_clothing"
    if shift is None:
        return "no_shift"
    if not rows:
        return "too_little"
    if hazard == "heat" and zone.radiant_source and rows[-1].method.startswith(ASSUMED_GLOBE):
        return "estimate_beside_radiant"
    newest = rows[-1].minute
    if int(view.now // MINUTE_S) - newest > _late(view):
        return "old"
    values = {row.minute: row.value for row in rows if row.value is not None}
    if hazard == "noise":
        return project_noise(values, newest, shift)
    return project_heat({minute: one + (clothing or 0.0) for minute, one in values.items()}, newest, shift)


def _late(view: View) -> int:
    """How many minutes old the newest may be: what sealing and delivery take is not held against it."""
    return OLD_MINUTES + int(view.stale_after_s(MINUTE_S) // MINUTE_S)


def _limits(view: View, site: Site, zone: Zone, kind: str) -> list[LimitLine]:
    """Each number once, under its most severe rule, the lowest first."""
    found: dict[tuple[float, bool], LimitLine] = {}
    for line in view.limits.of_zone(site, zone, (kind,), view.now):
        if not line.at_least:
            found.setdefault((line.value, line.strict), line)
    return sorted(found.values(), key=lambda line: line.value)


def _limit(path: Path, line: LimitLine) -> LimitAhead:
    told = reach(path, line.value, strict=line.strict)

    def instant(minute: int | None) -> float | None:
        return None if minute is None else minute * MINUTE_S

    return LimitAhead(
        limit=line,
        at=instant(told.at),
        earliest=instant(told.earliest),
        latest=instant(told.latest),
        already=told.already,
    )


def _record(one: Record) -> PastErrors:
    return PastErrors(
        projections=one.projections,
        half=one.half,
        most=one.most,
        half_minutes=one.half_minutes,
        most_minutes=one.most_minutes,
        held=one.held,
    )
