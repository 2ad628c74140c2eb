from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from edge_agent.outbox.store import Outbox
from osh_domain.batch import payload_hash
from tests.edge_agent.batches import ALL, ANCHORING, record, seal_one


class OutboxMachine(RuleBasedStateMachine):
    """The outbox against a plain list: every batch is in one state, none vanishes but DONE ones."""

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[int, str] = {}
        self.hashes: dict[int, str] = {}
        self.open_records = 0
        self.mono = 0.0

    @initialize(path=st.uuids())
    def begin(self, path: object) -> None:
        self.path = Path(os.environ["OSHWATCH_TEST_OUTBOXES"]) / f"{path}.sqlite"
        self.path.unlink(missing_ok=True)
        self.outbox = Outbox(self.path, "kh-f0123-a")

    @rule(count=st.integers(1, 4))
    def sync(self, count: int) -> None:
        records = [record(self.mono + i) for i in range(count)]
        self.mono += count
        self.outbox.sync(ANCHORING, records)
        self.open_records += count

    @rule()
    def seal(self) -> None:
        self.mono += 1
        seq = seal_one(self.outbox, self.mono)
        assert seq == len(self.states) + 1
        self.states[seq] = "sealed"
        self.hashes[seq] = self.outbox.head().batch_hash
        self.open_records = 0

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        first = data.draw(st.integers(1, len(self.states)))
        last = data.draw(st.integers(first, len(self.states) + 3))
        changed = self.outbox.confirm(self.outbox.epoch, [(first, last)])
        now_done = [s for s in range(first, last + 1) if self.states.get(s) == "sealed"]
        assert len(changed) == len(now_done)
        self.states.update(dict.fromkeys(now_done, "done"))

    @precondition(lambda self: "sealed" in self.states.values())
    @rule(data=st.data())
    def hold(self, data: st.DataObject) -> None:
        batches = list(self.outbox.waiting(0, ALL, 10**6))
        batch = data.draw(st.sampled_from(batches))
        assert self.outbox.hold(payload_hash(batch.payload), "sig") == batch.row
        self.states[batch.seq] = "held"

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        seq = data.draw(st.integers(1, len(self.states)))
        again = self.states[seq] in ("done", "held")
        assert self.outbox.send_again(self.outbox.epoch, seq, seq) == again
        if again:
            self.states[seq] = "sealed"

    @rule(limit=st.integers(1, 3))
    def prune(self, limit: int) -> None:
        # The last one of the chain stays, so that the next start can check where the chain ends.
        done = sorted(seq for seq, state in self.states.items() if state == "done" and seq < len(self.states))
        assert self.outbox.prune(before=float("inf"), limit=limit) == len(done[:limit])
        self.states.update(dict.fromkeys(done[:limit], "gone"))

    @rule()
    def reopen(self) -> None:
        self.outbox.close()
        self.outbox = Outbox(self.path, "kh-f0123-a")
        assert self.outbox.set_aside is None

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "outbox"):
            return
        waiting = [batch.seq for batch in self.outbox.waiting(0, ALL, 10**6)]
        assert waiting == sorted(seq for seq, state in self.states.items() if state == "sealed")
        counts, values = self.outbox.counts(), list(self.states.values())
        assert (counts.waiting, counts.done, counts.held) == tuple(
            values.count(state) for state in ("sealed", "done", "held")
        )
        assert self.outbox.head().seq == len(self.states)
        left = self.outbox.leftover()
        assert (len(left.records) if left is not None else 0) == self.open_records
        for batch in self.outbox.waiting(0, ALL, 10**6):
            assert batch.batch_hash == self.hashes[batch.seq]

    def teardown(self) -> None:
        if hasattr(self, "outbox"):
            self.outbox.close()


def test_any_order_of_calls_agrees_with_a_plain_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSHWATCH_TEST_OUTBOXES", str(tmp_path))
    run_state_machine_as_test(
        OutboxMachine,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
