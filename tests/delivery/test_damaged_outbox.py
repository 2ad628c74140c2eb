"""An agent whose outbox was damaged in the field: it goes on, says so, and the server gets what verifies."""

from __future__ import annotations

from pathlib import Path

from edge_agent.agent import OUTBOX_FILE
from edge_agent.clock import SimClock
from tests.delivery.real_server import RealServer
from tests.edge_agent.scripted import T0, Scripted, agent_for, delivered, pump, run_minutes
from tests.servers import Broker


def test_a_damaged_outbox_is_replaced_told_and_its_batches_reach_the_ledger_once(
    broker: Broker, tmp_path: Path
) -> None:
    folder = tmp_path / "gw"
    clock = SimClock(T0, booted_at=T0 - 100)
    with RealServer(tmp_path / "server", broker) as server:
        agent = agent_for(folder, broker.port, clock, {"st1": Scripted()})
        agent.start()
        run_minutes(agent, clock, 5)
        pump(agent, lambda: delivered(agent))
        agent.publisher.cut()
        for _ in range(25):  # without a connection
            clock.set((clock.wall() // 60 + 1) * 60)
            agent.sample_due(clock.wall())
            agent.seal_due(clock.wall())
        old = agent.outbox.epoch
        payloads = {b.seq: b.payload for b in agent.outbox.waiting(0, 2**62, 99)}
        agent.outbox.close()
        content = bytearray((folder / OUTBOX_FILE).read_bytes())
        at = content.index(payloads[20]) + 40
        content[at] ^= 1
        (folder / OUTBOX_FILE).write_bytes(content)
        later = SimClock(clock.wall() + 60, booted_at=clock.wall() + 30)
        agent = agent_for(folder, broker.port, later, {"st1": Scripted()})
        agent.start()
        run_minutes(agent, later, 2)
        pump(agent, lambda: delivered(agent))
        run_minutes(agent, later, 2)  # what is told while salvaging goes with the next batch
        pump(agent, lambda: delivered(agent))
        agent.stop(0.2)
        rows = [(row.epoch, row.seq) for row in server.ledger.rows(0, 1000)]
        assert len(rows) == len(set(rows))
        assert {seq for epoch, seq in rows if epoch == old} == set(range(1, 31)) - {20}
        assert server.ledger.quarantine() == []
        status, gaps = server.words("status"), server.words("gap")
        assert any(text.startswith("outbox damaged (batch 20 in row 20") for text in status)
        assert any(text.startswith("salvage: 29 batches of outbox.sqlite.damaged-") for text in status)
        assert any("not yet sealed is missing" in text for text in gaps)
        times = [r.time for r in server.records() if r.name.endswith("/ta")]
        assert len(times) == len(set(times))
