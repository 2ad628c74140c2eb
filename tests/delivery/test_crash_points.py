"""Every named crash point, reached by a real process that dies there by SIGKILL; one audit decides."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from edge_agent.agent import Agent
from edge_agent.clock import SimClock
from ingest_service.intake import Intake
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.projection import Projector
from ingest_service.series.sqlite import open_series
from osh_domain.batch import genesis
from osh_domain.crash_points import VARIABLE, CrashPlan, crash_here
from tests.delivery import crashing_gateway
from tests.delivery.audit import points
from tests.delivery.test_key_rotation import OF_THE_ROTATION
from tests.edge_agent.scripted import GATEWAY, T0, Scripted, ScriptedServer, agent_for, delivered, pump
from tests.ingest_service.gateways import NOW, Device, arrival, reading, snapshot
from tests.servers import Broker

ROOT = Path(__file__).parents[2]
OF_THE_GATEWAY = (
    "outbox: open segment, before the commit@3",
    "outbox: open segment, after the commit@3",
    "outbox: sealed, before the commit@3",
    "outbox: sealed, after the commit@3",
    "outbox: acknowledged, before the commit@3",
    "outbox: acknowledged, after the commit@3",
    "outbox: pruned, before the commit@2",
    "publisher: published@3",
)
OF_THE_INTAKE = (
    "intake: received@2",
    "ledger: before the commit@2",
    "ledger: after the commit@2",
    "intake: acknowledged@2",
)
OF_THE_PROJECTOR = ("projector: before the cursor is saved@2", "projector: after the cursor is saved@2")


def dies(point: str, *command: str) -> None:
    """Run a module until it dies at the point; the test fails when it ends in any other way."""
    ended = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, VARIABLE: point},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


@pytest.mark.parametrize("point", OF_THE_GATEWAY)
def test_a_gateway_killed_anywhere_goes_on_with_a_whole_chain(
    point: str, broker: Broker, tmp_path: Path
) -> None:
    server = ScriptedServer(broker)
    dies(point, "tests.delivery.crashing_gateway", str(tmp_path), str(broker.port), str(T0), "6")
    clock = SimClock(T0 + 3600, booted_at=T0 + 3590)
    agent = crashing_gateway.agent_of(tmp_path, broker.port, clock, first=1000)
    agent.start()
    crashing_gateway.run(agent, clock, 2)
    pump(agent, lambda: delivered(agent))
    head = agent.outbox.head()
    agent.stop(0.2)
    server.close()
    # No hole, no repeat, no number with two contents, each batch the successor of the one before.
    assert sorted(server.frames) == list(range(1, head.seq + 1))
    assert {len(hashes) for hashes in server.hashes.values()} == {1}
    before = genesis(GATEWAY, agent.outbox.epoch)
    for seq in range(1, head.seq + 1):
        assert server.frames[seq].header.prev == before
        before = server.frames[seq].batch_hash
    assert before == head.batch_hash
    # What was said to be safe arrived; nothing arrived twice; nothing was made up.
    told = Counter(r.value for r in server.records() if r.name.endswith("/co2"))
    promised = {float(line) for line in (tmp_path / "promises").read_text().split()}
    assert promised <= set(told)
    assert set(told.values()) == {1}
    assert sum(r.name.endswith("sys/gap") for r in server.records()) == 1


INTAKE_OF_A_TEST = "tests.delivery.crashing_intake"


@pytest.mark.parametrize("point", OF_THE_INTAKE)
def test_an_intake_killed_anywhere_stores_every_batch_once(
    point: str, broker: Broker, tmp_path: Path
) -> None:
    clock = SimClock(T0, booted_at=T0 - 100)
    agent = agent_for(tmp_path / "gw", broker.port, clock, {"st1": Scripted()}, retry_first_s=30)
    agent.start()
    _measure(agent, clock, 3)
    command = [sys.executable, "-m", INTAKE_OF_A_TEST, str(tmp_path), str(broker.port)]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, VARIABLE: point}) as doomed:
        deadline = time.monotonic() + 30
        while doomed.poll() is None and time.monotonic() < deadline:
            agent.publisher.step()
            if delivered(agent):
                _measure(agent, clock, 1)
            time.sleep(0.02)
        doomed.kill()
    assert doomed.returncode == -signal.SIGKILL
    _measure(agent, clock, 3)
    with subprocess.Popen(command, cwd=ROOT) as successor:
        pump(agent, lambda: delivered(agent), within_s=30, what="the rest")
        successor.terminate()
    head = agent.outbox.head().seq
    agent.stop(0.1)
    ledger = open_ledger(tmp_path, read_only=True)
    assert sorted(row.seq or 0 for row in ledger.rows(0, 100)) == list(range(1, head + 1))
    assert ledger.standing(GATEWAY, agent.outbox.epoch).cum == head
    assert list(ledger.broken_rows()) == []
    assert ledger.quarantine() == []
    ledger.close()


def _measure(agent: Agent, clock: SimClock, minutes: int) -> None:
    for _ in range(minutes):
        clock.set((clock.wall() // 60 + 1) * 60)
        agent.sample_due(clock.wall())
        agent.seal_due(clock.wall())


@pytest.mark.parametrize("point", OF_THE_PROJECTOR)
def test_a_projector_killed_around_its_cursor_gives_the_same_series(point: str, tmp_path: Path) -> None:
    device, (killed, whole) = Device(), (tmp_path / "killed", tmp_path / "whole")
    ledger = open_ledger(tmp_path)
    frames = [
        device.batch(reading(at=NOW + i), reading("rh", 60.0 + i, unit="%RH", at=NOW + i)) for i in range(9)
    ]
    Intake(ledger, snapshot).take([arrival(frame) for frame in frames], NOW + 10)
    for folder in (killed, whole):
        folder.mkdir()
    dies(point, "tests.delivery.crashing_projector", str(tmp_path), str(killed))
    for folder in (killed, whole):
        series = open_series(folder)
        projector = Projector(ledger, series, snapshot)
        while projector.step(2):
            pass
        series.close()
    ledger.close()
    assert points(killed / "series.sqlite") == points(whole / "series.sqlite")
    assert points(whole / "series.sqlite")[0] == 18


def test_every_crash_point_of_the_program_is_proven_here() -> None:
    named = set()
    for package in ("edge_agent", "ingest_service"):
        for path in (ROOT / package).rglob("*.py"):
            named |= set(re.findall(r'crash_here\(\s*"([^"]+)"', path.read_text("utf-8")))
    points = (*OF_THE_GATEWAY, *OF_THE_INTAKE, *OF_THE_PROJECTOR, *OF_THE_ROTATION)
    proven = {point.partition("@")[0] for point in points}
    assert named == proven


def test_a_plan_counts_the_passings_of_its_own_point_only() -> None:
    plan = CrashPlan("a: b, before@2")
    assert [plan.due(name) for name in ("a: b, before", "other", "a: b, before", "a: b, before")] == [
        False,
        False,
        True,
        False,
    ]
    with pytest.raises(ValueError, match="invalid literal"):
        CrashPlan("a@x")


def test_without_a_plan_a_passing_costs_next_to_nothing() -> None:
    begun = time.perf_counter()
    for _ in range(100_000):
        crash_here("outbox: sealed, before the commit")
    assert time.perf_counter() - begun < 0.5
