"""Which numbers of which epochs have arrived, kept in memory and read from the file when needed."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from ingest_service.ledger.port import Standing
from ingest_service.ledger.session import Session
from osh_domain.acknowledgement import Received

MOST_EPOCHS = 20_000
"""Epochs kept in memory; what is dropped is read again."""

# Numbers beyond the stored contiguous run. A quarantined batch counts when its signature was good.
BEYOND = """
SELECT seq FROM batches WHERE gateway = ? AND epoch = ? AND seq > ?
UNION SELECT seq FROM quarantine WHERE gateway = ? AND epoch = ? AND trusted = 1 AND seq > ?
ORDER BY seq
"""
HEAD = """
SELECT batch_hash FROM batches WHERE gateway = ? AND epoch = ? AND seq = ? AND kind = 'sealed'
UNION ALL SELECT batch_hash FROM quarantine WHERE gateway = ? AND epoch = ? AND trusted = 1 AND seq = ?
LIMIT 1
"""


@dataclass(slots=True)
class Arrived:
    """What came of one epoch; ``last_seq`` and ``last_hash`` are the highest sealed batch in the ledger."""

    received: Received
    last_seq: int
    last_hash: str | None


def load(session: Session, gateway: str, epoch: str) -> Arrived:
    """What the file says about an epoch."""
    stored = session.execute(
        "SELECT cum FROM standings WHERE gateway = ? AND epoch = ?", (gateway, epoch)
    ).fetchone()
    cum = int(stored[0]) if stored else 0
    ranges: list[tuple[int, int]] = []
    for (seq,) in session.execute(BEYOND, 2 * (gateway, epoch, cum)):
        if ranges and ranges[-1][1] == seq - 1:
            ranges[-1] = (ranges[-1][0], seq)
        else:
            ranges.append((seq, seq))
    last = session.execute(
        "SELECT seq, batch_hash FROM batches WHERE gateway = ? AND epoch = ? AND kind = 'sealed' "
        "ORDER BY seq DESC LIMIT 1",
        (gateway, epoch),
    ).fetchone()
    return Arrived(Received(cum, ranges), *(last or (0, None)))


class ArrivedCache:
    """`Arrived` of the epochs in use. Whoever keeps it tells it what other processes have committed."""

    def __init__(self) -> None:
        self._epochs: OrderedDict[tuple[str, str], Arrived] = OrderedDict()

    def clear(self) -> None:
        self._epochs.clear()

    def note(self, gateway: str, epoch: str, seq: int, sealed_hash: str | None) -> None:
        """Another process committed this number; `sealed_hash` when it is a sealed batch in the ledger."""
        known = self._epochs.get((gateway, epoch))
        if known is None:
            return
        known.received.add(seq)
        if sealed_hash is not None and seq > known.last_seq:
            known.last_seq, known.last_hash = seq, sealed_hash

    def get(self, session: Session, gateway: str, epoch: str) -> Arrived:
        key = (gateway, epoch)
        found = self._epochs.get(key)
        if found is None:
            found = self._epochs[key] = load(session, gateway, epoch)
            if len(self._epochs) > MOST_EPOCHS:
                self._epochs.popitem(last=False)
        else:
            self._epochs.move_to_end(key)
        return found


def standing(session: Session, arrived: Arrived, gateway: str, epoch: str) -> Standing:
    """What an acknowledgement says about the epoch."""
    cum = arrived.received.cum
    if cum == 0:
        head = None
    elif cum == arrived.last_seq:
        head = arrived.last_hash
    else:
        found = session.execute(HEAD, 2 * (gateway, epoch, cum)).fetchone()
        head = found[0] if found else None
    return Standing(cum, arrived.received.sel(), head)
