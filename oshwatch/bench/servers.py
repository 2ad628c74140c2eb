"""Broker and runners of a benchmark, each a real process ended by its id, and what they use."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ingest_service.database import DatabaseError
from ingest_service.heartbeat import signs_of_life
from ingest_service.leases import unheld
from ingest_service.settings import Settings
from ingest_service.shard_work import is_divided
from ingest_service.stores import open_database_of
from oshwatch.supervisor import Supervisor

RUNNERS: Final = ("intake", "projector", "alerts")
START_WITHIN_S: Final = 90.0
SPARE_FILES: Final = 100
_TICK: Final = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """The benchmark cannot be run; the message says why and what to do."""


def find_mosquitto() -> str:
    """The path of the broker's program."""
    found = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        raise BenchError("the benchmark needs a real broker; install it: apt-get install mosquitto")
    return found


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def allow_open_files(wanted: int, pid: int = 0) -> None:
    """Raise a process's soft limit of open files (0: our own) as far as it must be. Raises `BenchError`."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise BenchError(
            f"{wanted} connections have to be open at once and {hard} may be: raise the hard limit of open "
            "files (`ulimit -Hn`), or ask for fewer gateways"
        )
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def broker(mosquitto: str, folder: Path, connections: int = 0) -> Iterator[tuple[int, int]]:
    """A Mosquitto of our own on a free loopback port for so many clients: the port and the process id."""
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n"
        "max_queued_messages 100000\nmax_inflight_messages 256\nmax_packet_size 1048576\n"
    )
    with (folder / "mosquitto.log").open("wb") as log:
        process = subprocess.Popen([mosquitto, "-c", str(config)], stdout=log, stderr=log)
    try:
        allow_open_files(connections + SPARE_FILES, process.pid)
        _wait(lambda: _listens(port), "the broker does not listen", folder / "mosquitto.log")
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def runners(
    settings: Settings, logs: Path, workers: Mapping[str, int] | None = None
) -> Iterator[dict[str, int]]:
    """Intake, projector and alerts as the service starts them: the process id of each by name."""
    supervisor = Supervisor(settings, RUNNERS, log_dir=logs, workers=workers)
    supervisor.start()
    try:
        _wait(lambda: _all_beat(settings, supervisor.pids()), "a runner gives no sign of life", logs)
        _wait(lambda: _all_held(settings), "a part of the sites has nobody who looks after it", logs)
        yield supervisor.pids()
    finally:
        supervisor.stop()


def _all_beat(settings: Settings, pids: Mapping[str, int]) -> bool:
    try:
        engine = open_database_of(settings)
    except DatabaseError as error:
        raise BenchError(str(error)) from None
    try:
        beats = [one for one in signs_of_life(engine, settings.data_dir) if one.pid in set(pids.values())]
    except OSError:
        return False
    finally:
        engine.dispose()
    connected = [one for one in beats if one.runner != "intake" or one.facts.get("connected")]
    return {*pids.values()} <= {one.pid for one in connected}


def _all_held(settings: Settings) -> bool:
    """Whether the runners that divide the sites have taken all of them."""
    if not is_divided(settings):
        return True
    engine = open_database_of(settings)
    try:
        return not unheld(engine, "projector") and not unheld(engine, "alerts")
    finally:
        engine.dispose()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait(condition: object, what: str, logs: Path) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        if callable(condition) and condition():
            return
        time.sleep(0.05)
    raise BenchError(f"{what} after {START_WITHIN_S:.0f} s; it said:\n{_last_words(logs)}")


def _last_words(logs: Path) -> str:
    files = sorted(logs.glob("*.log")) if logs.is_dir() else [logs]
    return "\n".join(
        f"{path.name}: {line}"
        for path in files
        for line in path.read_text("utf-8", "replace").splitlines()[-8:]
    )


def resident_mb(pid: int) -> float:
    """Memory a process holds now [MB]."""
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) / 1024, 1)
    raise BenchError(f"process {pid} has ended")


def machine_cpu_seconds() -> float:
    """Processor time everything on the machine has used so far [s]."""
    fields = [int(field) for field in Path("/proc/stat").read_text("utf-8").partition("\n")[0].split()[1:]]
    return (sum(fields[:8]) - fields[3] - fields[4]) / _TICK  # but idle and waiting for disks
