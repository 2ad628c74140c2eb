"""Whether every batch that a gateway sealed is accounted for by its number: no gap record excuses it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from edge_agent.outbox.records import State

TAKEN_NUMBER = ("overtaken", "conflict")
"""Why a batch may be held: its number is in the ledger with another content."""


class Batch(NamedTuple):
    """The name of a batch."""

    gateway: str
    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.gateway} {self.epoch}:{self.seq}"


def lost_batches(fleet_dir: Path, ledger: Mapping[Batch, str]) -> Iterator[str]:
    """What is wrong with the batches of a fleet that has ended; `ledger`: the hash of each batch in it."""
    for path in sorted(fleet_dir.glob("*/outbox.sqlite")):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as outbox:
            yield from _lost(path, outbox, ledger)


def _lost(path: Path, outbox: sqlite3.Connection, ledger: Mapping[Batch, str]) -> Iterator[str]:
    gateway, here = path.parent.name, set()
    query = "SELECT epoch, seq, batch_hash, state, code FROM batches ORDER BY row"
    for epoch, seq, batch_hash, state, code in outbox.execute(query):
        batch = Batch(gateway, epoch, seq)
        here.add(batch)
        found = ledger.get(batch)
        if state == State.DONE and found != batch_hash:
            what = "is not in the ledger" if found is None else "is in the ledger with another content"
            yield f"{batch} was acknowledged and {what}"
        elif state == State.HELD and found != batch_hash and (found is None or code not in TAKEN_NUMBER):
            yield f"{batch} is held ({code}), and nothing in the ledger is why"
    if any(path.parent.glob(f"{path.name}.damaged-*")):
        return  # what of a damaged file cannot be read is for the gap records
    for epoch, head in outbox.execute("SELECT epoch, head_seq FROM epochs"):
        for batch in (Batch(gateway, epoch, seq) for seq in range(1, head + 1)):
            if batch not in here and batch not in ledger:
                yield f"{batch} was sealed, its outbox was never damaged, and it is nowhere"
