"""How long after SIGKILL of each process its work goes on.

Gateway, broker, intake: until a batch that was measured after the kill is in the ledger. The gateway measures
and seals twice a second, so up to a second of that is waiting for such a batch. Projector: until the series
has passed what the ledger held at the kill. Alerts: until there is another sign of life. Web: until it says
that it is ready. Runners are started again by the supervisor as in the field, gateway and broker at once.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final, Self

from ingest_service.heartbeat import read_all
from ingest_service.settings import Settings
from osh_domain.batch import open_frame
from oshwatch.bench.edge_gateway import Gateway
from oshwatch.bench.servers import BenchError, free_port
from oshwatch.supervisor import RUNNERS, Supervisor

WITHIN_S: Final = 60.0
SEAL_EVERY_S: Final = 0.5
CALM_S: Final = 2.0
KILLED: Final = ("gateway", "broker", "intake", "projector", "alerts", "web")
LOOK_EVERY_S: Final = 0.02


class Plant:
    """One gateway, a broker and the whole service. Use as a context manager."""

    def __init__(self, mosquitto: str, folder: Path) -> None:
        self._mosquitto, self._folder = mosquitto, folder
        self.gateway = Gateway(folder)
        self._broker_port, self._web_port = free_port(), free_port()
        self._config = self.gateway.configure(
            self._broker_port, period_s=SEAL_EVERY_S, seal_after_s=SEAL_EVERY_S, seal_grace_s=0
        )
        self.settings: Settings = self.gateway.server(self._broker_port, http_port=self._web_port)
        (folder / "mosquitto.conf").write_text(
            f"listener {self._broker_port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
            "set_tcp_nodelay true\nmax_packet_size 1048576\n"
        )

    def __enter__(self) -> Self:
        self._owned = ExitStack()
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self._owned.callback(self._end_started)
        self._start_broker()
        self._supervisor = Supervisor(self.settings, tuple(RUNNERS), log_dir=self._folder / "logs")
        stop = threading.Event()
        self._supervisor.start()
        keeper = threading.Thread(target=self._supervisor.run, args=(stop,), name="supervisor")
        keeper.start()
        self._owned.callback(keeper.join)
        self._owned.callback(stop.set)
        self._start_gateway()
        return self

    def __exit__(self, *_: object) -> None:
        self._owned.close()

    def recovery_s(self, name: str) -> float:
        """Kill it; seconds until its work goes on. Raises BenchError."""
        goes_on = self.watch(name)
        begun = time.monotonic()
        if name in self._started:
            process = self._started.pop(name)
            process.kill()
            process.wait()
            self._start_gateway() if name == "gateway" else self._start_broker()
        else:
            os.kill(self._supervisor.pids()[name], signal.SIGKILL)
        while not goes_on():
            if time.monotonic() - begun > WITHIN_S:
                raise BenchError(f"{name} did not go on within {WITHIN_S:.0f} s after it was killed")
            time.sleep(LOOK_EVERY_S)
        return time.monotonic() - begun

    def watch(self, name: str) -> Callable[[], bool]:
        """A question that is answered yes as soon as the work of a process goes on, seen from now."""
        killed_at = time.time()
        if name == "web":
            self.await_ready()
            down: list[bool] = []
            return lambda: self._ready_again(down)
        if name == "alerts":
            return lambda: self._beat("alerts") > killed_at
        if name == "projector":
            last = self.last_row()
            return lambda: self.cursor() > last
        return lambda: self.newest_measured() > killed_at

    def await_ready(self) -> None:
        """Wait until the whole service says that it is ready, and batches flow into the series."""
        deadline = time.monotonic() + WITHIN_S
        while not (self._ready() and self.cursor()):
            if time.monotonic() > deadline:
                raise BenchError(f"the service was not ready within {WITHIN_S:.0f} s; see its logs")
            time.sleep(0.1)

    def last_row(self) -> int:
        return self._number("ledger", "SELECT COALESCE(MAX(row), 0) FROM batches")

    def newest_measured(self) -> float:
        """Wall time of the last reading of the newest ledger row; 0 when there is none."""
        payload = self._ask("ledger", "SELECT payload FROM batches ORDER BY row DESC LIMIT 1")
        if not isinstance(payload, bytes):
            return 0.0
        header = open_frame(payload).header
        return header.mono[1] + header.off

    def cursor(self) -> int:
        return self._number("series", "SELECT value FROM cursors WHERE name = 'ledger'")

    def _ask(self, store: str, query: str) -> object:
        """What a store answers; 0 when it is not there or says nothing yet."""
        path = self.settings.data_dir / f"{store}.sqlite"
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1)) as reader:
                found = reader.execute(query).fetchone()
        except sqlite3.Error:
            return 0
        return found[0] if found else 0

    def _number(self, store: str, query: str) -> int:
        found = self._ask(store, query)
        return found if isinstance(found, int) else 0

    def _beat(self, name: str) -> float:
        found = read_all(self.settings.data_dir).get(name)
        return 0.0 if found is None else found.at

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._web_port}/readyz", timeout=2) as said:
                return bool(said.status == 200)
        except OSError:
            return False

    def _ready_again(self, down: list[bool]) -> bool:
        """Ready after it was seen not to be: the connection of a killed process may still be answered."""
        ready = self._ready()
        if not ready:
            down.append(True)
        return bool(down) and ready

    def _start_broker(self) -> None:
        with (self._folder / "mosquitto.log").open("ab") as log:
            command = [self._mosquitto, "-c", str(self._folder / "mosquitto.conf")]
            self._started["broker"] = subprocess.Popen(command, stdout=log, stderr=log)

    def _start_gateway(self) -> None:
        self._started["gateway"] = self.gateway.start(self._config)

    def _end_started(self) -> None:
        for process in self._started.values():
            process.terminate()
            process.wait(20)


def recoveries(mosquitto: str, folder: Path) -> dict[str, float]:
    """Kill each process once, in a fresh plant; seconds until its work went on. Raises BenchError."""
    found = {}
    with Plant(mosquitto, folder) as plant:
        for name in KILLED:
            plant.await_ready()
            time.sleep(CALM_S)
            found[name] = round(plant.recovery_s(name), 2)
    return found
