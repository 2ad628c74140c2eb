"""The epochs of an outbox: which one is in force, when another begins, what is taken back from damage."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterable

from edge_agent.outbox.records import ChainHead, State
from osh_domain.batch import Frame, genesis, payload_hash

SALVAGED = "salvaged"


def random_epoch() -> str:
    return secrets.token_hex(8)


def find(connection: sqlite3.Connection, gateway: str, serial: str, new_epoch: Callable[[], str]) -> str:
    """The epoch of this machine; a copied card starts its own, so the two never share numbers."""
    row = connection.execute(
        "SELECT epoch, serial FROM epochs WHERE ended = 0 ORDER BY id DESC LIMIT 1"
    ).fetchone()
    if row is not None and row[1] == serial:
        return str(row[0])
    return begin(connection, gateway, serial, new_epoch())


def begin(connection: sqlite3.Connection, gateway: str, serial: str, epoch: str) -> str:
    """Begin an epoch; inside a transaction if there has to be one."""
    connection.execute(
        "INSERT INTO epochs (epoch, serial, head_seq, head_hash) VALUES (?, ?, 0, ?)",
        (epoch, serial, genesis(gateway, epoch)),
    )
    return epoch


def end(connection: sqlite3.Connection, epoch: str, overtaken_to: int) -> int:
    """No batch is made in it any more. Its waiting batches up to `overtaken_to`, whose numbers the ledger
    holds although this outbox does not know with what, are HELD; answers how many."""
    connection.execute("UPDATE epochs SET ended = 1 WHERE epoch = ?", (epoch,))
    return connection.execute(
        "UPDATE batches SET state = ?, code = 'overtaken' WHERE state = 0 AND epoch = ? AND seq <= ?",
        (State.HELD, epoch, overtaken_to),
    ).rowcount


def head_of(connection: sqlite3.Connection, epoch: str) -> ChainHead | None:
    """The end of the chain of any epoch of this outbox."""
    row = connection.execute(
        "SELECT head_seq, head_hash, ended FROM epochs WHERE epoch = ?", (epoch,)
    ).fetchone()
    return None if row is None else ChainHead(row[0], row[1], bool(row[2]))


def state_of(connection: sqlite3.Connection, epoch: str, seq: int) -> tuple[State | None, str | None]:
    """Where a batch stands, and why it is held; None when it is not here (any more)."""
    row = connection.execute(
        "SELECT state, code FROM batches WHERE epoch = ? AND seq = ?", (epoch, seq)
    ).fetchone()
    return (None, None) if row is None else (State(row[0]), row[1])


def take_back(
    connection: sqlite3.Connection, salvaged: Iterable[tuple[Frame, bytes]], sealed_at: float
) -> int:
    """Put verified frames with their payloads back among what waits; answers how many were not here yet."""
    taken = 0
    known = {epoch for (epoch,) in connection.execute("SELECT epoch FROM epochs WHERE ended = 0")}
    for frame, payload in salvaged:
        epoch = frame.header.ep
        if epoch in known:
            continue  # of the epoch in force nothing can be missing
        _extend(connection, epoch, frame.header.seq, frame.batch_hash)
        taken += connection.execute(
            "INSERT OR IGNORE INTO batches (epoch, seq, batch_hash, payload_hash, state, sealed_at, records,"
            " size, payload) VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?)",
            (
                epoch,
                frame.header.seq,
                frame.batch_hash,
                payload_hash(payload),
                sealed_at,
                frame.header.n,
                len(payload),
                payload,
            ),
        ).rowcount
    return taken


def _extend(connection: sqlite3.Connection, epoch: str, seq: int, batch_hash: str) -> None:
    connection.execute(
        "INSERT INTO epochs (epoch, serial, head_seq, head_hash, ended) VALUES (?, ?, ?, ?, 1)"
        " ON CONFLICT (epoch) DO UPDATE SET head_seq = excluded.head_seq, head_hash = excluded.head_hash"
        " WHERE excluded.head_seq > head_seq",
        (epoch, SALVAGED, seq, batch_hash),
    )
