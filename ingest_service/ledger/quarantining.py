"""Writing the quarantine inside a commit, with a quota so that nobody can fill the disk with rubbish."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest_service.ledger.port import Accepted, LedgerRow, Rejected, Remark
from ingest_service.ledger.session import Session
from osh_domain.batch import text_hash

MOST_ENTRIES = 10_000
MOST_BYTES = 256 * 2**20
"""Most that is kept for one registered gateway, and for all unregistered devices together."""

INSERT = (
    "INSERT INTO quarantine(received_at, source, topic, site, gateway, known, payload, payload_hash, "
    "code, detail, epoch, seq, trusted, batch_hash, ledger_row) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
)
REPEAT = """
INSERT INTO repeats(quarantine_id, times, last_at, last_row) VALUES (?, ?, ?, ?)
ON CONFLICT(quarantine_id) DO UPDATE SET times = repeats.times + excluded.times,
  last_at = CASE WHEN excluded.last_at > repeats.last_at THEN excluded.last_at ELSE repeats.last_at END,
  last_row = coalesce(excluded.last_row, repeats.last_row)
"""
USED = "SELECT count(*), coalesce(sum(length(payload)), 0) FROM quarantine WHERE "


class Used(dict[str, list[int]]):
    """Entries and bytes in the quarantine by gateway, "" for all unregistered devices."""


@dataclass(slots=True)
class _Seen:
    remark: Remark
    first: Accepted
    first_row: int
    times: int
    last_at: float
    last_row: int


@dataclass(slots=True)
class Quarantine:
    """The quarantine's part of one commit."""

    session: Session
    used: Used
    _remarks: dict[tuple[str, str, str], _Seen] = field(default_factory=dict)

    def put(self, entry: Rejected) -> int | None:
        """The number of the entry that holds this payload, a new one or the one it came to before.

        None when the quota is used up; then nothing was kept.
        """
        number = self._find(entry.gateway, entry.payload_hash, entry.code)
        if number is not None:
            self.session.execute(REPEAT, (number, 1, entry.received_at, None))
            return number
        used = self._used(entry)
        if used[0] >= MOST_ENTRIES or used[1] + len(entry.payload) > MOST_BYTES:
            return None
        used[0] += 1
        used[1] += len(entry.payload)
        e = entry
        return self._insert(
            e.received_at, e.source, e.topic, e.site, e.gateway, int(e.known), e.payload, e.payload_hash,
            e.code, e.detail, e.epoch, e.seq, int(e.trusted), e.batch_hash, None,
        )  # fmt: skip

    def remark(self, entry: Accepted, row: int, remark: Remark) -> None:
        """Note a remark on a ledger row; written once for the whole group by `finish`."""
        key = (entry.gateway, remark.code, remark.subject)
        seen = self._remarks.get(key)
        if seen is None:
            self._remarks[key] = _Seen(remark, entry, row, 1, entry.received_at, row)
        else:
            seen.times, seen.last_at, seen.last_row = seen.times + 1, entry.received_at, row

    def remark_on(self, row: LedgerRow, remark: Remark, at: float) -> int:
        """Write a remark on a stored row at once; the number of its entry."""
        name = text_hash(f"remark:{remark.subject}".encode())
        number = self._find(row.gateway, name, remark.code)
        if number is not None:
            self.session.execute(REPEAT, (number, 1, at, row.row))
            return number
        return self._insert(
            at, row.source, None, row.site, row.gateway, 1, b"", name, remark.code, remark.detail, row.epoch,
            row.seq, 0, row.batch_hash, row.row,
        )  # fmt: skip

    def finish(self) -> None:
        for (gateway, code, subject), seen in self._remarks.items():
            name = text_hash(f"remark:{subject}".encode())
            number = self._find(gateway, name, code)
            times = seen.times
            if number is None:
                number = self._insert_remark(seen, name)
                times -= 1
            if times:
                self.session.execute(REPEAT, (number, times, seen.last_at, seen.last_row))

    def _insert_remark(self, seen: _Seen, name: str) -> int:
        e = seen.first
        return self._insert(
            e.received_at, e.source, e.topic, e.site, e.gateway, 1, b"", name, seen.remark.code,
            seen.remark.detail, e.epoch, e.seq, 0, e.batch_hash, seen.first_row,
        )  # fmt: skip

    def _insert(self, *values: object) -> int:
        # What a remark quotes may hold a NUL, which PostgreSQL keeps in no text.
        plain = [value.replace("\0", "\\x00") if type(value) is str else value for value in values]
        (number,) = self.session.execute(INSERT, plain).fetchone()
        return int(number)

    def _find(self, gateway: str, payload_hash: str, code: str) -> int | None:
        found = self.session.execute(
            "SELECT id FROM quarantine WHERE gateway = ? AND payload_hash = ? AND code = ?",
            (gateway, payload_hash, code),
        ).fetchone()
        return int(found[0]) if found else None

    def _used(self, entry: Rejected) -> list[int]:
        key = entry.gateway if entry.known else ""
        if key not in self.used:
            where, values = ("gateway = ? AND known = 1", (key,)) if entry.known else ("known = 0", ())
            self.used[key] = list(self.session.execute(USED + where, values).fetchone())
        return self.used[key]
