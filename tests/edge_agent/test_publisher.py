from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.clock import SimClock
from tests.edge_agent.scripted import T0, Scripted, ScriptedServer, agent_for, pump, run_minutes
from tests.servers import Broker


@pytest.fixture
def server(broker: Broker) -> Iterator[ScriptedServer]:
    server = ScriptedServer(broker)
    yield server
    server.close()


def test_it_delivers_every_batch_and_the_chain_is_whole(
    broker: Broker, server: ScriptedServer, tmp_path: Path
) -> None:
    clock = SimClock(T0, booted_at=T0 - 100)
    agent = agent_for(tmp_path / "gw", broker.port, clock, {"st1": Scripted()})
    agent.start()
    run_minutes(agent, clock, 5)
    pump(agent, lambda: len(server.frames) == 5)
    pump(agent, lambda: agent.outbox.counts().waiting == 0)
    agent.stop()
    assert sorted(server.frames) == [1, 2, 3, 4, 5]
