"""How full an outbox is."""

from __future__ import annotations

import sqlite3

from edge_agent.outbox.records import Counts, State


def count(connection: sqlite3.Connection) -> Counts:
    """How many batches stand where."""
    (total,) = connection.execute("SELECT count(*) FROM batches").fetchone()
    rows = {
        state: (count, size)
        for state, count, size in connection.execute(
            "SELECT state, count(*), sum(size) FROM batches WHERE state <> 1 GROUP BY state"
        )
    }
    waiting, waiting_bytes = rows.get(State.SEALED, (0, 0))
    held = rows.get(State.HELD, (0, 0))[0]
    oldest = connection.execute(
        "SELECT seq, sealed_at FROM batches WHERE state = 0 ORDER BY row LIMIT 1"
    ).fetchone()
    return Counts(
        waiting=waiting,
        waiting_bytes=waiting_bytes,
        done=total - waiting - held,
        held=held,
        oldest_seq=oldest[0] if oldest else None,
        oldest_at=oldest[1] if oldest else None,
    )
