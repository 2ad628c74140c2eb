"""A backtest as one document for programs, and as text of 80 columns for people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from alert_rules.backtest import Episode
from alert_rules.backtest_packs import not_replayed
from alert_rules.backtest_zone import Group, RuleOutcome
from alert_rules.conditions import beyond
from alert_rules.engine import NEVER
from alert_rules.pack_model import SEVERITIES, Pack
from ingest_service.backtesting import DRAFT, NOW, Question, ZoneAnswer
from oshwatch.commands.rules.shell import clock, laid_out

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
        "examples": [
            {
                "what": example.what,
                "at": clock(60.0 * example.minute, answer.site.timezone),
                "minute": example.minute,
                "value": example.value,
                "limit": example.limit,
                "coverage": example.coverage,
            }
            for example in one.examples
        ],
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


def lines(told: Mapping[str, Any]) -> list[str]:
    """The document as text."""
    packs = ", ".join(f"{one['pack']} {one['version']}" for one in told["packs"])
    zones = told["zones"]
    found = [
        laid_out(f"Backtest of {packs}, {told['from']} to {told['to']}"),
        laid_out(f"{len(zones)} zones of {told['factories']} factories. {told['assumed']}"),
    ]
    if told["not_replayed"]:
        found.append(laid_out(f"Not replayed, since no exposure tells: {', '.join(told['not_replayed'])}."))
    quiet = 0
    for zone in zones:
        if any(_speaks(rule) for rule in zone["rules"]):
            found += _zone_lines(zone)
        else:
            quiet += 1
    if quiet:
        found += ["", *_quiet_lines(zones, quiet)]
    return [*found, *_difference_lines(told["difference"])]


def _speaks(rule: Mapping[str, Any]) -> bool:
    return bool(rule[rule["counted_in"]]["above"])


def _quiet_lines(zones: Sequence[Mapping[str, Any]], quiet: int) -> list[str]:
    """Zones without a minute above; what they cannot tell stands beside it, so that it never looks good."""
    rows = [
        rule["hours"]
        for zone in zones
        if not any(_speaks(rule) for rule in zone["rules"])
        for rule in zone["rules"]
        if rule["counted_in"] == "hours"
    ]
    known, judged = sum(row["known"] for row in rows), sum(row["judged"] for row in rows)
    share = 100 * known / judged if judged else 0.0
    return [
        laid_out(
            f"{quiet} zones without anything above; of the hours that their rules judge {share:.0f} % "
            f"are known and {judged - known:,.0f} h cannot tell. --json has them one by one."
        )
    ]


def _zone_lines(zone: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield laid_out(f"{zone['zone']}: {zone['name']}, {zone['factory']} ({zone['timezone']})")
    if zone["kept_from"]:
        yield laid_out(f"Minutes before {zone['kept_from']} are not kept any more: they cannot tell.", 2, 2)
    for rule in zone["rules"]:
        yield laid_out(f"{rule['rule']} ({rule['severity']})", 2, 2)
        yield laid_out(_amount_text(rule), 4, 2)
        if rule["cases"]["count"]:
            yield laid_out(_case_text(rule), 4, 2)
        for example in rule["examples"]:
            yield laid_out(_example_text(rule, example), 4, 2)


def _amount_text(rule: Mapping[str, Any]) -> str:
    unit = rule["counted_in"]
    amount = rule[unit]
    if not rule["kept"]["ever_stored"]:
        return (
            f"cannot tell: no {rule['exposure']} is stored for this zone. No sensor measures it, or it was "
            "stored before this kind existed."
        )
    if unit != "hours":
        return (
            f"{rule['compare']} on {amount['above']} of {amount['known']} {unit} known; "
            f"{amount['cannot_tell']} cannot tell"
        )
    text = (
        f"{rule['compare']} for {_time(amount['above'])} of {_time(amount['known'])} known "
        f"({100 * rule['coverage']:.0f} % of {_time(amount['judged'])}); "
        f"{_time(amount['cannot_tell'])} cannot tell"
    )
    if amount["of_which_without_data"]:
        text += f", {_time(amount['of_which_without_data'])} of them without any data"
    if rule["kept"]["not_kept_hours"]:
        text += f", {_time(rule['kept']['not_kept_hours'])} not kept any more"
    return text + (f"; {_people(rule['worker_hours'])}" if amount["above"] else "")


def _people(people: Mapping[str, Any] | None) -> str:
    if people is None:
        return "how many people work there is not registered"
    total = people["women"] + people["men"]
    return f"{total:,.0f} worker-hours ({people['women']:,.0f} of women, {people['men']:,.0f} of men)"


def _time(hours: float) -> str:
    return f"{hours * _MINUTES_OF_HOUR:.0f} min" if 0.0 < hours < 1.0 else f"{hours:,.1f} h"


def _case_text(rule: Mapping[str, Any]) -> str:
    cases = rule["cases"]
    longest = _time(cases["longest_minutes"] / _MINUTES_OF_HOUR)
    return f"cases: {cases['count']}, the first {cases['first']}, the longest {longest}"


def _example_text(rule: Mapping[str, Any], example: Mapping[str, Any]) -> str:
    return (
        f"{example['what']}: {example['at']}, {example['value']:.6g} {rule['unit']} {rule['compare']} "
        f"{example['limit']:.6g} {rule['unit']}, coverage {100 * example['coverage']:.0f} % "
        f"({rule['instrument']}, {rule['clause']}; {rule['confidence'].replace('_', ' ')})"
    )


def _difference_lines(differences: Iterable[Mapping[str, Any]]) -> list[str]:
    found = ["", "Against the packs in force (now -> with the pack):"]
    for one in differences:
        now, draft = one[NOW], one[DRAFT]
        name = f"{one['hazard']} {one['agent']}".strip()
        word = {"notice": "any limit", "warning": "warning or danger", "danger": "danger"}[one["severity"]]
        if now == draft and not one["zones_that_change"]:
            found.append(laid_out(f"{name}, {word}: no difference ({_time(now['hours'])})", 2, 2))
            continue
        found.append(
            laid_out(
                f"{name}, {word}: zones {now['zones']} -> {draft['zones']}, "
                f"{one['zones_that_change']} change; hours {now['hours']:,.1f} -> {draft['hours']:,.1f}; "
                f"worker-hours {now['worker_hours']:,.0f} -> {draft['worker_hours']:,.0f}; "
                f"cases {now['cases']} -> {draft['cases']}",
                2,
                2,
            )
        )
    return found
