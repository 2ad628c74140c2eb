"""``oshwatch evidence``: make bundles that anyone can check, and show what was published of each day."""

import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Make evidence bundles; show the published day roots.")

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="OSHWATCH_DATA_DIR",
        show_default=False,
        help="Data directory of the service; else the one in the file that OSHWATCH_CONFIG names.",
    ),
]


@app.command()
def bundle(
    site: Annotated[str, typer.Argument(help="Id of the factory.")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day (UTC).")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day (UTC), included.")],
    data_dir: DataDir = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write; else SITE-FROM-TO.tar.")
    ] = None,
) -> None:
    """Write what a factory measured in a period, with all that is needed to check it."""
    from ingest_service.auth.server_key import ServerKeyError
    from ingest_service.database import DatabaseError
    from ingest_service.evidence.making import BundleMaker, Wanted
    from ingest_service.ledger.port import LedgerError
    from ingest_service.register.store import Register
    from ingest_service.stores import open_database_of, open_ledger_of, open_server_key_of
    from oshwatch.administration.shell import settings_at

    if last < first:
        _refuse(f"The period ends ({last:%Y-%m-%d}) before it begins ({first:%Y-%m-%d}).")
    target = out or Path(f"{site}-{first:%Y-%m-%d}-{last:%Y-%m-%d}.tar")
    wanted = Wanted(site, _midnight(first.date()), _midnight(last.date()) + 86_400.0)
    now = datetime.now(UTC).timestamp()
    try:
        settings = settings_at(data_dir)
        engine = open_database_of(settings, must_exist=True)
        ledger = open_ledger_of(settings, read_only=True)
        key = open_server_key_of(settings)
        maker = BundleMaker(ledger, Register(engine).snapshot(), engine, key)
        with target.open("xb") as file:
            made = maker.write(wanted, file, now)
    except FileExistsError:
        _refuse(f"{target} is there already. Name another file with --out.")
    except OSError as error:
        _refuse(f"{target} cannot be written ({error.strerror}).")
    except KeyError:
        target.unlink()
        _refuse(f"There is no site {site!r} in the register.")
    except (LedgerError, DatabaseError, ServerKeyError) as error:
        _refuse(str(error))
    typer.echo(f"{target}: {made.rows:,} batches, published days: {made.days}, files: {made.files:,}.")
    typer.echo(f"Check it with: oshwatch verify {target}")


@app.command()
def days(
    data_dir: DataDir = None,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")] = False,
) -> None:
    """Show the published line of each day: keep a copy, and nobody can write the ledger anew unseen."""
    from ingest_service.ledger.port import LedgerError
    from ingest_service.stores import open_ledger_of
    from oshwatch.administration.shell import settings_at

    try:
        ledger = open_ledger_of(settings_at(data_dir), read_only=True)
    except LedgerError as error:
        _refuse(str(error))
    published = ledger.day_roots()
    ledger.close()
    if json_output:
        rows = [{**one._asdict(), "word": one.word.decode()} for one in published]
        typer.echo(json.dumps(rows, indent=2))
        return
    for one in published:
        root = json.loads(one.word.partition(b"\n")[0])["root"]
        typer.echo(f"{one.day}  rows {one.first:,} to {one.last:,}  {root}")
    if not published:
        typer.echo("No day has been published yet; the first one is, five minutes after its end (UTC).")


def _midnight(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()


def _refuse(sentence: str) -> None:
    typer.echo(sentence, err=True)
    raise typer.Exit(2)
