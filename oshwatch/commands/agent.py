"""``oshwatch agent``: run a gateway, make its key, play a recording."""

from __future__ import annotations

import datetime as dt
import json
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oshwatch.commands.agent_keys import registration_text, rotate_key

if TYPE_CHECKING:
    from edge_agent.recording import Recording
    from edge_agent.replaying import Progress as ReplayProgress
    from edge_agent.replaying import ReplayAccount
    from edge_agent.settings import AgentSettings

app = typer.Typer(help="A gateway: measure, keep, sign, deliver.", no_args_is_help=True)

ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", help="Settings (TOML); see `oshwatch agent sample-config`.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("run")
def run(config: ConfigFile = None) -> None:
    """Measure and deliver until SIGTERM or Ctrl-C."""
    from edge_agent.__main__ import run as run_agent

    raise typer.Exit(run_agent(config))


@app.command("key")
def key(
    config: ConfigFile = None,
    gateway: Annotated[str | None, typer.Option(help="Id of the gateway.")] = None,
    site: Annotated[str | None, typer.Option(help="Id of the site it stands in.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where key and outbox live.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make the key at the first call; print what the server must know of this gateway."""
    from edge_agent.enrol import registration
    from edge_agent.runner import identity_for
    from edge_agent.settings_file import load

    with _plainly():
        settings = load(config, given=_given(gateway=gateway, site=site, data_dir=data_dir))
        document = registration(identity_for(settings), settings.sensors)
    if as_json:
        typer.echo(json.dumps(document, indent=2))
        return
    typer.echo(registration_text(document))


app.command("rotate-key")(rotate_key)


@app.command("salvage")
def salvage(
    file: Annotated[Path, typer.Argument(help="A damaged outbox, usually outbox.sqlite.damaged-... .")],
    config: ConfigFile = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where key and outbox of the gateway live.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read every batch that verifies by hash and signature from a damaged outbox; the agent delivers them.

    Stop the agent first. The agent does the same by itself when it finds its own outbox damaged; this is for
    a file from elsewhere, such as a card that was read with a rescue tool. What the server has already it
    will not store twice. Exit code 1 when nothing in the file verifies.
    """
    from edge_agent.rescuing import salvage_file
    from edge_agent.runner import clock_for, identity_for, outbox_of
    from edge_agent.settings_file import load

    with _plainly():
        settings = load(config, given=_given(data_dir=data_dir))
        identity = identity_for(settings)
        with outbox_of(settings, identity) as outbox:
            rescued = salvage_file(file, outbox, identity, clock_for(settings).wall())
    if as_json:
        typer.echo(json.dumps(rescued._asdict()))
    else:
        typer.echo(
            f"{file}: {rescued.read} batches verify, {rescued.taken} of them were not in the outbox and will"
            f" be delivered; {rescued.foreign} are of another gateway or key"
        )
    raise typer.Exit(0 if rescued.read else 1)


@app.command("sample-config")
def sample_config() -> None:
    """Print a sample settings file, made from the table of settings."""
    from edge_agent.settings_file import sample

    typer.echo(sample(), nl=False)


@app.command("replay")
def replay(
    file: Annotated[Path, typer.Argument(help="CSV file with a header line.")],
    column_map: Annotated[
        list[str], typer.Option("--map", help="COLUMN=sensor/quantity[:unit]; once for each column.")
    ],
    time_column: Annotated[str, typer.Option(help="Column with the time of each row.")],
    config: ConfigFile = None,
    gateway: Annotated[str | None, typer.Option(help="Gateway id, as registered on the server.")] = None,
    site: Annotated[str | None, typer.Option(help="Site id, as registered.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Key and outbox; one folder for each recording.")
    ] = None,
    server_key: Annotated[str | None, typer.Option(help="The server's public key.")] = None,
    mqtt_host: Annotated[str | None, typer.Option(help="Broker.")] = None,
    mqtt_port: Annotated[int | None, typer.Option(help="Its port.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Zone of times without an offset.")] = None,
    time_format: Annotated[str | None, typer.Option(help="strptime format, if not ISO 8601.")] = None,
    shift_to_now: Annotated[bool, typer.Option(help="Move all rows so that the last one is now.")] = False,
    clock: Annotated[str | None, typer.Option(help="`now` of a server in simulated time.")] = None,
    clock_error: Annotated[float, typer.Option(help="How wrong the recorder's clock may be, in s.")] = 1.0,
    patience: Annotated[float, typer.Option(help="Give up after so long without news, in s.")] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Play a recording through a gateway and wait until the server's ledger has every batch.

    Ends with an account of every row; exit code 1 when anything is unaccounted for. Run again it goes on
    where it stopped. Connection and identity may also come from --config or OSHWATCH_AGENT_... .
    """
    from edge_agent.runner import clock_for
    from edge_agent.settings_file import load
    from oshwatch.logs import configure_logs

    configure_logs("agent", level=logging.WARNING)
    with _plainly():
        settings = load(
            config,
            given=_given(
                gateway=gateway,
                site=site,
                data_dir=data_dir,
                server_public_key=server_key,
                mqtt_host=mqtt_host,
                mqtt_port=mqtt_port,
                clock=clock,
            ),
        )
        recording = _recording(file, column_map, time_column, time_zone, time_format)
        now = clock_for(settings).wall() if shift_to_now else None
        account = _play(recording, settings, str(file), now, clock_error, patience, quiet=as_json)
    if as_json:
        typer.echo(
            json.dumps(asdict(account) | {"refused": [row._asdict() for row in account.refused]}, indent=2)
        )
    else:
        typer.echo(account_text(account))
    raise typer.Exit(0 if account.complete else 1)


def account_text(account: ReplayAccount) -> str:
    """The account as people read it."""
    lines = [
        f"{account.file}: {_verdict(account)}",
        f"  rows in file            {account.rows_in_file:>9,}",
        f"  rows read               {account.rows_read:>9,}   {_span(account)}",
        f"  rows refused            {account.rows_refused:>9,}",
        f"  sealed by earlier runs  {account.rows_sealed_earlier:>9,}",
        f"  readings read           {account.readings_read:>9,}   empty cells {account.empty_cells:,}",
        f"  readings sealed         {account.readings_sealed:>9,}",
        f"  batches                 {account.batches:>9,}",
        f"  acknowledged            {account.acknowledged:>9,}",
        f"  refused by the server   {account.refused_by_server:>9,}",
        f"  waiting                 {account.waiting:>9,}",
    ]
    lines += [f"  ! {reason}" for reason in account.reasons]
    lines += [f"  line {row.line}: {row.reason}" for row in account.refused]
    return "\n".join(lines)


def _verdict(account: ReplayAccount) -> str:
    if not account.complete:
        return "NOT accounted for"
    refused = account.rows_refused
    return f"accounted for, {refused} rows could not be played" if refused else "complete"


def _span(account: ReplayAccount) -> str:
    if account.first is None or account.last is None:
        return ""
    first, last = (
        dt.datetime.fromtimestamp(t, dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        for t in (account.first, account.last)
    )
    return f"{first} to {last}" + (f", moved by {account.shifted_s:+,.0f} s" if account.shifted_s else "")


def _recording(
    file: Path, column_map: list[str], time_column: str, zone: str | None, time_format: str | None
) -> Recording:
    from edge_agent.recording import Column, RecordingError, TimeColumn, read_recording

    columns, mistakes = [], []
    for text in column_map:
        try:
            columns.append(Column.parse(text))
        except ValueError as error:
            mistakes.append(f"--map {text}: {error}")
    if mistakes:
        raise RecordingError("\n".join(mistakes))
    return read_recording(file, tuple(columns), TimeColumn(time_column, zone, time_format))


def _play(
    recording: Recording,
    settings: AgentSettings,
    file: str,
    now: float | None,
    clock_error_s: float,
    patience_s: float,
    *,
    quiet: bool,
) -> ReplayAccount:
    from edge_agent.replaying import play
    from edge_agent.runner import identity_for

    stopped: list[int] = []
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda number, _frame: stopped.append(number))
    with _progress(quiet) as progress:
        return play(
            recording,
            settings,
            identity_for(settings),
            file=file,
            shift_to=now,
            clock_error_s=clock_error_s,
            patience_s=patience_s,
            progress=progress,
            stop=lambda: bool(stopped),
        )


@contextmanager
def _progress(quiet: bool) -> Iterator[Any]:
    """Two bars on a terminal: rows sealed, batches acknowledged."""
    if quiet or not sys.stderr.isatty():
        yield lambda _progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description:<22}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as bars:
        rows = bars.add_task("rows sealed", total=None)
        batches = bars.add_task("batches acknowledged", total=None)

        def show(now: ReplayProgress) -> None:
            bars.update(rows, completed=now.rows, total=now.rows_total)
            words = "batches acknowledged" if now.connected else "waiting for the broker"
            bars.update(batches, completed=now.acknowledged, total=now.batches, description=words)

        yield show


def _given(**values: object) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}


@contextmanager
def _plainly() -> Iterator[None]:
    """Expected trouble ends with a sentence and exit code 2; SettingsError is told by the front door."""
    from edge_agent.identity import IdentityError
    from edge_agent.outbox.opening import OutboxError
    from edge_agent.recording import RecordingError
    from edge_agent.tls import TlsError

    try:
        yield
    except (
        IdentityError,
        OutboxError,
        RecordingError,
        TlsError,
        PermissionError,
        FileNotFoundError,
    ) as error:
        typer.echo(f"oshwatch agent: {error}", err=True)
        raise typer.Exit(2) from None
