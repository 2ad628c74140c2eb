"""The rules benchmark: one minute of many factories judged, and one factory-year judged again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from alert_rules.pack_format import load_packs
from ingest_service.database import migrate, open_database
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from oshwatch.bench.figures import machine, medians
from oshwatch.bench.rules_fleet import Fleet, description
from oshwatch.bench.rules_store import make
from oshwatch.bench.servers import BenchError

Tell = Callable[[str], None]


YEAR_BYTES: Final = 6 * 10**9


def measured(folder: Path, fleet: Fleet, minutes: int, years: int, tell: Tell) -> dict[str, Any]:
    """Both parts in an empty folder, as one document; without `years` only the first.

    Raises `BenchError` when it cannot be measured.
    """
    before = machine()
    (folder / "minute").mkdir()
    judged = judged_minutes(folder / "minute", fleet, minutes, tell)
    document: dict[str, Any] = {
        "benchmark": "rules",
        "machine": before,
        "minute": {"workload": asdict(fleet), "median": medians(judged["runs"]), **judged},
    }
    if years:
        (folder / "year").mkdir()
        replayed = replayed_year(folder / "year", fleet.zones, years, tell)
        document["year"] = {"median": medians(replayed["runs"]), **replayed}
    return document | {"load_average_after": machine()["load_average"]}


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


def replayed_year(folder: Path, zones: int, runs: int, tell: Tell) -> dict[str, Any]:
    """Store a year of one factory in an empty folder and replay it under every pack.

    Raises `BenchError` when there is no room for it, or the process does not do its part.
    """
    free = shutil.disk_usage(folder).free
    if free < YEAR_BYTES * zones / 5:
        raise BenchError(
            f"a stored year takes up to {YEAR_BYTES * zones / 5e9:.0f} GB, {folder} has {free / 1e9:.1f} GB "
            "free; set TMPDIR to a larger disk, or leave it out with --years 0"
        )
    tell(f"storing one year of {zones} zones")
    begun = time.perf_counter()
    stored = make(folder, zones, load_packs())
    prepared = time.perf_counter() - begun
    tell(f"replaying it {runs} times")
    figures = _in_a_process("oshwatch.bench.rules_year", {"data_dir": str(folder), "runs": runs})
    return {"stored_exposures": stored, "storing_seconds": round(prepared, 1), **figures}


def report(document: dict[str, Any]) -> list[str]:
    """The document as text."""
    part = document["minute"]
    fleet = part["workload"]
    values = {
        **fleet,
        **part["median"],
        **part["memory_mb"],
        "all_zones": fleet["factories"] * fleet["zones"],
        "runs": len(part["runs"]),
        "first": part["begin"]["seconds"],
    }
    lines = [line.format(**values) for line in _MINUTE_LINES]
    if year := document.get("year"):
        values = {
            **year["median"],
            "runs": len(year["runs"]),
            "peak": year["memory_mb"]["peak"],
            "stored": year["stored_exposures"],
        }
        lines += [line.format(**values) for line in _YEAR_LINES]
    before, after = document["machine"]["load_average"], document["load_average_after"]
    return [*lines, f"Load averages of the machine: before {_loads(before)}, after {_loads(after)}"]


_MINUTE_LINES: Final = (
    "One minute of {factories} factories, {all_zones} zones, on one core (medians of {runs}):",
    "  {seconds:.2f} s for {rows:,.0f} exposures and {judgements:,.0f} judgements",
    "  (read, judged, written), {processor_seconds:.2f} s of them on the processor;",
    "  deciding alone {pure_seconds:.2f} s",
    "  {rows_per_second:,.0f} exposures a second; the very first minute {first:.2f} s",
    "  looking at the clock {clock_look_seconds:.3f} s",
    "  memory at its peak {peak:.0f} MB, {before:.0f} MB before",
)
_YEAR_LINES: Final = (
    "One year of one factory, {zones:.0f} zones, replayed on one core (medians of {runs}):",
    "  {seconds:.1f} s for {stored:,.0f} stored exposures and {judgements:,.0f} judgements",
    "  of {rules:.0f} rules, {processor_seconds:.1f} s of them on the processor;",
    "  raised {raised:,.0f} times; memory at its peak {peak:.0f} MB",
)


def _loads(loads: list[float]) -> str:
    return " ".join(f"{one:.2f}" for one in loads)


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
