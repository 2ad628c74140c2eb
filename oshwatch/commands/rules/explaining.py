"""``oshwatch rules explain``: what a case was judged by, in words first and in numbers after."""

import json
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer

from oshwatch.commands.rules.shell import Json, clock, laid_out

_MOST_MINUTES: Final = 24
_MINUTES_BESIDE: Final = 3
_UNTIL_FORMAT_2: Final = "not written down at the time (an older case)"
_DOUBTS: Final = {
    "stuck": "reports one value that does not move,",
    "calibration": "has a calibration that has lapsed,",
    "moved": "is not where, or not what, the register says,",
    "clock": "is stamped by a clock that is wrong,",
    "backlog": "keeps readings that wait to be delivered,",
    "disk": "has a disk that is nearly full,",
    "lost": "says that readings are missing,",
    "refused": "sends batches that are refused,",
    "chain": "sent a batch that does not follow from the one before,",
    "clone": "seems to be used by two machines,",
}

Event = dict[str, Any]


class Around(NamedTuple):
    """The minutes of the hold and some beside it, as they are stored today; `note` says what is missing."""

    minutes: list[dict[str, Any]]
    revisions: list[dict[str, Any]]
    note: str


def explain(
    case: Annotated[int, typer.Argument(help="Number of the case.")],
    data_dir: Annotated[
        Path, typer.Option(envvar="OSHWATCH_DATA_DIR", help="Data directory of the service.")
    ],
    json_output: Json = False,
) -> None:
    """Say what a case was judged by: which rule of which layer, numbers, limit, clause, coverage, method.

    What was judged is shown as it was frozen at the time; the minutes around it as they are stored today.
    """
    from ingest_service.cases.store import Cases
    from ingest_service.database import DatabaseError
    from ingest_service.stores import open_database_of
    from oshwatch.administration.shell import settings_at

    try:
        engine = open_database_of(settings_at(data_dir), must_exist=True)
    except DatabaseError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    try:
        cases = Cases(engine)
        found = cases.case(case)
        history = [dict(row) for row in cases.history(case)]
    finally:
        engine.dispose()
    if found is None:
        typer.echo(f"There is no case {case} in {data_dir}. The pages list the cases.", err=True)
        raise typer.Exit(1)
    row = dict(found)
    around = _around(data_dir, row["event"]) if "limit" in row["event"] else Around([], [], "")
    if json_output:
        document = {
            **row,
            "history": history,
            "words": _words(row),
            "method": _method(row["event"]),
            **around._asdict(),
        }
        typer.echo(json.dumps(document, indent=2))
        return
    typer.echo("\n".join(_explanation(row, history, around)))


def _explanation(case: dict[str, Any], history: list[dict[str, Any]], around: Around) -> list[str]:
    event: Event = case["event"]
    timezone = event["timezone"]
    lines = [laid_out(f"Case {case['id']}: {event['title']}"), ""]
    lines += [laid_out(one) for one in _words(case)]
    lines += ["", "As it was frozen at the time:"]
    rows = {
        "rule": f"{case['rule']} of pack {case['pack']}, version {case['pack_version']}",
        **(_number_rows(event) if "limit" in event else _device_rows(event)),
    }
    lines += [laid_out(f"{name:<10} {text}", 2, 11) for name, text in rows.items()]
    lines += _around_lines(around, event)
    lines += ["", f"History ({timezone}):"]
    return lines + [
        laid_out(f"{clock(one['at'], timezone)}  {one['kind']}{_by(one)}", 2, 18) for one in history
    ]


def _words(case: dict[str, Any]) -> list[str]:
    """What happened, why it counts, and how sure it is: sentences."""
    event: Event = case["event"]
    timezone = event["timezone"]
    place = ", ".join(name for name in (event.get("zone_name"), event["site_name"]) if name)
    since = f"{clock(event['since'], timezone)} ({timezone})"
    state = f"It is {case['state'].replace('_', ' ')} now, as a {case['severity']}."
    if "limit" not in event:
        return [f"{place}: {_device(event)} since {since}. {state}"]
    limit, unit = event["limit"], event["unit"]
    held = event["raise_after_min"]
    lasted = f"in every minute for {held} min or longer" if held > 1 else "in one minute already"
    happened = (
        f"{place}: {_in_words(event['exposure'])} was {_beyond(limit)} {limit['value']:.6g} "
        f"{_unit(unit)} {lasted}, from "
        f"{since} to {clock(event['at'], timezone)}. {state}"
    )
    return [happened, *_law_words(event), *_method_words(event)]


def _in_words(kind: str) -> str:
    """What pages call an exposure; its own name where they call it nothing."""
    from ingest_service.web.vocabulary import KINDS

    return KINDS.get(kind, kind)


def _unit(unit: str) -> str:
    from ingest_service.web.vocabulary import UNITS

    return UNITS.get(unit, unit)


def _law_words(event: Event) -> list[str]:
    limit = event["limit"]
    layer = event.get("layer")
    words = [f"The number is that of {limit['instrument']}, {limit['clause']}."]
    if layer is None:
        words.append(f"Which layer decided was {_UNTIL_FORMAT_2}.")
    elif event.get("replaced"):
        words.append(f"A rule of the {layer} layer decided, instead of {_list(event['replaced'])}.")
    else:
        words.append(f"A rule of the {layer} layer decided.")
    if confirmed := event.get("confirmed"):
        words.append(f"{confirmed['by']} confirmed it on {confirmed['on']}: {confirmed['reference']}.")
    found = [" ".join(words)]
    if gap := event.get("gap"):
        note = f" {gap['note']}" if gap.get("note") else ""
        found.append(f"The law of the place does not say: {gap['what']}. This rule stands in for it.{note}")
    return found


def _method_words(event: Event) -> list[str]:
    found = _method(event)
    if found is None:
        return []
    sure = "how uncertain it is depends on the instrument and its calibration"
    if found["uncertainty"] is not None:
        sure = f"uncertain by {found['uncertainty']:g} {_unit(event['unit'])}"
    bias = f"; it can only be too {found['bias']}" if found["bias"] in ("low", "high") else ""
    return [f"It was found by this method: {found['title']} ({sure}{bias})."]


def _method(event: Event) -> dict[str, Any] | None:
    """The method of the value, with the uncertainty frozen at the time where it was."""
    from osh_domain.exposure.methods import method

    tag = event.get("method")
    if not tag:
        return None
    try:
        row = method(tag)
    except ValueError:
        return {"tag": tag, "title": tag, "uncertainty": None, "bias": None, "source": "", "note": ""}
    return {
        "tag": tag,
        "title": row.title,
        "uncertainty": event.get("uncertainty", row.uncertainty),
        "bias": event.get("bias", row.bias),
        "source": row.source,
        "note": row.note,
    }


def _device(event: Event) -> str:
    if event["hazard"] == "device":
        subject = event["subject"] or event["site"]
        return f"{subject} {_DOUBTS.get(event['cause'], 'cannot be believed')}"
    return f"{event['cause']} {event['subject']} is silent, {event['channels']} expected channels,"


def _device_rows(event: Event) -> dict[str, str]:
    if event["hazard"] != "device":
        return {"silent": f"{event['cause']} {event['subject']}: {event['channels']} expected channels"}
    rows = {"doubt": str(event["cause"]), "sensors": _list(event.get("sensors", []))}
    for number, doubt in enumerate(event.get("doubts", []), start=1):
        rows[f"reason {number}"] = ", ".join(f"{name} {value}" for name, value in doubt.items())
    return rows


def _number_rows(event: Event) -> dict[str, str]:
    limit, unit = event["limit"], event["unit"]
    people = "acclimatised" if event["acclimatised"] else "not acclimatised"
    share, least = 100 * (event.get("coverage") or 0.0), 100 * event["least_coverage"]
    layer = event.get("layer", _UNTIL_FORMAT_2)
    return {
        "layer": layer + (f", instead of {_list(event['replaced'])}" if event.get("replaced") else ""),
        "numbers": f"{event['exposure']} = {event.get('value')!r} {unit}, minute {event['at'] / 60:.0f}",
        "limit": f"{_beyond(limit)} {limit['value']!r} {unit}: {limit['label']}",
        "clause": f"{limit['instrument']}, {limit['clause']} ({limit['confidence'].replace('_', ' ')})",
        "for whom": f"class of work {event['metabolic_class']}, {people}",
        "coverage": f"{event.get('received')} of {event.get('expected')} ({share:.1f} %), "
        f"needed {least:.0f} %; worst gap {event.get('worst_gap_s')} s",
        "how": f"method {event.get('method')!r}, grade {event.get('grade')}, "
        f"revision {event.get('revision')}, calculation {event.get('calc')}",
        "holds": f"raised after {event['raise_after_min']} min {_beyond(limit)}; clears after "
        f"{event['clear_after_min']} min on the safe side of {event['clear_below']!r} {unit}",
    }


def _around(data_dir: Path, event: Event) -> Around:
    """What the series still has of the hold."""
    from ingest_service.series.port import SeriesError
    from ingest_service.series.sqlite import FILE_NAME
    from ingest_service.stores import open_series_of
    from oshwatch.administration.shell import settings_at

    settings = settings_at(data_dir)
    if settings.influx_url is None and not (data_dir / FILE_NAME).exists():
        return Around([], [], "there is no series store in this data directory")
    first, last = round(event["since"] / 60) + 1, round(event["at"] / 60)
    first, last = first - _MINUTES_BESIDE, last + _MINUTES_BESIDE
    try:
        series = open_series_of(settings, read_only=True)
    except SeriesError as error:
        return Around([], [], str(error))
    try:
        rows = series.exposures(event["zone"], event["exposure"], first, last)
        revised = series.revisions(event["zone"], event["exposure"], first, last)
        kept_from = series.kept_from("exposures", event["zone"])
    finally:
        series.close()
    note = ""
    if kept_from > first:
        note = f"minutes before {clock(60.0 * kept_from, event['timezone'])} are not kept any more"
    elif not rows:
        note = "none of its minutes is stored"
    names = ("minute", "value", "coverage", "received", "expected", "grade", "method", "revision")
    minutes = [{name: getattr(row, name) for name in names} for row in rows]
    return Around(minutes, [one._asdict() for one in revised], note)


def _around_lines(around: Around, event: Event) -> list[str]:
    if not around.minutes and not around.note:
        return []
    lines = ["", f"The minutes around it, as they are stored today ({event['timezone']}):"]
    shown = around.minutes
    left_out = len(shown) - _MOST_MINUTES
    for number, row in enumerate(shown):
        if left_out > 0 and _MOST_MINUTES // 2 <= number < len(shown) - _MOST_MINUTES // 2:
            if number == _MOST_MINUTES // 2:
                lines.append(f"  ... {left_out} more minutes; --json has them all")
            continue
        lines.append(_minute_line(row, event))
    if around.note:
        lines.append(laid_out(f"{around.note}.", 2, 2))
    for one in around.revisions[-5:]:
        change = f"{_number(one['old'])} became {_number(one['new'])}"
        when = clock(one["at"], event["timezone"])
        minute = clock(60.0 * one["minute"], event["timezone"])
        lines.append(
            laid_out(f"revised {when}: minute {minute}, {change} ({one['cause'].replace('_', ' ')})", 2, 2)
        )
    if len(around.revisions) > 5:
        lines.append(f"  {len(around.revisions) - 5} earlier revisions; --json has them all")
    return lines


def _minute_line(row: dict[str, Any], event: Event) -> str:
    from osh_domain.quality import Grade

    at = 60.0 * row["minute"]
    mark = ">" if round(event["since"] / 60) < row["minute"] <= round(event["at"] / 60) else " "
    value = _number(row["value"])
    revision = f"  revision {row['revision']}" if row["revision"] else ""
    return (
        f"  {mark} {clock(at, event['timezone'])}  {value:>12} {event['unit']:<6} "
        f"{100 * row['coverage']:5.1f} %  grade {Grade(row['grade']).name}{revision}"
    )


def _number(value: float | None) -> str:
    return "cannot tell" if value is None else f"{value:.6g}"


def _beyond(limit: dict[str, Any]) -> str:
    side = "below" if limit.get("below") else "above"
    return side if limit["strict"] else f"at or {side}"


def _list(names: list[str]) -> str:
    return ", ".join(names)


def _by(row: dict[str, Any]) -> str:
    who = f" by {row['who']}" if row["who"] else ""
    rule = row["data"].get("title")
    return who + (f": {row['text']}" if row["text"] else "") + (f" ({rule})" if rule else "")
