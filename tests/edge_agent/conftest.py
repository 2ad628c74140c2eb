"""An agent at a real broker, on a clock set by hand, with a server that says what a test wants said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.agent import Agent
from edge_agent.clock import SimClock
from tests.edge_agent.scripted import T0, Scripted, ScriptedServer, agent_for
from tests.servers import Broker


@pytest.fixture
def server(broker: Broker) -> Iterator[ScriptedServer]:
    server = ScriptedServer(broker)
    yield server
    server.close()


@pytest.fixture
def clock() -> SimClock:
    return SimClock(T0, booted_at=T0 - 100)


@pytest.fixture
def agent(broker: Broker, clock: SimClock, tmp_path: Path) -> Iterator[Agent]:
    agent = agent_for(tmp_path / "gw", broker.port, clock, {"st1": Scripted()})
    agent.start()
    yield agent
    agent.stop(0.2)
