"""Thirty days without a road: the backlog drains, and what is measured meanwhile arrives at once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge_agent.agent import OUTBOX_FILE
from oshwatch.bench.edge_backlog import backlog
from oshwatch.bench.servers import BenchError, find_mosquitto

DAYS, MINUTES = 30, 1440
LIVE_WITHIN_MS = 5000.0


@pytest.mark.system
@pytest.mark.timeout(300)
def test_fresh_batches_are_in_the_series_within_seconds_while_thirty_days_drain(tmp_path: Path) -> None:
    try:
        mosquitto = find_mosquitto()
    except BenchError as error:
        pytest.skip(str(error))
    found = backlog(mosquitto, tmp_path, days=DAYS, readings=1, rate=200.0, fresh=5, within_s=5.0)
    assert found["backlog_batches"] == DAYS * MINUTES
    assert found["fresh_batches"] >= 5
    assert found["drained_batches"] > 0, "both flow at once"
    assert found["fresh_to_series_ms"]["max"] < LIVE_WITHIN_MS
    # What drained is in the ledger once and gone from the outbox or still in it: nothing is between.
    with closing(sqlite3.connect(tmp_path / "server" / "ledger.sqlite")) as ledger:
        stored = [row[0] for row in ledger.execute("SELECT batch_hash FROM batches WHERE seq IS NOT NULL")]
    assert len(stored) == len(set(stored))
    with closing(sqlite3.connect(tmp_path / "gateway" / OUTBOX_FILE)) as outbox:
        waiting = {row[0] for row in outbox.execute("SELECT batch_hash FROM batches WHERE state = 0")}
        sealed = outbox.execute("SELECT sum(head_seq) FROM epochs").fetchone()[0]
    assert len(waiting | set(stored)) == sealed
