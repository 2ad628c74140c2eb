"""The tables of the outbox file, and how a file of an earlier form becomes the latest."""

from __future__ import annotations

LATEST = 2
TABLES = """
CREATE TABLE epochs (
    id INTEGER PRIMARY KEY, epoch TEXT NOT NULL UNIQUE, serial TEXT NOT NULL,
    head_seq INTEGER NOT NULL, head_hash TEXT NOT NULL, ended INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE batches (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    epoch TEXT NOT NULL, seq INTEGER NOT NULL, batch_hash TEXT NOT NULL, payload_hash TEXT NOT NULL,
    state INTEGER NOT NULL, sealed_at REAL NOT NULL, records INTEGER NOT NULL, code TEXT,
    size INTEGER NOT NULL, payload BLOB NOT NULL,
    UNIQUE (epoch, seq)
);
CREATE INDEX batches_not_done ON batches (state, row, size) WHERE state <> 1;
CREATE INDEX batches_waiting ON batches (epoch, seq) WHERE state = 0;
CREATE INDEX batches_by_payload ON batches (payload_hash);
CREATE TABLE open_segment (
    one INTEGER PRIMARY KEY CHECK (one = 1), boot TEXT NOT NULL, off REAL NOT NULL, clk TEXT NOT NULL,
    err REAL, cfg TEXT NOT NULL
);
CREATE TABLE open_records (
    id INTEGER PRIMARY KEY, mono REAL NOT NULL, sensor TEXT NOT NULL, quantity TEXT NOT NULL,
    value TEXT NOT NULL, unit TEXT, flags INTEGER NOT NULL, digest TEXT
);
CREATE TABLE configurations (hash TEXT PRIMARY KEY, document BLOB NOT NULL);
CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
# An epoch is ended when no batch is made in it any more, and its end may not be known here.
FROM_1 = """
ALTER TABLE epochs ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;
ALTER TABLE open_records ADD COLUMN digest TEXT;
"""


def script_for(version: int) -> str:
    """What brings a file of a form to the latest, in one transaction; 0 is a file without tables."""
    return f"BEGIN IMMEDIATE; {TABLES if version == 0 else FROM_1} PRAGMA user_version = {LATEST}; COMMIT;"
