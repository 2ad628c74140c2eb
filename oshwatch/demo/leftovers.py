"""Processes that a killed demo could not end: remembered by id and start time, ended by the next start."""

import json
import os
import signal
import time
from pathlib import Path

PATIENCE_S = 3.0


def remember(path: Path, pids: list[int]) -> None:
    """Write down which processes belong to this demo."""
    known = {str(pid): began for pid in pids if (began := _began(pid)) is not None}
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(known), "utf-8")
    draft.replace(path)


def end(path: Path) -> int:
    """End what an earlier demo left running; answers how many there were.

    A process that only has the same number started at another time and is left alone.
    """
    try:
        held = json.loads(path.read_text("utf-8"))
        known = {int(pid): str(began) for pid, began in held.items()}
    except (OSError, ValueError, AttributeError):
        return 0
    left = [pid for pid, began in known.items() if _began(pid) == began]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in left:
            if _began(pid) == known[pid]:
                os.kill(pid, number)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and any(_began(pid) == known[pid] for pid in left):
            time.sleep(0.05)
    path.unlink(missing_ok=True)
    return len(left)


def _began(pid: int) -> str | None:
    """When a process started, in the kernel's ticks since boot; None when there is none (or no /proc)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]
