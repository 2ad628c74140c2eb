"""What the real agent process takes of a gateway: memory and processor time at its usual rate."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from oshwatch.bench.edge_gateway import Gateway, bytes_written, cpu_seconds_exact
from oshwatch.bench.servers import BenchError, broker, resident_mb, runners
from oshwatch.bench.watching import Watcher

STARTED_S: Final = 5.0
FIRST_BATCH_WITHIN_S: Final = 90.0


def agent_process(mosquitto: str, folder: Path, seconds: float, readings: int) -> dict[str, Any]:
    """Let it measure once a minute for so long, beside a real broker and intake. Raises BenchError."""
    gateway = Gateway(folder, readings)
    with broker(mosquitto, folder) as (port, _), runners(gateway.server(port), folder / "logs"):
        watcher = Watcher(gateway.server(port))
        watcher.start()
        try:
            with gateway.agent(gateway.configure(port, period_s=60.0)) as process:
                time.sleep(STARTED_S)
                _first_batch(watcher)
                cpu, written, begun = (
                    cpu_seconds_exact(process.pid),
                    bytes_written(process.pid),
                    time.monotonic(),
                )
                time.sleep(seconds)
                used, took = cpu_seconds_exact(process.pid) - cpu, time.monotonic() - begun
                after = bytes_written(process.pid)
                return {
                    "channels": readings,
                    "seconds": round(took, 1),
                    "batches": watcher.seen[-1].ledger,
                    "memory_mb": resident_mb(process.pid),
                    "memory_of_its_own_mb": _own_mb(process.pid),
                    "cpu_share_of_one_core": round(used / took, 5),
                    "cpu_seconds_per_hour": round(3600.0 * used / took, 2),
                    "written_kb_per_minute": round(60e-3 * (after[0] - written[0]) / took, 1),
                }
        finally:
            watcher.stop()


def _first_batch(watcher: Watcher) -> None:
    deadline = time.monotonic() + FIRST_BATCH_WITHIN_S
    while not (watcher.seen and watcher.seen[-1].ledger):
        if time.monotonic() > deadline:
            raise BenchError("the agent delivered nothing; see agent.log in the folder given with --keep")
        time.sleep(0.2)


def _own_mb(pid: int) -> float:
    """Memory that no other process shares [MB]."""
    own = 0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines():
        if line.startswith(("Private_Clean:", "Private_Dirty:")):
            own += int(line.split()[1])
    return round(own / 1024, 1)
