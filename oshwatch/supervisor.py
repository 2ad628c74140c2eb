"""Keeps the server's runners alive: starts each as a process, starts again what ends, stops all together."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from ingest_service.metrics import forget_runner
from ingest_service.settings import Settings, environment_of, without_settings

log = structlog.get_logger()

RUNNERS = {
    "intake": "ingest_service.subscriber:run",
    "projector": "ingest_service.projector:run",
    "alerts": "ingest_service.alert_runner:run",
    "web": "ingest_service.app:run",
}
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
MOST_WORKERS = 32
# A runner that lived this long starts its pauses afresh.
SETTLED_S = 60.0


class WorkersError(ValueError):
    """So many processes of a runner cannot be started; the message says why and what to do."""


def counted(workers: str, settings: Settings) -> dict[str, int]:
    """`intake=2,alerts=2` as numbers of processes by runner; every runner that is not named has one.

    Raises WorkersError.
    """
    found: dict[str, int] = {}
    for part in filter(None, (piece.strip() for piece in workers.split(","))):
        name, _, number = part.partition("=")
        if name not in RUNNERS or not number.isdigit() or not 1 <= int(number) <= MOST_WORKERS:
            raise WorkersError(
                f"{part!r} is not a runner and a number of processes. Write for example intake=2,alerts=2; "
                f"runners are {', '.join(RUNNERS)}, at most {MOST_WORKERS} processes each."
            )
        found[name] = int(number)
    several = sorted(name for name, number in found.items() if number > 1)
    if "web" in several:
        raise WorkersError("The pages have one port, so one process here. Start more of them elsewhere.")
    if several and settings.database_url is None:
        raise WorkersError(
            f"Several processes of {', '.join(several)} need a database that they share. Set "
            "OSHWATCH_DATABASE_URL, or start one of each."
        )
    if {"projector", "alerts"} & {*several} and settings.influx_url is None:
        raise WorkersError(
            "A series in a file has one process that writes it and one that judges it. Set "
            "OSHWATCH_INFLUX_URL to divide that work, or start one of each; several intakes need it not."
        )
    return found


class _Runner:
    """One supervised process and its restart pauses."""

    def __init__(
        self, name: str, instance: str, environment: dict[str, str], metrics: Path, log_file: Path | None
    ) -> None:
        self.name, self.instance = name, instance
        self._metrics = metrics
        self._environment = environment
        self._log_file = log_file
        self._pause = FIRST_PAUSE_S
        self._started = 0.0
        self._due = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "oshwatch.main", "run", self.name]
        # A session of its own: Ctrl-C at the terminal reaches the supervisor alone, which stops all in order.
        if self._log_file is None:
            self.process = subprocess.Popen(command, env=self._environment, start_new_session=True)
        else:
            with self._log_file.open("ab") as out:
                self.process = subprocess.Popen(
                    command, env=self._environment, start_new_session=True, stdout=out, stderr=out
                )
        self._started = time.monotonic()

    def look(self) -> None:
        """Start the process again if it ended, with growing pauses."""
        now = time.monotonic()
        if self.process is not None and (code := self.process.poll()) is not None:
            forget_runner(self.process.pid, self._metrics)
            self.process = None
            if now - self._started > SETTLED_S:
                self._pause = FIRST_PAUSE_S
            log.error(
                "a runner ended; it will be started again", runner=self.instance, code=code, in_s=self._pause
            )
            self._due = now + self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE_S)
        if self.process is None and now >= self._due:
            self.start()


class Supervisor:
    """Runs the named runners with the given settings.

    Use: ``start()``, then ``run(stop)`` until the event is set, or ``look()`` from one's own loop; ``stop()``
    ends every process it started, first asking, after ``patience_s`` insisting.
    """

    def __init__(
        self,
        settings: Settings,
        runners: Sequence[str] = tuple(RUNNERS),
        *,
        log_dir: Path | None = None,
        workers: Mapping[str, int] | None = None,
    ) -> None:
        """`workers`: processes of each runner, one where it does not say (see `counted`)."""
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        metrics = settings.data_dir / "metrics"
        shutil.rmtree(metrics, ignore_errors=True)  # counters of ended processes are not ours
        metrics.mkdir()
        environment = {
            **without_settings(os.environ),
            **environment_of(settings),
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            "PYTHONUNBUFFERED": "1",
        }
        environment.pop("OSHWATCH_METRICS_PORT", None)  # one port, several processes: the pages show them all
        if log_dir is not None:
            log_dir.mkdir(parents=True, exist_ok=True)
        self._runners = [
            _Runner(name, one, environment, metrics, None if log_dir is None else log_dir / f"{one}.log")
            for name in runners
            for one in _instances(name, (workers or {}).get(name, 1))
        ]

    def start(self, *names: str) -> None:
        """Start every runner, or those named; `look()` starts the others. Returns at once."""
        for runner in self._runners:
            if not names or runner.name in names:
                runner.start()

    def look(self) -> None:
        """Start again what has ended; call it a few times a second."""
        for runner in self._runners:
            runner.look()

    def run(self, stop: threading.Event) -> None:
        """Look after the runners until the event is set, then stop them."""
        try:
            while not stop.wait(0.2):
                self.look()
        finally:
            self.stop()

    def stop(self, patience_s: float = 5.0) -> None:
        """Ask every runner to end, wait, and kill what has not ended in time."""
        processes = [runner.process for runner in self._runners if runner.process is not None]
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + patience_s
        for process in processes:
            try:
                process.wait(max(0.05, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("a runner did not end in time and was killed", pid=process.pid)
                process.kill()
                process.wait()

    def pids(self) -> dict[str, int]:
        """The process id of each running runner; the second process of one is named `intake-2`."""
        return {one.instance: one.process.pid for one in self._runners if one.process is not None}


def _instances(name: str, number: int) -> list[str]:
    return [name, *(f"{name}-{place}" for place in range(2, number + 1))]
