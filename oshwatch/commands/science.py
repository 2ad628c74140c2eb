"""``oshwatch science``: hold cases of your own against the exposure methods."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from osh_domain.exposure import CALCULATION
from oshwatch.science.checking import FileResult, Outcome, check_directory
from oshwatch.science.reading import NOT_CASES, REMARKS, UNDERSTOOD
from oshwatch.science.rows import Difference, Found

app = typer.Typer(no_args_is_help=True, help="Hold cases of your own against the exposure methods.")

Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]


@app.command()
def check(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Directory of CSV files with cases, one file a method.")
    ],
    json_output: Json = False,
    show: Annotated[int, typer.Option("--show", min=0, help="Differences to show of each file.")] = 5,
) -> None:
    """Check every case in DIR against the methods and say where they differ.

    A file is named after its method and has one case a line: an id, the inputs, what should come out, and the
    largest difference that passes. For example DIR/noise_laeq.csv:

    \b
        id,levels_equal_duration_dba,expected_laeq_dba,tolerance_db
        case-1,80;90,87.404,0.005

    A blank expected cell means that there is no such value and the code must refuse. Columns of your own
    remarks may be called source, basis or note. 'oshwatch science list' shows all files and their columns.

    \b
    Exit code 0: every case holds. 1: some do not. 2: the input cannot be used; every mistake is listed with
    file, line and column, and nothing is judged.
    """
    outcome = _watched(directory)
    if json_output:
        typer.echo(json.dumps(_document(directory, outcome), indent=2))
    elif outcome.mistakes:
        for mistake in outcome.mistakes:
            typer.echo(str(mistake), err=True)
        count = len(outcome.mistakes)
        typer.echo(f"{count} {'mistake' if count == 1 else 'mistakes'}; nothing was judged.", err=True)
    else:
        _print(outcome, show)
    raise typer.Exit(outcome.exit_code)


@app.command("list")
def list_files(
    name: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="One file, with or without .csv.")
    ] = None,
    json_output: Json = False,
) -> None:
    """List the files that 'check' understands, with the columns of each."""
    key = None if name is None else name.removesuffix(".csv")
    if key is not None and key not in UNDERSTOOD:
        typer.echo(f"{name}: no method has vectors of this name; known: {', '.join(UNDERSTOOD)}", err=True)
        raise typer.Exit(2)
    chosen = [one for one in UNDERSTOOD.values() if key in (None, one.name)]
    if json_output:
        rows = [
            {
                "file": f"{one.name}.csv",
                "title": one.title,
                "columns": [
                    {"name": column.name, "meaning": column.meaning, "may_be_blank": column.blank}
                    for column in one.columns
                ],
            }
            for one in chosen
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    for one in chosen:
        typer.echo(f"{one.name}.csv: {one.title}")
        typer.echo("    id: name of the case, once in the file")
        for column in one.columns:
            typer.echo(f"    {column.name}: {column.meaning}{' (may be blank)' if column.blank else ''}")
    typer.echo(f"Every file may also have the columns {', '.join(sorted(REMARKS))}.")
    for skipped, what in NOT_CASES.items():
        typer.echo(f"{skipped}.csv is {what}, and is passed over.")


def _watched(directory: Path) -> Outcome:
    if not sys.stderr.isatty():
        return check_directory(directory)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Checking cases", total=None)
        return check_directory(
            directory, told=lambda done, total: progress.update(task, completed=done, total=total)
        )


def _print(outcome: Outcome, show: int) -> None:
    for one in outcome.files:
        typer.echo(f"{'FAILED' if one.failed else 'passed'} {one.file}: {_counts(one)}")
        for difference in one.differences[:show]:
            typer.echo(f"    {_sentence(difference)}")
        if (more := len(one.differences) - show) > 0:
            typer.echo(f"    and {more} more (--show {len(one.differences)} shows all)")
    passed = sum(one.passed for one in outcome.files)
    typer.echo(f"{passed} of {passed + outcome.failed} cases hold (calculation {CALCULATION}).")


def _counts(one: FileResult) -> str:
    return f"{one.passed} of {one.passed + one.failed} cases hold"


def _sentence(one: Difference) -> str:
    allowed = f", tolerance {one.tolerance:g}" if isinstance(one.expected, float) else ""
    why = f" ({one.why})" if one.why else ""
    return (
        f"line {one.line}, {one.row}: {one.column} should be {_shown(one.expected)}, "
        f"found {_shown(one.found)}{allowed}{why}"
    )


def _shown(value: Found) -> str:
    if value is None:
        return "refused"
    return value if isinstance(value, str) else f"{value:.10g}"


def _document(directory: Path, outcome: Outcome) -> dict[str, object]:
    files = [] if outcome.mistakes else outcome.files
    return {
        "directory": str(directory),
        "calculation": CALCULATION,
        "passed": sum(one.passed for one in files),
        "failed": sum(one.failed for one in files),
        "files": [
            {
                "file": one.file,
                "passed": one.passed,
                "failed": one.failed,
                "differences": [difference._asdict() for difference in one.differences],
            }
            for one in files
        ],
        "mistakes": [mistake._asdict() for mistake in outcome.mistakes],
    }
