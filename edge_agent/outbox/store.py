"""The outbox: everything measured and not yet in the server's ledger, in one SQLite file.

WAL with `synchronous=FULL`: when `seal()` or `sync()` returns, what it wrote survives a power cut. One
connection in one thread. A batch that is not DONE is never deleted.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from edge_agent.outbox import epochs
from edge_agent.outbox.checking import record_digest
from edge_agent.outbox.counting import count
from edge_agent.outbox.opening import OutboxError, advice, open_file
from edge_agent.outbox.records import (
    Anchoring,
    ChainHead,
    Counts,
    LastMoment,
    Leftover,
    OpenRecord,
    Sealed,
)
from osh_domain.batch import Frame, open_frame, payload_hash
from osh_domain.crash_points import crash_here

_SEALED_COLUMNS = "row, epoch, seq, batch_hash, payload"
_PRUNE = """
DELETE FROM batches WHERE row IN (
    SELECT row FROM batches WHERE state = 1 AND sealed_at < ?
    AND batch_hash NOT IN (SELECT head_hash FROM epochs)
    AND epoch NOT IN (SELECT value FROM json_each(?)) ORDER BY row LIMIT ?)
"""


class Outbox:
    """One gateway's outbox. `new_epoch` may be replaced by a seeded source in a simulation."""

    def __init__(
        self,
        path: Path,
        gateway: str,
        *,
        serial: str = "unknown",
        new_epoch: Callable[[], str] = epochs.random_epoch,
    ) -> None:
        """Open, check and if need be begin anew; raises OutboxError. `set_aside` names a damaged file."""
        self.path = path
        self.gateway = gateway
        self._serial, self._new_epoch = serial, new_epoch
        self._db, self.set_aside, self.damage = open_file(path)
        try:
            self.epoch = epochs.find(self._db, gateway, serial, new_epoch)
        except sqlite3.Error as error:
            self._db.close()
            raise OutboxError(advice(path, error)) from error

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the open segment -------------------------------------------------------------------------------

    def sync(self, anchoring: Anchoring, records: Sequence[OpenRecord]) -> None:
        """Add records to the open segment on disk; they are safe when this returns."""
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO open_segment (one, boot, off, clk, err, cfg)"
                " VALUES (1, ?, ?, ?, ?, ?)",
                anchoring,
            )
            self._db.executemany(
                "INSERT INTO open_records (mono, sensor, quantity, value, unit, flags, digest)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(*written, record_digest(anchoring, written)) for written in map(_as_written, records)],
            )
            self._remember(anchoring, records)
            crash_here("outbox: open segment, before the commit")
        crash_here("outbox: open segment, after the commit")

    def leftover(self) -> Leftover | None:
        """The open segment on disk, if any."""
        row = self._db.execute("SELECT boot, off, clk, err, cfg FROM open_segment").fetchone()
        if row is None:
            return None
        found = self._db.execute(
            "SELECT mono, sensor, quantity, value, unit, flags FROM open_records ORDER BY id"
        )
        records = [OpenRecord(r[0], r[1], r[2], json.loads(r[3]), r[4], r[5]) for r in found]
        return Leftover(Anchoring(*row), records) if records else None

    # -- sealing ----------------------------------------------------------------------------------------

    def head(self) -> ChainHead:
        """The end of the chain of the current epoch."""
        row = self._db.execute(
            "SELECT head_seq, head_hash FROM epochs WHERE epoch = ?", (self.epoch,)
        ).fetchone()
        return ChainHead(*row)

    def seal(
        self,
        anchoring: Anchoring,
        records: Sequence[OpenRecord],
        seq: int,
        batch_hash: str,
        payload: bytes,
        sealed_at: float,
    ) -> None:
        """Write the batch, move the chain and forget the open segment, in one synced transaction."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO batches (epoch, seq, batch_hash, payload_hash, state, sealed_at, records, size,"
                " payload) VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?)",
                (
                    self.epoch,
                    seq,
                    batch_hash,
                    payload_hash(payload),
                    sealed_at,
                    len(records),
                    len(payload),
                    payload,
                ),
            )
            self._db.execute(
                "UPDATE epochs SET head_seq = ?, head_hash = ? WHERE epoch = ?", (seq, batch_hash, self.epoch)
            )
            self._db.execute("DELETE FROM open_segment")
            self._db.execute("DELETE FROM open_records")
            self._remember(anchoring, records)
            crash_here("outbox: sealed, before the commit")
        crash_here("outbox: sealed, after the commit")

    def configure(self, document: bytes) -> str:
        """Keep a configuration document, if there is room; its name is the first 16 bytes of its SHA-256 in
        hex. The server gets it with every birth."""
        name = hashlib.sha256(document).hexdigest()[:32]
        with suppress(sqlite3.OperationalError):
            self._db.execute(
                "INSERT OR IGNORE INTO configurations (hash, document) VALUES (?, ?)", (name, document)
            )
        return name

    # -- delivery ---------------------------------------------------------------------------------------

    def last_row(self) -> int:
        """The row of the newest batch ever sealed; later batches have larger ones."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'batches'").fetchone()
        return int(row[0]) if row else 0

    def newest_waiting(self, count: int) -> list[int]:
        """Rows of the newest undelivered batches, newest first."""
        found = self._db.execute(
            "SELECT row FROM batches WHERE state = 0 ORDER BY row DESC LIMIT ?", (count,)
        )
        return [row for (row,) in found]

    def waiting(self, first: int, last: int, limit: int) -> Iterator[Sealed]:
        """Undelivered batches of rows `first`..`last`, oldest first."""
        found = self._db.execute(
            f"SELECT {_SEALED_COLUMNS} FROM batches"  # noqa: S608 - a constant of ours
            " WHERE state = 0 AND row BETWEEN ? AND ? ORDER BY row LIMIT ?",
            (first, last, limit),
        ).fetchall()
        return (Sealed(*row) for row in found)

    def hash_of(self, epoch: str, seq: int) -> str | None:
        """Our own hash of a batch, from its bytes; None when we never made it or no longer have it."""
        row = self._db.execute(
            "SELECT payload FROM batches WHERE epoch = ? AND seq = ?", (epoch, seq)
        ).fetchone()
        return None if row is None else open_frame(row[0]).batch_hash

    def state_of(self, epoch: str, seq: int) -> tuple[int | None, str | None]:
        return epochs.state_of(self._db, epoch, seq)

    def head_of(self, epoch: str) -> ChainHead | None:
        """The end of the chain of any epoch of this outbox."""
        return epochs.head_of(self._db, epoch)

    def leave_epoch(self, overtaken_to: int) -> int:
        """Begin another epoch, since the numbers of this one are in use elsewhere; see `epochs.end`."""
        with self._transaction():
            held = epochs.end(self._db, self.epoch, overtaken_to)
            self.epoch = epochs.begin(self._db, self.gateway, self._serial, self._new_epoch())
        return held

    def take_back(self, salvaged: Iterable[tuple[Frame, bytes]], sealed_at: float) -> int:
        """Put verified frames of a damaged file back among what waits, in one transaction; answers how many
        were not here."""
        with self._transaction():
            return epochs.take_back(self._db, salvaged, sealed_at)

    def confirm(self, epoch: str, ranges: Iterable[tuple[int, int]]) -> list[int]:
        """Batches the server's ledger holds become DONE; answers the rows that changed."""
        changed: list[int] = []
        with self._transaction():
            for first, last in ranges:
                found = self._db.execute(
                    "UPDATE batches INDEXED BY batches_waiting SET state = 1"
                    " WHERE state = 0 AND epoch = ? AND seq BETWEEN ? AND ? RETURNING row",
                    (epoch, first, last),
                ).fetchall()
                changed.extend(row for (row,) in found)
            crash_here("outbox: acknowledged, before the commit")
        crash_here("outbox: acknowledged, after the commit")
        return changed

    def hold(self, payload_name: str, code: str) -> int | None:
        """A batch the server refused is kept and not sent again; answers its row, None if it is not ours."""
        row = self._db.execute(
            "UPDATE batches SET state = 2, code = ? WHERE payload_hash = ? AND (state <> 2 OR code <> ?)"
            " RETURNING row",
            (code, payload_name, code),
        ).fetchone()
        return None if row is None else int(row[0])

    def notes_like(self, prefix: str) -> dict[str, str]:
        """Notes whose key begins so."""
        return dict(
            self._db.execute(
                "SELECT key, value FROM notes WHERE substr(key, 1, ?) = ?", (len(prefix), prefix)
            )
        )

    def held_codes(self) -> set[str]:
        """Why the server refused what is held."""
        return {code for (code,) in self._db.execute("SELECT DISTINCT code FROM batches WHERE state = 2")}

    def send_again(self, epoch: str, first: int, last: int) -> int:
        """DONE and HELD batches of a range become SEALED once more (a command of the server)."""
        return self._db.execute(
            "UPDATE batches SET state = 0, code = NULL"
            " WHERE epoch = ? AND seq BETWEEN ? AND ? AND state <> 0",
            (epoch, first, last),
        ).rowcount

    def prune(self, *, before: float, limit: int, spared: Sequence[str] = ()) -> int:
        """Delete DONE batches sealed before a wall instant, oldest first, at most `limit`; none of the
        epochs to be spared, and never the last one of a chain."""
        with self._transaction():
            pruned = self._db.execute(_PRUNE, (before, json.dumps(spared), limit)).rowcount
            if pruned:
                crash_here("outbox: pruned, before the commit")
        return pruned

    def counts(self) -> Counts:
        """How many batches stand where."""
        return count(self._db)

    # -- notes ------------------------------------------------------------------------------------------

    def note(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM notes WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def write_notes(self, notes: Mapping[str, str]) -> None:
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO notes (key, value) VALUES (?, ?)", notes.items())

    def last_moment(self) -> LastMoment | None:
        """The latest record ever written here."""
        text = self.note("last_moment")
        return None if text is None else LastMoment(*json.loads(text))

    # -- inside -----------------------------------------------------------------------------------------

    def _remember(self, anchoring: Anchoring, records: Sequence[OpenRecord]) -> None:
        if not records:
            return
        mono = max(record.mono for record in records)
        moment = json.dumps([anchoring.boot, mono, mono + anchoring.off])
        self._db.execute("INSERT OR REPLACE INTO notes (key, value) VALUES ('last_moment', ?)", (moment,))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


def _as_written(record: OpenRecord) -> tuple[object, ...]:
    return tuple(record._replace(value=json.dumps(record.value)))
