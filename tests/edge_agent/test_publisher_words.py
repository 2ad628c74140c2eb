from __future__ import annotations

import time
from pathlib import Path

import pytest

from edge_agent.agent import Agent
from edge_agent.clock import SimClock, Sync
from tests.edge_agent.scripted import (
    GATEWAY,
    SITE,
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

OTHER_KEY = bytes(32)


def test_birth_and_state_say_who_is_there(agent: Agent, server: ScriptedServer, clock: SimClock) -> None:
    run_minutes(agent, clock, 1)
    pump(agent, lambda: server.births and server.states and delivered(agent))
    pump(
        agent,
        lambda: len(server.births) >= 1 and server.births[-1]["cfg"]["sensors"][0]["model"] == "Scripted",
    )
    birth, state = server.births[-1], server.states[-1]
    assert (birth["gw"], birth["site"], birth["ep"]) == (GATEWAY, SITE, agent.outbox.epoch)
    assert birth["boot"] == clock.boot_id
    assert birth["clk"] == "ntp"
    assert (state["state"], state["conn"], state["ep"]) == ("online", 1, agent.outbox.epoch)


def test_numbers_of_connections_grow_over_restarts(
    broker: Broker, server: ScriptedServer, clock: SimClock, tmp_path: Path
) -> None:
    for _ in range(3):
        agent = agent_for(tmp_path / "gw", broker.port, clock, {"st1": Scripted()})
        agent.start()
        connect(agent)
        agent.stop(0.1)
    wait_for(lambda: [s["state"] for s in server.states].count("stopping") == 3)
    online = [int(str(s["conn"])) for s in server.states if s["state"] == "online"]
    assert online == sorted(set(online))
    assert len(online) == 3


def test_commands_are_obeyed_once_and_refused_when_late(
    agent: Agent, clock: SimClock, server: ScriptedServer
) -> None:
    run_minutes(agent, clock, 2)
    pump(agent, lambda: delivered(agent))
    server.arrivals.clear()
    server.command("c1", "resend", T0 + 10_000, ep=agent.outbox.epoch, **{"from": 1, "to": 2})
    pump(agent, lambda: len(server.answers) == 1)
    pump(agent, lambda: delivered(agent))
    assert sorted(seq for _, seq in server.arrivals) == [1, 2]
    server.command("c1", "resend", T0 + 10_000, ep=agent.outbox.epoch, **{"from": 1, "to": 2})
    server.command("c2", "identify", T0)
    server.command("c3", "open-the-door", T0 + 10_000)
    server.command("c4", "identify", T0 + 10_000)
    pump(agent, lambda: len(server.answers) == 5)
    assert len(server.arrivals) == 2
    assert [answer["ok"] for answer in server.answers] == [True, True, False, False, True]
    assert str(server.answers[2]["error"]).startswith("expired")
    assert server.answers[4]["is"] == {"gw": GATEWAY, "version": "0.1.0", "sensors": {"st1": "Scripted"}}


def test_a_resend_of_numbers_that_no_batch_can_have_is_refused(agent: Agent, server: ScriptedServer) -> None:
    connect(agent)
    for name, (first, last) in {"c1": (1, 2**70), "c2": (-1, 2), "c3": (2, 1)}.items():
        server.command(name, "resend", T0 + 10_000, ep=agent.outbox.epoch, **{"from": first, "to": last})
    pump(agent, lambda: len(server.answers) == 3)
    assert [answer["ok"] for answer in server.answers] == [False, False, False]


def test_flush_seals_what_is_open(agent: Agent, clock: SimClock, server: ScriptedServer) -> None:
    connect(agent)
    clock.set(T0 + 30)
    agent.tell("a word in the middle of a minute")
    server.command("c1", "flush", T0 + 10_000)
    pump(agent, lambda: len(server.frames) == 1)


def test_a_clock_nobody_set_takes_the_servers_time_before_anything_is_sent(
    broker: Broker, server: ScriptedServer, tmp_path: Path
) -> None:
    real = SimClock(1000.0, booted_at=940.0, sync=Sync("none", None))
    agent = agent_for(tmp_path / "gw", broker.port, real, {"st1": Scripted()})
    agent.start()
    real.set(1020.0)
    agent.step()
    pump(agent, agent.timekeeper.untold)
    agent.look()
    assert agent.timekeeper.state.clk == "srv"
    assert abs(agent.timekeeper.wall() - time.time()) < 5
    agent.tell("first word with the right time")
    agent.seal("flush")
    pump(agent, lambda: delivered(agent))
    agent.stop(0.2)
    frames = [server.frames[seq].header for seq in sorted(server.frames)]
    assert (frames[0].clk, frames[0].err) == ("none", None)
    assert frames[-1].clk == "srv"
    assert sum(len(header.anc) for header in frames) == 1


def test_the_will_is_published_when_the_gateway_vanishes(
    broker: Broker, server: ScriptedServer, clock: SimClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.mqtt_link.WILL_DELAY_S", 0)
    monkeypatch.setattr("edge_agent.mqtt_link.SESSION_EXPIRY_S", 0)
    agent = agent_for(tmp_path / "gw", broker.port, clock, {"st1": Scripted()})
    agent.start()
    connect(agent)
    wait_for(lambda: server.states, what="the word online")
    agent.cut()
    wait_for(lambda: server.states and server.states[-1]["state"] == "offline")
    assert server.states[-1]["conn"] == server.states[-2]["conn"]
