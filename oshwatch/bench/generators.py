"""The load processes of a run: each with its share of the gateways, spoken to as one."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final

from oshwatch.bench.figures import spread_ms
from oshwatch.bench.fleet import Load
from oshwatch.bench.servers import BenchError

MOST_CONNECTIONS: Final = 5_000
"""Of one process; a larger fleet is divided between several."""
_SUMS: Final = ("published", "acknowledged", "rejected", "refused_by_broker", "acks", "acks_verified")


class Generators:
    """The conversation with the load processes, described in `oshwatch.bench.load`."""

    def __init__(self, processes: list[subprocess.Popen[str]]) -> None:
        self._processes = processes

    @property
    def pids(self) -> dict[str, int]:
        names = ["load generator", *(f"load generator-{n}" for n in range(2, len(self._processes) + 1))]
        return dict(zip(names, (process.pid for process in self._processes), strict=True))

    def order(self, load: Load, port: int) -> None:
        parts = len(self._processes)
        for part, process in enumerate(self._processes):
            _tell(process, {"load": asdict(load), "part": part, "parts": parts, "port": port})

    def prepared(self) -> dict[str, int]:
        """Waits until all batches are signed: their number and bytes."""
        heard = self._hear("ready")
        return {key: sum(one[key] for one in heard) for key in ("ready", "bytes")}

    def connect(self, server_key: bytes) -> None:
        """Returns when every gateway is connected."""
        for process in self._processes:
            _tell(process, {"server_key": base64.b64encode(server_key).decode()})
        self._hear("connected")

    def begin(self, at: float) -> None:
        for process in self._processes:
            _tell(process, {"begin": at})

    def outcome(self, load: Load) -> dict[str, Any]:
        """Waits until everything is acknowledged or given up: what all of them saw, as one."""
        heard = self._hear("acknowledged")
        started = min(one["started"] for one in heard)
        # The first fifth warms caches up; the rest is measured.
        first, last = started + load.seconds / 5, started + load.seconds
        acked = [at for one in heard for at in one["acked_at"]]
        return {
            **{key: sum(one[key] for one in heard) for key in _SUMS},
            "started": started,
            "acked_per_second": sum(first <= at < last for at in acked) / (last - first),
            "last_acked": max(acked, default=started),
            "publish_to_ack_ms": spread_ms([took for one in heard for took in one["publish_to_ack_s"]]),
            "generator_late_ms": spread_ms([late for one in heard for late in one["late_s"]]),
            "breaches": [breach for one in heard for breach in one["breaches"]],
        }

    def _hear(self, key: str) -> list[dict[str, Any]]:
        return [_hear(process, key) for process in self._processes]


@contextmanager
def generators(load: Load) -> Iterator[Generators]:
    """As many as the gateways need; they end with the block."""
    number = -(-load.gateways // MOST_CONNECTIONS)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "oshwatch.bench.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(number)
    ]
    try:
        yield Generators(processes)
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def _tell(process: subprocess.Popen[str], words: Mapping[str, object]) -> None:
    assert process.stdin is not None  # noqa: S101 - opened as a pipe
    process.stdin.write(json.dumps(words) + "\n")
    process.stdin.flush()


def _hear(process: subprocess.Popen[str], key: str) -> dict[str, Any]:
    assert process.stdout is not None  # noqa: S101 - opened as a pipe
    line = process.stdout.readline()
    said: dict[str, Any] = json.loads(line) if line else {}
    if key not in said:
        raise BenchError("a load generator ended before it was done; what it wrote is above")
    return said
