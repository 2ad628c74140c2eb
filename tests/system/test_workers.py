"""Several processes of each kind on one installation: under load one of each is killed, another is stopped
for longer than its lease, and nothing is lost, doubled or told again."""

import base64
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from firmware_sim.simulated import shared_fleet
from ingest_service.clock import clock_from
from ingest_service.shards import SHARDS
from ingest_service.stores import open_server_key_of
from osh_domain.scaled_time import ScaledTime
from tests.influx_server import InfluxServer
from tests.postgres import Postgres
from tests.servers import Broker
from tests.system.divided import ROOT, Divided, Hooks, audit, divided

FLEET, SEED, PERIOD_S = "16", 7, 30.0
RATE = 10.0
START = 1767841200.0  # Thursday 2026-01-08 03:00 UTC, 09:00 in Dhaka and 10:00 in Phnom Penh
WITHIN_S = 15.0
LAST_WORDS_S = 40.0
PATIENCE_S = 90.0


class Fleet:
    """The simulated fleet; carbon monoxide is released where it is measured, zone after zone."""

    def __init__(self, folder: Path, broker: Broker, server_key: bytes, clock: str) -> None:
        zones = _zones_with_co()[:8]
        order = {
            "folder": str(folder), "fleet": FLEET, "seed": SEED, "period_s": PERIOD_S, "clock": clock,
            "faults": [f"co-release:{zone}@+{n // 2}m+12m=1000ppm" for n, zone in enumerate(zones)],
            "port": broker.port, "server_key": base64.b64encode(server_key).decode(),
            "patience_s": LAST_WORDS_S,
        }  # fmt: skip
        self.truth = folder / "truth.jsonl"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.system.fleet_process"], cwd=ROOT, stdin=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def finish(self) -> int:
        """No more readings; waits for the server's last words. 0 when all went well."""
        self._process.terminate()
        self._process.communicate(timeout=LAST_WORDS_S + 30.0)
        return self._process.returncode


def _zones_with_co() -> list[str]:
    sensors = shared_fleet(FLEET, SEED, PERIOD_S).sensors
    return sorted({one.zone for one in sensors if one.sensor.startswith("co")})


def seconds_until(done: Callable[[], object], what: str, service: Divided) -> float:
    begun = time.monotonic()
    deadline = begun + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, f"{what}\n{service.last_words()}"
        time.sleep(0.05)
    return time.monotonic() - begun


@pytest.mark.timeout(400)
def test_processes_that_are_killed_or_stopped_are_replaced_and_nothing_is_lost_or_told_twice(
    broker: Broker, postgres: Postgres, influx: InfluxServer, tmp_path: Path
) -> None:
    hooks = Hooks(takes_s=0.1)
    pace = ScaledTime(RATE, time.time() + 20.0, START)
    settings = postgres.settings(
        tmp_path / "data",
        mqtt_port=broker.port,
        clock=f"{RATE}@{pace.wall_start!r}={START!r}",
        influx_url=influx.url,
        influx_org=influx.org,
        influx_token=SecretStr(influx.token or "any"),
        influx_bucket=influx.new_bucket(),
        webhook_allow=(f"127.0.0.1:{hooks.server_port}",),
        back_rate=200.0,
    )
    server_key = open_server_key_of(settings, create=True).public_key
    with divided(settings, FLEET, SEED, PERIOD_S, hooks) as service:
        for runner, number in (("intake", 4), ("projector", 2), ("alerts", 2)):
            for place in range(1, number + 1):
                service.start(runner, place)
        for kind in ("projector", "alerts"):
            seconds_until(lambda: _shared(service, kind, 2), f"two {kind}s that share", service)  # noqa: B023
        fleet = Fleet(tmp_path, broker, server_key, str(pace))
        times: dict[str, float] = {}
        try:
            seconds_until(lambda: hooks.told, "the first notice", service)
            times |= _replaced(service, signal.SIGKILL)[0]
            for runner in ("projector", "alerts"):
                service.start(runner, 3)
            for runner in ("projector", "alerts"):
                seconds_until(lambda: _shared(service, runner, 2), f"a new {runner} with its share", service)  # noqa: B023
            more, stopped = _replaced(service, signal.SIGSTOP)
            times |= more
            for name in stopped:
                service.send(name, signal.SIGCONT)
            seconds_until(lambda: _shared(service, "projector", 2), "the one that was stopped works", service)
        finally:
            ended = fleet.finish()
        assert ended == 0
        last = service.last_rows()
        seconds_until(lambda: _settled(service, last, hooks), "an end of the work", service)
        service.stop()
        left = audit(settings, service.engine, fleet.truth, hooks)
    print({name: round(took, 1) for name, took in times.items()}, left)
    assert left.problems == ()
    assert left.cases > 0
    assert left.readings == left.points > 1000
    assert max(times.values()) < WITHIN_S


def _shared(service: Divided, kind: str, among: int) -> bool:
    """Whether every shard has a holder, and so many processes that run have the same number of them."""
    alive = [name for name in service.processes if name.startswith(kind)]
    sizes = [len(service.shards(kind, name)) for name in alive]
    return sum(sizes) == SHARDS and sorted(sizes)[-among:] == [SHARDS // among] * among


def _replaced(service: Divided, how: signal.Signals) -> tuple[dict[str, float], list[str]]:
    """End or stop one of each in mid-work: how long until others have what it had, by its name, and which."""
    names = [next(n for n in service.processes if n.startswith(r)) for r in ("intake", "projector", "alerts")]
    waiting = {name: _successor(service, name) for name in names}
    begun = time.monotonic()
    for name in names:
        service.send(name, how)
    times: dict[str, float] = {}
    while waiting:
        assert time.monotonic() - begun < PATIENCE_S, (
            f"nobody in place of {list(waiting)}\n{service.last_words()}"
        )
        for name in [name for name, replaced in waiting.items() if replaced()]:
            times[f"{name} {how.name}"] = time.monotonic() - begun
            del waiting[name]
        time.sleep(0.05)
    return times, names


def _successor(service: Divided, name: str) -> Callable[[], bool]:
    """Tells whether others do what this process does now: every gateway was heard since, or its shards are
    another's."""
    runner = name.partition("-")[0]
    if runner == "intake":
        now = clock_from(service.settings).now()
        return lambda: _heard_since(service, now)
    shards, mark = service.shards(runner, name), f"-{service.processes[name].pid}-"
    assert shards

    def replaced() -> bool:
        holders = service.holders(runner)
        return all(mark not in (holders[shard] or mark) for shard in shards)

    return replaced


def _heard_since(service: Divided, now: float) -> bool:
    """Whether a batch of every gateway came in since then."""
    return all((one.last_batch_at or 0.0) > now for one in service.ledger.statuses())


def _settled(service: Divided, last: dict[int, int], hooks: Hooks) -> bool:
    """Whether all of the ledger is projected and judged, and all is told."""
    projected = service.cursors()
    if any(projected.get(shard, 0) < row for shard, row in last.items()):
        return False
    told = len(hooks.told)
    return service.judged() == service.changes() and service.notices_waiting() == 0 and told > 0
