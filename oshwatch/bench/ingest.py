"""One run of the ingest benchmark: a fresh data directory, a broker, the runners, a load, its figures."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ingest_service.database import DatabaseError
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from ingest_service.settings import Settings
from ingest_service.settings import load as load_settings
from ingest_service.shard_work import is_divided
from ingest_service.stores import open_database_of, open_server_key_of
from oshwatch.bench.figures import spread_ms
from oshwatch.bench.fleet import Load, description, next_start
from oshwatch.bench.servers import BenchError, broker, cpu_seconds, machine_cpu_seconds, resident_mb, runners
from oshwatch.bench.watching import Progress, Watcher, stored_points, wait_for_notices

CATCH_UP_WITHIN_S: Final = 120.0
NOTICES_WITHIN_S: Final = 30.0
PREPARING_S: Final = 12.0
SIGNING_S: Final = 0.0003  # for one batch, about; a load that is not ready in time starts late

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Workload:
    """What a run is asked to do."""

    batches_per_second: float
    seconds: float
    gateways: int
    readings: int
    breaches: int
    workers: int = 1

    def load(self) -> Load:
        seed = secrets.token_hex(8)
        prepared = time.time() + PREPARING_S + self.batches_per_second * self.seconds * SIGNING_S
        begins = next_start(self.seconds, prepared) if self.breaches else time.time()
        return Load(
            seed, self.gateways, self.batches_per_second, self.seconds, self.readings, self.breaches, begins
        )


def run(workload: Workload, mosquitto: str, folder: Path, tell: Tell) -> dict[str, Any]:
    """One run in an empty folder. Raises `BenchError` when a process does not do its part."""
    data_dir = folder / "data"
    data_dir.mkdir()
    load = workload.load()
    with broker(mosquitto, folder) as (port, broker_pid):
        settings = _settings(data_dir, port)
        numbers = _numbers(workload.workers, settings)
        tell("registering gateways")
        _register(settings, load)
        server_key = open_server_key_of(settings, create=True).public_key
        with _generator(load, port) as generator:
            tell(f"signing {load.batches} batches")
            prepared = generator.hear("ready")
            tell("starting the runners")
            with runners(settings, folder / "logs", numbers) as started:
                pids = {"broker": broker_pid, **started, "load generator": generator.pid}
                return _measured(load, settings, generator, server_key, pids, prepared, tell)


def _settings(data_dir: Path, port: int) -> Settings:
    """Files of their own; or the servers that the environment names, in the server shape."""
    wanted = ("OSHWATCH_DATABASE_", "OSHWATCH_INFLUX_")
    given = {name: text for name, text in os.environ.items() if name.startswith(wanted)}
    place = {"OSHWATCH_DATA_DIR": str(data_dir), "OSHWATCH_MQTT_PORT": str(port)}
    return load_settings(None, {**given, **place})


def _numbers(workers: int, settings: Settings) -> dict[str, int]:
    """So many intakes; of the others half as many, where the series can be divided. Raises BenchError."""
    if workers > 1 and settings.database_url is None:
        raise BenchError(
            "several workers need a database that they share: set OSHWATCH_DATABASE_URL (and "
            "OSHWATCH_INFLUX_URL with its token) to an empty, migrated one"
        )
    others = max(1, workers // 2) if is_divided(settings) else 1
    return {"intake": workers, "projector": others, "alerts": others}


def _register(settings: Settings, load: Load) -> None:
    try:
        engine = open_database_of(settings)
    except DatabaseError as error:
        raise BenchError(str(error)) from None
    try:
        if settings.database_url is not None and Register(engine).snapshot().sites:
            raise BenchError("the database holds factories already; a run needs an empty one")
        import_description(Register(engine), description(load), who="bench")
    finally:
        engine.dispose()


class _Generator:
    """The conversation with the load process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def tell(self, words: Mapping[str, object]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - opened as a pipe
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()

    def hear(self, key: str) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - opened as a pipe
        line = self._process.stdout.readline()
        said: dict[str, Any] = json.loads(line) if line else {}
        if key not in said:
            raise BenchError("the load generator ended before it was done; what it wrote is above")
        return said


@contextmanager
def _generator(load: Load, port: int) -> Iterator[_Generator]:
    process = subprocess.Popen(
        [sys.executable, "-m", "oshwatch.bench.load"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        generator = _Generator(process)
        generator.tell({"load": asdict(load), "port": port})
        yield generator
    finally:
        process.kill()
        process.communicate()


def _measured(
    load: Load,
    settings: Settings,
    generator: _Generator,
    server_key: bytes,
    pids: Mapping[str, int],
    prepared: Mapping[str, Any],
    tell: Tell,
) -> dict[str, Any]:
    watcher = Watcher(settings)
    watcher.start()
    try:
        memory = {name: resident_mb(pid) for name, pid in pids.items()}
        generator.tell({"server_key": base64.b64encode(server_key).decode()})
        generator.hear("connected")
        tell("waiting until a minute is about to end")
        time.sleep(max(0.0, load.starts_at - time.time()))
        begun, machine = time.monotonic(), machine_cpu_seconds()
        cpu = {name: cpu_seconds(pid) for name, pid in pids.items()}
        tell(f"publishing for {load.seconds:g} s")
        seen = generator.hear("acknowledged")
        used = {name: round(cpu_seconds(pid) - cpu[name], 2) for name, pid in pids.items()}
        used["rest of the machine"] = round(machine_cpu_seconds() - machine - sum(used.values()), 2)
        took = round(time.monotonic() - begun, 2)
        tell("waiting for the series and the notices")
        caught_up = watcher.wait_until_projected(CATCH_UP_WITHIN_S)
        notices = wait_for_notices(settings, len(seen["breaches"]), NOTICES_WITHIN_S)
        end = {name: resident_mb(pid) for name, pid in pids.items()}
    finally:
        watcher.stop()
    waits = [
        notices[breach["zone"]] - breach["published_at"]
        for breach in seen["breaches"]
        if breach["zone"] in notices
    ]
    return {
        **_flow(load, seen, watcher.seen, caught_up=caught_up),
        "points": stored_points(settings),
        "payload_bytes": round(prepared["bytes"] / max(1, prepared["ready"])),
        "publish_to_ack_ms": seen["publish_to_ack_ms"],
        "publish_to_notice_ms": spread_ms(waits),
        "breaches": len(seen["breaches"]),
        "notices": len(waits),
        "acks": seen["acks"],
        "acks_verified": seen["acks_verified"],
        "generator_late_ms": seen["generator_late_ms"],
        "memory_mb": {name: {"start": memory[name], "end": end[name]} for name in pids},
        "cpu_s": used,
        "cpu_measured_for_s": took,
    }


def _flow(
    load: Load, seen: Mapping[str, Any], progress: Sequence[Progress], *, caught_up: bool
) -> dict[str, Any]:
    """Rates over the last four fifths of the load, and whether the backlog stayed where it was."""
    started = seen["started"]
    first, last = started + load.seconds / 5, started + load.seconds
    within = [one for one in progress if first <= one.at <= last]
    if len(within) < 4:
        raise BenchError("the load was too short to be measured; give it at least 5 seconds")
    span = within[-1].at - within[0].at
    projected = (within[-1].projected - within[0].projected) / span
    half = len(within) // 2
    early = max(one.behind for one in within[:half])
    late = max(one.behind for one in within[half:])
    done = next((one.at for one in progress if one.projected >= seen["acknowledged"]), None)
    sustained = (
        caught_up
        and seen["acknowledged"] == seen["published"]
        and seen["acked_per_second"] >= 0.98 * load.batches_per_second
        and late <= early + load.batches_per_second  # one second's worth of unevenness
    )
    return {
        "sustained": sustained,
        "published": seen["published"],
        "acknowledged": seen["acknowledged"],
        "rejected": seen["rejected"],
        "refused_by_broker": seen["refused_by_broker"],
        "acked_batches_per_second": round(seen["acked_per_second"], 1),
        "projected_batches_per_second": round(projected, 1),
        "projected_readings_per_second": round(projected * load.readings),
        "behind_batches": {"first_half_max": early, "second_half_max": late},
        "projected_after_load_s": None if done is None else round(max(0.0, done - last), 2),
    }
