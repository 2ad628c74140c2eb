"""``oshwatch sim``: simulated factories for tests, training and the demo."""

import json
import signal
import threading
import time
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Annotated

import typer

from osh_domain.scaled_time import ScaledTime

app = typer.Typer(
    help="Simulated factories behind the real agent: run, describe, check.", no_args_is_help=True
)

FleetName = Annotated[
    str, typer.Option("--fleet", help="demo, or a number of factories drawn from the seed.")
]
Seed = Annotated[int, typer.Option(help="One seed gives the same run.")]
Period = Annotated[float, typer.Option("--period", min=1.0, help="Seconds between readings of a sensor.")]


@app.command()
def run(
    fleet: FleetName = "demo",
    seed: Seed = 7,
    period: Period = 60.0,
    data_dir: Annotated[Path, typer.Option(help="Outboxes and progress; a run found there goes on.")] = Path(
        "sim-data"
    ),
    speed: Annotated[
        str, typer.Option(help="1 is real time, 120 two hours a minute, max as fast as it goes.")
    ] = "1",
    start: Annotated[
        str, typer.Option(help="Where a new run begins, with offset: 2026-04-20T07:30+07:00; or now.")
    ] = "now",
    length: Annotated[
        str | None, typer.Option("--for", help="Simulated time to run, for example 8h.")
    ] = None,
    clock: Annotated[
        str | None,
        typer.Option(help="RATE@WALL=TIME, shared with a server on simulated time; sets speed and start."),
    ] = None,
    mqtt_host: Annotated[str, typer.Option(help="Broker.")] = "127.0.0.1",
    mqtt_port: Annotated[int, typer.Option(min=1, max=65535)] = 1883,
    mqtt_ca: Annotated[
        Path | None, typer.Option(help="Certificate authority of the broker (PEM): TLS, checked.")
    ] = None,
    passwords: Annotated[
        Path | None, typer.Option(help="JSON file: gateway id to broker password (mode 0600).")
    ] = None,
    server_key: Annotated[
        str | None, typer.Option(help="The server's public key; without it nothing is ever confirmed.")
    ] = None,
    truth: Annotated[Path | None, typer.Option(help="Write what really happened here (JSON lines).")] = None,
    faults: Annotated[
        list[str] | None, typer.Option("--faults", help="Scenario by name or file; may be repeated.")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", help="KIND:TARGET@START+FOR, e.g. silence:kh-f0123-a/st1/ta@10:20+30m."),
    ] = None,
    part: Annotated[
        str, typer.Option(help="1/4: only the first quarter of the gateways, in this process.")
    ] = "1/1",
) -> None:
    """Run a fleet until Ctrl-C: sampling, sealing and delivering as real gateways do."""
    from edge_agent.identity import decode_public_key
    from firmware_sim.faults import FaultError, parse
    from firmware_sim.gateway import Delivery
    from firmware_sim.instants import seconds
    from firmware_sim.progress import FleetError, Plan, progress
    from firmware_sim.runner import FleetRunner
    from firmware_sim.scenario_files import load
    from oshwatch.logs import configure_logs

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    configure_logs("fleet")
    try:
        requests = [request for name in faults or () for request in load(name)]
        requests += [parse(text) for text in fault or ()]
        plan = Plan(data_dir, fleet, seed, period, _part(part), truth, requests)
        key = None if server_key is None else decode_public_key(server_key)
        ca_file = None if mqtt_ca is None else str(mqtt_ca)
        delivery = Delivery(mqtt_host, mqtt_port, _passwords(passwords), key, ca_file)
        before = progress(plan)
        pace = _pace(speed, clock, _instant(start) if before is None else before.until)
        begin = pace.time_start if pace is not None and before is None else _instant(start)
        runner = FleetRunner(plan, delivery, begin)
        until = inf if length is None else runner.start + seconds(length)
    except (ValueError, FaultError, FleetError) as error:
        typer.echo(f"oshwatch sim: {error}", err=True)
        raise typer.Exit(2) from None
    except OSError as error:
        typer.echo(
            f"oshwatch sim: {data_dir} cannot be used ({error.strerror}). Give another --data-dir.", err=True
        )
        raise typer.Exit(2) from None
    try:
        runner.run(stop, until=until, pace=pace)
    finally:
        runner.close()
    typer.echo(
        f"{runner.truth.readings} readings taken until {datetime.fromtimestamp(runner.now, UTC):%F %T} UTC"
    )


@app.command()
def describe(fleet: FleetName = "demo", seed: Seed = 7, period: Period = 60.0) -> None:
    """Print the site description of a fleet (YAML), to be imported with 'oshwatch admin import'."""
    import yaml

    from firmware_sim.description import describe as document
    from firmware_sim.simulated import shared_fleet

    try:
        found = shared_fleet(fleet, seed, period)
    except ValueError as error:
        typer.echo(f"oshwatch sim: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(yaml.safe_dump(document(found), sort_keys=False, allow_unicode=True), nl=False)


@app.command()
def scenarios() -> None:
    """List the scenarios that come with the simulator; those with a start and a length can be scored."""
    from firmware_sim.scenario_files import names, scenario

    for name in names():
        found = scenario(name)
        typer.echo(f"{name}: {found.title}" + (f" ({found.span} from {found.start})" if found.course else ""))
        for request in found.faults:
            typer.echo(f"  {request}")


@app.command("truth-check")
def truth_check(
    truth: Annotated[Path, typer.Argument(help="The truth file of a run.")],
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="The server's data folder, with the ledger; else what OSHWATCH_CONFIG or the environment "
            "name.",
            envvar="OSHWATCH_DATA_DIR",
            show_default=False,
        ),
    ] = None,
    fleet_dir: Annotated[
        Path | None, typer.Option(help="The fleet's data folder: what still waits there is not lost.")
    ] = None,
) -> None:
    """Compare the truth with the ledger: every reading is there, once, unchanged. Exit code 1 if not."""
    from edge_agent.outbox.opening import OutboxError
    from firmware_sim.truth import TruthError
    from ingest_service.ledger.port import LedgerError
    from oshwatch.administration.shell import settings_at
    from oshwatch.truth_check import check

    try:
        report = check(truth, settings_at(data_dir), fleet_dir)
    except (TruthError, LedgerError, OutboxError) as error:
        typer.echo(f"oshwatch sim: {error}", err=True)
        raise typer.Exit(2) from None
    for line in report.lines():
        typer.echo(line)
    if not report.exact:
        raise typer.Exit(1)


@app.command()
def score(
    scenario: Annotated[
        list[str] | None,
        typer.Argument(help="By name or file; without any, all that can be scored."),
    ] = None,
    seed: Seed = 7,
    days: Annotated[
        float | None, typer.Option(min=0.02, help="Simulated days to run instead of a scenario's own length.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print figures and sentences as JSON.")] = False,
    keep: Annotated[
        Path | None, typer.Option(help="Keep ledgers, registers and truth files in this new folder.")
    ] = None,
) -> None:
    """Play scenarios through the real system and compare what was told with what was true.

    Exit code 1 when anything was missed, false or doubled, or a reading was lost.
    """
    from firmware_sim.faults import FaultError
    from oshwatch.scoring.command import ScoreError, run_all
    from oshwatch.scoring.report import document, remarks, table

    try:
        results = run_all(scenario or (), seed, days, keep)
    except (ScoreError, FaultError) as error:
        typer.echo(f"oshwatch sim: {error}", err=True)
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(json.dumps(document(results), indent=1))
    else:
        for line in (*table(results), *remarks(results)):
            typer.echo(line)
    if not all(result.good for result in results):
        raise typer.Exit(1)


def _pace(speed: str, clock: str | None, begin: float) -> ScaledTime | None:
    """How true time follows the wall clock; None for as fast as it goes. ValueError says what is wrong."""
    if clock is not None:
        return ScaledTime.parse(clock)
    if speed == "max":
        return None
    try:
        rate = float(speed)
    except ValueError:
        rate = 0.0
    if not 1.0 <= rate < 1e6:
        raise ValueError(f"--speed {speed} is neither a number from 1 upward nor max")
    return ScaledTime(rate, time.time(), begin)


def _instant(text: str) -> float:
    if text == "now":
        return time.time()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"--start {text} is no instant; write it like 2026-04-20T07:30+07:00") from None
    if moment.tzinfo is None:
        raise ValueError(f"--start {text} has no offset from UTC; write it like {text}+07:00")
    return moment.timestamp()


def _part(text: str) -> tuple[int, int]:
    first, _, last = text.partition("/")
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise ValueError(f"--part {text} is not like 1/4")
    return int(first), int(last)


def _passwords(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
        return {str(gateway): str(password) for gateway, password in found.items()}
    except (OSError, ValueError, AttributeError):
        raise ValueError(f"--passwords {path} is not a readable JSON object of gateway to password") from None
