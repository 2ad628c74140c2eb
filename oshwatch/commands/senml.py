"""``oshwatch senml``: read a SenML pack the way the server reads it."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from osh_domain import senml
from osh_domain.batch import MAX_FRAME, open_frame
from osh_domain.quality import Flag
from osh_domain.senml import Record, WireError, resolved_json
from osh_domain.senml_cbor_writing import resolved_cbor

app = typer.Typer(no_args_is_help=True, help="Read SenML packs (RFC 8428, JSON and CBOR) as the server does.")


@app.callback()
def _group() -> None:
    """Keep the group: its commands are called by name even while there is only one."""


@app.command()
def resolve(
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="A pack, or a sealed batch; - is standard input.")
    ],
    json_output: Annotated[bool, typer.Option("--json", help="One JSON array instead of a table.")] = False,
    cbor_output: Annotated[bool, typer.Option("--cbor", help="The same in CBOR, as bytes.")] = False,
    now: Annotated[
        str | None,
        typer.Option(help="Arrival, against which relative times are taken: seconds since 1970 or ISO 8601."),
    ] = None,
) -> None:
    """Print the resolved form of a pack, JSON or CBOR, or the rule it breaks (exit code 1).

    The pack of a sealed batch is read too; its signature is not verified here.
    """
    if json_output and cbor_output:
        raise typer.BadParameter("either --json or --cbor", param_hint="--cbor")
    arrival = _instant(now)
    try:
        records = senml.resolve(_records(_read(file)), arrival)
    except WireError as error:
        typer.echo(f"{file}: {error}{_pointer(error)}", err=True)
        raise typer.Exit(1) from None
    if cbor_output:
        sys.stdout.buffer.write(resolved_cbor(records))
    elif json_output:
        typer.echo(resolved_json(records))
    else:
        Console().print(_table(records))


def _instant(text: str | None) -> float:
    if text is None:
        return time.time()
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither seconds since 1970 nor a time like 2026-01-31T08:00:00+07:00",
            param_hint="--now",
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _read(file: str) -> bytes:
    """At most one byte more than a frame may have; the reader refuses what is longer."""
    if file == "-":
        return sys.stdin.buffer.read(MAX_FRAME + 1)
    try:
        with Path(file).open("rb") as opened:
            return opened.read(MAX_FRAME + 1)
    except OSError as error:
        typer.echo(f"{file}: cannot be read: {error.strerror}", err=True)
        raise typer.Exit(1) from None


def _records(data: bytes) -> list[dict[str, Any]]:
    """The records of a pack, taken out of its sealed batch if it is in one, where it is always JSON."""
    lines = data.split(b"\n")
    if data[:1] == b"x" or (data[:1] == b"{" and len(lines) == 3 and lines[1][:1] == b"["):
        return senml.parse_json(open_frame(data).pack)
    return senml.parse_bare(data)


def _pointer(error: WireError) -> str:
    if error.rule is None:
        return ""
    named = "the profile" if error.rule == "profile" else f"rule {error.rule}"
    return f"\nSee {named} in docs/wire-protocol.md."


def _table(records: list[Record]) -> Table:
    summed = any(record.sum is not None for record in records)
    table = Table(header_style="bold", show_edge=False, caption=f"{len(records)} records")
    table.add_column("time (UTC)", no_wrap=True)
    table.add_column("name", overflow="fold")
    table.add_column("value", justify="right", overflow="fold")
    table.add_column("unit")
    if summed:
        table.add_column("sum", justify="right")
    table.add_column("remarks")
    for record in records:
        total = ["" if record.sum is None else repr(record.sum)] if summed else []
        moment = datetime.fromtimestamp(record.time, UTC).replace(tzinfo=None)
        table.add_row(
            moment.isoformat(sep=" ", timespec="milliseconds"),
            Text(record.name),
            Text(_value(record.value)),
            Text(record.unit or ""),
            *total,
            ", ".join(_remarks(record)),
        )
    return table


def _value(value: float | str | bool | bytes | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.hex(" ")
    return repr(value)


def _remarks(record: Record) -> list[str]:
    remarks = [(flag.name or "").lower().replace("_", " ") for flag in Flag(record.flags)]
    if record.clock is not None:
        remarks.append("time is a lower bound")
    if record.update_time is not None:
        remarks.append(f"next within {record.update_time:g} s")
    return remarks
