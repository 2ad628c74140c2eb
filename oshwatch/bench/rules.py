"""The rules benchmark: one minute of many factories judged, and one factory-year judged again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ingest_service.database import migrate, open_database
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from oshwatch.bench.rules_fleet import Fleet, description
from oshwatch.bench.servers import BenchError

Tell = Callable[[str], None]


def judged_minutes(folder: Path, fleet: Fleet, minutes: int, tell: Tell) -> dict[str, Any]:
    """Register the factories in an empty folder and judge their minutes in a process of its own.

    Raises `BenchError` when that process does not do its part.
    """
    tell(f"registering {fleet.factories} factories")
    engine = open_database(folder)
    try:
        migrate(engine)
        import_description(Register(engine), description(fleet), who="bench")
    finally:
        engine.dispose()
    tell(f"judging {minutes} minutes of {fleet.factories * fleet.zones} zones")
    order = {"data_dir": str(folder), "fleet": asdict(fleet), "minutes": minutes}
    return _in_a_process("oshwatch.bench.rules_minute", order)


def _in_a_process(module: str, order: dict[str, Any]) -> dict[str, Any]:
    """Run a part of the benchmark alone, so that its memory is its own; its errors are shown as they come."""
    with subprocess.Popen(
        [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            said, _ = process.communicate(json.dumps(order) + "\n")
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0 or not said:
        raise BenchError("a measuring process ended before it was done; what it wrote is above")
    figures: dict[str, Any] = json.loads(said.splitlines()[-1])
    return figures
