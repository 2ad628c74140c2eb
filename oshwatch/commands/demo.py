"""``oshwatch demo``: the whole thing with simulated factories, to look at."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    data_dir: Annotated[
        Path, typer.Option(help="The demo's own folder; started again it goes on where it was.")
    ] = Path("demo-data"),
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the pages; 0 takes a free one.")
    ] = 8080,
    speed: Annotated[
        float, typer.Option(min=1.0, max=3600.0, help="120: two hours of a factory's day in a minute.")
    ] = 120.0,
    seed: Annotated[int, typer.Option(help="One seed gives the same factories and the same day.")] = 7,
) -> None:
    """Watch simulated factories heat up, the committee be told and the overview change. Ctrl-C ends it.

    Nothing leaves this machine: pages, broker and mail are on 127.0.0.1.
    """
    import logging
    import signal
    import threading

    from oshwatch.logs import configure_logs

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    configure_logs("demo", level=logging.WARNING)

    from oshwatch.demo.accounts import SHOWN
    from oshwatch.demo.folder import DemoError, DemoFolder
    from oshwatch.demo.processes import Demo

    folder = DemoFolder(data_dir)
    try:
        folder.claim()
        demo = Demo(folder, port=port, speed=speed, seed=seed)
        try:
            prepared = demo.start()
            demo.wait_until_served(stop.is_set)
            if not stop.is_set():
                typer.echo(
                    f"OSHWatch demo is ready: {demo.address} - sign in as {', '.join(SHOWN)};"
                    f" password {prepared.password} (Ctrl-C ends it)"
                )
            demo.run(stop)
        finally:
            demo.stop()
    except DemoError as error:
        typer.echo(f"oshwatch demo: {error}", err=True)
        raise typer.Exit(2) from None
    finally:
        folder.release()
