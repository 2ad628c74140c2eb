"""Processor time of processes on this machine with all they started, and which process listens on a port."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from ingest_service.settings import Settings

_TICK: Final = os.sysconf("SC_CLK_TCK")
_LISTENING: Final = "0A"
_OF_THIS_MACHINE: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_PORTS: Final = {"postgresql+psycopg": 5432, "http": 8086, "https": 8086}


class _Stat(NamedTuple):
    pid: int
    parent: int
    used: int
    """Ticks of this process."""
    of_ended: int
    """Ticks of its children that ended."""


def family_cpu_seconds(pid: int) -> float:
    """Processor time of a process and of all it started, those that have ended included [s].

    A server that has a process for each connection (PostgreSQL) is one figure so. 0 when it has ended.
    """
    every = {one.pid: one for one in _every_process()}
    family = _family(pid, every)
    return sum(every[one].used + every[one].of_ended for one in family) / _TICK


def family_memory_mb(pid: int) -> float:
    """Memory of a process and of all it started [MB]; what they share is counted once."""
    every = {one.pid: one for one in _every_process()}
    return round(sum(_proportional_kb(one) for one in _family(pid, every)) / 1024, 1)


def store_pids(settings: Settings) -> dict[str, int]:
    """The processes of PostgreSQL and InfluxDB that the settings name, where they run on this machine."""
    addresses: Mapping[str, str | None] = {
        "postgresql": settings.database_url.get_secret_value() if settings.database_url else None,
        "influxdb": settings.influx_url,
    }
    found = {name: _listener_at(address) for name, address in addresses.items() if address is not None}
    return {name: pid for name, pid in found.items() if pid is not None}


def listener(port: int) -> int | None:
    """The process that listens on a TCP port; of several the one that started the others."""
    sockets = set(_listening_sockets(port))
    holders = [one for one in _every_process() if sockets & set(_sockets_of(one.pid))]
    pids = {one.pid for one in holders}
    return next((one.pid for one in holders if one.parent not in pids), None)


def _listener_at(address: str) -> int | None:
    parts = urlsplit(address)
    if parts.hostname not in _OF_THIS_MACHINE:
        return None
    return listener(parts.port or _PORTS[parts.scheme])


def _family(pid: int, every: Mapping[int, _Stat]) -> list[int]:
    found = [pid] if pid in every else []
    for parent in found:  # grows while it is walked through
        found += [one.pid for one in every.values() if one.parent == parent]
    return found


def _proportional_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines()
    except OSError:
        return 0  # it has ended meanwhile
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _every_process() -> Iterator[_Stat]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text("utf-8", "replace")
            except OSError:
                continue  # it has ended meanwhile
            fields = text.rpartition(")")[2].split()
            used, ended = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
            yield _Stat(int(folder.name), int(fields[1]), used, ended)


def _listening_sockets(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if Path(table).exists():
            for line in Path(table).read_text("utf-8").splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    yield f"socket:[{fields[9]}]"


def _sockets_of(pid: int) -> Iterator[str]:
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            yield str(link.readlink())
    except OSError:
        return  # it has ended, or is another user's
