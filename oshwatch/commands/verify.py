"""``oshwatch verify``: check an evidence bundle offline, with nothing but the bundle."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from osh_domain.evidence.archive import ArchiveError
from oshwatch.verify.checking import Checker, NotABundleError
from oshwatch.verify.findings import Level, Report

MOST_SHOWN = 20
BAR_FROM_BYTES = 20_000_000


def command(
    file: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle, a .tar file.")],
    server_key: Annotated[
        str | None,
        typer.Option(help="Name (16 hex digits) of the server's key as published; another one is refused."),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit code 1 also when something is missing, unsigned or doubtful."),
    ] = False,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")] = False,
) -> None:
    """Check an evidence bundle, offline: is it unchanged, complete, signed, and how sure are its times.

    Needs no service, no network and no account. Exit code 0: nothing was changed; 1: something is broken;
    2: this is no bundle, or it is damaged beyond reading.
    """
    try:
        with file.open("rb") as source:
            report = _check(source, file.stat().st_size, quiet=json_output)
    except OSError as error:
        _refuse(f"{file} cannot be read ({error.strerror}). Check its name.")
    except (ArchiveError, NotABundleError) as error:
        _refuse(f"{file}: {error}. Ask for the bundle again; a copy may have been damaged on its way.")
    if server_key is not None and server_key not in (report.server_key, *report.earlier_server_keys):
        report.note(Level.BROKEN, "keys/server.pem", f"it is key {report.server_key}, not {server_key}")
    if json_output:
        typer.echo(json.dumps({**asdict(report), "verdict": report.verdict}, indent=2))
    else:
        typer.echo("\n".join(_plain(line) for line in _lines(file, report)))
    lacking = strict and any(report.of(one) for one in (Level.REVOKED, Level.MISSING, Level.UNSIGNED))
    raise typer.Exit(1 if report.broken or lacking else 0)


def _check(source: BinaryIO, size: int, *, quiet: bool) -> Report:
    from ingest_service.auth.server_key import verify_ed25519

    if quiet or size < BAR_FROM_BYTES:
        return Checker(source, verify_ed25519).check()
    from rich.progress import Progress

    with Progress(transient=True) as progress:
        task = progress.add_task("Reading", total=size)
        checker = Checker(source, verify_ed25519, lambda at: progress.update(task, completed=at))
        progress.update(task, description="Checking", total=None)
        return checker.check()


def _refuse(sentence: str) -> None:
    typer.echo(_plain(sentence), err=True)
    raise typer.Exit(2)


def _lines(file: Path, report: Report) -> list[str]:
    lines = [
        f"{file.name}: {report.site}, {_time(report.start)} to {_time(report.end)} UTC",
        f"  made          {_time(report.made_at)} UTC",
        f"  batches       {report.batches:,}, of them {report.signed:,} with a good signature",
        f"  missing       {report.missing_numbers:,} numbers",
        f"  chains        {report.chain_breaks:,} breaks, {report.bad_signatures:,} bad signatures",
        f"  ledger        {report.rows:,} rows, published days: {report.days}",
        f"  keys          {report.keys:,} of gateways",
        "                whose they are and which were ended says the service alone: compare with what",
        "                each gateway shows (oshwatch agent key) and with bundles that were kept before",
        f"  clocks        {_counts(report.clocks)}",
        f"  clock hours   {_counts(report.clock_hours)} (of single gateways, by the worst clock in each)",
        f"  calibrations  {_calibrations(report)}",
        *(f"    {channel}: {_counts(states)} readings" for channel, states in _shown(report)),
        *(f"  server key    follows {kid}" for kid in report.earlier_server_keys),
        f"  server key    {report.server_key} (compare it with the published one: nothing in here proves it)",
    ]
    for level in Level:
        found = report.of(level)
        if found:
            lines.append(f"{level.value.upper()}: {len(found):,}")
            lines += [f"  {one.where}: {one.what}" for one in found[:MOST_SHOWN]]
            if len(found) > MOST_SHOWN:
                lines.append(f"  and {len(found) - MOST_SHOWN:,} more; --json has all")
    return [*lines, report.verdict]


def _plain(text: str) -> str:
    """Without what would move a terminal's cursor: a bundle is not a friend's."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counted.items())) or "none said"


def _calibrations(report: Report) -> str:
    states = report.calibration_states
    valid = sum(set(one) == {"valid"} for one in states.values())
    overdue = sum("overdue" in one for one in states.values())
    return f"in date for {valid} of {len(states)} channels, overdue in {overdue}, else not known"


def _shown(report: Report) -> list[tuple[str, dict[str, int]]]:
    """The channels that lack something."""
    return [one for one in report.calibration_states.items() if set(one[1]) != {"valid"}][:MOST_SHOWN]


def _time(t: float) -> str:
    return f"{datetime.fromtimestamp(t, UTC):%Y-%m-%d %H:%M}"
