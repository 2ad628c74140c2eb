"""The ledger in one SQLite file: WAL, synced at every commit."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from ingest_service.ledger import quarantine_reading
from ingest_service.ledger.appending import INSERT, Group, chain_end
from ingest_service.ledger.arrived import ArrivedCache, load, standing
from ingest_service.ledger.connection import LedgerFile
from ingest_service.ledger.port import (
    Accepted,
    BirthNote,
    GatewayStatus,
    LedgerRow,
    Outcome,
    PublishedDay,
    QuarantineEntry,
    QuarantineEvent,
    Rejected,
    Standing,
    StateNote,
)
from ingest_service.ledger.quarantining import Quarantine, Used
from ingest_service.ledger.statuses import read_statuses, write_notes
from osh_domain.batch import text_hash
from osh_domain.crash_points import crash_here
from osh_domain.evidence.ledger_rows import GENESIS_ROW_HASH, LedgerFacts, payload_digest, row_hash

MOST_BYTES = 32 * 2**20
"""Payload bytes after which `rows` stops, to bound the memory of whoever reads."""

# The cast keeps a row readable after somebody wrote text over the bytes; its hash then tells.
ROW = ", ".join(LedgerRow._fields[:-1]) + ", CAST(payload AS BLOB)"


def open_ledger(data_dir: Path, *, read_only: bool = False) -> SqliteLedger:
    """The ledger of a data directory, made when it is not there. Raises LedgerError."""
    return SqliteLedger(LedgerFile(data_dir, read_only=read_only))


class SqliteLedger:
    """`Ledger` over one file."""

    def __init__(self, file: LedgerFile) -> None:
        self._file = file
        self._cache = ArrivedCache()
        self._used = Used()

    def close(self) -> None:
        self._file.close()

    def append(
        self, entries: Sequence[Accepted | Rejected], notes: Sequence[StateNote | BirthNote] = ()
    ) -> list[Outcome]:
        if not entries and not notes:
            return []
        with self._file.lock:
            try:
                return self._append(entries, notes)
            except BaseException:
                # What memory says may be ahead of the file now.
                self._cache.clear()
                self._used.clear()
                raise

    def _append(
        self, entries: Sequence[Accepted | Rejected], notes: Sequence[StateNote | BirthNote]
    ) -> list[Outcome]:
        with self._file.committing() as connection:
            if self._cache.notice_others(connection):
                self._used.clear()
            group = Group(connection, self._cache, Quarantine(connection, self._used), chain_end(connection))
            outcomes = [group.add(entry) for entry in entries]
            group.finish()
            write_notes(connection, notes)
            if entries:
                crash_here("ledger: before the commit")
        if entries:
            crash_here("ledger: after the commit")
        return outcomes

    def rows(self, after: int, limit: int) -> list[LedgerRow]:
        with self._file.reading() as connection:
            found = connection.execute(
                f"SELECT {ROW} FROM batches WHERE row > ? ORDER BY row LIMIT ?",  # noqa: S608
                (after, limit),
            )
            rows: list[LedgerRow] = []
            size = 0
            for row in found:
                rows.append(LedgerRow(*row))
                size += len(rows[-1].payload)
                if size >= MOST_BYTES:
                    break
            found.close()
        return rows

    def row(self, number: int) -> LedgerRow | None:
        found = self.rows(number - 1, 1)
        return found[0] if found and found[0].row == number else None

    def last_row(self) -> int:
        with self._file.reading() as connection:
            return chain_end(connection)[0]

    def standing(self, gateway: str, epoch: str) -> Standing:
        with self._file.reading() as connection:
            self._cache.notice_others(connection)
            return standing(connection, self._cache.get(connection, gateway, epoch), gateway, epoch)

    def epochs(self) -> list[tuple[str, str, str]]:
        """Site, gateway and epoch of everything that sent batches, or said in which epoch it is."""
        with self._file.reading() as connection:
            return connection.execute(
                "SELECT site, gateway, epoch FROM gateway_status WHERE epoch IS NOT NULL UNION "
                "SELECT site, standings.gateway, standings.epoch FROM standings "
                "JOIN gateway_status ON gateway_status.gateway = standings.gateway ORDER BY 2, 3"
            ).fetchall()

    def close_hole(
        self, gateway: str, epoch: str, seq: int, *, site: str, who: str, why: str, at: float
    ) -> int:
        payload = json.dumps({"who": who, "why": why}, ensure_ascii=False).encode()
        hashed = text_hash(payload)
        with self._file.committing() as connection:
            if seq in load(connection, gateway, epoch).received:
                raise ValueError(f"batch {seq} of {gateway}, epoch {epoch}, has arrived: there is no hole")
            last, before = chain_end(connection)
            facts = LedgerFacts(last + 1, at, "upload", site, gateway, "tombstone", epoch, seq, hashed, 0)
            found = row_hash(facts, payload_digest(payload), before)
            connection.execute(INSERT, (*facts[:-1], None, 0, None, payload, found))
        self._cache.clear()
        return last + 1

    def broken_rows(self, after: int = 0) -> Iterator[int]:
        first = self.row(after) if after else None
        before = GENESIS_ROW_HASH if first is None else self._row_hash(after)
        while rows := self.rows(after, 500):
            for row in rows:
                expected = row_hash(LedgerFacts(*row[:10]), payload_digest(row.payload), before)
                before = self._row_hash(row.row)
                if row.row != after + 1 or before != expected:
                    yield row.row
                after = row.row

    def _row_hash(self, number: int) -> str:
        with self._file.reading() as connection:
            (found,) = connection.execute("SELECT row_hash FROM batches WHERE row = ?", (number,)).fetchone()
        return str(found)

    def row_hashes(self, first: int, last: int) -> list[str]:
        with self._file.reading() as connection:
            found = connection.execute(
                "SELECT row_hash FROM batches WHERE row BETWEEN ? AND ? ORDER BY row", (first, last)
            )
            return [hashed for (hashed,) in found]

    def day_roots(self) -> list[PublishedDay]:
        with self._file.reading() as connection:
            found = connection.execute("SELECT day, first, last, word FROM day_roots ORDER BY day")
            return [PublishedDay(*row) for row in found]

    def publish_day(self, published: PublishedDay) -> bool:
        with self._file.committing() as connection:
            last = connection.execute("SELECT day, last FROM day_roots ORDER BY day DESC LIMIT 1").fetchone()
            day, row = last or ("", 0)
            if published.day <= day or published.first != row + 1:
                return False
            connection.execute("INSERT INTO day_roots VALUES (?, ?, ?, ?)", published)
        return True

    def statuses(self, sites: Collection[str] | None = None) -> list[GatewayStatus]:
        with self._file.reading() as connection:
            return read_statuses(connection, sites)

    def status(self, gateway: str) -> GatewayStatus | None:
        with self._file.reading() as connection:
            return next(iter(read_statuses(connection, None, gateway)), None)

    def configuration(self, hash_: str) -> str | None:
        with self._file.reading() as connection:
            found = connection.execute(
                "SELECT document FROM configurations WHERE hash = ?", (hash_,)
            ).fetchone()
        return found[0] if found else None

    def quarantine(
        self,
        *,
        sites: Collection[str] | None = None,
        gateway: str | None = None,
        code: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[QuarantineEntry]:
        with self._file.reading() as connection:
            return quarantine_reading.entries(
                connection, sites=sites, gateway=gateway, code=code, before=before, limit=limit
            )

    def quarantined(self, entry: int) -> QuarantineEntry | None:
        with self._file.reading() as connection:
            return quarantine_reading.entry(connection, entry)

    def quarantined_payload(self, entry: int) -> bytes:
        with self._file.reading() as connection:
            return quarantine_reading.payload(connection, entry)

    def quarantine_events(self, entry: int) -> list[QuarantineEvent]:
        with self._file.reading() as connection:
            return quarantine_reading.events(connection, entry)

    def note_event(self, entry: int, *, at: float, who: str, action: str, text: str) -> int:
        with self._file.committing() as connection:
            done = connection.execute(
                "INSERT INTO quarantine_events(quarantine_id, at, who, action, text) VALUES (?, ?, ?, ?, ?)",
                (entry, at, who, action, text),
            )
        return int(done.lastrowid or 0)
