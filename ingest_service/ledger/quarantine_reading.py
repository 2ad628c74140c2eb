"""Reading the quarantine."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from ingest_service.ledger.port import QuarantineEntry, QuarantineEvent

# An event "replayed" or "closed" settles an entry.
ENTRIES = """
SELECT q.id, q.received_at, q.source, q.topic, q.site, q.gateway, q.known, q.payload_hash, q.code, q.detail,
  length(q.payload), q.epoch, q.seq, q.ledger_row, 1 + coalesce(r.times, 0),
  coalesce(r.last_at, q.received_at), coalesce(r.last_row, q.ledger_row),
  EXISTS (SELECT 1 FROM quarantine_events e
          WHERE e.quarantine_id = q.id AND e.action IN ('replayed', 'closed'))
FROM quarantine q LEFT JOIN repeats r ON r.quarantine_id = q.id
"""


def entries(
    connection: sqlite3.Connection,
    *,
    sites: Collection[str] | None,
    gateway: str | None,
    code: str | None,
    before: int | None,
    limit: int,
) -> list[QuarantineEntry]:
    """Newest first, each filter only when it is given."""
    conditions = ["1"]
    values: list[object] = []
    for column, value in (("q.gateway = ?", gateway), ("q.code = ?", code), ("q.id < ?", before)):
        if value is not None:
            conditions.append(column)
            values.append(value)
    if sites is not None:
        conditions.append(f"q.site IN ({', '.join('?' * len(sites))})")
        values += sites
    found = connection.execute(
        f"{ENTRIES} WHERE {' AND '.join(conditions)} ORDER BY q.id DESC LIMIT ?",
        (*values, limit),
    ).fetchall()
    return [QuarantineEntry(*row) for row in found]


def entry(connection: sqlite3.Connection, number: int) -> QuarantineEntry | None:
    found = connection.execute(f"{ENTRIES} WHERE q.id = ?", (number,)).fetchone()
    return QuarantineEntry(*found) if found else None


def payload(connection: sqlite3.Connection, number: int) -> bytes:
    """The bytes of the entry, or of the ledger row it speaks of. KeyError when there is no such entry."""
    found = connection.execute(
        "SELECT CASE WHEN q.ledger_row IS NULL THEN q.payload ELSE b.payload END "
        "FROM quarantine q LEFT JOIN batches b ON b.row = q.ledger_row WHERE q.id = ?",
        (number,),
    ).fetchone()
    if found is None:
        raise KeyError(number)
    return bytes(found[0])


def events(connection: sqlite3.Connection, number: int) -> list[QuarantineEvent]:
    found = connection.execute(
        "SELECT id, quarantine_id, at, who, action, text FROM quarantine_events "
        "WHERE quarantine_id = ? ORDER BY id",
        (number,),
    ).fetchall()
    return [QuarantineEvent(*row) for row in found]
