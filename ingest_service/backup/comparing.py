"""Whether two installations hold the same: every table row by row, and the ledger's chain worked out anew."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

from ingest_service.backup.archive import Store
from ingest_service.backup.chain import TABLE, Chain
from ingest_service.backup.making import Progress
from ingest_service.backup.stores import Snapshot, Stores, snapshot

STORES: Final[tuple[Store, ...]] = ("ledger", "register")


@dataclass
class Compared:
    """Rows of each table by `store.table`, what is not the same, and the end of the target's chain."""

    rows: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    row: int = 0
    row_hash: str = ""
    broken: list[int] = field(default_factory=list)


def compare(source: Stores, target: Stores, progress: Progress = lambda *_: None) -> Compared:
    """Read all of both. Raises `BackupError` when one cannot be read."""
    found = Compared()
    with snapshot(source) as here, snapshot(target) as there:
        names = [(store, name) for store in STORES for name in here.tables(store)]
        total, done = sum(here.count(store, name) for store, name in names), 0
        for store, name in names:
            rows, ours = _digest(here, store, name)
            found.rows[f"{store}.{name}"] = rows
            if name not in there.tables(store):
                found.wrong.append(f"{name} is not there")
                continue
            chain = Chain(_names(there, store, name)) if name == TABLE else None
            number, theirs = _digest(there, store, name, chain)
            if chain is not None:
                found.row, found.row_hash, found.broken = chain.row, chain.hash, chain.broken
            if ours != theirs:
                found.wrong.append(f"{name} has other content ({rows:,} rows here, {number:,} there)")
            done += rows
            progress(name, done, total)
    return found


def _digest(frozen: Snapshot, store: Store, table: str, chain: Chain | None = None) -> tuple[int, int]:
    """Number of rows, and a hash over all of them that does not depend on their order."""
    number = total = 0
    names = _names(frozen, store, table)
    places = sorted(range(len(names)), key=names.__getitem__)
    for row in frozen.rows(store, table):
        text = repr([(names[place], _plain(row[place])) for place in places])
        total = (total + int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")) % 2**256
        number += 1
        if chain is not None:
            chain.follow(row)
    return number, total


def _names(frozen: Snapshot, store: Store, table: str) -> list[str]:
    return [column.name for column in frozen.columns(store, table)]


def _plain(value: Any) -> Any:
    """As both engines give it: a server's text holds no NUL, which is marked there."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
