"""``oshwatch rules list``: which rule of which layer holds, what is shown only, and the gaps of the law."""

import json
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oshwatch.commands.rules.shell import Files, Json, PacksDir, files_of, in_force, laid_out, refuse

if TYPE_CHECKING:
    from alert_rules.layers import Effective, Place, PlacedGap
    from alert_rules.pack_limits import NamedLimit
    from alert_rules.pack_model import ExposureRule, Pack, Rule


def list_rules(
    files: Files = None,
    country: Annotated[str, typer.Option(help="Country, as the register writes it (kh).")] = "",
    sector: Annotated[str, typer.Option(help="Sector, as the register writes it (garment).")] = "",
    site: Annotated[
        str, typer.Option(help="Factory; with a data directory its country and sector are known.")
    ] = "",
    on: Annotated[
        str | None, typer.Option("--date", help="Day, as 2026-03-01; today if a place is named.")
    ] = None,
    hazard: Annotated[str | None, typer.Option(help="Only this: heat, noise, air, silence, device.")] = None,
    packs_dir: PacksDir = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(envvar="OSHWATCH_DATA_DIR", show_default=False, help="Data directory of the service."),
    ] = None,
    json_output: Json = False,
) -> None:
    """List the rules with their limits, instruments, clauses and how surely we know them.

    With a country, a sector or a factory: which rule of which layer judges there, which are shown only and
    why, what they replace, and what the law does not say, with what judges instead.
    """
    packs = _packs(files, packs_dir)
    day = _day(on)
    _known_hazard(hazard)
    if not (country or sector or site or on):
        _print_all(packs, hazard, json_output=json_output)
        return
    place = _place(country.lower(), sector, site, data_dir, packs)
    _print_place(packs, place, day or datetime.now(UTC).date(), hazard, json_output=json_output)


def _packs(files: list[Path] | None, packs_dir: Path | None) -> "tuple[Pack, ...]":
    from alert_rules.pack_format import PackError, load_packs

    if not files:
        return in_force(packs_dir)
    try:
        return load_packs(files_of(files, None), packs_dir=packs_dir)
    except PackError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise refuse(f"{text!r} is no date; write it like 2026-03-01.") from None


def _known_hazard(hazard: str | None) -> None:
    from typing import get_args

    from alert_rules.pack_model import Hazard

    if hazard is not None and hazard not in get_args(Hazard):
        near = get_close_matches(hazard, get_args(Hazard), n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(get_args(Hazard))}."
        raise refuse(f"there is no hazard {hazard!r}. {hint}")


def _place(country: str, sector: str, site: str, data_dir: Path | None, packs: "tuple[Pack, ...]") -> "Place":
    from alert_rules.layers import Place

    if country and not (len(country) == 2 and country.isalpha()):
        known = sorted({pack.country for pack in packs if pack.country})
        raise refuse(f"{country!r} is no country; write two letters. There are packs of {', '.join(known)}.")
    if not site or data_dir is None:
        return Place(country, sector, site)
    from oshwatch.administration.shell import opened

    with opened(data_dir) as (register, folder):
        snapshot = register.snapshot()
        found = snapshot.site(site)
        if found is None:
            near = get_close_matches(site, [one.id for one in snapshot.sites], n=3)
            hint = f"Did you mean {', '.join(near)}?" if near else "See `oshwatch admin site list`."
            raise refuse(f"there is no factory {site!r} in {folder}. {hint}")
    return Place(country or found.country, sector or found.sector, site)


def _print_all(packs: "tuple[Pack, ...]", hazard: str | None, *, json_output: bool) -> None:
    rows = [row_of(pack, rule) for pack in packs for rule in pack.rules if hazard in {None, rule.hazard}]
    if json_output:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        typer.echo(_head(row))
        typer.echo(laid_out(_body(row), 4, 2))


def _print_place(
    packs: "tuple[Pack, ...]", place: "Place", day: date, hazard: str | None, *, json_output: bool
) -> None:
    from alert_rules.layers import effective, gaps_of

    found = [one for one in effective(packs, place, day) if hazard in {None, one.rule.hazard}]
    gaps = [one for one in gaps_of(packs, place, day) if hazard in {None, one.gap.hazard}]
    rows = [_placed_row(one) for one in found]
    if json_output:
        document = {
            "place": {"country": place.country, "sector": place.sector, "site": place.site},
            "date": day.isoformat(),
            "rules": rows,
            "gaps": [_gap_row(one) for one in gaps],
        }
        typer.echo(json.dumps(document, indent=2))
        return
    typer.echo("\n".join([*_place_lines(packs, place, day, rows), *_gap_lines(gaps)]))


def _place_lines(
    packs: "tuple[Pack, ...]", place: "Place", day: date, rows: list[dict[str, Any]]
) -> list[str]:
    words = [
        f"{name} {value}"
        for name, value in (("country", place.country), ("sector", place.sector), ("factory", place.site))
        if value
    ]
    judged = [row for row in rows if row["judged"]]
    shown = [row for row in rows if not row["judged"]]
    where = ", ".join(words) or "without a country"
    lines = [laid_out(f"Rules on {day} for {where}: {len(judged)} judge, {len(shown)} are shown only.")]
    if place.country and not any(pack.country == place.country for pack in packs):
        lines.append(laid_out(f"No pack speaks of the law of {place.country}: international values judge."))
    layer = ""
    for row in judged:
        if row["layer"] != layer:
            layer = row["layer"]
            lines += ["", f"Judged, {layer}:"]
        lines += [_head(row, 2), laid_out(_body(row), 6, 2)]
        if row["replaced"]:
            lines.append(laid_out(f"takes the place of {', '.join(row['replaced'])}", 6, 2))
    if shown:
        lines += ["", "Shown, not judged:"]
    for row in shown:
        lines += [_head(row, 2), laid_out(_body(row), 6, 2), laid_out(f"why: {row['why']}", 6, 2)]
    return lines


def _gap_lines(gaps: "list[PlacedGap]") -> list[str]:
    if not gaps:
        return []
    lines = ["", "What the law does not say, or nobody could confirm:"]
    for row in map(_gap_row, gaps):
        lines.append(laid_out(f"{row['hazard']}: {row['what']}", 2, 2))
        lines.append(laid_out(f"judged instead by {row['falls_back_to']}. {row['note']}", 6, 2))
    return lines


def _head(row: dict[str, Any], indent: int = 0) -> str:
    return laid_out(f"{row['rule']} ({row['severity']}): {row['title']}", indent, 2)


def _body(row: dict[str, Any]) -> str:
    confidence = row["confidence"].replace("_", " ")
    return f"{row['judges']}; {row['instrument']}, {row['clause']} ({confidence})"


def row_of(pack: "Pack", rule: "Rule") -> dict[str, Any]:
    """A rule as a row of the list, wherever it holds."""
    source = pack.source_of(rule)
    return {
        "pack": pack.pack,
        "version": pack.version,
        "layer": pack.layer,
        "country": pack.country,
        "sector": pack.sector,
        "site": pack.site,
        "optional": pack.optional,
        "valid_from": pack.valid_from.isoformat(),
        "valid_to": pack.valid_to.isoformat() if pack.valid_to else None,
        "rule": rule.id,
        "title": rule.title,
        "hazard": rule.hazard,
        "severity": rule.severity,
        "judges": _judges(rule),
        "replaces": rule.replaces,
        "instrument": source.instrument,
        "clause": source.clause,
        "confidence": source.confidence,
    }


def _placed_row(one: "Effective") -> dict[str, Any]:
    confirmation = one.confirmation
    return {
        **row_of(one.pack, one.rule),
        "judged": one.judged,
        "why": one.why,
        "replaced": list(one.replaced),
        "confirmed": None if confirmation is None else confirmation.model_dump(mode="json"),
    }


def _gap_row(one: "PlacedGap") -> dict[str, Any]:
    source = one.gap.source or one.pack.source
    return {
        "pack": one.pack.pack,
        "layer": one.layer,
        "hazard": one.gap.hazard,
        "what": one.gap.what,
        "falls_back_to": one.gap.falls_back_to,
        "note": one.gap.note,
        "instrument": source.instrument,
        "clause": source.clause,
        "confidence": source.confidence,
    }


def _judges(rule: "Rule") -> str:
    from alert_rules.pack_model import SilenceRule, WatchRule

    if isinstance(rule, WatchRule):
        return f"{rule.watch.what} for {rule.watch.after / 60:g} min"
    if isinstance(rule, SilenceRule):
        return f"silence of a {rule.silence.cause} for {rule.silence.after / 60:g} min"
    return f"{rule.exposure} {rule.compare.replace('_', ' ')} {_limit(rule)} for {rule.raise_.after} min"


def _named(named: "NamedLimit") -> str:
    """The name of a limit with its number, or whose it is where the class of work decides."""
    from osh_domain.limits import limit

    ends = [limit(named.name, metabolic_class=number, acclimatised=True) for number in (0, 4)]
    if ends[0].value == ends[1].value:
        return f"{named.name}, {ends[0].value:.6g} {ends[0].unit},"
    whose = {"zone": "the zone's people"}.get(named.people, f"people {named.people.replace('_', ' ')}")
    return f"{named.name} by class of work, for {whose},"


def _limit(rule: "ExposureRule") -> str:
    from alert_rules.pack_limits import NamedLimit, OwnLimit

    limit = rule.limit
    if isinstance(limit, NamedLimit):
        return _named(limit)
    if isinstance(limit, OwnLimit):
        return f"{limit.value:g} {limit.unit}"
    return ", ".join(f"{value:g} {limit.unit} in class {n}" for n, value in limit.by_class.items())
