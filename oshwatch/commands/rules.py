"""``oshwatch rules``: check, test and list rule packs, and explain what a case was judged by."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from alert_rules.pack_format import Mistake, PackError, load_packs, read_pack, shipped
from alert_rules.pack_model import ExposureRule, NamedLimit, OwnLimit, Pack, Rule, WatchRule
from alert_rules.pack_tester import Result, check_pack

app = typer.Typer(no_args_is_help=True, help="Check, test, list and explain the rules that judge.")

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[FILES]", help="Rule packs; the shipped ones if none are named."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]


@app.command()
def check(files: Files = None, json_output: Json = False) -> None:
    """Read rule packs and report every mistake at once (exit code 1)."""
    paths = files or list(shipped())
    mistakes: list[Mistake] = []
    packs: tuple[Pack, ...] = ()
    try:
        packs = load_packs(paths)
    except PackError as error:
        mistakes += error.mistakes
    if json_output:
        typer.echo(
            json.dumps({"files": [str(path) for path in paths], "mistakes": _dicts(mistakes)}, indent=2)
        )
    elif mistakes:
        typer.echo("\n".join(map(str, mistakes)))
    else:
        rules = sum(len(pack.rules) for pack in packs)
        typer.echo(f"{len(packs)} packs, {rules} rules: no mistakes.")
    raise typer.Exit(1 if mistakes else 0)


@app.command("test")
def play_tests(files: Files = None, json_output: Json = False) -> None:
    """Play the tests of rule packs: series in, cases out (exit code 1 when one fails)."""
    results: list[Result] = []
    mistakes: list[Mistake] = []
    for path in files or list(shipped()):
        pack, found = read_pack(path)
        mistakes += found
        if pack is not None and not found:
            played, lacking = check_pack(path, pack)
            results += played
            mistakes += lacking
    failed = [one for one in results if not one.passed]
    if json_output:
        document = {"tests": [one._asdict() for one in results], "mistakes": _dicts(mistakes)}
        typer.echo(json.dumps(document, indent=2))
    else:
        _print_results(results, mistakes)
    raise typer.Exit(1 if failed or mistakes else 0)


@app.command("list")
def list_rules(files: Files = None, json_output: Json = False) -> None:
    """List the rules with their limits, instruments, clauses and how surely we know them."""
    try:
        packs = load_packs(files or None)
    except PackError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    rows = [_row(pack, rule) for pack in packs for rule in pack.rules]
    if json_output:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        typer.echo(f"{row['rule']} ({row['severity']}): {row['title']}")
        typer.echo(f"    {row['judges']}; {row['instrument']}, {row['clause']} ({row['confidence']})")


@app.command()
def explain(
    case: Annotated[int, typer.Argument(help="Number of the case.")],
    data_dir: Annotated[
        Path, typer.Option(envvar="OSHWATCH_DATA_DIR", help="Data directory of the service.")
    ],
    json_output: Json = False,
) -> None:
    """Say what a case was judged by: which numbers, limit, clause and coverage, as frozen at the time."""
    from ingest_service.cases.store import Cases
    from ingest_service.database import DatabaseError, migrate, open_database

    try:
        engine = open_database(data_dir, must_exist=True)
    except DatabaseError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    try:
        migrate(engine)
        cases = Cases(engine)
        found = cases.case(case)
        history = cases.history(case)
    finally:
        engine.dispose()
    if found is None:
        typer.echo(f"There is no case {case} in {data_dir}.", err=True)
        raise typer.Exit(1)
    if json_output:
        document = {**dict(found), "history": [dict(row) for row in history]}
        typer.echo(json.dumps(document, indent=2))
        return
    typer.echo("\n".join(_explanation(dict(found), [dict(row) for row in history])))


def _explanation(case: dict[str, Any], history: list[dict[str, Any]]) -> list[str]:
    event = case["event"]
    zone = ZoneInfo(event["timezone"])

    def clock(t: float) -> str:
        return f"{datetime.fromtimestamp(t, zone):%Y-%m-%d %H:%M:%S} ({event['timezone']})"

    place = ", ".join(name for name in (event.get("zone_name"), event["site_name"]) if name)
    lines = [
        f"Case {case['id']}: {event['title']}",
        f"  where      {place} ({case['zone'] or case['site']})",
        f"  state      {case['state']}, {case['severity']}, since {clock(event['since'])}",
        f"  rule       {case['rule']} of pack {case['pack']}, version {case['pack_version']}",
        *(_silence_lines(event) if event.get("cause") else _number_lines(event)),
        "History:",
    ]
    return lines + [f"  {clock(row['at'])}  {row['kind']}{_by(row)}" for row in history]


def _by(row: dict[str, Any]) -> str:
    who = f" by {row['who']}" if row["who"] else ""
    return who + (f": {row['text']}" if row["text"] else "")


def _silence_lines(event: dict[str, Any]) -> list[str]:
    return [f"  silent     {event['cause']} {event['subject']}: {event['channels']} expected channels"]


def _number_lines(event: dict[str, Any]) -> list[str]:
    limit, unit = event["limit"], event["unit"]
    word = "above" if limit["strict"] else "at or above"
    people = "acclimatised" if event["acclimatised"] else "not acclimatised"
    share, least = 100 * (event.get("coverage") or 0.0), 100 * event["least_coverage"]
    rows = {
        "numbers": f"{event['exposure']} = {event.get('value')!r} {unit}, minute {event['at'] / 60:.0f}",
        "limit": f"{word} {limit['value']!r} {unit}: {limit['label']}",
        "clause": f"{limit['instrument']}, {limit['clause']} ({limit['confidence']})",
        "for whom": f"class of work {event['metabolic_class']}, {people}",
        "coverage": f"{event.get('received')} of {event.get('expected')} ({share:.1f} %), "
        f"needed {least:.0f} %; worst gap {event.get('worst_gap_s')} s",
        "how": f"method {event.get('method')!r}, grade {event.get('grade')}, "
        f"revision {event.get('revision')}, calculation {event.get('calc')}",
        "holds": f"raised after {event['raise_after_min']} min above; clears after "
        f"{event['clear_after_min']} min below {event['clear_below']!r} {unit}",
    }
    return [f"  {name:<10} {text}" for name, text in rows.items()]


def _print_results(results: list[Result], mistakes: list[Mistake]) -> None:
    for one in results:
        if one.passed:
            continue
        typer.echo(f"FAILED {one.file}: {one.name}")
        typer.echo("  expected: " + ("; ".join(one.expected) or "nothing"))
        typer.echo("  happened: " + ("; ".join(one.happened) or "nothing"))
    for mistake in mistakes:
        typer.echo(str(mistake))
    passed = sum(one.passed for one in results)
    typer.echo(f"{passed} of {len(results)} tests passed, {len(mistakes)} mistakes.")


def _row(pack: Pack, rule: Rule) -> dict[str, Any]:
    source = pack.source_of(rule)
    return {
        "pack": pack.pack,
        "version": pack.version,
        "rule": rule.id,
        "title": rule.title,
        "hazard": rule.hazard,
        "severity": rule.severity,
        "judges": _judges(rule),
        "instrument": source.instrument,
        "clause": source.clause,
        "confidence": source.confidence,
    }


def _judges(rule: Rule) -> str:
    if isinstance(rule, WatchRule):
        return f"{rule.watch.what} for {rule.watch.after / 60:g} min"
    if not isinstance(rule, ExposureRule):
        return f"silence of a {rule.silence.cause} for {rule.silence.after / 60:g} min"
    limit = rule.limit
    if isinstance(limit, NamedLimit):
        text = f"{limit.name} ({limit.people})"
    elif isinstance(limit, OwnLimit):
        text = f"{limit.value:g} {limit.unit}"
    else:
        text = ", ".join(f"{value:g} {limit.unit} in class {n}" for n, value in limit.by_class.items())
    return f"{rule.exposure} {rule.compare.replace('_', ' ')} {text} for {rule.raise_.after} min"


def _dicts(mistakes: list[Mistake]) -> list[dict[str, str]]:
    return [one._asdict() for one in mistakes]
