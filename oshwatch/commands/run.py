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
    from oshwatch.logs import configure_logs

    if runner not in RUNNERS:
        raise typer.BadParameter(f"{runner!r} is not one of {', '.join(RUNNERS)}")
    settings = load(config)
    configure_logs(runner)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    module, function = RUNNERS[runner].rsplit(":", 1)
    getattr(import_module(module), function)(settings, stop)
