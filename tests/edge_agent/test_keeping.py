from __future__ import annotations

from pathlib import Path

from edge_agent.clock import SimClock
from edge_agent.outbox.disk import DiskLevel, DiskPolicy
from edge_agent.outbox.store import Outbox
from osh_domain.batch import open_frame
from osh_domain.senml import read_pack
from tests.edge_agent.scripted import GATEWAY, T0, agent_for, run_minutes
from tests.edge_agent.scripted import Scripted as Sensor
from tests.edge_agent.test_timekeeping import NoLink, frames, offline_agent


class Disk:
    def __init__(self) -> None:
        self.used = 0.1

    def used_share(self) -> float:
        return self.used


def test_a_disk_that_refuses_for_a_while_costs_nothing(tmp_path: Path) -> None:
    clock = SimClock(T0, booted_at=T0 - 100)
    agent = offline_agent(tmp_path, clock)
    run_minutes(agent, clock, 1)
    agent.outbox._db.execute("PRAGMA query_only = ON")
    run_minutes(agent, clock, 1)
    clock.skew_s = 3600.0
    run_minutes(agent, clock, 2)
    assert agent.batches_sealed == 1
    agent.outbox._db.execute("PRAGMA query_only = OFF")
    clock.set(clock.wall() - clock.skew_s + 10)
    agent.step()
    found = frames(agent)
    agent.cut()
    assert [frame.header.seq for frame in found] == list(range(1, len(found) + 1))
    assert {frame.header.off for frame in found} == {T0 - 100, T0 + 3500}
    times = [r.time - T0 for f in found for r in read_pack(f.pack, T0) if r.name.endswith("/ta")]
    assert times == sorted(times)
    assert times[:2] == [60.0, 120.0]


def test_a_disk_that_refuses_for_long_stops_measuring_not_keeping(tmp_path: Path) -> None:
    clock = SimClock(T0, booted_at=T0 - 100)
    agent = offline_agent(tmp_path, clock, seal_records=10)
    run_minutes(agent, clock, 1)
    agent.outbox._db.execute("PRAGMA query_only = ON")
    run_minutes(agent, clock, 60)
    halted = agent.halted
    agent.outbox._db.execute("PRAGMA query_only = OFF")
    run_minutes(agent, clock, 2)
    assert halted
    assert not agent.halted
    values = [r.time - T0 for f in frames(agent) for r in read_pack(f.pack, T0) if r.name.endswith("/ta")]
    agent.cut()
    assert values[:11] == [60.0 * i for i in range(1, 12)]
    assert values[-1] == 63 * 60.0


def test_what_a_disk_refused_is_written_at_the_end_although_nothing_else_is_open(tmp_path: Path) -> None:
    clock = SimClock(T0, booted_at=T0 - 100)
    agent = offline_agent(tmp_path, clock)
    agent.outbox._db.execute("PRAGMA query_only = ON")
    run_minutes(agent, clock, 3)
    agent.outbox._db.execute("PRAGMA query_only = OFF")
    agent.stop(0.0)
    with Outbox(tmp_path / "outbox.sqlite", GATEWAY, serial="serial-1") as outbox:
        packs = [open_frame(batch.payload).pack for batch in outbox.waiting(0, 2**62, 99)]
    times = [r.time - T0 for pack in packs for r in read_pack(pack, T0) if r.name.endswith("/ta")]
    assert times == [60.0, 120.0, 180.0]


def test_a_filling_disk_costs_copies_first_then_measuring_and_says_so(tmp_path: Path) -> None:
    clock, disk = SimClock(T0, booted_at=T0 - 100), Disk()
    agent = agent_for(tmp_path, 1, clock, {"st1": Sensor()}, link=NoLink(), disk=disk)
    agent.start()
    run_minutes(agent, clock, 3)
    agent.outbox.confirm(agent.outbox.epoch, [(1, 2)])
    run_minutes(agent, clock, 1)
    assert agent.outbox.counts().done == 2
    disk.used = 0.85
    run_minutes(agent, clock, 1)
    assert agent.outbox.counts().done == 0
    disk.used = 0.96
    run_minutes(agent, clock, 1)
    before = agent.batches_sealed
    run_minutes(agent, clock, 5)
    assert agent.halted
    assert agent.batches_sealed == before
    disk.used = 0.5
    run_minutes(agent, clock, 2)
    said = [
        (r.name.partition("/")[2], r.value)
        for batch in agent.outbox.waiting(0, 2**62, 100)
        for r in read_pack(open_frame(batch.payload).pack, T0)
        if "/sys/" in r.name
    ]
    agent.cut()
    assert said == [
        ("sys/gap", "disk full: measuring stops"),
        ("sys/status", "disk has room again: measuring as configured"),
    ]


def test_the_levels_begin_at_their_shares() -> None:
    policy = DiskPolicy(0.8, 0.9, 0.95)
    levels = [policy.level(share) for share in (0.79, 0.8, 0.9, 0.95, 1.0)]
    assert levels == [DiskLevel.PLENTY, DiskLevel.TIDY, DiskLevel.LEAN, DiskLevel.FULL, DiskLevel.FULL]
