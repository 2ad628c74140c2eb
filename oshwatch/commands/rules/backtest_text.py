"""The document of a backtest as text of 80 columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from ingest_service.backtesting import DRAFT, NOW
from oshwatch.commands.rules.shell import laid_out

_MINUTES_OF_HOUR: Final = 60.0


def lines(told: Mapping[str, Any]) -> list[str]:
    """The document as text."""
    packs = ", ".join(f"{one['pack']} {one['version']}" for one in told["packs"])
    zones = told["zones"]
    found = [
        laid_out(f"Backtest of {packs}, {told['from']} to {told['to']}"),
        laid_out(f"Zones: {len(zones)}, factories: {told['factories']}. {told['assumed']}"),
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
        f"{example['limit']:.6g} {rule['unit']}, coverage {100 * example['coverage']:.0f} %, "
        f"grade {example['grade'] or '?'}, by {example['method'] or '?'} "
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
