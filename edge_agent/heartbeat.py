"""The gateway's own state as channels of the sensor `sys`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import NamedTuple

from edge_agent.outbox.disk import DiskSpace
from edge_agent.outbox.records import LastMoment, OpenRecord
from edge_agent.outbox.store import Outbox
from edge_agent.timekeeping import Timekeeper
from osh_domain.quantities import quantity
from osh_domain.readings import SYSTEM_SENSOR

THERMAL_ZONE = Path("/sys/class/thermal/thermal_zone0/temp")


class Now(NamedTuple):
    """The moment of a heartbeat by both clocks [s]."""

    boot_time: float
    wall: float


def heartbeat(
    outbox: Outbox, disk: DiskSpace, now: Now, *, thermal: Path | None = THERMAL_ZONE
) -> list[OpenRecord]:
    """Backlog and its age, free share of the disk and, where the machine tells it, its temperature."""
    counts = outbox.counts()
    # A clock that was put right since makes the age wrong by its step; below zero it says nothing.
    age = 0.0 if counts.oldest_at is None else max(0.0, now.wall - counts.oldest_at)
    values = {
        "outbox": float(counts.waiting),
        "backlog_age": float(round(age)),
        "disk_free": round(1.0 - disk.used_share(), 4),
    }
    temperature = _temperature(thermal)
    if temperature is not None:
        values["temp"] = temperature
    return [
        OpenRecord(now.boot_time, SYSTEM_SENSOR, name, value, quantity(name).unit, 0)
        for name, value in values.items()
    ]


def status(text: str, mono: float, *, name: str = "status") -> OpenRecord:
    """A word about the gateway itself (`status`), or about missing readings (`gap`)."""
    return OpenRecord(mono, SYSTEM_SENSOR, name, text, None, 0)


def restart_gap(last: LastMoment, timekeeper: Timekeeper) -> OpenRecord:
    """The word on what is missing between two runs, with the clocks of both ends."""
    here = timekeeper.clock.boot_time()
    text = (
        f"restart: from boot {last.boot} at {last.mono:.3f} s ({utc(last.wall)})"
        f" to boot {timekeeper.clock.boot_id} at {here:.3f} s ({utc(timekeeper.wall())})"
    )
    return status(text, here, name="gap")


def utc(t: float) -> str:
    """An instant as words on sys show it, to the millisecond."""
    return dt.datetime.fromtimestamp(t, dt.UTC).isoformat(timespec="milliseconds")


def _temperature(thermal: Path | None) -> float | None:
    if thermal is None:
        return None
    try:
        return int(thermal.read_text()) / 1000.0
    except (OSError, ValueError):
        return None
