"""``oshwatch rules backtest``: what rule packs would have said over stored history."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from oshwatch.commands.rules.shell import Json, PacksDir, in_force, refuse

if TYPE_CHECKING:
    from alert_rules.pack_model import Pack
    from ingest_service.backtesting import Question, ZoneAnswer
    from ingest_service.register.entries import Zone
    from ingest_service.register.snapshot import RegisterSnapshot

_LAST_YEAR: Final = 2200


def backtest(
    packs: Annotated[
        list[str],
        typer.Argument(metavar="PACK...", help="A rule pack: its file (a draft), or the name of one."),
    ],
    data_dir: Annotated[
        Path, typer.Option(envvar="OSHWATCH_DATA_DIR", help="Data directory of the service.")
    ],
    first: Annotated[str, typer.Option("--from", help="First day, as 2026-01-01, in each factory's time.")],
    last: Annotated[str, typer.Option("--to", help="Last day, included.")],
    site: Annotated[list[str] | None, typer.Option(help="Only this factory; may be repeated.")] = None,
    zone: Annotated[
        list[str] | None, typer.Option(help="Only this zone (SITE/ZONE); may be repeated.")
    ] = None,
    at_any_time: Annotated[
        bool, typer.Option("--at-any-time", help="Judge also outside the dates that the pack is written for.")
    ] = False,
    packs_dir: PacksDir = None,
    json_output: Json = False,
) -> None:
    """Replay stored exposures under a rule pack, and compare with the packs in force.

    Respects shifts, layers, what zones were at the time, dates, coverage, estimates and holds, and says what
    it cannot tell. Judged as if every reading had come in time, with the values that are stored today; what
    nobody confirmed in the pack is judged as if it were confirmed. Silence is not replayed.
    """
    from alert_rules.backtest_packs import with_drafts
    from ingest_service.backtesting import Question
    from oshwatch.commands.rules.backtest_report import document
    from oshwatch.commands.rules.backtest_text import lines

    days = _day("--from", first), _day("--to", last)
    if days[1] < days[0]:
        raise refuse(f"--from {first} is after --to {last}; turn them round.")
    current = in_force(packs_dir)
    drafts = _drafts(packs, current, packs_dir)
    asked = frozenset(pack.pack for pack in drafts)
    question = Question(
        current, with_drafts(current, drafts, at_any_time=at_any_time), asked, days[0], days[1]
    )
    answers = _answers(question, data_dir, site or [], zone or [])
    told = document(question, drafts, answers)
    typer.echo(json.dumps(told, indent=2) if json_output else "\n".join(lines(told)))


def _day(option: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise refuse(f"{option} {text!r} is no date; write it like 2026-03-01.") from None
    if not 1970 <= day.year <= _LAST_YEAR:
        raise refuse(f"{option} {text} lies outside the years 1970 to {_LAST_YEAR}; check the year.")
    return day


def _drafts(names: list[str], current: "tuple[Pack, ...]", packs_dir: Path | None) -> "list[Pack]":
    """Files are read, with every mistake in all of them; anything else names a pack."""
    found = _read([Path(name) for name in names if _is_file(name)], packs_dir)
    for name in names:
        if _is_file(name):
            continue
        named = [pack for pack in current if pack.pack == name]
        if not named:
            near = get_close_matches(name, [pack.pack for pack in current], n=3)
            hint = f"Did you mean {', '.join(near)}?" if near else "`oshwatch rules list` has their names."
            raise refuse(f"there is no rule pack {name!r}, and no file of that name. {hint}")
        found += named
    return found


def _read(files: list[Path], packs_dir: Path | None) -> "list[Pack]":
    """The drafts in files, checked beside the installation's packs that they do not take the place of."""
    from alert_rules.pack_format import PackError, load_packs, packs_in, read_pack

    if not files:
        return []
    named = {pack.pack for path in files if (pack := read_pack(path)[0]) is not None}
    beside = [
        path
        for path in (packs_in(packs_dir) if packs_dir is not None else ())
        if (pack := read_pack(path)[0]) is None or pack.pack not in named
    ]
    try:
        return [pack for pack in load_packs([*files, *beside]) if pack.pack in named]
    except PackError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def _is_file(name: str) -> bool:
    return name.endswith((".yaml", ".yml")) or "/" in name


def _answers(question: "Question", data_dir: Path, sites: list[str], zones: list[str]) -> "list[ZoneAnswer]":
    import time
    from contextlib import ExitStack, closing

    from ingest_service.backtesting import Backtest
    from ingest_service.series.columns import ColumnsOfRows, ExposureColumns
    from ingest_service.series.port import SeriesError
    from ingest_service.series.sqlite import FILE_NAME
    from ingest_service.stores import open_series_of
    from oshwatch.administration.shell import opened, settings_at

    with opened(data_dir) as (register, folder):
        snapshot = register.snapshot()
    chosen = _zones(snapshot, folder, sites, zones)
    settings = settings_at(data_dir)
    in_file = settings.influx_url is None
    if in_file:
        _check_store(folder / FILE_NAME)
    try:
        with ExitStack() as owned:
            series = owned.enter_context(closing(open_series_of(settings, read_only=True)))
            columns = (
                owned.enter_context(closing(ExposureColumns(folder / FILE_NAME)))
                if in_file
                else ColumnsOfRows(series)
            )
            tell = owned.enter_context(_bar())
            newest = [row.minute for row in series.latest_exposures(one.id for one in chosen)]
            if not newest:
                raise refuse(
                    f"no exposure of these zones is stored in {folder}: nothing was measured yet, or the "
                    "projector has not run. Start `oshwatch serve`, or name other zones."
                )
            # Simulated time may run ahead of this machine's clock.
            now = max(time.time(), 60.0 * max(newest))
            found = list(Backtest(snapshot, series, columns, now).run(question, chosen, tell))
    except SeriesError as error:
        raise refuse(str(error)) from None
    if not found:
        raise refuse(f"{question.first} is still to come; name days that have been.")
    if not any(answer.rules for answer in found):
        raise refuse(_nowhere(question, found))
    return found


def _nowhere(question: "Question", found: "list[ZoneAnswer]") -> str:
    names = ", ".join(sorted(question.asked))
    countries = ", ".join(sorted({answer.site.country for answer in found}))
    packs = [pack for pack in question.draft if pack.pack in question.asked]
    if not any(pack.rules for pack in packs):
        return f"{names} has no rules, only gaps of the law; there is nothing to replay."
    dates = ", ".join(f"{pack.valid_from} to {pack.valid_to or 'further notice'}" for pack in packs)
    return (
        f"no rule of {names} that judges exposures holds in these factories ({countries}) on these days: it "
        f"is for another place, or other dates ({dates}). --at-any-time judges whatever the dates."
    )


def _zones(snapshot: "RegisterSnapshot", folder: Path, sites: list[str], zones: list[str]) -> "list[Zone]":
    """The zones asked for, all if none are; every unknown name is said."""
    unknown = [name for name in sites if snapshot.site(name) is None]
    if unknown:
        near = get_close_matches(unknown[0], [one.id for one in snapshot.sites], n=3)
        hint = f"Did you mean {', '.join(near)}?" if near else "See `oshwatch admin site list`."
        raise refuse(f"there is no factory {', '.join(unknown)} in {folder}. {hint}")
    unknown = [name for name in zones if snapshot.zone(name) is None]
    if unknown:
        near = get_close_matches(unknown[0], [one.id for one in snapshot.zones], n=3)
        hint = f"Did you mean {', '.join(near)}?" if near else "A zone is named SITE/ZONE."
        raise refuse(f"there is no zone {', '.join(unknown)} in {folder}. {hint}")
    chosen = [
        one for one in snapshot.zones if (not sites or one.site in sites) and (not zones or one.id in zones)
    ]
    if not chosen:
        raise refuse("these factories have no zone of that name; a zone is named SITE/ZONE.")
    return chosen


def _check_store(path: Path) -> None:
    from ingest_service.series.connections import is_older

    if not path.exists():
        raise refuse(f"there is no series store {path}; run `oshwatch serve` until readings have come in.")
    if is_older(path):
        raise refuse(f"{path} was written by an older program; start `oshwatch serve`, which fills it again.")


@contextmanager
def _bar() -> "Iterator[Callable[[int, int], None]]":
    """A progress bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    with Progress(
        TextColumn("replaying"),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)
