"""Roads and brokers that are slow, lossy, half dead, killed or crowded: everything arrives once, and becomes
one point each."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent import mqtt_link
from ingest_service import broker_link
from ingest_service.projection import Projector
from ingest_service.series.sqlite import open_series
from tests.delivery.audit import points
from tests.delivery.fault_proxy import FaultProxy, Road
from tests.delivery.real_server import RealServer
from tests.delivery.test_twins import Machine, numbers
from tests.edge_agent.scripted import T0, connect, delivered, pump
from tests.ingest_service.gateways import snapshot
from tests.servers import Broker, wait_for

FIRST, BATCHES = 1000, 40


@pytest.fixture
def machine(broker: Broker, tmp_path: Path) -> Machine:
    return Machine(tmp_path / "gw", broker, FIRST)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second of silence is enough to try another connection; in the field it is twenty."""
    monkeypatch.setattr(mqtt_link, "PATIENCE_S", 0.5)
    monkeypatch.setattr(broker_link, "KEEPALIVE_S", 1)


@pytest.fixture
def server(broker: Broker, tmp_path: Path) -> Iterator[RealServer]:
    with RealServer(tmp_path / "server", broker) as server:
        yield server


def all_once(server: RealServer, machine: Machine, folder: Path) -> None:
    """What was measured is in the ledger once and in the series once."""
    pump(machine.agent, lambda: delivered(machine.agent), within_s=30)
    machine.off()
    assert numbers(server) == [float(number) for number in range(FIRST, FIRST + BATCHES)]
    assert server.ledger.quarantine() == []
    folder.mkdir()
    series = open_series(folder)
    projector = Projector(server.ledger, series, snapshot)
    while projector.step(100):
        pass
    series.close()
    assert points(folder / "series.sqlite")[0] == BATCHES


@pytest.mark.parametrize("road", [Road.LOSSY, Road.SLOW])
def test_a_bad_road_makes_it_slower_and_nothing_else(
    road: Road,
    machine: Machine,
    server: RealServer,
    broker: Broker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mqtt_link, "PATIENCE_S", 20.0)
    with FaultProxy(broker.port) as proxy:
        machine.broker = dataclasses.replace(broker, port=proxy.port)
        machine.on(T0)
        proxy.road = road
        machine.measure(BATCHES)
        all_once(server, machine, tmp_path / "series")
        assert machine.agent.publisher.counters.published <= BATCHES + 2, "nothing is sent again for it"


def test_a_road_that_is_dead_one_way_is_left(
    machine: Machine, server: RealServer, broker: Broker, tmp_path: Path
) -> None:
    with FaultProxy(broker.port) as proxy:
        machine.broker = dataclasses.replace(broker, port=proxy.port)
        machine.on(T0)
        proxy.road = Road.HALF
        machine.measure(BATCHES)
        pump(machine.agent, lambda: not machine.agent.publisher.connected, what="the suspicion")
        proxy.road = Road.OPEN
        all_once(server, machine, tmp_path / "series")


def test_a_broker_that_is_killed_again_and_again_under_load_costs_nothing(
    machine: Machine, server: RealServer, broker: Broker, tmp_path: Path
) -> None:
    machine.on(T0)
    for number in range(4):
        machine.measure(BATCHES // 4)
        enough = 8 * number + 4
        pump(machine.agent, lambda enough=enough: server.ledger.last_row() >= enough, within_s=20)  # type: ignore[misc]
        broker.kill()
        broker.start()
    all_once(server, machine, tmp_path / "series")


def test_a_broker_that_hangs_is_left_and_found_again(
    machine: Machine, server: RealServer, broker: Broker, tmp_path: Path
) -> None:
    machine.on(T0)
    assert broker.process is not None
    os.kill(broker.process.pid, signal.SIGSTOP)
    try:
        machine.measure(BATCHES)
        pump(machine.agent, lambda: not machine.agent.publisher.connected, what="the suspicion")
    finally:
        os.kill(broker.process.pid, signal.SIGCONT)
    all_once(server, machine, tmp_path / "series")


def test_a_broker_whose_queues_hold_five_messages_drops_what_comes_again(
    machine: Machine, server: RealServer, broker: Broker, tmp_path: Path
) -> None:
    broker.stop()
    tiny = broker.config.read_text().replace("max_queued_messages 20000", "max_queued_messages 5")
    broker.config.write_text(tiny + "max_inflight_messages 1\n")
    broker.start()
    wait_for(server.hears, what="the server at the broker")
    machine.on(T0, connected=False)
    machine.measure(BATCHES)
    connect(machine.agent)
    begun = time.monotonic()
    all_once(server, machine, tmp_path / "series")
    assert time.monotonic() - begun < 30
