"""Numbers of a benchmark: spreads, medians of runs, the machine they were measured on."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def spread_ms(seconds: Sequence[float]) -> dict[str, float] | None:
    """Median, 99th percentile and largest of some durations [s], in ms; None when there are none."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    return {
        "p50": round(ordered[len(ordered) // 2] * 1e3, 1),
        "p99": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1e3, 1),
        "max": round(ordered[-1] * 1e3, 1),
    }


def medians(runs: Sequence[Any]) -> Any:
    """The median of every number in runs of the same shape; anything else is taken from the first run."""
    first = runs[0]
    if isinstance(first, dict):
        return {key: medians([run[key] for run in runs if key in run]) for key in first}
    if isinstance(first, bool):
        return all(runs)
    numbers = [run for run in runs if isinstance(run, int | float)]
    if isinstance(first, int | float):
        return round(statistics.median(numbers), 3)
    return first


def machine(mosquitto: str | None = None) -> dict[str, object]:
    """What the figures were measured on, and how busy it was besides: load averages of 1, 5 and 15 min."""
    found: dict[str, object] = {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20,
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }
    if mosquitto is not None:
        found["mosquitto"] = _mosquitto_version(mosquitto)
    return found


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _mosquitto_version(mosquitto: str) -> str:
    said = subprocess.run([mosquitto, "-h"], capture_output=True, text=True, check=False, timeout=10).stdout
    return said.partition("\n")[0].removeprefix("mosquitto version ").strip()
