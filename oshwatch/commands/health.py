"""``oshwatch health RUNNER``: whether this machine's process of a runner lives; for containers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ingest_service.settings import Settings

HIDDEN = True
PATIENCE_S = 5.0


def command(
    runner: Annotated[str, typer.Argument(help="intake, projector, alerts or web.")],
    config: Annotated[
        Path | None, typer.Option(help="Settings file (TOML).", envvar="OSHWATCH_CONFIG", show_default=False)
    ] = None,
) -> None:
    """End with 0 when a process of the runner on this machine gave a sign of life lately, else with 1."""
    from ingest_service.settings import load
    from oshwatch.supervisor import RUNNERS

    if runner not in RUNNERS:
        raise typer.BadParameter(f"{runner!r} is not one of {', '.join(RUNNERS)}")
    settings = load(config, awaiting=True)
    trouble = _of_the_pages(settings) if runner == "web" else _of_a_runner(settings, runner)
    if trouble:
        typer.echo(f"oshwatch {runner}: {trouble}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{runner} lives")


def _of_a_runner(settings: "Settings", runner: str) -> str | None:
    import socket
    import time

    from ingest_service.database import DatabaseError
    from ingest_service.heartbeat import signs_of_life
    from ingest_service.stores import open_database_of

    try:
        engine = open_database_of(settings)
    except DatabaseError as error:
        return str(error)
    try:
        signs = [one for one in signs_of_life(engine, settings.data_dir) if one.runner == runner]
    except OSError as error:
        return str(error)
    finally:
        engine.dispose()
    here = f"{socket.gethostname()}-"
    mine = [one for one in signs if not one.instance or one.instance.startswith(here)]
    if any(one.fresh(time.time()) for one in mine):
        return None
    return "no sign of life lately" if mine else "has never given a sign of life on this machine"


def _of_the_pages(settings: "Settings") -> str | None:
    import httpx

    host = "127.0.0.1" if settings.http_host in ("0.0.0.0", "::") else settings.http_host  # noqa: S104
    address = f"http://{f'[{host}]' if ':' in host else host}:{settings.http_port}/healthz"
    try:
        answer = httpx.get(address, timeout=PATIENCE_S)
    except httpx.HTTPError as error:
        return f"{address} does not answer ({type(error).__name__})"
    return None if answer.status_code == 200 else f"{address} answers {answer.status_code}"
