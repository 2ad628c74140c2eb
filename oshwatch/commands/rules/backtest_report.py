"""A backtest as one document; `backtest_text` lays it out for people."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from alert_rules.backtest import Episode
from alert_rules.backtest_packs import not_replayed
from alert_rules.backtest_zone import Example, Group, RuleOutcome
from alert_rules.conditions import beyond
from alert_rules.engine import NEVER
from alert_rules.pack_model import SEVERITIES, Pack
from ingest_service.backtesting import DRAFT, NOW, Question, ZoneAnswer
from osh_domain.quality import Grade
from oshwatch.commands.rules.shell import clock

_MINUTES_OF_HOUR: Final = 60.0
ASSUMED: Final = (
    "Judged as if every reading had come in time, with the values stored today; what nobody confirmed in the "
    "pack as if it were confirmed."
)


def document(question: Question, drafts: Sequence[Pack], answers: Sequence[ZoneAnswer]) -> dict[str, Any]:
    """Everything that a backtest found. Hours are of exposures, worker-hours of people in shifts."""
    return {
        "from": question.first.isoformat(),
        "to": question.last.isoformat(),
        "packs": [
            {
                "pack": pack.pack,
                "version": pack.version,
                "title": pack.title,
                "valid_from": pack.valid_from.isoformat(),
                "valid_to": pack.valid_to.isoformat() if pack.valid_to else None,
            }
            for pack in drafts
        ],
        "assumed": ASSUMED,
        "factories": len({answer.site.id for answer in answers}),
        "zones": [_zone(answer) for answer in answers],
        "difference": list(_differences(answers)),
        "not_replayed": [rule.id for rule in not_replayed(drafts)],
    }


def _zone(answer: ZoneAnswer) -> dict[str, Any]:
    timezone = answer.site.timezone
    return {
        "zone": answer.zone.id,
        "name": answer.zone.name,
        "factory": answer.site.name,
        "timezone": timezone,
        "from": clock(60.0 * (answer.first - 1), timezone),
        "to": clock(60.0 * answer.last, timezone),
        "kept_from": clock(60.0 * (answer.stored.kept_from - 1), timezone)
        if answer.stored.kept_from > answer.first
        else None,
        "rules": [_rule(answer, outcome) for outcome in answer.rules],
    }


def _rule(answer: ZoneAnswer, one: RuleOutcome) -> dict[str, Any]:
    active = one.active
    condition, source = active.engine.condition, active.source
    kind = active.rule.exposure
    return {
        "rule": active.id,
        "title": active.rule.title,
        "severity": active.rule.severity,
        "pack": active.pack.pack,
        "version": active.pack.version,
        "layer": active.pack.layer,
        "replaced": list(active.effective.replaced) if active.effective else [],
        "exposure": kind,
        "unit": condition.unit,
        "compare": beyond(condition),
        "instrument": source.instrument,
        "clause": source.clause,
        "confidence": source.confidence,
        **_amounts(one, headcount=answer.zone.women + answer.zone.men > 0 or one.women + one.men > 0),
        "kept": {
            "not_kept_hours": _hours(min(one.missing, answer.not_kept.get(active.id, 0))),
            "ever_stored": kind in answer.stored.kinds,
        },
        "cases": _cases(one.episodes, answer),
        "examples": [_example(answer, kind, one) for one in one.examples],
    }


def _example(answer: ZoneAnswer, kind: str, one: Example) -> dict[str, Any]:
    row = answer.rows.get((kind, one.minute))
    return {
        "what": one.what,
        "at": clock(60.0 * one.minute, answer.site.timezone),
        "minute": one.minute,
        "value": one.value,
        "limit": one.limit,
        "coverage": one.coverage,
        "method": row.method if row else None,
        "grade": Grade(row.grade).name if row else None,
        "revision": row.revision if row else None,
    }


def _amounts(one: RuleOutcome, *, headcount: bool) -> dict[str, Any]:
    """Hours or periods; `headcount`: how many people work in the zone is registered."""
    if one.judged is None:
        counted = {"above": one.above, "known": one.known, "cannot_tell": one.unknown}
        return {"counted_in": one.unit, one.unit: counted, "coverage": None, "worker_hours": None}
    return {
        "counted_in": "hours",
        "hours": {
            "judged": _hours(one.judged),
            "above": _hours(one.above),
            "known": _hours(one.known),
            "cannot_tell": _hours(one.unknown + one.missing),
            "of_which_without_data": _hours(one.missing),
        },
        "coverage": one.known / one.judged if one.judged else 0.0,
        "worker_hours": {"women": _hours(one.women), "men": _hours(one.men)} if headcount else None,
    }


def _cases(raised: Sequence[Episode], answer: ZoneAnswer) -> dict[str, Any]:
    lasted = [(answer.last if one.ended == NEVER else one.ended) - one.since + 1 for one in raised]
    return {
        "count": len(raised),
        "first": clock(60.0 * raised[0].raised, answer.site.timezone) if raised else None,
        "longest_minutes": max(lasted, default=0),
        "lasting_at_the_end": sum(one.ended == NEVER for one in raised),
    }


def _differences(answers: Sequence[ZoneAnswer]) -> Iterator[dict[str, Any]]:
    """By hazard and severity: zones, hours and people above any limit of it, now and with the drafts."""
    groups = sorted({key for answer in answers for key in (*answer.groups[NOW], *answer.groups[DRAFT])})
    for hazard, agent in groups:
        pairs = [
            tuple(answer.groups[name].get((hazard, agent), Group()) for name in (NOW, DRAFT))
            for answer in answers
        ]
        for severity in reversed(SEVERITIES):
            now = _sums((one for one, _ in pairs), severity)
            draft = _sums((one for _, one in pairs), severity)
            changed = sum(one.above.get(severity, 0) != other.above.get(severity, 0) for one, other in pairs)
            yield {
                "hazard": hazard,
                "agent": agent,
                "severity": severity,
                NOW: now,
                DRAFT: draft,
                "zones_that_change": changed,
            }


def _sums(groups: Iterable[Group], severity: Any) -> dict[str, Any]:
    found = list(groups)
    order = SEVERITIES.index(severity)
    return {
        "zones": sum(one.above.get(severity, 0) > 0 for one in found),
        "hours": _hours(sum(one.above.get(severity, 0) for one in found)),
        "worker_hours": _hours(sum(one.women.get(severity, 0) + one.men.get(severity, 0) for one in found)),
        "women_hours": _hours(sum(one.women.get(severity, 0) for one in found)),
        "men_hours": _hours(sum(one.men.get(severity, 0) for one in found)),
        "cases": sum(SEVERITIES.index(case.severity) >= order for one in found for case in one.cases),
    }


def _hours(minutes: int) -> float:
    return minutes / _MINUTES_OF_HOUR
