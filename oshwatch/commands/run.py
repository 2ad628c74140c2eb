"""``oshwatch run RUNNER``: one runner in this process; what the supervisor starts."""

import signal
import threading
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from oshwatch.supervisor import RUNNERS

HIDDEN = True


def command(
    runner: Annotated[str, typer.Argument(help="intake, projector, alerts or web.")],
    config: Annotated[
        Path | None, typer.Option(help="Settings file (TOML).", envvar="OSHWATCH_CONFIG", show_default=False)
    ] = None,
) -> None:
    """Run one runner in this process until it is told to stop (SIGTERM or Ctrl-C)."""
    from ingest_service.settings import load
    from ingest_service.trials import excuse_all
    from ingest_service.waiting import wait_for_servers
    from oshwatch.logs import configure_logs
    from oshwatch.starting import starting_errors

    if runner not in RUNNERS:
        raise typer.BadParameter(f"{runner!r} is not one of {', '.join(RUNNERS)}")
    settings = load(config, awaiting=True)
    configure_logs(runner)
    if settings.metrics_port is not None:
        _show_metrics(settings.metrics_host, settings.metrics_port)
    stop = threading.Event()

    def told_to_stop(*_: object) -> None:
        stop.set()
        excuse_all()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told_to_stop)
    module, function = RUNNERS[runner].rsplit(":", 1)
    # The web runner waits by itself: it says meanwhile on its pages what for.
    whole = settings if runner == "web" else wait_for_servers(settings, stop)
    if whole is None:
        return
    try:
        getattr(import_module(module), function)(whole, stop)
    except starting_errors() as error:
        typer.echo(f"oshwatch {runner}: {error}", err=True)
        raise typer.Exit(1) from None


def _show_metrics(host: str, port: int) -> None:
    from prometheus_client import start_http_server

    try:
        start_http_server(port, host)
    except OSError as error:
        typer.echo(
            f"oshwatch: {host}:{port} cannot show metrics ({error.strerror}): mend metrics_port", err=True
        )
        raise typer.Exit(2) from None
