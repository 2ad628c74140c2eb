"""The newest word about each gateway: bookkeeping for the fleet page, not evidence."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ingest_service.ledger.port import BirthNote, GatewayStatus, StateNote
from ingest_service.ledger.session import Session

COLUMNS = ", ".join(GatewayStatus._fields)
# A will that arrives late, from before the newest connection, says nothing about the present. A state that is
# only repeated (retained, after we reconnected) keeps the time at which it was first heard.
STATE = """
INSERT INTO gateway_status(gateway, site, state, state_at, boot, epoch, conn) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(gateway) DO UPDATE SET site = excluded.site, state = excluded.state,
  state_at = CASE WHEN gateway_status.state IS NOT DISTINCT FROM excluded.state
                   AND gateway_status.boot IS NOT DISTINCT FROM excluded.boot
                   AND gateway_status.conn IS NOT DISTINCT FROM excluded.conn
             THEN gateway_status.state_at ELSE excluded.state_at END,
  boot = excluded.boot, conn = excluded.conn, epoch = coalesce(excluded.epoch, gateway_status.epoch)
WHERE excluded.state <> 'offline' OR gateway_status.conn IS NULL OR excluded.conn IS NULL
  OR excluded.conn >= gateway_status.conn
"""
BIRTH = """
INSERT INTO gateway_status(gateway, site, birth, birth_at, epoch, backlog, drops) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(gateway) DO UPDATE SET site = excluded.site,
  birth_at = CASE WHEN gateway_status.birth IS NOT DISTINCT FROM excluded.birth
             THEN gateway_status.birth_at ELSE excluded.birth_at END,
  birth = excluded.birth, epoch = coalesce(excluded.epoch, gateway_status.epoch), backlog = excluded.backlog,
  drops = excluded.drops
"""


def write_notes(session: Session, notes: Iterable[StateNote | BirthNote]) -> None:
    """Inside a transaction: births also store the configuration document, by its hash, for ever."""
    for note in notes:
        if isinstance(note, StateNote):
            session.execute(
                STATE, (note.gateway, note.site, note.state, note.at, note.boot, note.epoch, note.conn)
            )
            continue
        session.execute(
            BIRTH, (note.gateway, note.site, note.birth, note.at, note.epoch, note.backlog, note.drops)
        )
        if note.configuration is not None:
            session.execute(
                "INSERT INTO configurations(hash, document, first_seen) VALUES (?, ?, ?) "
                "ON CONFLICT(hash) DO NOTHING",
                (*note.configuration, note.at),
            )


def read_statuses(
    session: Session, sites: Collection[str] | None, gateway: str | None = None
) -> list[GatewayStatus]:
    """Statuses by gateway; of these sites only, unless None."""
    sql = f"SELECT {COLUMNS} FROM gateway_status"  # noqa: S608
    if gateway is not None:
        found = session.execute(f"{sql} WHERE gateway = ?", (gateway,)).fetchall()
    else:
        found = session.execute(f"{sql} ORDER BY gateway").fetchall()
    statuses = [GatewayStatus(*row) for row in found]
    return statuses if sites is None else [s for s in statuses if s.site in sites]
