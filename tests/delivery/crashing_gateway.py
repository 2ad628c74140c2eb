"""A real agent that a crash point ends; what it was told to be safe stands in a file.

python -m tests.delivery.crashing_gateway FOLDER PORT T0 MINUTES
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edge_agent.agent import Agent
from edge_agent.clock import SimClock
from edge_agent.driver import Sample
from edge_agent.outbox.records import Anchoring, OpenRecord
from edge_agent.outbox.store import Outbox
from tests.edge_agent.scripted import Scripted, agent_for, connect, delivered, pump


def agent_of(folder: Path, port: int, clock: SimClock, first: int) -> Agent:
    """One sensor read every 10 s that counts from `first`, synced after 20 s, copies deleted at once."""
    numbers = itertools.count(first)
    sensor = Scripted(lambda: [Sample("co2", float(400 + next(numbers)))])
    sensor.channels = (sensor.channels[0]._replace(quantity="co2", unit="ppm", low=0.0, high=5000.0),)
    settings = {"id": "st1", "driver": "scripted", "period_s": 10}
    return agent_for(
        folder, port, clock, {"st1": sensor}, sync_after_s=20, keep_done_days=0, sensors=[settings]
    )


def noting(write: Callable[..., Any], promises: Path) -> Callable[..., Any]:
    """The same method of the outbox; once it has returned, the values written are noted as safe."""

    def noted(outbox: Outbox, anchoring: Anchoring, records: Sequence[OpenRecord], *more: object) -> None:
        write(outbox, anchoring, records, *more)
        with promises.open("a", encoding="utf-8") as file:
            file.writelines(f"{r.value}\n" for r in records if r.quantity == "co2")

    return noted


def run(agent: Agent, clock: SimClock, minutes: int) -> None:
    """Measure for so long; after each minute wait until everything is acknowledged."""
    for minute, second in itertools.product(range(minutes), range(10, 61, 10)):
        clock.set(clock.wall() // 10 * 10 + 10)
        agent.step()
        if minute and second == 20:
            pump(agent, lambda: delivered(agent))


def main() -> None:
    folder, port, t0, minutes = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    for name in ("sync", "seal"):
        setattr(Outbox, name, noting(getattr(Outbox, name), folder / "promises"))
    clock = SimClock(t0, booted_at=t0 - 100)
    agent = agent_of(folder, port, clock, first=0)
    agent.start()
    connect(agent)
    run(agent, clock, minutes)
    agent.stop(1.0)


if __name__ == "__main__":
    main()
