"""``oshwatch bench``: what this machine carries, measured with the real processes."""

import json
import logging
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from oshwatch.logs import configure_logs

app = typer.Typer(no_args_is_help=True, help="Measure what this machine carries.")


@app.command()
def ingest(
    series: Annotated[
        Literal["sqlite", "influx"],
        typer.Option(help="sqlite: files of one box; influx: PostgreSQL and InfluxDB, the server shape."),
    ] = "sqlite",
    workers: Annotated[
        int, typer.Option(min=1, max=32, help="Intakes; of projector and alerts half as many. Server shape.")
    ] = 1,
    batches_per_second: Annotated[float, typer.Option(min=1, help="Batches published a second.")] = 2000,
    every: Annotated[
        float | None,
        typer.Option(
            min=1,
            help="Instead of that: seconds from one batch of a gateway to its next.",
            show_default=False,
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(min=5, help="Length of the load.")] = 20,
    gateways: Annotated[int, typer.Option(min=1, max=20_000, help="Gateways, one zone each.")] = 200,
    readings: Annotated[int, typer.Option(min=1, max=500, help="Readings in a batch.")] = 24,
    breaches: Annotated[int, typer.Option(min=0, help="Gateways that report too much carbon monoxide.")] = 20,
    runs: Annotated[
        int | None,
        typer.Option(min=1, help="Runs, each from nothing; 3 on files, 1 on servers.", show_default=False),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Folder to keep data and logs of the runs in.", show_default=False)
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")] = False,
) -> None:
    """Measure the road from MQTT publish to ledger, acknowledgement, series and notice.

    Starts Mosquitto, intake, projector and alerts, and a load generator with batches signed beforehand. What
    it started ends with it. A run with breaches waits for the end of a minute, because that is when exposures
    are due. Figures are the medians of the runs, with the load of the machine before and after beside them.

    With --series influx it uses the servers of OSHWATCH_DATABASE_URL, OSHWATCH_INFLUX_URL and
    OSHWATCH_INFLUX_TOKEN (or ..._FILE). Database and bucket have to be empty and are left filled, so one
    run needs one of each; with OSHWATCH_DATABASE_OWNER_URL it makes the tables itself.
    """
    from oshwatch.bench.figures import machine, medians
    from oshwatch.bench.ingest import Workload, run
    from oshwatch.bench.ingest_report import report
    from oshwatch.bench.places import times_of
    from oshwatch.bench.servers import BenchError, find_mosquitto

    rate = batches_per_second if every is None else gateways / every
    workload = Workload(rate, seconds, gateways, readings, min(breaches, gateways), workers, series)
    console = Console(stderr=True)
    results = []
    try:
        times = times_of(series, runs)
        mosquitto = find_mosquitto()
        before = machine(mosquitto)
        with _spinner(console) as tell:
            for number in range(1, times + 1):
                folder = _folder(keep, number)
                try:
                    told = _numbered(tell, number, times)
                    results.append(run(workload, mosquitto, folder, told))
                finally:
                    if keep is None:
                        shutil.rmtree(folder, ignore_errors=True)
    except BenchError as error:
        console.print(f"oshwatch bench: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    document = {
        "benchmark": "ingest",
        "workload": {**asdict(workload), "runs": times},
        "machine": before,
        "load_average_after": machine()["load_average"],
        "median": medians(results),
        "runs": results,
    }
    typer.echo(json.dumps(document, indent=2) if json_output else "\n".join(report(document)))


@app.command()
def rules(
    factories: Annotated[int, typer.Option(min=1, max=20_000, help="Factories to judge.")] = 2000,
    zones: Annotated[int, typer.Option(min=1, max=50, help="Zones of each.")] = 5,
    minutes: Annotated[int, typer.Option(min=1, max=60, help="Minutes judged, each one run.")] = 5,
    years: Annotated[
        int, typer.Option(min=0, max=20, help="Replays of one factory-year, each one run; 0: none.")
    ] = 3,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")] = False,
) -> None:
    """Measure judging: one minute of event time of many factories, and a replayed factory-year, on one core.

    Everything happens in a temporary folder with real stores, in processes of its own that end by themselves;
    the year takes 5 GB of disk meanwhile. Figures are the medians of the runs, with the load of the machine
    before and after beside them.
    """
    from oshwatch.bench.rules import measured, report
    from oshwatch.bench.rules_fleet import Fleet
    from oshwatch.bench.servers import BenchError

    console = Console(stderr=True)
    try:
        with tempfile.TemporaryDirectory(prefix="oshwatch-bench-") as folder, _spinner(console) as tell:
            document = measured(Path(folder), Fleet(factories, zones), minutes, years, tell)
    except BenchError as error:
        console.print(f"oshwatch bench: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    typer.echo(json.dumps(document, indent=2) if json_output else "\n".join(report(document)))


@app.command()
def edge(
    channels: Annotated[int, typer.Option(min=1, max=100, help="Channels, each read once a minute.")] = 24,
    hours: Annotated[float, typer.Option(min=0.1, help="Simulated hours of the outbox.")] = 4.0,
    seconds: Annotated[float, typer.Option(min=10, help="How long the agent process is watched.")] = 180.0,
    days: Annotated[float, typer.Option(min=0.1, max=60, help="Days of backlog, a batch a minute.")] = 3.0,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each part.")] = 3,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")] = False,
) -> None:
    """Measure a gateway and its delivery: writes, memory, processor, backlog, ledger, recovery after kills.

    Everything is real: agent, Mosquitto, intake, projector, alerts, pages, on files in a temporary folder,
    each run in a fresh one. What it started ends with it. Figures are the medians of the runs, with the load
    of the machine before and after beside them.
    """
    from oshwatch.bench.edge import Workload, measured, report
    from oshwatch.bench.servers import BenchError, find_mosquitto

    console = Console(stderr=True)
    work = Workload(channels=channels, hours=hours, seconds=seconds, days=days, runs=runs)
    try:
        mosquitto = find_mosquitto()
        with tempfile.TemporaryDirectory(prefix="oshwatch-bench-") as folder, _spinner(console) as tell:
            document = measured(mosquitto, Path(folder), work, tell)
    except BenchError as error:
        console.print(f"oshwatch bench: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    typer.echo(json.dumps(document, indent=2) if json_output else "\n".join(report(document)))


@app.command()
def query(
    factories: Annotated[int, typer.Option(min=1, max=20_000, help="Factories in the register.")] = 2000,
    zones: Annotated[int, typer.Option(min=1, max=50, help="Zones of each.")] = 5,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days of judged shifts and summaries.")] = 365,
    requests: Annotated[int, typer.Option(min=5, help="Requests of each page.")] = 100,
    keep: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the stores; one filled by an earlier run is used as it is.", show_default=False
        ),
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")] = False,
) -> None:
    """Measure what pages and endpoints cost who reads a whole nation: overview, factory, a zone's year.

    Fills a register and stores with a made-up year, which takes minutes and about 5 GB of disk, then starts
    the real pages and asks them one request after another. With OSHWATCH_DATABASE_URL and OSHWATCH_INFLUX_URL
    (and their secrets) set, empty databases there are filled and asked instead of files.
    """
    import os

    from ingest_service.settings import load
    from oshwatch.bench.query import measured, report
    from oshwatch.bench.servers import BenchError
    from oshwatch.bench.year import Nation

    console = Console(stderr=True)
    filled = keep is not None and (keep / "filled").exists()
    try:
        with tempfile.TemporaryDirectory(prefix="oshwatch-bench-") as folder, _spinner(console) as tell:
            place = keep or Path(folder)
            place.mkdir(parents=True, exist_ok=True)
            settings = load(None, {**os.environ, "OSHWATCH_DATA_DIR": str(place)})
            document = measured(settings, Nation(factories, zones, days), requests, tell, filled=filled)
            (place / "filled").touch()
    except BenchError as error:
        console.print(f"oshwatch bench: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    typer.echo(json.dumps(document, indent=2) if json_output else "\n".join(report(document)))


@contextmanager
def _spinner(console: Console) -> Iterator[Callable[[str], None]]:
    """Something that says what is being done, on a terminal; ended from outside, what it started ends too."""
    configure_logs("bench", level=logging.WARNING)  # not to standard output, where the document goes
    signal.signal(signal.SIGTERM, _end)
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console
    ) as progress:
        task = progress.add_task("")
        yield lambda doing: progress.update(task, description=doing)


def _end(*_: object) -> None:
    raise SystemExit(128 + signal.SIGTERM)


def _numbered(tell: Callable[[str], None], number: int, of: int) -> Callable[[str], None]:
    return lambda doing: tell(f"run {number} of {of}: {doing}")


def _folder(keep: Path | None, number: int) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="oshwatch-bench-"))
    folder = keep / f"run-{number}"
    folder.mkdir(parents=True)
    return folder
