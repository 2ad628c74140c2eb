"""Each runner writes down about once a second that it lives, and what it last did: `run/<runner>.json`."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

Fact: TypeAlias = str | int | float | bool | None

RUNNERS: Final = ("intake", "projector", "alerts", "web")
STALE_AFTER_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The last sign of life of a runner; `at` is wall-clock time [s since 1970 UTC], never simulated."""

    runner: str
    at: float
    pid: int
    facts: dict[str, Fact]

    def fresh(self, wall: float) -> bool:
        """Whether the sign is young enough to say that the runner lives."""
        return wall - self.at <= STALE_AFTER_S


def beat(data_dir: Path, runner: str, **facts: Fact) -> None:
    """Replace the runner's sign of life. Raises OSError when the data directory cannot be written."""
    folder = data_dir / "run"
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".{runner}.{os.getpid()}"
    fresh.write_text(json.dumps({"at": time.time(), "pid": os.getpid(), "facts": facts}), "utf-8")
    fresh.replace(folder / f"{runner}.json")


def read_all(data_dir: Path) -> dict[str, Heartbeat]:
    """The last sign of life of each runner that ever gave one; unreadable files count as none."""
    found: dict[str, Heartbeat] = {}
    for path in sorted((data_dir / "run").glob("*.json")):
        try:
            content = json.loads(path.read_text("utf-8"))
            found[path.stem] = Heartbeat(
                path.stem, float(content["at"]), int(content["pid"]), dict(content["facts"])
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found
