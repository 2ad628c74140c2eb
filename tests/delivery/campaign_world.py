"""Everything that runs during a campaign: a fleet of real gateways, broker, service, roads and disks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from contextlib import ExitStack, closing
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
from tests.delivery.fault_proxy import FaultProxy

FLEET = "demo"
START = 1_776_650_400.0
SPEED = 60.0
DRAINED_WITHIN_S = 180.0
DISK_BYTES = 1 << 30
PAGE = 4096
TRIES = 5
NAMES = ("broker", "intake", "projector", "fleet")
# One gateway sends its last batches again and again, whether they were acknowledged or not.
REPEATS = "repeats:kh-f0123-a@+10m+300d"
QUEUES = {"usual": 50, "tiny": 5}


class Disk:
    """A file system of its own, held in memory, whose size can be changed: a disk that gets full.

    `why_not` says why there is none; the folder is then an ordinary one.
    """

    def __init__(self, folder: Path, keep: bool) -> None:
        folder.mkdir(parents=True)
        self._folder, self._keep = folder, keep
        self.why_not = "needs root" if os.geteuid() else self._mount(f"size={DISK_BYTES}")

    def leave(self, pages: int) -> None:
        """Leave room for so many pages."""
        found = os.statvfs(self._folder)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        self._mount(f"remount,size={used + pages * PAGE}")

    def widen(self) -> None:
        self._mount(f"remount,size={DISK_BYTES}")

    def close(self) -> None:
        if self.why_not is None:
            kept = self._folder.with_suffix(".kept")
            if self._keep:
                shutil.copytree(self._folder, kept)
            subprocess.run(["umount", "--lazy", str(self._folder)], check=True)
            if self._keep:
                self._folder.rmdir()
                kept.rename(self._folder)

    def _mount(self, options: str) -> str | None:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self._folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stderr.strip() if done.returncode else None


class World:
    """The processes and what lies between them, in one folder. Use as a context manager."""

    def __init__(self, folder: Path, seed: int, *, keep: bool = False) -> None:
        self.folder, self.seed = folder, seed
        self.data_dir, self.fleet_dir = folder / "server", folder / "fleet"
        self.truth = folder / "truth.jsonl"
        self._keep = keep
        self._clock = ScaledTime(SPEED, time.time() + 2.0, START)
        self._broker_port = free_port()
        self._queues = "usual"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._owned = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as building:
            self.server_disk = Disk(self.data_dir, self._keep)
            building.callback(self.server_disk.close)
            self.fleet_disk = Disk(self.fleet_dir, self._keep)
            building.callback(self.fleet_disk.close)
            building.callback(self._end_all)
            self._prepare()
            self.near = building.enter_context(FaultProxy(self._broker_port))
            self.far = building.enter_context(FaultProxy(self._broker_port))
            for name in NAMES:
                self.start(name)
            self._owned = building.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._owned.close()

    # -- processes --------------------------------------------------------------------------------------

    def start(self, name: str, *more: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [*self._command(name, resumed=bool(more)), *more],
                env=self._environment(),
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str) -> None:
        """SIGKILL."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def end(self, name: str) -> None:
        """SIGTERM, and wait."""
        process = self._processes.pop(name)
        process.terminate()
        process.wait(60)

    def stand_still(self, name: str, seconds: float) -> None:
        """SIGSTOP for so long."""
        process = self._processes[name]
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)

    def broker_with(self, queues: str) -> None:
        """Kill the broker and start it with `usual` or `tiny` queues."""
        self.kill("broker")
        self._queues = queues
        self.start("broker")

    def drain(self) -> None:
        """The fleet ends in good order; then only what waits is delivered, until nothing does."""
        deadline = time.monotonic() + DRAINED_WITHIN_S
        self.end("fleet")
        while time.monotonic() < deadline:
            self.start("fleet", "--for", "0s")
            self._processes.pop("fleet").wait(60)
            if not self.waiting():
                break
        self._await_projector()
        for name in ("projector", "intake", "broker"):
            self.end(name)

    def administer(self, *arguments: str) -> None:
        """Run a command of `oshwatch admin` until it says that it did its part. Raises TimeoutError."""
        command = [sys.executable, "-m", "oshwatch.main", "admin", *arguments]
        for _ in range(TRIES):
            done = subprocess.run(
                command, env=self._environment(), capture_output=True, text=True, timeout=120, check=False
            )
            if done.returncode == 0:
                return
        raise TimeoutError(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")

    # -- looking ----------------------------------------------------------------------------------------

    def all_live(self) -> None:
        """Raises TimeoutError when a process ended that nobody killed."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                said = (self.folder / f"{name}.log").read_text("utf-8", "replace").splitlines()[-3:]
                raise TimeoutError(f"{name} ended by itself with code {process.returncode}: {' '.join(said)}")

    def last_row(self) -> int:
        ledger = open_ledger(self.data_dir, read_only=True)
        try:
            return ledger.last_row()
        finally:
            ledger.close()

    def everybody_was_heard(self) -> bool:
        """Whether the ledger has something of every gateway of the fleet."""
        ledger = open_ledger(self.data_dir, read_only=True)
        try:
            return {gateway for _, gateway, _ in ledger.epochs()} >= set(
                fleet_named(FLEET, self.seed).gateways
            )
        finally:
            ledger.close()

    def epochs(self) -> dict[tuple[str, str], int]:
        """Gateway and epoch -> how many batches were sealed in it, by what the outboxes say."""
        found: dict[tuple[str, str], int] = {}
        for path in self.fleet_dir.glob("*/outbox.sqlite"):
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as outbox:
                for epoch, head in outbox.execute("SELECT epoch, head_seq FROM epochs"):
                    found[path.parent.name, epoch] = head
        return found

    def waiting(self) -> int:
        """Batches that wait in the outboxes of a fleet that has ended."""
        waiting = 0
        for path in self.fleet_dir.glob("*/outbox.sqlite"):
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as outbox:
                waiting += outbox.execute("SELECT count(*) FROM batches WHERE state = 0").fetchone()[0]
        return waiting

    def _await_projector(self) -> None:
        deadline = time.monotonic() + DRAINED_WITHIN_S
        beat = self.data_dir / "run" / "projector.json"
        while time.monotonic() < deadline:
            if json.loads(beat.read_text("utf-8"))["facts"]["cursor"] == self.last_row():
                return
            time.sleep(0.2)
        raise TimeoutError("the projector did not catch up")

    # -- preparing --------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        engine = open_database(self.data_dir)
        migrate(engine)
        register = Register(engine, now=lambda: START - 3600.0)
        fleet = describe(fleet_named(FLEET, self.seed), valid_from=START - 3600.0)
        import_description(register, fleet, "campaign")
        engine.dispose()
        self._server_key = ServerKey.load_or_create(self.data_dir / FILE_NAME).public_key
        for name, length in QUEUES.items():
            (self.folder / f"mosquitto-{name}.conf").write_text(
                f"listener {self._broker_port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
                f"set_tcp_nodelay true\nmax_queued_messages {length}\nmax_packet_size 1048576\n"
            )

    def _command(self, name: str, *, resumed: bool) -> list[str]:
        if name == "broker":
            return [find_mosquitto(), "-c", str(self.folder / f"mosquitto-{self._queues}.conf")]
        if name != "fleet":
            return [sys.executable, "-m", "oshwatch.main", "run", name]
        key = urlsafe_b64encode(self._server_key).rstrip(b"=").decode()
        return [
            sys.executable, "-m", "oshwatch.main" if resumed else "tests.delivery.campaign_fleet",
            "sim", "run", "--fleet", FLEET, "--seed", str(self.seed), "--fault", REPEATS,
            "--data-dir", str(self.fleet_dir), "--truth", str(self.truth), "--clock", str(self._clock),
            "--server-key", key, "--mqtt-port", str(self.near.port),
        ]  # fmt: skip

    def _environment(self) -> dict[str, str]:
        settings = Settings(data_dir=self.data_dir, mqtt_port=self.far.port, clock=str(self._clock))
        return {**os.environ, **environment_of(settings), "PYTHONUNBUFFERED": "1"}

    def _end_all(self) -> None:
        for process in self._processes.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
