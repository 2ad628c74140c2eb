"""The event frozen in a case: everything a notice, a page or `rules explain` says of it, at that moment."""

from collections.abc import Mapping
from typing import Any, Final

from alert_rules.alerts import CaseChange, Deed
from alert_rules.engine import Transition
from alert_rules.pack_model import Pack, SilenceRule, WatchRule
from alert_rules.silence import SilenceChange
from alert_rules.watches import WatchChange
from alert_rules.zone_rules import ActiveRule
from ingest_service.cases.rulebook import Raised
from ingest_service.register.entries import Site, Zone
from ingest_service.series.port import ExposureRow
from osh_domain.exposure.methods import method
from osh_domain.quality import Grade

EVENT_FORMAT: Final = 1


def exposure_event(
    active: ActiveRule,
    site: Site,
    zone: Zone,
    row: ExposureRow | None,
    transition: Transition,
    severity: str,
    *,
    gap: Mapping[str, str] | None = None,
    ended: str | None = None,
) -> dict[str, Any]:
    """The event of a rule's transition in a zone.

    `row` None: no exposure led to it, or it is not stored any more. `ended`: why the rule ended without a
    measurement. `gap`: what the law of the place does not say, where the rule stands in for it.
    """
    hazard, agent = active.group
    condition = active.engine.condition
    event: dict[str, Any] = {
        **_of_rule(active.pack, active.rule, site),
        "severity": severity,
        "hazard": hazard,
        "agent": agent,
        "subject": agent,
        "zone": zone.id,
        "zone_name": zone.name,
        "at": 60.0 * transition.minute,
        # A minute is named by its end; the hold began at its beginning.
        "since": 60.0 * (transition.since - 1),
        "exposure": active.rule.exposure,
        "unit": condition.unit,
        "limit": {
            "value": condition.limit,
            "unit": condition.unit,
            "strict": condition.strict,
            "label": active.label,
            "instrument": active.source.instrument,
            "clause": active.source.clause,
            "confidence": active.source.confidence,
        },
        "clear_below": condition.clear_below,
        "least_coverage": condition.coverage,
        "raise_after_min": active.engine.raise_after,
        "clear_after_min": active.engine.clear_after,
        "metabolic_class": zone.metabolic_class,
        "acclimatised": zone.acclimatised,
        **_of_layer(active),
    }
    if condition.below:
        event["limit"]["below"] = True
    if gap is not None:
        event["gap"] = dict(gap)
    if ended is not None:
        event["ended_by"] = ended
    return event | (_of_row(row) if row is not None else {})


def ended_event(
    zone: str, rule: str, known: Raised, severity: str, transition: Transition, ended: str
) -> dict[str, Any]:
    """What is said of a rule that does not judge any more: the rest stands in the case that it was raised in.

    The zone may not be registered any more, so only its id is used; it begins with the site's.
    """
    return {
        "format": EVENT_FORMAT,
        "rule": rule,
        "severity": severity,
        "hazard": known.hazard,
        "agent": known.agent,
        "subject": known.agent,
        "site": zone.partition("/")[0],
        "zone": zone,
        "at": 60.0 * transition.minute,
        "ended_by": ended,
    }


def told_severity(change: CaseChange, active: ActiveRule) -> str:
    """The severity that the event of a change carries."""
    return active.rule.severity if change.deed in {Deed.JOINED, Deed.AGAIN} else change.severity


def silence_event(
    found: tuple[Pack, SilenceRule] | None,
    site: Site,
    zone: Zone | None,
    change: SilenceChange,
    now: float,
) -> dict[str, Any]:
    """The event of a silence that began or ended. `found` None: its rule is gone."""
    event: dict[str, Any] = {
        "hazard": "silence",
        "cause": change.cause,
        "subject": change.subject,
        "site": site.id,
        "zone": zone.id if zone else None,
        "zone_name": zone.name if zone else "",
        "at": now,
        "since": change.since,
        "channels": change.channels,
    }
    if change.ended is not None:
        event["ended_by"] = change.ended
    if found is not None:
        pack, rule = found
        event |= {**_of_rule(pack, rule, site), "severity": rule.severity, "hazard": rule.hazard}
    return event


def device_event(
    found: tuple[Pack, WatchRule] | None, site: Site, zone: Zone | None, change: WatchChange, now: float
) -> dict[str, Any]:
    """The event of a doubt about sensors that began, grew or ended. `found` None: its rule is gone."""
    event: dict[str, Any] = {
        "hazard": "device",
        "cause": change.what,
        "subject": change.subject,
        "site": site.id,
        "zone": zone.id if zone else None,
        "zone_name": zone.name if zone else "",
        "at": now,
        "since": change.since,
        "channels": len(change.doubts) or len(change.sensors),
        "sensors": list(change.sensors),
        "doubts": [{"sensor": one.sensor, **one.detail} for one in change.doubts],
    }
    if found is not None:
        pack, rule = found
        event |= {**_of_rule(pack, rule, site), "severity": rule.severity}
    return event


def _of_rule(pack: Pack, rule: Any, site: Site) -> dict[str, Any]:
    return {
        "format": EVENT_FORMAT,
        "rule": rule.id,
        "title": rule.title,
        "pack": pack.pack,
        "pack_version": pack.version,
        "advice": list(rule.advice),
        "tell": list(rule.tell),
        "site": site.id,
        "site_name": site.name,
        "timezone": site.timezone,
    }


def _of_layer(active: ActiveRule) -> dict[str, Any]:
    """The layer that decided, what it replaced, and who confirmed its number."""
    effective = active.effective
    if effective is None:
        return {}
    found: dict[str, Any] = {"layer": effective.layer, "replaced": list(effective.replaced)}
    if effective.confirmation is not None:
        one = effective.confirmation
        found["confirmed"] = {"by": one.by, "on": one.on.isoformat(), "reference": one.reference}
    return found


def _of_method(tag: str) -> dict[str, Any]:
    """How sure the method is, where its description says so; a tag that nobody describes says nothing."""
    try:
        found = method(tag)
    except ValueError:
        return {}
    return {"uncertainty": found.uncertainty, "bias": found.bias}


def _of_row(row: ExposureRow) -> dict[str, Any]:
    return {
        "value": row.value,
        "coverage": row.coverage,
        "expected": row.expected,
        "received": row.received,
        "worst_gap_s": row.worst_gap_s,
        "method": row.method,
        "grade": Grade(row.grade).name,
        "revision": row.revision,
        "calc": row.calc,
        **_of_method(row.method),
    }
