"""The figures of the ingest benchmark as text: rates, waits, and where the processor time went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

BESIDE: Final = ("load generator", "rest of the machine")
"""What used the machine and is no part of the service."""


def by_part(used: Mapping[str, float]) -> dict[str, float]:
    """Processor time [s] with the processes of one runner (`intake`, `intake-2`) added up."""
    parts: dict[str, float] = {}
    for name, seconds in used.items():
        stem, _, number = name.rpartition("-")
        part = stem if number.isdigit() else name
        parts[part] = round(parts.get(part, 0.0) + seconds, 2)
    return parts


def readings_per_cpu_second(readings: int, parts: Mapping[str, float]) -> float:
    """Readings brought from publish to series for each second of one core that broker, runners and stores
    used for it."""
    used = sum(seconds for name, seconds in parts.items() if name not in BESIDE)
    return round(readings / used) if used else 0.0


def report(document: dict[str, Any]) -> list[str]:
    """The document of `oshwatch bench ingest` as lines."""
    asked, found = document["workload"], document["median"]
    readings = asked["readings"]
    stores = {"sqlite": "files of one box (SQLite)", "influx": "PostgreSQL and InfluxDB"}[asked["series"]]
    runs = f", medians of {asked['runs']} runs" if asked["runs"] > 1 else ""
    load = f"{asked['batches_per_second']:,.1f} batches of {readings} readings a second"
    acknowledged = found["acked_batches_per_second"] * readings
    counts = f"{found['acknowledged']:,.0f} of {found['published']:,.0f} batches"
    kept_up = "" if found["sustained"] else "; it did not keep up with the load"
    lines = [
        f"{stores}, intakes: {asked['workers']}, {asked['gateways']:,} gateways",
        f"{load} for {asked['seconds']:g} s{runs}",
        "",
        f"  {'acknowledged':<32}{acknowledged:>12,.0f} readings/s, {counts}",
        f"  {'publish to series':<32}{found['projected_readings_per_second']:>12,.0f} readings/s{kept_up}",
        f"  {'for each second of one core':<32}{found['readings_per_cpu_second']:>12,.0f} readings",
        *_waits(found),
        "",
        f"  {'processor time, memory':<32}{'s':>12}{'%':>7}{'MB':>9}",
    ]
    return [*lines, *_parts(found), "", *_machine(document)]


def _waits(found: Mapping[str, Any]) -> Iterator[str]:
    late = found["projected_after_load_s"]
    after = "not caught up" if late is None else f"{late:,.1f} s"
    yield f"  {'series caught up after the load':<32}{after:>14}"
    for name in ("publish_to_ack_ms", "publish_to_notice_ms"):
        if spread := found[name]:
            words = name.removesuffix("_ms").replace("_", " ")
            yield f"  {words:<32}{spread['p50']:>12,.0f} ms at p50, {spread['p99']:,.0f} ms at p99"
    if found["rollup_ms_per_exposure"] is not None:
        told = f"{found['rollup_ms_per_exposure']:,.2f} ms, {found['exposures']:,.0f} computed"
        yield f"  {'rollup for one exposure':<32}{told:>12}"


def _parts(found: Mapping[str, Any]) -> Iterator[str]:
    parts = found["cpu_by_part_s"]
    memory = by_part({name: held["end"] for name, held in found["memory_mb"].items()})
    whole = sum(parts.values()) or 1.0
    for name, seconds in parts.items():
        held = f"{memory[name]:>9,.0f}" if name in memory else ""
        yield f"  {name:<32}{seconds:>12.1f}{100 * seconds / whole:>7.0f}{held}"
    yield f"  in {found['cpu_measured_for_s']:.1f} s, from the first batch until all was in the series"


def _machine(document: Mapping[str, Any]) -> Iterator[str]:
    machine = document["machine"]
    before, after = (
        " ".join(f"{load:.2f}" for load in loads)
        for loads in (machine["load_average"], document["load_average_after"])
    )
    yield f"{machine['cores']} cores ({machine['cpu']}); load averages before {before}, after {after}"
