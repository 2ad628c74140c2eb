"""``oshwatch serve``: the whole service on one machine."""

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path | None, typer.Option(help="Settings file (TOML).", envvar="OSHWATCH_CONFIG", show_default=False)
]


def supervise(config: Path | None, runners: tuple[str, ...], workers: str = "") -> None:
    """Prepare the databases once, then look after the runners until Ctrl-C or SIGTERM."""
    import signal
    import threading

    from ingest_service.settings import load
    from oshwatch.logs import configure_logs
    from oshwatch.starting import prepare, starting_errors
    from oshwatch.supervisor import Supervisor, WorkersError, counted

    settings = load(config)
    try:
        numbers = counted(workers, settings)
    except WorkersError as error:
        typer.echo(f"oshwatch: {error}", err=True)
        raise typer.Exit(2) from None
    configure_logs("supervisor")
    try:
        prepare(settings)
    except starting_errors() as error:
        typer.echo(f"oshwatch: {error}", err=True)
        raise typer.Exit(2) from None
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    supervisor = Supervisor(settings, runners, workers=numbers)
    supervisor.start()
    if "web" in runners:
        typer.echo(f"OSHWatch serves {settings.link_base} (Ctrl-C ends it)")
    supervisor.run(stop)


def command(
    config: Config = None,
    workers: Annotated[
        str,
        typer.Option(
            help="Processes of each runner on this machine, for example intake=2,projector=2,alerts=2. More "
            "than one needs database_url; of projector and alerts influx_url as well."
        ),
    ] = "",
) -> None:
    """Run the whole service on one machine: intake, projector, alerts and pages.

    It needs a settings file or environment variables (see 'oshwatch settings sample'), a broker to
    connect to, and a data folder prepared by 'oshwatch admin init'.
    """
    supervise(config, ("intake", "projector", "alerts", "web"), workers)
