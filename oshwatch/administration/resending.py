"""``oshwatch admin resend``: after a ledger was restored from an older backup, get back what is missing."""

from pathlib import Path
from typing import Annotated

import typer


def resend(
    gateway: Annotated[
        list[str] | None, typer.Argument(help="Ids of gateways; all of the ledger when left out.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings file (TOML).", envvar="OSHWATCH_CONFIG", show_default=False)
    ] = None,
    within: Annotated[float, typer.Option(help="Wait so long for the gateways' answers [s].")] = 15.0,
) -> None:
    """Ask gateways to send again what the ledger lacks, such as after restoring an older backup.

    The service has to run: it takes in what comes. Safe to repeat; nothing is stored twice. Exit code 1 when
    a gateway did not answer: try again when it is connected.
    """
    from ingest_service import resending
    from ingest_service.auth.server_key import ServerKeyError
    from ingest_service.clock import clock_from
    from ingest_service.ledger.port import LedgerError
    from ingest_service.settings import load
    from ingest_service.stores import open_ledger_of, open_server_key_of

    settings = load(config)
    try:
        ledger = open_ledger_of(settings, read_only=True)
        wanted = resending.holes(ledger, gateway or ())
        ledger.close()
        key = open_server_key_of(settings)
        answers = resending.resend(settings, wanted, key, clock_from(settings).now, within_s=within)
    except (LedgerError, ServerKeyError, OSError) as error:
        typer.echo(f"oshwatch admin: {error}", err=True)
        raise typer.Exit(2) from None
    unknown = set(gateway or ()) - {hole.gateway for hole in wanted}
    for name in sorted(unknown):
        typer.echo(f"{name}: the ledger has nothing of it, and it has not said that it exists")
    silent = set()
    for name in sorted({answer.hole.gateway for answer in answers}):
        own = [answer for answer in answers if answer.hole.gateway == name]
        errors = sorted({answer.error for answer in own if answer.error is not None})
        batches = sum(answer.batches for answer in own)
        typer.echo(f"{name}: " + (f"{'; '.join(errors)}" if errors else f"sends {batches:,} batches again"))
        silent |= {name} if errors else set()
    raise typer.Exit(1 if silent or unknown else 0)
