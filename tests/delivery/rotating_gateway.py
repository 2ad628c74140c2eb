"""A real agent that measures, changes its key and goes on, until everything is delivered; it may be killed.

python -m tests.delivery.rotating_gateway FOLDER PORT SERVER_KEY T0 [rotate]
"""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path

from edge_agent.agent import Agent
from edge_agent.clock import SimClock
from edge_agent.driver import Sample
from edge_agent.identity import KEY_FILE, Identity, load_or_create_key
from edge_agent.key_rotation import NEXT_FILE, former_keys
from edge_agent.outbox.disk import EndlessDisk
from edge_agent.settings import AgentSettings, SensorSettings
from tests.edge_agent.scripted import GATEWAY, SITE, Scripted

DEADLINE_S = 30.0


def agent_of(folder: Path, port: int, server_key: bytes, clock: SimClock, first: int) -> Agent:
    """An agent with its keys in `folder`, whose one sensor counts from `first`."""
    numbers = itertools.count(first)
    sensor = Scripted(lambda: [Sample("co2", float(next(numbers)))])
    sensor.channels = (sensor.channels[0]._replace(quantity="co2", unit="ppm", low=0.0, high=9e4),)
    settings = AgentSettings(
        gateway=GATEWAY,
        site=SITE,
        data_dir=folder,
        mqtt_port=port,
        seal_grace_s=0,
        heartbeat_s=0,
        retry_first_s=0.5,
        back_rate=500,
        sensors=(SensorSettings(id="st1", driver="scripted", period_s=60),),
    )
    signer = load_or_create_key(folder / KEY_FILE)
    identity = Identity(GATEWAY, SITE, signer, server_key, "serial-1", former_keys(folder))
    return Agent.build(settings, clock, identity, drivers={"st1": sensor}, disk=EndlessDisk())


def go_on(agent: Agent, clock: SimClock, minutes: int) -> None:
    """Measure so long, then until no key waits to be used and everything is acknowledged."""
    for _ in range(minutes):
        clock.set(clock.wall() // 60 * 60 + 60)
        agent.step()
    deadline = time.monotonic() + DEADLINE_S
    waiting = agent.settings.data_dir / NEXT_FILE
    while waiting.exists() or agent.outbox.counts().waiting:
        assert time.monotonic() < deadline, "the key was not changed, or not everything acknowledged"
        clock.set(clock.wall() + 1)
        agent.step()
        time.sleep(0.01)


def main() -> None:
    folder, port, server_key, t0 = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
    clock = SimClock(t0, booted_at=t0 - 100)
    agent = agent_of(folder, port, bytes.fromhex(server_key), clock, first=int(t0) % 10_000)
    agent.start()
    go_on(agent, clock, 2)
    if "rotate" in sys.argv:
        agent.rotate_key()
    go_on(agent, clock, 2)
    agent.stop(1.0)


if __name__ == "__main__":
    main()
