"""The tables of ``ledger.sqlite``.

Evidence (``batches``, ``quarantine``, ``quarantine_events``, ``configurations``, ``day_roots``) is
append-only: triggers abort every UPDATE and DELETE, and the row hashes of ``batches`` tell if someone went
around them.
``repeats``, ``standings`` and ``gateway_status`` are bookkeeping, not evidence, and change.
"""

from __future__ import annotations

from collections.abc import Iterable

SCHEMA_VERSION = 2

EVIDENCE = ("batches", "quarantine", "quarantine_events", "configurations", "day_roots")

DAY_ROOTS = """
CREATE TABLE day_roots(
  day TEXT PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, word BLOB NOT NULL) WITHOUT ROWID;
"""

TABLES = """
CREATE TABLE batches(
  row INTEGER PRIMARY KEY AUTOINCREMENT, received_at REAL NOT NULL, source TEXT NOT NULL, site TEXT NOT NULL,
  gateway TEXT NOT NULL, kind TEXT NOT NULL, epoch TEXT, seq INTEGER, batch_hash TEXT NOT NULL, prev TEXT,
  signed INTEGER NOT NULL, chain_ok INTEGER, payload BLOB NOT NULL, row_hash TEXT NOT NULL,
  UNIQUE(gateway, epoch, seq));
CREATE UNIQUE INDEX bare_packs ON batches(gateway, batch_hash) WHERE kind = 'senml';
CREATE TABLE quarantine(
  id INTEGER PRIMARY KEY AUTOINCREMENT, received_at REAL NOT NULL, source TEXT NOT NULL, topic TEXT,
  site TEXT NOT NULL, gateway TEXT NOT NULL, known INTEGER NOT NULL, payload BLOB NOT NULL,
  payload_hash TEXT NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL, epoch TEXT, seq INTEGER,
  trusted INTEGER NOT NULL, batch_hash TEXT, ledger_row INTEGER, UNIQUE(gateway, payload_hash, code));
CREATE INDEX quarantine_by_seq ON quarantine(gateway, epoch, seq) WHERE trusted = 1;
CREATE INDEX quarantine_of_strangers ON quarantine(known) WHERE known = 0;
CREATE TABLE quarantine_events(
  id INTEGER PRIMARY KEY AUTOINCREMENT, quarantine_id INTEGER NOT NULL REFERENCES quarantine(id),
  at REAL NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX events_of_entry ON quarantine_events(quarantine_id);
CREATE TABLE configurations(
  hash TEXT PRIMARY KEY, document TEXT NOT NULL, first_seen REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE repeats(
  quarantine_id INTEGER PRIMARY KEY, times INTEGER NOT NULL, last_at REAL NOT NULL, last_row INTEGER);
CREATE TABLE standings(
  gateway TEXT NOT NULL, epoch TEXT NOT NULL, cum INTEGER NOT NULL,
  PRIMARY KEY(gateway, epoch)) WITHOUT ROWID;
CREATE TABLE gateway_status(
  gateway TEXT PRIMARY KEY, site TEXT NOT NULL, state TEXT, state_at REAL, boot TEXT, conn INTEGER,
  birth TEXT, birth_at REAL, last_batch_at REAL, last_seq INTEGER, epoch TEXT, clk TEXT, err REAL,
  backlog INTEGER, drops INTEGER NOT NULL DEFAULT 0, rejected INTEGER NOT NULL DEFAULT 0,
  conflicts INTEGER NOT NULL DEFAULT 0, chain_breaks INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
"""


def schema() -> str:
    """The script that makes an empty ledger, in one transaction."""
    return _script(f"{TABLES}{DAY_ROOTS}{_guards(EVIDENCE)}")


def upgrade_from(version: int) -> str | None:
    """The script that brings a ledger of an earlier version here, in one transaction; None for none known."""
    return _script(f"{DAY_ROOTS}{_guards(('day_roots',))}") if version == 1 else None


def _guards(tables: Iterable[str]) -> str:
    return "".join(
        f"CREATE TRIGGER {table}_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;\n"
        for table in tables
        for verb in ("UPDATE", "DELETE")
    )


def _script(statements: str) -> str:
    return f"BEGIN IMMEDIATE;\n{statements}PRAGMA user_version={SCHEMA_VERSION};\nCOMMIT;\n"
