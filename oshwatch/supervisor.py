"""Keeps the server's runners alive: starts each as a process, starts again what ends, stops all together."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
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
# A runner that lived this long starts its pauses afresh.
SETTLED_S = 60.0


class _Runner:
    """One supervised process and its restart pauses."""

    def __init__(self, name: str, environment: dict[str, str], metrics: Path, log_file: Path | None) -> None:
        self.name = name
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
                "a runner ended; it will be started again", runner=self.name, code=code, in_s=self._pause
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
        self, settings: Settings, runners: Sequence[str] = tuple(RUNNERS), *, log_dir: Path | None = None
    ) -> None:
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
        if log_dir is not None:
            log_dir.mkdir(parents=True, exist_ok=True)
        self._runners = [
            _Runner(name, environment, metrics, None if log_dir is None else log_dir / f"{name}.log")
            for name in runners
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
        """The process id of each running runner."""
        return {runner.name: runner.process.pid for runner in self._runners if runner.process is not None}
