"""The newest word about each gateway: bookkeeping for the fleet page, not evidence."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable

from ingest_service.ledger.port import BirthNote, GatewayStatus, StateNote

COLUMNS = ", ".join(GatewayStatus._fields)
# A will that arrives late, from before the newest connection, says nothing about the present. A state that is
# only repeated (retained, after we reconnected) keeps the time at which it was first heard.
STATE = """
INSERT INTO gateway_status(gateway, site, state, state_at, boot, epoch, conn) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(gateway) DO UPDATE SET site = excluded.site, state = excluded.state,
  state_at = CASE WHEN state IS excluded.state AND boot IS excluded.boot AND conn IS excluded.conn
             THEN state_at ELSE excluded.state_at END,
  boot = excluded.boot, conn = excluded.conn, epoch = coalesce(excluded.epoch, epoch)
WHERE excluded.state <> 'offline' OR conn IS NULL OR excluded.conn IS NULL OR excluded.conn >= conn
"""
BIRTH = """
INSERT INTO gateway_status(gateway, site, birth, birth_at, epoch, backlog, drops) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(gateway) DO UPDATE SET site = excluded.site,
  birth_at = CASE WHEN birth IS excluded.birth THEN birth_at ELSE excluded.birth_at END,
  birth = excluded.birth, epoch = coalesce(excluded.epoch, epoch), backlog = excluded.backlog,
  drops = excluded.drops
"""


def write_notes(connection: sqlite3.Connection, notes: Iterable[StateNote | BirthNote]) -> None:
    """Inside a transaction: births also store the configuration document, by its hash, for ever."""
    for note in notes:
        if isinstance(note, StateNote):
            connection.execute(
                STATE, (note.gateway, note.site, note.state, note.at, note.boot, note.epoch, note.conn)
            )
            continue
        connection.execute(
            BIRTH, (note.gateway, note.site, note.birth, note.at, note.epoch, note.backlog, note.drops)
        )
        if note.configuration is not None:
            connection.execute(
                "INSERT OR IGNORE INTO configurations(hash, document, first_seen) VALUES (?, ?, ?)",
                (*note.configuration, note.at),
            )


def read_statuses(
    connection: sqlite3.Connection, sites: Collection[str] | None, gateway: str | None = None
) -> list[GatewayStatus]:
    """Statuses by gateway; of these sites only, unless None."""
    sql = f"SELECT {COLUMNS} FROM gateway_status"  # noqa: S608
    if gateway is not None:
        found = connection.execute(f"{sql} WHERE gateway = ?", (gateway,)).fetchall()
    else:
        found = connection.execute(f"{sql} ORDER BY gateway").fetchall()
    statuses = [GatewayStatus(*row) for row in found]
    return statuses if sites is None else [s for s in statuses if s.site in sites]
