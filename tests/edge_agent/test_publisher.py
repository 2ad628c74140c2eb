from __future__ import annotations

import time
from pathlib import Path

import pytest

from edge_agent.agent import Agent
from edge_agent.clock import SimClock
from edge_agent.delivery import Delivery, Pace
from edge_agent.driver import Sample
from edge_agent.identity import GatewaySigner, Identity
from edge_agent.outbox.disk import EndlessDisk
from osh_domain.batch import genesis
from tests.edge_agent.scripted import (
    GATEWAY,
    SERVER_KEY,
    SITE,
    T0,
    Scripted,
    ScriptedServer,
    agent_for,
    delivered,
    pump,
    run_minutes,
)
from tests.servers import Broker

OTHER_KEY = bytes(32)


def test_every_batch_arrives_is_acknowledged_and_the_chain_is_whole(
    agent: Agent, clock: SimClock, server: ScriptedServer
) -> None:
    run_minutes(agent, clock, 12)
    pump(agent, lambda: delivered(agent))
    assert sorted(server.frames) == list(range(1, 13))
    previous = genesis(GATEWAY, agent.outbox.epoch)
    for seq in range(1, 13):
        assert server.frames[seq].header.prev == previous
        previous = server.frames[seq].batch_hash
    readings = [(r.time, r.value) for r in server.records() if r.name.endswith("/ta")]
    assert readings == [(T0 + 60.0 * i, 31.4) for i in range(1, 13)]
    assert agent.outbox.counts().done == 12


def test_what_was_sealed_before_the_connection_goes_back_but_for_the_newest_eight(
    agent: Agent, clock: SimClock, server: ScriptedServer
) -> None:
    server.mute = True
    for _ in range(20):
        clock.set((clock.wall() // 60 + 1) * 60)
        agent.sample_due(clock.wall())
        agent.seal_due(clock.wall())
    pump(agent, lambda: len(server.arrivals) >= 20)
    lanes = {seq: leaf for leaf, seq in server.arrivals}
    assert [seq for seq in sorted(lanes) if lanes[seq] == "data/back"] == list(range(1, 13))
    assert [seq for seq in sorted(lanes) if lanes[seq] == "data/live"] == list(range(13, 21))
    assert [seq for _, seq in server.arrivals[:8]] == list(range(13, 21))


def test_never_more_than_the_windows_is_on_its_way(
    broker: Broker, clock: SimClock, server: ScriptedServer, tmp_path: Path
) -> None:
    server.mute = True
    agent = agent_for(tmp_path / "gw", broker.port, clock, {"st1": Scripted()}, retry_first_s=60)
    agent.start()
    for _ in range(60):
        clock.set((clock.wall() // 60 + 1) * 60)
        agent.sample_due(clock.wall())
        agent.seal_due(clock.wall())
    pump(agent, lambda: len(server.arrivals) >= 24)
    for _ in range(20):
        agent.publisher.step()
        time.sleep(0.01)
    assert len(server.arrivals) == 24
    assert agent.publisher.in_flight == 24
    server.mute = False
    server.acknowledge()
    pump(agent, lambda: delivered(agent))
    agent.stop(0.2)
    assert len(server.frames) == 60


def test_lost_acknowledgements_cost_a_repetition_and_nothing_else(
    agent: Agent, clock: SimClock, server: ScriptedServer
) -> None:
    server.mute = True
    run_minutes(agent, clock, 3)
    pump(agent, lambda: len(server.arrivals) >= 6, what="the second sending")
    assert agent.outbox.counts().waiting == 3
    server.mute = False
    pump(agent, lambda: delivered(agent))
    assert sorted(server.frames) == [1, 2, 3]
    assert agent.publisher.counters.expired >= 3


def test_puback_alone_deletes_nothing(agent: Agent, clock: SimClock, server: ScriptedServer) -> None:
    server.deaf = True
    run_minutes(agent, clock, 2)
    pump(agent, lambda: len(server.arrivals) >= 4)
    assert agent.outbox.counts().waiting == 2


def test_a_word_signed_by_anybody_else_is_ignored(
    agent: Agent, clock: SimClock, server: ScriptedServer
) -> None:
    server.signing_key = OTHER_KEY
    run_minutes(agent, clock, 2)
    pump(agent, lambda: agent.publisher.counters.unsigned_words >= 2)
    assert agent.outbox.counts().waiting == 2
    server.signing_key = SERVER_KEY
    pump(agent, lambda: delivered(agent))


def test_without_a_server_key_nothing_is_believed(
    broker: Broker, clock: SimClock, server: ScriptedServer, tmp_path: Path
) -> None:
    folder = tmp_path / "gw"
    agent = agent_for(folder, broker.port, clock, {"st1": Scripted()})
    agent.outbox.close()
    identity = Identity(GATEWAY, SITE, GatewaySigner.from_bytes(bytes(range(32))), None, "serial-1")
    agent = Agent.build(agent.settings, clock, identity, drivers={"st1": Scripted()}, disk=EndlessDisk())
    agent.start()
    run_minutes(agent, clock, 1)
    pump(agent, lambda: len(server.arrivals) >= 2)
    assert agent.outbox.counts().waiting == 1
    agent.stop(0.1)


@pytest.mark.parametrize("code", ["senml", "fault", "a-code-of-tomorrow"])
def test_a_rejected_batch_is_held_told_and_not_sent_again(
    code: str, agent: Agent, clock: SimClock, server: ScriptedServer
) -> None:
    server.reject = lambda frame: code if frame.header.seq == 2 else None
    run_minutes(agent, clock, 3)
    pump(agent, lambda: agent.outbox.counts().held == 1)
    pump(agent, lambda: delivered(agent))
    sent = [seq for _, seq in server.arrivals].count(2)
    run_minutes(agent, clock, 1)
    pump(agent, lambda: delivered(agent))
    assert agent.outbox.counts().held == 1
    assert [seq for _, seq in server.arrivals].count(2) == sent
    told = [r.value for r in server.records() if r.name.endswith("sys/status")]
    assert told == [f"held: the server refused batch 2 ({code})"]


def test_another_head_stops_all_deleting_until_the_server_agrees_again(
    agent: Agent, clock: SimClock, server: ScriptedServer
) -> None:
    run_minutes(agent, clock, 1)
    pump(agent, lambda: delivered(agent))
    server.forge_head = True
    run_minutes(agent, clock, 1)
    pump(agent, lambda: agent.publisher.disputed)
    assert agent.outbox.counts().waiting == 1
    server.forge_head = False
    pump(agent, lambda: not agent.publisher.disputed)
    pump(agent, lambda: delivered(agent))


def test_window_zero_means_silence_but_for_one_probe(
    agent: Agent, clock: SimClock, server: ScriptedServer
) -> None:
    server.window = 0
    run_minutes(agent, clock, 1)
    pump(agent, lambda: delivered(agent))
    server.deaf = True
    server.arrivals.clear()
    run_minutes(agent, clock, 5)
    pump(agent, lambda: len(server.arrivals) >= 2, what="the repeated probe")
    assert agent.publisher.in_flight <= 1
    server.deaf, server.window = False, 16
    pump(agent, lambda: delivered(agent))
    assert sorted(server.frames) == [1, 2, 3, 4, 5, 6]


def test_a_backlog_asks_whether_window_zero_is_over_though_nothing_new_is_measured(
    agent: Agent, clock: SimClock, server: ScriptedServer
) -> None:
    server.window = 0
    for _ in range(40):
        clock.set((clock.wall() // 60 + 1) * 60)
        agent.sample_due(clock.wall())
        agent.seal_due(clock.wall())
    pump(agent, lambda: agent.outbox.counts().done >= 8)
    server.window = 16
    pump(agent, lambda: delivered(agent), what="the rest of the backlog")
    assert sorted(server.frames) == list(range(1, 41))


def test_it_waits_for_a_broker_that_comes_late_and_survives_its_death(
    broker: Broker, clock: SimClock, tmp_path: Path
) -> None:
    broker.stop()
    agent = agent_for(tmp_path / "gw", broker.port, clock, {"st1": Scripted()}, reconnect_longest_s=1)
    agent.start()
    run_minutes(agent, clock, 3)
    assert not agent.publisher.connected
    broker.start()
    server = ScriptedServer(broker)
    pump(agent, lambda: delivered(agent))
    broker.kill()
    run_minutes(agent, clock, 3)
    pump(agent, lambda: not agent.publisher.connected)
    broker.start()
    pump(agent, lambda: delivered(agent), within_s=20)
    assert sorted(server.frames) == [1, 2, 3, 4, 5, 6]
    agent.stop(0.2)
    server.close()


def test_the_same_bytes_go_out_after_a_restart(
    broker: Broker, server: ScriptedServer, clock: SimClock, tmp_path: Path
) -> None:
    server.mute = True
    agent = agent_for(tmp_path / "gw", broker.port, clock, {"st1": Scripted()})
    agent.start()
    run_minutes(agent, clock, 2)
    pump(agent, lambda: len(server.frames) == 2)
    before = {seq: frame.batch_hash for seq, frame in server.frames.items()}
    agent.cut()
    server.mute = False
    later = SimClock(clock.wall() + 600, booted_at=clock.wall() + 590)
    agent = agent_for(tmp_path / "gw", broker.port, later, {"st1": Scripted()})
    agent.start()
    pump(agent, lambda: delivered(agent))
    run_minutes(agent, later, 1)
    pump(agent, lambda: delivered(agent))
    assert {seq: server.frames[seq].batch_hash for seq in (1, 2)} == before
    gaps = [str(r.value) for r in server.records() if r.name.endswith("sys/gap")]
    assert len(gaps) == 1
    assert clock.boot_id in gaps[0]
    assert later.boot_id in gaps[0]
    agent.stop(0.2)


def test_values_that_failed_never_travel_as_numbers(
    broker: Broker, server: ScriptedServer, clock: SimClock, tmp_path: Path
) -> None:
    answers = iter([[Sample("ta", None, 32)], [Sample("ta", 0.0)], [Sample("ta", 99.0)]])
    agent = agent_for(tmp_path / "gw", broker.port, clock, {"st1": Scripted(lambda: next(answers))})
    agent.start()
    run_minutes(agent, clock, 3)
    pump(agent, lambda: delivered(agent))
    agent.stop(0.2)
    said = [(r.name.partition("/")[2], r.value, r.flags) for r in server.records()]
    assert said == [
        ("st1/status", "fault", 0),
        ("st1/ta", 0.0, 0),
        ("st1/status", "ok", 0),
        ("st1/ta", 99.0, 1),
        ("st1/status", "range", 0),
    ]


def test_asking_whether_window_zero_is_over_begins_after_a_second_and_gets_rarer() -> None:
    delivery = Delivery(Pace(), lambda: 0.5)
    delivery.obey(0, 5.0)
    asked: list[float] = []
    now = 0.0
    while now < 200.0:
        delivery.expire(now)
        if delivery.room("live", now):
            asked.append(now)
            delivery.sent(len(asked), "live", now)
        now += delivery.next_due(now)
    assert asked[:7] == [0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 61.0]
    delivery.obey(16, 5.0)
    delivery.obey(0, 5.0)
    delivery.expire(now + 60.0)
    delivery.sent(999, "live", now + 60.0)
    assert delivery.next_due(now + 60.0) == 1.0
