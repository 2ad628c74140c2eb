"""Disks of a few pages: gateway and server stop, say so, go on when there is room, and lose nothing."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edge_agent.agent import Agent
from edge_agent.clock import SimClock
from edge_agent.driver import Sample
from edge_agent.outbox.disk import RealDisk
from tests.delivery.real_server import RealServer
from tests.edge_agent.scripted import T0, Scripted, ScriptedServer, agent_for, delivered, pump
from tests.servers import Broker

PAGE = 4096
FREE_PAGES = (0, 1, 2, 3, 5, 8, 13, 40)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a file system of its own")
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"cannot mount here: {made.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def leave_free(disk: Path, pages: int) -> Path:
    """Fill the disk but for so many pages; the file that does it."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * PAGE)
    os.truncate(filler, max(0, filler.stat().st_size - pages * PAGE))
    return filler


def counting() -> Scripted:
    """A sensor whose every reading has a value of its own."""
    numbers = itertools.count(400)
    sensor = Scripted(lambda: [Sample("co2", float(next(numbers)))])
    sensor.channels = (sensor.channels[0]._replace(quantity="co2", unit="ppm", low=0.0, high=90_000.0),)
    return sensor


def counted(server: RealServer) -> list[float]:
    """What of the counting sensor is in the ledger."""
    return sorted(float(str(r.value)) for r in server.records() if r.name.endswith("/co2"))


def run(agent: Agent, clock: SimClock, minutes: int) -> None:
    """Measure every 10 s, as the real process does it."""
    for _ in range(6 * minutes):
        clock.set(clock.wall() // 10 * 10 + 10)
        agent.step()


@pytest.mark.parametrize("pages", FREE_PAGES)
def test_a_gateways_full_disk_costs_no_reading_that_was_taken(
    pages: int, small: Path, broker: Broker, tmp_path: Path
) -> None:
    clock, sensor = SimClock(T0, booted_at=T0 - 100), counting()
    settings = [{"id": "st1", "driver": "scripted", "period_s": 10}]
    agent = agent_for(
        small / "gw", broker.port, clock, {"st1": sensor}, sensors=settings, sync_after_s=20, seal_records=60
    )
    agent.start()
    run(agent, clock, 5)
    filler = leave_free(small, pages)
    run(agent, clock, 40)
    stopped_after = sensor.reads
    run(agent, clock, 5)
    assert sensor.reads == stopped_after, "what cannot be kept is not measured"
    filler.unlink()
    run(agent, clock, 5)
    assert sensor.reads > stopped_after
    with RealServer(tmp_path / "server", broker) as server:
        pump(agent, lambda: delivered(agent), within_s=20)
        agent.stop(2.0)
        assert counted(server) == [400.0 + number for number in range(sensor.reads)]
        (gap,) = server.words("gap")
        assert gap.startswith("outbox could not be written: not measured from")


def test_a_gateway_that_starts_on_a_full_disk_delivers_and_goes_on(
    small: Path, broker: Broker, tmp_path: Path
) -> None:
    clock, sensor = SimClock(T0, booted_at=T0 - 100), counting()
    settings = [{"id": "st1", "driver": "scripted", "period_s": 10}]
    agent = agent_for(
        small / "gw", broker.port, clock, {"st1": sensor}, sensors=settings, sync_after_s=0.1, seal_records=60
    )
    agent.start()
    run(agent, clock, 3)
    for _ in range(2):  # the second step syncs both readings
        clock.set(clock.wall() + 10)
        agent.step()
    agent.cut()
    filler = leave_free(small, 0)
    later = SimClock(clock.wall() + 600, booted_at=clock.wall() + 590)
    agent = agent_for(small / "gw", broker.port, later, {"st1": sensor}, sensors=settings, seal_records=60)
    agent.start()
    run(agent, later, 2)
    filler.unlink()
    run(agent, later, 1)
    with RealServer(tmp_path / "server", broker) as server:
        pump(agent, lambda: delivered(agent), within_s=20)
        agent.stop(2.0)
        assert counted(server) == [400.0 + number for number in range(sensor.reads)]


def test_a_gateway_whose_disk_fills_gives_up_copies_first_and_never_fills_it(
    small: Path, broker: Broker
) -> None:
    server = ScriptedServer(broker)
    clock, sensor = SimClock(T0, booted_at=T0 - 100), counting()
    agent = agent_for(small / "gw", broker.port, clock, {"st1": sensor}, disk=RealDisk(small))
    agent.start()
    filler = leave_free(small, 100)
    for _ in range(10):
        clock.set(clock.wall() // 60 * 60 + 60)
        agent.step()
        pump(agent, lambda: delivered(agent))
    assert sensor.reads < 10, "nothing is measured when 95 % of the disk are used"
    assert agent.outbox.counts().done <= 1
    filler.unlink()
    run(agent, clock, 2)
    pump(agent, lambda: delivered(agent))
    assert agent.outbox.counts().held == 0
    agent.stop(0.5)
    words = [str(r.value) for r in server.records() if "/sys/" in r.name]
    assert words == [
        "disk nearly full: only aggregates of 60 s are kept",
        "disk full: measuring stops",
        "disk has room again: measuring as configured",
    ]
    server.close()


@pytest.mark.parametrize("pages", FREE_PAGES)
def test_a_servers_full_disk_stops_the_gateways_and_costs_nothing(
    pages: int, small: Path, broker: Broker, tmp_path: Path
) -> None:
    clock, sensor = SimClock(T0, booted_at=T0 - 100), counting()
    agent = agent_for(tmp_path / "gw", broker.port, clock, {"st1": sensor})
    agent.start()
    with RealServer(small / "server", broker) as server:
        run(agent, clock, 3)
        pump(agent, lambda: delivered(agent), within_s=20)
        filler = leave_free(small, pages)
        for _ in range(400):
            run(agent, clock, 1)
            if agent.publisher.stopped_by_server:
                break
            with suppress(AssertionError):
                pump(agent, lambda: delivered(agent) or agent.publisher.stopped_by_server, within_s=5)
        assert agent.publisher.stopped_by_server, "the server says that it takes nothing now"
        assert agent.outbox.counts().waiting > 0
        assert server.ledger.quarantine() == []
        filler.unlink()
        pump(agent, lambda: delivered(agent), within_s=30, what="the rest")
        head = agent.outbox.head().seq
        agent.stop(0.5)
        assert sorted(row.seq or 0 for row in server.ledger.rows(0, 1000)) == list(range(1, head + 1))
        assert list(server.ledger.broken_rows()) == []
