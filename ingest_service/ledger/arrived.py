"""Which numbers of which epochs have arrived, kept in memory and read from the file when needed."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from dataclasses import dataclass

from ingest_service.ledger.port import Standing
from osh_domain.acknowledgement import Received

MOST_EPOCHS = 20_000
"""Epochs kept in memory; what is dropped is read again."""

# Numbers beyond the stored contiguous run. A quarantined batch counts when its signature was good.
BEYOND = """
SELECT seq FROM batches WHERE gateway = ?1 AND epoch = ?2 AND seq > ?3
UNION SELECT seq FROM quarantine WHERE gateway = ?1 AND epoch = ?2 AND trusted = 1 AND seq > ?3
ORDER BY seq
"""
HEAD = """
SELECT batch_hash FROM batches WHERE gateway = ?1 AND epoch = ?2 AND seq = ?3 AND kind = 'sealed'
UNION ALL SELECT batch_hash FROM quarantine WHERE gateway = ?1 AND epoch = ?2 AND trusted = 1 AND seq = ?3
LIMIT 1
"""


@dataclass(slots=True)
class Arrived:
    """What came of one epoch; ``last_seq`` and ``last_hash`` are the highest sealed batch in the ledger."""

    received: Received
    last_seq: int
    last_hash: str | None


def load(connection: sqlite3.Connection, gateway: str, epoch: str) -> Arrived:
    """What the file says about an epoch."""
    stored = connection.execute(
        "SELECT cum FROM standings WHERE gateway = ? AND epoch = ?", (gateway, epoch)
    ).fetchone()
    cum = int(stored[0]) if stored else 0
    ranges: list[tuple[int, int]] = []
    for (seq,) in connection.execute(BEYOND, (gateway, epoch, cum)):
        if ranges and ranges[-1][1] == seq - 1:
            ranges[-1] = (ranges[-1][0], seq)
        else:
            ranges.append((seq, seq))
    last = connection.execute(
        "SELECT seq, batch_hash FROM batches WHERE gateway = ? AND epoch = ? AND kind = 'sealed' "
        "ORDER BY seq DESC LIMIT 1",
        (gateway, epoch),
    ).fetchone()
    return Arrived(Received(cum, ranges), *(last or (0, None)))


class ArrivedCache:
    """`Arrived` of the epochs in use; valid as long as nobody else writes the file."""

    def __init__(self) -> None:
        self._epochs: OrderedDict[tuple[str, str], Arrived] = OrderedDict()
        self._data_version: int | None = None

    def clear(self) -> None:
        self._epochs.clear()

    def notice_others(self, connection: sqlite3.Connection) -> bool:
        """Forget everything when another connection has committed since the last call; whether it had."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        changed = self._data_version is not None and version != self._data_version
        self._data_version = version
        if changed:
            self.clear()
        return changed

    def get(self, connection: sqlite3.Connection, gateway: str, epoch: str) -> Arrived:
        key = (gateway, epoch)
        found = self._epochs.get(key)
        if found is None:
            found = self._epochs[key] = load(connection, gateway, epoch)
            if len(self._epochs) > MOST_EPOCHS:
                self._epochs.popitem(last=False)
        else:
            self._epochs.move_to_end(key)
        return found


def standing(connection: sqlite3.Connection, arrived: Arrived, gateway: str, epoch: str) -> Standing:
    """What an acknowledgement says about the epoch."""
    cum = arrived.received.cum
    if cum == 0:
        head = None
    elif cum == arrived.last_seq:
        head = arrived.last_hash
    else:
        found = connection.execute(HEAD, (gateway, epoch, cum)).fetchone()
        head = found[0] if found else None
    return Standing(cum, arrived.received.sel(), head)
