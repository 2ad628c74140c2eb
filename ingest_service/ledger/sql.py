"""The ledger over a database: what to decide and which statements, for every engine alike."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence

from ingest_service.ledger import quarantine_reading
from ingest_service.ledger.appending import Group, chain_end
from ingest_service.ledger.arrived import ArrivedCache, load, standing
from ingest_service.ledger.port import (
    Accepted,
    BirthNote,
    GatewayStatus,
    LedgerRow,
    NewEvent,
    Outcome,
    PublishedDay,
    QuarantineEntry,
    QuarantineEvent,
    Rejected,
    Remark,
    Standing,
    StateNote,
)
from ingest_service.ledger.quarantining import Quarantine, Used
from ingest_service.ledger.session import Database, Session
from ingest_service.ledger.statuses import read_statuses, write_notes
from osh_domain.batch import text_hash
from osh_domain.crash_points import crash_here
from osh_domain.evidence.ledger_rows import GENESIS_ROW_HASH, LedgerFacts, payload_digest, row_hash

MOST_BYTES = 32 * 2**20
"""Payload bytes after which `rows` stops, to bound the memory of whoever reads."""


class SqlLedger(ABC):
    """`Ledger` over one database. An engine adds how rows are inserted and read, and how it notices what
    other processes have committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.RLock()
        self._cache = ArrivedCache()
        self._used = Used()

    @abstractmethod
    def rows(self, after: int, limit: int, shard: int | None = None) -> list[LedgerRow]:
        """See `Ledger`."""

    @abstractmethod
    def _insert(self, session: Session, rows: Sequence[tuple[object, ...]]) -> None:
        """Insert rows of `appending.COLUMNS`."""

    @abstractmethod
    def _notice_others(self, session: Session) -> None:
        """Bring the caches up to what others have committed since the last call."""

    def close(self) -> None:
        self._database.close()

    def append(
        self, entries: Sequence[Accepted | Rejected], notes: Sequence[StateNote | BirthNote] = ()
    ) -> list[Outcome]:
        if not entries and not notes:
            return []
        with self._lock:
            try:
                return self._append(entries, notes)
            except BaseException:
                # What memory says may be ahead of the database now.
                self._forget()
                raise

    def _append(
        self, entries: Sequence[Accepted | Rejected], notes: Sequence[StateNote | BirthNote]
    ) -> list[Outcome]:
        with self._database.committing() as session:
            self._notice_others(session)
            quarantine = Quarantine(session, self._used)
            group = Group(session, self._insert, self._cache, quarantine, chain_end(session))
            outcomes = [group.add(entry) for entry in entries]
            group.finish()
            write_notes(session, notes)
            if entries:
                crash_here("ledger: before the commit")
        if entries:
            crash_here("ledger: after the commit")
        return outcomes

    def _forget(self) -> None:
        self._cache.clear()
        self._used.clear()

    def row(self, number: int) -> LedgerRow | None:
        found = self.rows(number - 1, 1)
        return found[0] if found and found[0].row == number else None

    def last_row(self) -> int:
        with self._database.reading() as session:
            return chain_end(session)[0]

    def standing(self, gateway: str, epoch: str) -> Standing:
        with self._lock, self._database.reading() as session:
            self._notice_others(session)
            return standing(session, self._cache.get(session, gateway, epoch), gateway, epoch)

    def epochs(self) -> list[tuple[str, str, str]]:
        """Site, gateway and epoch of everything that sent batches, or said in which epoch it is."""
        with self._database.reading() as session:
            return session.execute(
                "SELECT site, gateway, epoch FROM gateway_status WHERE epoch IS NOT NULL UNION "
                "SELECT site, standings.gateway, standings.epoch FROM standings "
                "JOIN gateway_status ON gateway_status.gateway = standings.gateway ORDER BY 2, 3"
            ).fetchall()

    def close_hole(
        self, gateway: str, epoch: str, seq: int, *, site: str, who: str, why: str, at: float
    ) -> int:
        payload = json.dumps({"who": who, "why": why}, ensure_ascii=False).encode()
        hashed = text_hash(payload)
        with self._lock:
            with self._database.committing() as session:
                if seq in load(session, gateway, epoch).received:
                    raise ValueError(
                        f"batch {seq} of {gateway}, epoch {epoch}, has arrived: there is no hole"
                    )
                last, before = chain_end(session)
                facts = LedgerFacts(last + 1, at, "upload", site, gateway, "tombstone", epoch, seq, hashed, 0)
                found = row_hash(facts, payload_digest(payload), before)
                self._insert(session, [(*facts[:-1], None, 0, None, payload, found)])
            self._cache.clear()
        return last + 1

    def remark_on(self, row: LedgerRow, remark: Remark, at: float) -> int:
        with self._lock, self._database.committing() as session:
            return Quarantine(session, self._used).remark_on(row, remark, at)

    def broken_rows(self, after: int = 0) -> Iterator[int]:
        before = self._hashes(after, after).get(after, GENESIS_ROW_HASH)
        while rows := self.rows(after, 500):
            stored = self._hashes(rows[0].row, rows[-1].row)
            for row in rows:
                expected = row_hash(LedgerFacts(*row[:10]), payload_digest(row.payload), before)
                before = stored[row.row]
                if row.row != after + 1 or before != expected:
                    yield row.row
                after = row.row

    def _hashes(self, first: int, last: int) -> dict[int, str]:
        with self._database.reading() as session:
            found = session.execute(
                "SELECT row, row_hash FROM batches WHERE row BETWEEN ? AND ?", (first, last)
            )
            return dict(found.fetchall())

    def row_hashes(self, first: int, last: int) -> list[str]:
        with self._database.reading() as session:
            found = session.execute(
                "SELECT row_hash FROM batches WHERE row BETWEEN ? AND ? ORDER BY row", (first, last)
            )
            return [hashed for (hashed,) in found]

    def day_roots(self) -> list[PublishedDay]:
        with self._database.reading() as session:
            found = session.execute("SELECT day, first, last, word FROM day_roots ORDER BY day")
            return [PublishedDay(*row) for row in found]

    def publish_day(self, published: PublishedDay) -> bool:
        with self._database.committing() as session:
            last = session.execute("SELECT day, last FROM day_roots ORDER BY day DESC LIMIT 1").fetchone()
            day, row = last or ("", 0)
            if published.day <= day or published.first != row + 1:
                return False
            session.execute("INSERT INTO day_roots(day, first, last, word) VALUES (?, ?, ?, ?)", published)
        return True

    def statuses(self, sites: Collection[str] | None = None) -> list[GatewayStatus]:
        with self._database.reading() as session:
            return read_statuses(session, sites)

    def status(self, gateway: str) -> GatewayStatus | None:
        with self._database.reading() as session:
            return next(iter(read_statuses(session, None, gateway)), None)

    def configuration(self, hash_: str) -> str | None:
        with self._database.reading() as session:
            found = session.execute("SELECT document FROM configurations WHERE hash = ?", (hash_,)).fetchone()
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
        with self._database.reading() as session:
            return quarantine_reading.entries(
                session, sites=sites, gateway=gateway, code=code, before=before, limit=limit
            )

    def quarantined(self, entry: int) -> QuarantineEntry | None:
        with self._database.reading() as session:
            return quarantine_reading.entry(session, entry)

    def quarantined_payload(self, entry: int) -> bytes:
        with self._database.reading() as session:
            return quarantine_reading.payload(session, entry)

    def quarantine_events(self, entry: int) -> list[QuarantineEvent]:
        with self._database.reading() as session:
            return quarantine_reading.events(session, entry)

    def note_event(self, entry: int, *, at: float, who: str, action: str, text: str) -> int:
        with self._database.committing() as session:
            (number,) = session.execute(
                "INSERT INTO quarantine_events(quarantine_id, at, who, action, text) "
                "VALUES (?, ?, ?, ?, ?) RETURNING id",
                (entry, at, who, action, text),
            ).fetchone()
        return int(number)

    def note_events(self, events: Sequence[NewEvent]) -> None:
        with self._database.committing() as session:
            for event in events:
                session.execute(
                    "INSERT INTO quarantine_events(quarantine_id, at, who, action, text) "
                    "VALUES (?, ?, ?, ?, ?)",
                    tuple(event),
                )
