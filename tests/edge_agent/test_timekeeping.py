from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_agent.agent import Agent
from edge_agent.clock import SimClock, Sync, SystemClock
from edge_agent.mqtt_link import LinkEvent, Post
from edge_agent.server_time import TimeExchange
from edge_agent.timekeeping import WRITTEN, Anchor, Timekeeper
from osh_domain.batch import Frame, open_frame
from osh_domain.senml import read_pack
from tests.edge_agent.scripted import T0, Scripted, agent_for, run_minutes

NONE = Sync("none", None)


class NoLink:
    """A cable that is not plugged in."""

    def open(self, first_conn: int, will: object) -> None:
        del first_conn, will

    def events(self) -> list[LinkEvent]:
        return []

    def subscribe(self, topics: list[str]) -> None:
        del topics

    def publish(self, post: Post) -> bool:
        del post
        return False

    def close(self) -> None:
        return

    def cut(self) -> None:
        return


def offline_agent(folder: Path, clock: SimClock, **overrides: Any) -> Agent:
    agent = agent_for(folder, 1, clock, {"st1": Scripted()}, link=NoLink(), **overrides)
    agent.start()
    return agent


def frames(agent: Agent) -> list[Frame]:
    return [open_frame(batch.payload) for batch in agent.outbox.waiting(0, 2**62, 1000)]


def test_a_step_of_the_clock_seals_and_each_batch_keeps_one_offset(tmp_path: Path) -> None:
    clock = SimClock(T0, booted_at=T0 - 100)
    agent = offline_agent(tmp_path, clock, seal_after_s=3600)
    run_minutes(agent, clock, 2)
    clock.skew_s = 7200.0
    clock.set(clock.wall() - 7200.0 + 30.0)
    agent.step()
    clock.set(T0 + 240)
    agent.step()
    agent.seal("stop")
    found = frames(agent)
    agent.cut()
    assert [frame.header.off for frame in found] == [T0 - 100, T0 - 100 + 7200]
    times = [[r.time - T0 for r in read_pack(f.pack, T0) if r.name.endswith("/ta")] for f in found]
    assert times[0] == [60.0, 120.0]
    assert all(t >= 7200 for t in times[1])
    assert found[1].header.mono[0] >= found[0].header.mono[1]


def test_wander_below_the_step_changes_nothing(tmp_path: Path) -> None:
    clock = SimClock(T0, booted_at=T0 - 100)
    agent = offline_agent(tmp_path, clock)
    run_minutes(agent, clock, 1)
    clock.skew_s = 0.04
    clock.set(T0 + 90)
    agent.step()
    clock.set(T0 + 120)
    agent.step()
    found = frames(agent)
    agent.cut()
    assert [frame.header.off for frame in found] == [T0 - 100, T0 - 100]


def test_a_machine_that_wakes_in_1970_starts_from_the_last_time_it_knows() -> None:
    clock = SimClock(10.0, booted_at=0.0, sync=NONE)
    keeper = Timekeeper(clock, not_before=T0)
    assert keeper.state.clk == "none"
    assert keeper.state.err is None
    assert keeper.wall() == T0
    clock.set(70.0)
    assert keeper.wall() == T0 + 60


def test_an_anchor_of_the_server_sets_the_clock_and_its_error_grows() -> None:
    clock = SimClock(10.0, booted_at=0.0, sync=NONE)
    keeper = Timekeeper(clock)
    keeper.accept(Anchor(10.0, T0, 0.02, "srv"))
    clock.set(1010.0)
    state = keeper.look()
    assert (state.clk, keeper.wall()) == ("srv", T0 + 1000)
    assert state.err is not None
    assert abs(state.err - 0.12) < 1e-9
    clock.sync_state = Sync("ntp", 0.001)
    assert keeper.look().clk == "ntp"


def test_the_best_of_four_answers_counts_and_strangers_do_not() -> None:
    exchange = TimeExchange(now=0.0)
    delays = [0.4, 0.1, 0.3, 0.2]
    boot = 100.0
    for delay in delays:
        question = exchange.ask(boot)
        assert question is not None
        assert exchange.ask(boot) is None
        exchange.answer({"id": "somebody else's", "s1": 0, "s2": 0}, boot)
        server = T0 + boot + delay / 2
        boot += delay
        exchange.answer({"id": question.id, "s1": server, "s2": server}, boot)
    anchor = exchange.anchor()
    assert exchange.over
    assert anchor is not None
    assert abs(anchor.err - 0.05) < 1e-9
    assert abs(anchor.utc - anchor.mono - T0) < 1e-6


def test_a_slow_road_gives_no_anchor() -> None:
    exchange = TimeExchange(now=0.0)
    question = exchange.ask(0.0)
    assert question is not None
    exchange.answer({"id": question.id, "s1": T0, "s2": T0}, 20.0)
    exchange.give_up(6.0)
    assert exchange.over
    assert exchange.anchor() is None


def test_the_real_clock_goes_forward_and_says_how_good_it_is() -> None:
    clock = SystemClock()
    first, second = clock.boot_time(), clock.boot_time()
    assert 0 < first <= second
    assert len(clock.boot_id) == 16
    sync = clock.sync()
    assert sync.clk in ("ntp", "rtc", "none", "hold")
    assert (sync.err is None) == (sync.clk == "none")


def test_what_was_open_at_a_power_cut_is_sealed_with_the_old_boots_clock(tmp_path: Path) -> None:
    clock = SimClock(T0, booted_at=T0 - 100)
    agent = offline_agent(tmp_path, clock, seal_after_s=3600, sync_after_s=10)
    run_minutes(agent, clock, 3)
    clock.set(T0 + 200)
    agent.step()
    agent.cut()
    later = SimClock(T0 + 5000, booted_at=T0 + 4990)
    agent = offline_agent(tmp_path, later)
    agent.seal("stop")
    found = frames(agent)
    agent.cut()
    assert [frame.header.boot for frame in found] == [clock.boot_id, later.boot_id]
    assert found[0].header.off == T0 - 100
    values = [r.time - T0 for r in read_pack(found[0].pack, T0) if r.name.endswith("/ta")]
    assert values == [60.0, 120.0, 180.0]
    (gap,) = [str(r.value) for r in read_pack(found[1].pack, T0) if r.name.endswith("/gap")]
    assert gap.startswith(f"restart: from boot {clock.boot_id} at 280.000 s (2026-04-20T")


def test_a_hardware_clock_with_an_empty_battery_is_no_clock() -> None:
    """Believed, it would keep the gateway from its broker for ever: certificates would not be valid yet."""
    rtc = Sync("rtc", 2.0)
    for wall, not_before, clk in (
        (WRITTEN + 100.0, 0.0, "rtc"),
        (946_684_900.0, 0.0, "none"),  # the year 2000: nothing was ever written down
        (WRITTEN + 100.0, WRITTEN + 50.0, "rtc"),
        (WRITTEN + 100.0, WRITTEN + 5000.0, "none"),
    ):
        keeper = Timekeeper(SimClock(wall, booted_at=wall - 10.0, sync=rtc), not_before=not_before)
        assert keeper.state.clk == clk
        assert keeper.wall() >= not_before
    keeper = Timekeeper(SimClock(946_684_900.0, sync=Sync("ntp", 0.01)), not_before=WRITTEN)
    assert keeper.state.clk == "ntp", "what sets it by the network is believed"
