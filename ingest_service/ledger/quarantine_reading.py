"""Reading the quarantine."""

from __future__ import annotations

from collections.abc import Collection

from ingest_service.ledger.port import QuarantineEntry, QuarantineEvent
from ingest_service.ledger.session import Session

MOST_NAMED = 5000
"""Sites named in one statement; both engines have a limit for values (SQLite 32,766, PostgreSQL 65,535)."""

# An event "replayed" or "closed" settles an entry.
ENTRIES = """
SELECT q.id, q.received_at, q.source, q.topic, q.site, q.gateway, q.known, q.payload_hash, q.code, q.detail,
  length(q.payload), q.epoch, q.seq, q.ledger_row, 1 + coalesce(r.times, 0),
  coalesce(r.last_at, q.received_at), coalesce(r.last_row, q.ledger_row),
  CASE WHEN EXISTS (SELECT 1 FROM quarantine_events e
                    WHERE e.quarantine_id = q.id AND e.action IN ('replayed', 'closed')) THEN 1 ELSE 0 END
FROM quarantine q LEFT JOIN repeats r ON r.quarantine_id = q.id
"""


def entries(
    session: Session,
    *,
    sites: Collection[str] | None,
    gateway: str | None,
    code: str | None,
    before: int | None,
    limit: int,
) -> list[QuarantineEntry]:
    """Newest first, each filter only when it is given."""
    if sites is not None and len(sites) > MOST_NAMED:
        return _picked(session, frozenset(sites), gateway=gateway, code=code, before=before, limit=limit)
    conditions = ["1 = 1"]
    values: list[object] = []
    for column, value in (("q.gateway = ?", gateway), ("q.code = ?", code), ("q.id < ?", before)):
        if value is not None:
            conditions.append(column)
            values.append(value)
    if sites is not None:
        conditions.append(f"q.site IN ({', '.join('?' * len(sites))})" if sites else "1 = 0")
        values += sites
    found = session.execute(
        f"{ENTRIES} WHERE {' AND '.join(conditions)} ORDER BY q.id DESC LIMIT ?",
        (*values, limit),
    ).fetchall()
    return [QuarantineEntry(*row) for row in found]


def _picked(
    session: Session,
    sites: frozenset[str],
    *,
    gateway: str | None,
    code: str | None,
    before: int | None,
    limit: int,
) -> list[QuarantineEntry]:
    """As `entries`, for more sites than a statement may name: read in portions and picked here."""
    found: list[QuarantineEntry] = []
    while len(found) < limit:
        portion = entries(session, sites=None, gateway=gateway, code=code, before=before, limit=1000)
        found += [one for one in portion if one.site in sites]
        if not portion:
            break
        before = portion[-1].id
    return found[:limit]


def entry(session: Session, number: int) -> QuarantineEntry | None:
    found = session.execute(f"{ENTRIES} WHERE q.id = ?", (number,)).fetchone()
    return QuarantineEntry(*found) if found else None


def payload(session: Session, number: int) -> bytes:
    """The bytes of the entry, or of the ledger row it speaks of. KeyError when there is no such entry."""
    found = session.execute(
        "SELECT CASE WHEN q.ledger_row IS NULL THEN q.payload ELSE b.payload END "
        "FROM quarantine q LEFT JOIN batches b ON b.row = q.ledger_row WHERE q.id = ?",
        (number,),
    ).fetchone()
    if found is None:
        raise KeyError(number)
    return bytes(found[0])


def events(session: Session, number: int) -> list[QuarantineEvent]:
    found = session.execute(
        "SELECT id, quarantine_id, at, who, action, text FROM quarantine_events "
        "WHERE quarantine_id = ? ORDER BY id",
        (number,),
    ).fetchall()
    return [QuarantineEvent(*row) for row in found]
