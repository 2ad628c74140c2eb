"""``oshwatch admin quarantine``: what was refused, and taking it in when the cause was mended."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oshwatch.administration.shell import AsJson, DataDir, answer, fail, settings_at, shown, who

if TYPE_CHECKING:
    from ingest_service.intake import Intake
    from ingest_service.ledger.port import Ledger
    from ingest_service.quarantine_bulk import Counted, Progress, Replayed, Wanted
    from ingest_service.resending import Answer
    from ingest_service.settings import Settings

app = typer.Typer(
    help="What was refused: look, note, take in after the cause was mended.", no_args_is_help=True
)

Gateway = Annotated[str | None, typer.Option(help="Only of this gateway.", show_default=False)]
Code = Annotated[
    str | None, typer.Option(help="Only refused for this: sig, key, senml, ...", show_default=False)
]
Since = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="First received from then on (UTC)."),
]
Until = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="First received before then (UTC)."),
]
Numbers = Annotated[list[int] | None, typer.Argument(help="Numbers of entries; or use the filters.")]
Everything = Annotated[bool, typer.Option("--everything", help="All that nobody settled yet.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count.")]
Why = Annotated[str, typer.Option(help="What was mended, or why; written beside each entry.")]


@app.command("list")
def list_entries(
    gateway: Gateway = None,
    code: Code = None,
    since: Since = None,
    until: Until = None,
    settled: Annotated[bool, typer.Option("--settled", help="Also what was replayed or closed.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List entries, newest first."""
    from ingest_service.quarantine_bulk import find

    with _opened(data_dir) as (ledger, _, _):
        wanted = _wanted(None, gateway, code, since, until)
        if settled:
            found = ledger.quarantine(gateway=gateway, code=code, limit=limit)
        else:
            found = find(ledger, wanted)[::-1]
        shown_ = found[:limit]
        lines = [
            f"{one.id:>6}  {shown(one.received_at)}  {one.gateway or '-':<20} {one.code:<9} "
            f"{'settled ' if one.settled else ''}{one.detail}"
            for one in shown_
        ]
        if len(found) > len(shown_):
            lines.append(f"and {len(found) - len(shown_):,} more; --limit shows them")
        answer([one._asdict() for one in shown_], as_json, lines or ["Nothing here waits for anybody."])


@app.command()
def show(
    number: Annotated[int, typer.Argument(help="Number of the entry.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show one entry with its bytes and what was done about it."""
    from ingest_service.quarantine import Quarantine

    with _opened(data_dir) as (ledger, intake, _):
        found = Quarantine(ledger, intake).inspect(number)
        entry = found.entry
        facts = {
            **entry._asdict(),
            "shown": found.shown,
            "replayable": found.replayable,
            "events": [one._asdict() for one in found.events],
        }
        lines = [
            f"Entry {entry.id}: {entry.code}: {entry.detail}",
            f"received  {shown(entry.received_at)} UTC from {entry.gateway or 'nobody known'}",
            f"came by   {entry.source}, topic {entry.topic or '-'}, {entry.times} times",
            f"payload   {entry.size:,} bytes, SHA-256 {entry.payload_hash}",
            f"batch     {entry.seq or '-'} of epoch {entry.epoch or '-'}",
            *(f"{shown(one.at)}  {one.who}: {one.action}: {one.text}" for one in found.events),
            found.shown + ("\n(cut)" if found.cut else ""),
        ]
        answer(facts, as_json, lines)


@app.command()
def replay(
    why: Why,
    numbers: Numbers = None,
    gateway: Gateway = None,
    code: Code = None,
    since: Since = None,
    until: Until = None,
    everything: Everything = False,
    dry_run: DryRun = False,
    resend: Annotated[
        bool, typer.Option(help="Ask the gateways to send it again: only then they hold it no more.")
    ] = True,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Send what was refused through every check again, after the cause was mended.

    Its bytes are never changed; each entry gets an event with your name and reason. The service may run.
    Exit code 1 when something is refused still, or a gateway could not be asked: give the numbers once more
    when it is connected.
    """
    from ingest_service.clock import clock_from
    from ingest_service.quarantine_bulk import count, find
    from ingest_service.quarantine_bulk import replay as replay_all

    with _opened(data_dir) as (ledger, intake, settings):
        wanted = _wanted(numbers, gateway, code, since, until)
        _narrow_enough(wanted, everything=everything)
        entries = find(ledger, wanted)
        if dry_run:
            counted = count(entries)
            answer(counted._asdict(), as_json, _counted(counted))
            return
        with _bar(as_json) as progress:
            done = replay_all(
                ledger, intake, entries, who=who(), why=why, now=clock_from(settings).now, progress=progress
            )
        answers = _resent(settings, done) if resend and done.holes else []
        lines = _done(done, answers)
        facts = {
            "taken": done.taken,
            "ordered": done.ordered,
            "known_already": done.known_already,
            "refused": done.refused,
            "holes": [one._asdict() for one in done.holes],
            "resent": [{"gateway": a.hole.gateway, "batches": a.batches, "error": a.error} for a in answers],
        }
        answer(facts, as_json, lines)
    if done.refused or any(one.error for one in answers):
        raise typer.Exit(1)


@app.command()
def note(
    text: Annotated[str, typer.Option(help="What is written beside each entry.")],
    numbers: Numbers = None,
    gateway: Gateway = None,
    code: Code = None,
    since: Since = None,
    until: Until = None,
    everything: Everything = False,
    close: Annotated[
        bool, typer.Option("--close", help="Also settle them: nothing more is to be done, for this reason.")
    ] = False,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write the same note beside entries; with --close settle them. Nothing is ever deleted."""
    from ingest_service.clock import clock_from
    from ingest_service.quarantine_bulk import annotate, count, find

    with _opened(data_dir) as (ledger, _, settings):
        wanted = _wanted(numbers, gateway, code, since, until)
        _narrow_enough(wanted, everything=everything)
        entries = find(ledger, wanted)
        if dry_run:
            answer(count(entries)._asdict(), as_json, _counted(count(entries)))
            return
        with _bar(as_json) as progress:
            done = annotate(
                ledger, entries, "close" if close else "note", who=who(), text=text,
                now=clock_from(settings).now(), progress=progress,
            )  # fmt: skip
        word = "settled" if close else "noted"
        answer({word: done}, as_json, [f"{done:,} entries {word}."])


def _wanted(
    numbers: list[int] | None,
    gateway: str | None,
    code: str | None,
    since: datetime | None,
    until: datetime | None,
) -> "Wanted":
    from ingest_service.quarantine_bulk import Wanted

    return Wanted(
        gateway=gateway,
        code=code,
        since=since.replace(tzinfo=UTC).timestamp() if since else None,
        until=until.replace(tzinfo=UTC).timestamp() if until else None,
        numbers=frozenset(numbers or ()),
    )


def _narrow_enough(wanted: "Wanted", *, everything: bool) -> None:
    if not wanted.narrow() and not everything:
        raise fail("say which: numbers, --gateway, --code, --since, --until; or --everything")


@contextmanager
def _opened(data_dir: Path | None) -> "Iterator[tuple[Ledger, Intake, Settings]]":
    """Ledger and intake of the installation; what can go wrong ends with a sentence."""
    from ingest_service.database import DatabaseError
    from ingest_service.intake import Intake
    from ingest_service.intake_desk import IntakeDesk
    from ingest_service.ledger.port import LedgerError
    from ingest_service.quarantine import QuarantineError
    from ingest_service.register.store import Register
    from ingest_service.stores import open_database_of, open_ledger_of

    settings = settings_at(data_dir)
    try:
        engine = open_database_of(settings, must_exist=True)
        ledger = open_ledger_of(settings)
        try:
            register = Register(engine)
            # With its desk, so that a key which a batch introduces is registered as if it came from outside.
            desk = IntakeDesk(register)
            intake = Intake(ledger, register.snapshot, max_payload=settings.max_payload, desk=desk)
            yield ledger, intake, settings
        finally:
            ledger.close()
            engine.dispose()
    except KeyError as error:
        raise fail(f"there is no entry {error.args[0]} in the quarantine") from None
    except (DatabaseError, LedgerError, QuarantineError) as error:
        raise fail(str(error)) from None


def _resent(settings: "Settings", done: "Replayed") -> "list[Answer]":
    from ingest_service.auth.server_key import ServerKeyError
    from ingest_service.clock import clock_from
    from ingest_service.resending import Answer, resend
    from ingest_service.stores import open_server_key_of

    try:
        key = open_server_key_of(settings)
        return resend(settings, done.holes, key, clock_from(settings).now, within_s=15.0)
    except (OSError, ServerKeyError) as error:
        return [Answer(hole, 0, f"could not be asked ({error})") for hole in done.holes]


@contextmanager
def _bar(quiet: bool) -> "Iterator[Progress]":
    if quiet or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(transient=True, console=Console(stderr=True)) as progress:
        task = progress.add_task("Entries", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _counted(counted: "Counted") -> list[str]:
    lines = [f"{counted.replayable:,} payloads would go through the checks again."]
    if counted.remarks:
        lines.append(f"{counted.remarks:,} are remarks on batches that are in the ledger: nothing to replay.")
    lines += [f"  {number:>8,}  {code}" for code, number in sorted(counted.codes.items())]
    if counted.entries:
        lines.append(f"of {', '.join(counted.gateways) or 'nobody known'}")
        lines.append(f"received {shown(counted.oldest)} to {shown(counted.newest)} UTC")
    return lines


def _done(done: "Replayed", answers: "list[Answer]") -> list[str]:
    still = sum(done.refused.values())
    lines = [f"{done.taken:,} taken in, {done.known_already:,} were there already, {still:,} refused still."]
    lines += [f"  {number:>8,}  {code}" for code, number in sorted(done.refused.items())]
    if done.ordered:
        lines.append(
            f"{done.ordered:,} rows are tried again by the projector; see beside each what came of it."
        )
    for one in answers:
        what = one.error or f"sends {one.batches:,} batches again"
        lines.append(f"{one.hole.gateway}, {one.hole.first} to {one.hole.last}: {what}")
    return lines
