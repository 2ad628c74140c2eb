"""Putting one group of payloads into the ledger, inside a transaction somebody else opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ingest_service.ledger.arrived import Arrived, ArrivedCache
from ingest_service.ledger.port import Accepted, Outcome, Rejected
from ingest_service.ledger.quarantining import Quarantine
from ingest_service.ledger.session import Session
from osh_domain.batch import genesis
from osh_domain.evidence.ledger_rows import GENESIS_ROW_HASH, LedgerFacts, payload_digest, row_hash

COLUMNS = (
    "row, received_at, source, site, gateway, kind, epoch, seq, batch_hash, prev, signed, chain_ok, payload, "
    "row_hash"
)
"""The columns of `batches` in the order of the rows that a group makes."""
UPDATE_STANDINGS = """
INSERT INTO standings(gateway, epoch, cum) VALUES (?, ?, ?)
ON CONFLICT(gateway, epoch) DO UPDATE SET
  cum = CASE WHEN excluded.cum > standings.cum THEN excluded.cum ELSE standings.cum END
"""
UPDATE_STATUS = """
INSERT INTO gateway_status(
  gateway, site, last_batch_at, last_seq, epoch, clk, err, rejected, conflicts, chain_breaks)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(gateway) DO UPDATE SET
  site = CASE WHEN excluded.last_batch_at IS NULL THEN gateway_status.site ELSE excluded.site END,
  last_batch_at = coalesce(excluded.last_batch_at, gateway_status.last_batch_at),
  last_seq = CASE WHEN excluded.epoch = gateway_status.epoch AND gateway_status.last_seq > excluded.last_seq
             THEN gateway_status.last_seq ELSE coalesce(excluded.last_seq, gateway_status.last_seq) END,
  epoch = coalesce(excluded.epoch, gateway_status.epoch),
  clk = coalesce(excluded.clk, gateway_status.clk),
  err = CASE WHEN excluded.clk IS NULL THEN gateway_status.err ELSE excluded.err END,
  rejected = gateway_status.rejected + excluded.rejected,
  conflicts = gateway_status.conflicts + excluded.conflicts,
  chain_breaks = gateway_status.chain_breaks + excluded.chain_breaks
"""


def chain_end(session: Session) -> tuple[int, str]:
    """Number and hash of the last row."""
    found = session.execute("SELECT row, row_hash FROM batches ORDER BY row DESC LIMIT 1").fetchone()
    return (int(found[0]), str(found[1])) if found else (0, GENESIS_ROW_HASH)


@dataclass(slots=True)
class _Tally:
    """What the group changes in the status of one gateway."""

    site: str
    newest: Accepted | None = None
    rejected: int = 0
    conflicts: int = 0
    chain_breaks: int = 0


@dataclass(slots=True)
class Group:
    """One commit in the making. ``end`` is the last row's number and hash, moved along as rows are added."""

    session: Session
    insert: Callable[[Session, Sequence[tuple[object, ...]]], None]
    cache: ArrivedCache
    quarantine: Quarantine
    end: tuple[int, str]
    _rows: list[tuple[object, ...]] = field(default_factory=list)
    _hashes: dict[tuple[str, str | None, int | str], tuple[str, str | None]] = field(default_factory=dict)
    _tallies: dict[str, _Tally] = field(default_factory=dict)
    _epochs: dict[tuple[str, str], Arrived] = field(default_factory=dict)

    def add(self, entry: Accepted | Rejected) -> Outcome:
        if isinstance(entry, Rejected):
            return self._reject(entry)
        if entry.epoch is None or entry.seq is None:
            return self._add_bare(entry)
        return self._add_sealed(entry, entry.epoch, entry.seq)

    def finish(self) -> None:
        """Write what was gathered; the caller commits."""
        self.insert(self.session, self._rows)
        self.session.executemany(
            UPDATE_STANDINGS,
            [(gateway, epoch, a.received.cum) for (gateway, epoch), a in self._epochs.items()],
        )
        self.session.executemany(UPDATE_STATUS, [_status(g, t) for g, t in self._tallies.items()])
        self.quarantine.finish()

    def _add_sealed(self, entry: Accepted, epoch: str, seq: int) -> Outcome:
        arrived = self._arrived(entry.gateway, epoch)
        stored = self._stored(arrived, entry.gateway, epoch, seq)
        if stored is not None:
            if stored == entry.batch_hash:
                return _outcome("duplicate", entry)
            return self._conflict(entry)
        chain_ok = self._chain(arrived, entry, epoch, seq)
        if chain_ok == 0:
            self._tally(entry).chain_breaks += 1
        outcome = self._insert(entry, chain_ok)
        self._hashes[entry.gateway, epoch, seq] = (entry.batch_hash, entry.prev)
        arrived.received.add(seq)
        if seq > arrived.last_seq:
            arrived.last_seq, arrived.last_hash = seq, entry.batch_hash
        return outcome

    def _add_bare(self, entry: Accepted) -> Outcome:
        key = (entry.gateway, None, entry.batch_hash)
        found = (
            key in self._hashes
            or self.session.execute(
                "SELECT 1 FROM batches WHERE kind = 'senml' AND gateway = ? AND batch_hash = ?",
                (entry.gateway, entry.batch_hash),
            ).fetchone()
        )
        if found:
            return _outcome("duplicate", entry)
        self._hashes[key] = (entry.batch_hash, None)
        return self._insert(entry, None)

    def _insert(self, entry: Accepted, chain_ok: int | None) -> Outcome:
        number, before = self.end[0] + 1, self.end[1]
        e = entry
        facts = LedgerFacts(
            number, e.received_at, e.source, e.site, e.gateway, e.kind, e.epoch, e.seq, e.batch_hash,
            int(e.signed),
        )  # fmt: skip
        hashed = row_hash(facts, payload_digest(e.payload), before)
        self._rows.append((
            number, e.received_at, e.source, e.site, e.gateway, e.kind, e.epoch, e.seq, e.batch_hash,
            e.prev, int(e.signed), chain_ok, e.payload, hashed,
        ))  # fmt: skip
        self.end = (number, hashed)
        tally = self._tally(entry)
        tally.site = entry.site  # what was refused before it in this group may have come under another one
        tally.newest = _newer(tally.newest, entry)
        for remark in entry.remarks:
            self.quarantine.remark(entry, number, remark)
        return _outcome("new", entry, row=number)

    def _conflict(self, entry: Accepted) -> Outcome:
        self._tally(entry).conflicts += 1
        return self._reject(
            Rejected(
                entry.received_at,
                entry.source,
                entry.topic,
                entry.site,
                entry.gateway,
                known=True,
                payload=entry.payload,
                payload_hash=entry.payload_hash,
                code="conflict",
                detail=f"batch {entry.seq} of epoch {entry.epoch} is in the ledger with other content",
                epoch=entry.epoch,
                seq=entry.seq,
                batch_hash=entry.batch_hash,
            )
        )

    def _reject(self, entry: Rejected) -> Outcome:
        number = self.quarantine.put(entry)
        if number is None:
            return _outcome("refused", entry, code=entry.code, detail="the quarantine of this device is full")
        if entry.known:
            self._tally(entry).rejected += 1
        if entry.trusted and entry.epoch is not None and entry.seq is not None:
            self._arrived(entry.gateway, entry.epoch).received.add(entry.seq)
        verdict = "conflict" if entry.code == "conflict" else "quarantined"
        return _outcome(verdict, entry, code=entry.code, detail=entry.detail, entry_id=number)

    def _arrived(self, gateway: str, epoch: str) -> Arrived:
        arrived = self._epochs.get((gateway, epoch))
        if arrived is None:
            arrived = self._epochs[gateway, epoch] = self.cache.get(self.session, gateway, epoch)
        return arrived

    def _stored(self, arrived: Arrived, gateway: str, epoch: str, seq: int) -> str | None:
        """The hash under which that number is in the ledger; None when it is not."""
        if seq not in arrived.received:
            return None
        if (gateway, epoch, seq) in self._hashes:
            return self._hashes[gateway, epoch, seq][0]
        found = self.session.execute(
            "SELECT batch_hash FROM batches WHERE gateway = ? AND epoch = ? AND seq = ?",
            (gateway, epoch, seq),
        ).fetchone()
        return found[0] if found else None

    def _chain(self, arrived: Arrived, entry: Accepted, epoch: str, seq: int) -> int | None:
        """1 when every neighbour in the ledger fits, 0 when one does not, None when there is none yet."""
        known: list[bool] = []
        if seq == 1:
            known.append(entry.prev == genesis(entry.gateway, epoch))
        elif seq - 1 == arrived.last_seq:
            known.append(entry.prev == arrived.last_hash)
        elif before := self._neighbour(entry.gateway, epoch, seq - 1):
            known.append(entry.prev == before[0])
        if seq < arrived.last_seq and (after := self._neighbour(entry.gateway, epoch, seq + 1)):
            known.append(after[1] == entry.batch_hash)
        return int(all(known)) if known else None

    def _neighbour(self, gateway: str, epoch: str, seq: int) -> tuple[str, str | None] | None:
        found = self._hashes.get((gateway, epoch, seq))
        if found is None:
            found = self.session.execute(
                "SELECT batch_hash, prev FROM batches "
                "WHERE gateway = ? AND epoch = ? AND seq = ? AND kind = 'sealed'",
                (gateway, epoch, seq),
            ).fetchone()
        return found

    def _tally(self, entry: Accepted | Rejected) -> _Tally:
        return self._tallies.setdefault(entry.gateway, _Tally(entry.site))


def _newer(stored: Accepted | None, entry: Accepted) -> Accepted:
    if stored is None or entry.seq is None or stored.seq is None or stored.epoch != entry.epoch:
        return entry
    return entry if entry.seq > stored.seq else stored


def _status(gateway: str, tally: _Tally) -> tuple[object, ...]:
    newest = tally.newest
    facts = (None,) * 5 if newest is None else (
        newest.received_at, newest.seq, newest.epoch, newest.clk, newest.err,
    )  # fmt: skip
    return (gateway, tally.site, *facts, tally.rejected, tally.conflicts, tally.chain_breaks)


def _outcome(
    verdict: str,
    entry: Accepted | Rejected,
    *,
    code: str | None = None,
    detail: str | None = None,
    row: int | None = None,
    entry_id: int | None = None,
) -> Outcome:
    return Outcome(
        verdict,  # type: ignore[arg-type]
        entry.site,
        entry.gateway,
        entry.epoch,
        entry.seq,
        entry.payload_hash,
        code,
        detail,
        row,
        entry_id,
    )
