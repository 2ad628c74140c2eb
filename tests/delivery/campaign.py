"""The fault campaign: a fleet of real gateways, a real broker and the real service, under random faults.

    make chaos ARGS='--minutes 30 --seed 5'

Every few seconds something fails: a process is killed or stands still, a road is cut, slow, late or swallows
what is sent, the series is wiped. At the end comes a calm, in which everything must drain, and one audit
decides.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from firmware_sim.description import describe
from firmware_sim.fleet import fleet_named
from ingest_service.auth.server_key import FILE_NAME, ServerKey
from ingest_service.database import migrate, open_database
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from ingest_service.settings import Settings, environment_of
from osh_domain.scaled_time import ScaledTime
from oshwatch.bench.servers import find_mosquitto, free_port
from tests.delivery.audit import Audit, audit
from tests.delivery.fault_proxy import FaultProxy, Road

FLEET = "demo"
START = 1_776_650_400.0
SPEED = 60.0
CALM_WITHIN_S = 180.0
STILL_S = 3.0
ROAD_S = 4.0
NAMES = ("broker", "intake", "projector", "fleet")
ROADS = (Road.CUT, Road.HOLE, Road.SLOW, Road.LAGGY)


@dataclass
class Figures:
    """What happened, for the report. Recovery: from the end of a fault to the next ledger row [s]."""

    faults: Counter[str] = field(default_factory=Counter)
    longest_recovery_s: dict[str, float] = field(default_factory=dict)

    def recovered(self, fault: str, seconds: float) -> None:
        self.longest_recovery_s[fault] = max(seconds, self.longest_recovery_s.get(fault, 0.0))


class Campaign:
    """Everything that runs during a campaign, in one folder. Use as a context manager."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.data_dir, self.fleet_dir = folder / "server", folder / "fleet"
        self.truth = folder / "truth.jsonl"
        self.figures = Figures()
        self._draw = random.Random(seed)
        self._clock = ScaledTime(SPEED, time.time() + 2.0, START)
        self._broker_port = free_port()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._owned = ExitStack()
        self.faults: dict[str, Callable[[], None]] = {
            **{f"kill {name}": partial(self._kill, name) for name in NAMES},
            **{f"stop {name}": partial(self._stand_still, name) for name in NAMES},
            **{f"gateways' road {road}": partial(self._spoil, "near", road) for road in ROADS},
            **{f"service's road {road}": partial(self._spoil, "far", road) for road in ROADS},
            "reset every connection": self._reset,
            "wipe the series": self._wipe_series,
        }

    def __enter__(self) -> Self:
        self._prepare()
        self.near = self._owned.enter_context(FaultProxy(self._broker_port))
        self.far = self._owned.enter_context(FaultProxy(self._broker_port))
        for name in NAMES:
            self._start(name)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
        self._owned.close()

    # -- the course -------------------------------------------------------------------------------------

    def trouble(self, seconds: float) -> None:
        """One fault after the other, with time to breathe between them."""
        self._await_rows("start", 60.0)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(self._draw.uniform(0.2, 2.0))
            name = self._draw.choice(sorted(self.faults))
            print(f"{time.strftime('%H:%M:%S')}  {name}", flush=True)
            self.figures.faults[name] += 1
            self.faults[name]()
            self._await_rows(name, 90.0)

    def calm(self) -> Audit:
        """No more faults: let everything drain, stop in good order, compare everything with everything."""
        deadline = time.monotonic() + CALM_WITHIN_S
        self._end("fleet")
        while time.monotonic() < deadline:
            # A fleet that measures nothing more delivers what still waits, and ends.
            self._start("fleet", "--for", "0s")
            self._processes.pop("fleet").wait(60)
            if not self._waiting():
                break
        time.sleep(1.0)
        self._await_projector()
        for name in ("projector", "intake", "broker"):
            self._end(name)
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            return audit(self.truth, self.data_dir, self.fleet_dir, Path(scratch))

    # -- faults -----------------------------------------------------------------------------------------

    def _kill(self, name: str) -> None:
        process = self._processes.pop(name)
        process.kill()
        process.wait()
        if name == "fleet":
            self._own_up()
        time.sleep(self._draw.uniform(0.0, 2.0))
        self._start(name)

    def _stand_still(self, name: str) -> None:
        process = self._processes[name]
        process.send_signal(signal.SIGSTOP)
        time.sleep(self._draw.uniform(0.5, STILL_S))
        process.send_signal(signal.SIGCONT)

    def _spoil(self, which: str, road: Road) -> None:
        proxy = self.near if which == "near" else self.far
        proxy.road = road
        time.sleep(self._draw.uniform(0.5, ROAD_S))
        proxy.road = Road.OPEN
        if road is Road.HOLE:  # what went into the hole is missing in the middle of the stream
            proxy.reset()

    def _reset(self) -> None:
        self.near.reset()
        self.far.reset()

    def _wipe_series(self) -> None:
        self._end("projector")
        for path in self.data_dir.glob("series.sqlite*"):
            path.unlink()
        self._start("projector")

    def _own_up(self) -> None:
        """A killed fleet is a power cut of all its gateways: what was not synced was never promised."""
        last: dict[str, float] = {}
        for line in self.truth.read_text("utf-8").splitlines():
            if line.startswith('{"reading"') and line.endswith("}"):
                said = json.loads(line)
                last[said["reading"].partition("/")[0]] = said.get("clock", said["t"])
        with self.truth.open("a", encoding="utf-8") as truth:
            for gateway, t in last.items():
                truth.write(
                    json.dumps({"fault": "power-cut", "target": gateway, "is": "begin", "t": t}) + "\n"
                )

    # -- processes --------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        self.data_dir.mkdir(parents=True)
        engine = open_database(self.data_dir)
        migrate(engine)
        register = Register(engine, now=lambda: START - 3600.0)
        fleet = describe(fleet_named(FLEET, self.seed), valid_from=START - 3600.0)
        import_description(register, fleet, "campaign")
        engine.dispose()
        self._server_key = ServerKey.load_or_create(self.data_dir / FILE_NAME).public_key
        (self.folder / "mosquitto.conf").write_text(
            f"listener {self._broker_port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
            "set_tcp_nodelay true\nmax_queued_messages 50\nmax_packet_size 1048576\n"
        )

    def _start(self, name: str, *more: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [*self._command(name), *more], env=self._environment(), stdout=log, stderr=log
            )

    def _command(self, name: str) -> list[str]:
        if name == "broker":
            return [find_mosquitto(), "-c", str(self.folder / "mosquitto.conf")]
        program = [sys.executable, "-m", "oshwatch.main"]
        if name != "fleet":
            return [*program, "run", name]
        key = urlsafe_b64encode(self._server_key).rstrip(b"=").decode()
        return [
            *program, "sim", "run", "--fleet", FLEET, "--seed", str(self.seed),
            "--data-dir", str(self.fleet_dir), "--truth", str(self.truth), "--clock", str(self._clock),
            "--server-key", key, "--mqtt-port", str(self.near.port),
        ]  # fmt: skip

    def _environment(self) -> dict[str, str]:
        settings = Settings(data_dir=self.data_dir, mqtt_port=self.far.port, clock=str(self._clock))
        return {**os.environ, **environment_of(settings), "PYTHONUNBUFFERED": "1"}

    def _end(self, name: str) -> None:
        process = self._processes.pop(name)
        process.terminate()
        process.wait(60)

    # -- looking ----------------------------------------------------------------------------------------

    def _last_row(self) -> int:
        ledger = open_ledger(self.data_dir, read_only=True)
        try:
            return ledger.last_row()
        finally:
            ledger.close()

    def _await_rows(self, fault: str, within_s: float) -> None:
        """Wait until rows are added again: that is the recovery."""
        begun, before = time.monotonic(), self._last_row()
        while self._last_row() <= before:
            if time.monotonic() - begun > within_s:
                raise TimeoutError(
                    f"no ledger row within {within_s:.0f} s after: {fault} (see {self.folder})"
                )
            time.sleep(0.05)
        self.figures.recovered(fault, time.monotonic() - begun)

    def _await_projector(self) -> None:
        deadline = time.monotonic() + CALM_WITHIN_S
        beat = self.data_dir / "run" / "projector.json"
        while time.monotonic() < deadline:
            if json.loads(beat.read_text("utf-8"))["facts"]["cursor"] == self._last_row():
                return
            time.sleep(0.2)
        raise TimeoutError("the projector did not catch up")

    def _waiting(self) -> int:
        from edge_agent.outbox.store import Outbox

        waiting = 0
        for path in self.fleet_dir.glob("*/outbox.sqlite"):
            with Outbox(path, path.parent.name, serial=f"sim-{path.parent.name}") as outbox:
                waiting += outbox.counts().waiting
        return waiting


def run(folder: Path, seed: int, seconds: float) -> tuple[Audit, Figures, int]:
    """A campaign; also how many batches the ledger got. TimeoutError when something did not recover."""
    with Campaign(folder, seed) as campaign:
        campaign.trouble(seconds)
        found = campaign.calm()
        ledger = open_ledger(campaign.data_dir, read_only=True)
        batches = ledger.last_row()
        ledger.close()
    return found, campaign.figures, batches


def main() -> None:
    """Run a campaign and print its figures; exit code 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long faults are made (default 5)")
    parser.add_argument(
        "--seed", type=int, default=int(time.time()) % 100_000, help="which faults, which fleet"
    )
    parser.add_argument("--keep", type=Path, help="keep everything in this new folder")
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}, {chosen.minutes:g} minutes")
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.keep or Path(scratch) / "campaign"
        found, figures, batches = run(folder, chosen.seed, 60.0 * chosen.minutes)
    print("\n".join(found.truth.lines()))
    for name, count in sorted(figures.faults.items()):
        print(f"{count:>12,}  {name} (longest recovery {figures.longest_recovery_s[name]:.1f} s)")
    print(f"{batches:>12,}  batches in the ledger, {found.points:,} points in the series")
    print(f"{len(found.broken_rows):>12,}  broken ledger rows")
    print("series = ledger" if found.series_is_the_ledgers else "the series is NOT what the ledger gives")
    print("every promise kept" if found.kept else "PROMISES BROKEN")
    sys.exit(0 if found.kept else 1)


if __name__ == "__main__":
    main()
