"""How fast data flows again after the server, the broker or the road was away, and that nobody storms."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_agent import mqtt_link
from edge_agent.agent import Agent
from edge_agent.clock import SimClock
from edge_agent.delivery import ROUND_TRIP_S, SPREAD_S, Delivery, Pace
from ingest_service import broker_link
from ingest_service.broker_link import BrokerLink
from ingest_service.settings import Settings
from tests.delivery.fault_proxy import FaultProxy, Road
from tests.edge_agent.scripted import (
    T0,
    Scripted,
    ScriptedServer,
    agent_for,
    connect,
    delivered,
    pump,
    run_minutes,
)
from tests.servers import Broker, wait_for

RECOVERED_WITHIN_S = 5.0


@pytest.fixture
def clock() -> SimClock:
    return SimClock(T0, booted_at=T0 - 100)


@pytest.fixture
def agent(broker: Broker, clock: SimClock, tmp_path: Path) -> Iterator[Agent]:
    """With the timers of the field: half a minute until a batch goes again by itself."""
    agent = agent_for(tmp_path / "gw", broker.port, clock, {"st1": Scripted()}, retry_first_s=30)
    agent.start()
    yield agent
    agent.stop(0.1)


@pytest.fixture
def listener(broker: Broker) -> Iterator[None]:
    """Somebody else who subscribes to everything, so that the broker never says that nobody does."""
    ready = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.subscribe("osh/v1/#", qos=1)
    assert ready.wait(10)
    yield
    client.disconnect()
    client.loop_stop()


def test_while_nobody_subscribes_one_batch_asks_and_all_flow_when_somebody_does(
    agent: Agent, clock: SimClock, broker: Broker
) -> None:
    connect(agent)
    run_minutes(agent, clock, 20)
    pump(agent, lambda: agent.publisher.counters.no_subscriber >= 3, what="the second question")
    assert agent.publisher.counters.published <= 12, "after the first answers one at a time asks"
    server = ScriptedServer(broker)
    begun = time.monotonic()
    pump(agent, lambda: delivered(agent), within_s=RECOVERED_WITHIN_S)
    print(f"recovered in {time.monotonic() - begun:.2f} s")
    assert sorted(server.frames) == list(range(1, 21))
    server.close()


@pytest.mark.usefixtures("listener")
def test_what_a_server_that_is_gone_had_taken_goes_again_to_the_one_that_comes(
    agent: Agent, clock: SimClock, broker: Broker
) -> None:
    before = ScriptedServer(broker, deaf=True, conn="1")
    connect(agent)
    run_minutes(agent, clock, 20)
    pump(agent, lambda: len(before.arrivals) >= 8)
    before.close()
    after = ScriptedServer(broker, conn="2")
    pump(agent, lambda: delivered(agent), within_s=RECOVERED_WITHIN_S)
    assert sorted(after.frames) == list(range(1, 21))
    after.close()


def test_a_batch_that_a_later_one_overtook_by_more_than_a_round_trip_goes_again() -> None:
    delivery = Delivery(Pace(), lambda: 0.5)
    for row, now in ((1, 100.0), (2, 102.5), (3, 103.0)):
        delivery.sent(row, "live", now)
    delivery.settle([3], 103.1)
    assert delivery.expire(103.1) == 1
    assert delivery.in_flight == 1, "what left shortly before may still come"


def test_an_acknowledgement_by_a_known_connection_sends_nothing_again(
    agent: Agent, clock: SimClock, broker: Broker
) -> None:
    server = ScriptedServer(broker, conn="1")
    connect(agent)
    run_minutes(agent, clock, 3)
    pump(agent, lambda: delivered(agent))
    server.mute = True
    run_minutes(agent, clock, 2)
    pump(agent, lambda: len(server.arrivals) >= 5)
    server.acknowledge()  # without the two, were it true: here a repetition of an earlier one
    time.sleep(0.1)
    agent.publisher.step()
    assert agent.publisher.counters.expired == 0
    server.close()


def test_a_thousand_gateways_spread_what_they_send_again_and_send_it_once() -> None:
    now, again = 50.0, []
    draw = random.Random(3)
    for _ in range(1000):
        delivery = Delivery(Pace(), draw.random)
        for row in range(8):
            delivery.sent(row, "live", now - draw.uniform(0.0, 20.0))
        delivery.server_listens_anew(now)
        due = [flight.due for flight in delivery._flights.values()]
        assert delivery.expire(now + ROUND_TRIP_S + SPREAD_S) == 8
        again += due
    assert min(again) >= now
    busiest = max(sum(now + t <= due < now + t + 0.1 for due in again) for t in (i / 10 for i in range(31)))
    assert busiest < 0.12 * len(again)


def test_asking_whether_anybody_listens_gets_rarer_up_to_the_first_timer() -> None:
    delivery = Delivery(Pace(), lambda: 0.5)
    delivery.sent(0, "live", 0.0)
    delivery.nobody_listens(0, 0.0)
    asked, now = [], 0.0
    while now < 300.0:
        now += delivery.next_due(now)
        delivery.expire(now)
        if delivery.room("live", now):
            asked.append(round(now))
            delivery.sent(1, "live", now)
            delivery.nobody_listens(1, now)
    assert asked[:6] == [1, 3, 7, 15, 31, 61]
    assert {b - a for a, b in pairwise(asked[5:])} == {30}


def test_a_road_that_swallows_everything_is_left_and_nothing_is_sent_twice_for_it(
    broker: Broker, clock: SimClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_link, "PATIENCE_S", 0.5)
    server = ScriptedServer(broker, conn="1")
    with FaultProxy(broker.port) as proxy:
        agent = agent_for(tmp_path / "gw", proxy.port, clock, {"st1": Scripted()}, retry_first_s=30)
        agent.start()
        connect(agent)
        run_minutes(agent, clock, 2)
        pump(agent, lambda: delivered(agent))
        proxy.road = Road.HOLE
        run_minutes(agent, clock, 5)
        pump(agent, lambda: not agent.publisher.connected, what="the suspicion")
        proxy.road = Road.OPEN
        pump(agent, lambda: delivered(agent), within_s=RECOVERED_WITHIN_S)
        agent.stop(0.2)
    assert sorted(seq for _, seq in server.arrivals) == list(range(1, 8))
    server.close()


def test_the_intake_leaves_a_road_that_swallows_everything(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_link, "KEEPALIVE_S", 1)
    with FaultProxy(broker.port) as proxy:
        link = BrokerLink(Settings(data_dir=tmp_path, mqtt_port=proxy.port), ["a/#"], lambda _message: None)
        assert link.ready()
        first = link.name
        proxy.road = Road.HOLE
        deadline = time.monotonic() + 10
        while link.trouble is None and time.monotonic() < deadline:
            link.read(10, 0.1)
        assert link.trouble is not None
        proxy.road = Road.OPEN
        wait_for(link.ready, what="another connection")
        assert link.name != first
        link.close()
