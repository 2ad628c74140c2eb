"""What a gateway's outbox writes: some simulated hours of the real agent at a real broker and a real intake.

Commits are counted as the outbox's own connection runs them. Bytes are those of /proc/self/io before and
after: `wchar`, handed to write calls, and `write_bytes`, sent to storage (0 on a file system
in memory). Both are scaled to a day.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from edge_agent.agent import Agent
from edge_agent.clock import SimClock
from edge_agent.driver import ChannelInfo, DeviceInfo, Sample
from edge_agent.outbox.disk import EndlessDisk
from edge_agent.settings_file import checked
from oshwatch.bench.edge_gateway import GATEWAY, SENSOR, SITE, Gateway, bytes_written, unit_of
from oshwatch.bench.servers import BenchError, broker, runners

STARTS_AT: Final = 1_767_225_600.0
SETTLED_WITHIN_S: Final = 20.0
TICK_S: Final = 1.0
DAY_S: Final = 86_400.0


class Steady:
    """A sensor with so many channels whose values move a little."""

    kind: ClassVar[str] = "steady"
    api: ClassVar[int] = 1

    def __init__(self, values: list[tuple[str, float]]) -> None:
        self._values, self._reads = values, 0

    @classmethod
    def check(cls, options: Mapping[str, object]) -> list[str]:
        del options
        return []

    def open(self) -> DeviceInfo:
        rows = [ChannelInfo(name, unit_of(name) or "", -1e9, 1e9, "", 60.0) for name, _ in self._values]
        return DeviceInfo("Steady", "1", "1", tuple(rows))

    def read(self) -> list[Sample]:
        self._reads += 1
        return [Sample(name, round(value + self._reads % 37 / 10, 2)) for name, value in self._values]

    def close(self) -> None:
        self._reads += 0


class Commits:
    """Counts the commits of a connection that wrote something, by the statements it runs."""

    def __init__(self, agent: Agent) -> None:
        self.count = 0
        self._inside = self._wrote = False
        agent.outbox._db.set_trace_callback(self._see)  # noqa: SLF001 - nobody else sees its statements

    def _see(self, statement: str) -> None:
        word = statement.lstrip()[:6].upper()
        if word.startswith("BEGIN"):
            self._inside, self._wrote = True, False
        elif word == "COMMIT":
            self._inside = False
            self.count += self._wrote
        elif word in ("INSERT", "UPDATE", "DELETE"):
            self._wrote = True
            self.count += not self._inside


def outbox_day(mosquitto: str, folder: Path, hours: float, readings: int) -> dict[str, Any]:
    """Run so many simulated hours; what was committed and written, a day. Raises BenchError."""
    gateway = Gateway(folder, readings)
    with broker(mosquitto, folder) as (port, _), runners(gateway.server(port), folder / "logs"):
        clock = SimClock(STARTS_AT, booted_at=STARTS_AT - 60.0)
        agent = _agent(gateway, port, clock)
        agent.start()
        try:
            _hour(agent, clock, STARTS_AT + 600.0)  # until everything that happens once has happened
            commits, before, sealed = Commits(agent), bytes_written(), agent.batches_sealed
            _hour(agent, clock, STARTS_AT + 600.0 + 3600.0 * hours)
            written = bytes_written()
            batches = agent.batches_sealed - sealed
        finally:
            agent.stop()
    a_day = DAY_S / (3600.0 * hours)
    return {
        "simulated_hours": hours,
        "channels": readings,
        "batches_per_day": round(batches * a_day),
        "commits_per_day": round(commits.count * a_day),
        "written_mb_per_day": round((written[0] - before[0]) * a_day / 1e6, 2),
        "to_storage_mb_per_day": round((written[1] - before[1]) * a_day / 1e6, 2),
        "bytes_per_commit": round((written[0] - before[0]) / max(1, commits.count)),
    }


def _agent(gateway: Gateway, port: int, clock: SimClock) -> Agent:
    settings = checked(
        {
            "gateway": GATEWAY,
            "site": SITE,
            "data_dir": gateway.folder,
            "mqtt_port": port,
            "sensors": [{"id": SENSOR, "driver": "steady", "period_s": 60.0}],
        }
    )
    sensors = {SENSOR: Steady(gateway.values)}
    return Agent.build(settings, clock, gateway.identity, drivers=sensors, disk=EndlessDisk())


def _hour(agent: Agent, clock: SimClock, until: float) -> None:
    """Step every second of simulated time; whatever was sealed is acknowledged before it goes on."""
    while clock.wall() < until:
        clock.set(clock.wall() + TICK_S)
        agent.step()
        deadline = time.monotonic() + SETTLED_WITHIN_S
        while agent.batches_sealed > agent.publisher.counters.acknowledged:
            if time.monotonic() > deadline:
                raise BenchError(f"a batch was not acknowledged within {SETTLED_WITHIN_S:.0f} s")
            agent.publisher.step()
            time.sleep(0.001)
