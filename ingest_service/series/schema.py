"""The tables of ``series.sqlite``.

Points are clustered by channel and time (WITHOUT ROWID: 26 bytes a point and twice the reading speed of a
table with an index). ``PRAGMA user_version`` is the schema's number; a file of another number is refused,
because the way out is simple: delete it and let it be built again from the ledger.
"""

from __future__ import annotations

SCHEMA_VERSION = 1

SCHEMA = """
CREATE TABLE IF NOT EXISTS channels(
  id INTEGER PRIMARY KEY, site TEXT NOT NULL, gateway TEXT NOT NULL, sensor TEXT NOT NULL,
  quantity TEXT NOT NULL, unit TEXT, last_time REAL, last_value REAL, last_text TEXT, last_flags INTEGER,
  last_grade INTEGER, last_received REAL, UNIQUE(gateway, sensor, quantity));
CREATE INDEX IF NOT EXISTS channels_of_site ON channels(site);
CREATE TABLE IF NOT EXISTS points(
  channel INTEGER NOT NULL, time_us INTEGER NOT NULL, value REAL NOT NULL, flags INTEGER NOT NULL,
  grade INTEGER NOT NULL, PRIMARY KEY(channel, time_us)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS texts(
  channel INTEGER NOT NULL, time_us INTEGER NOT NULL, text TEXT NOT NULL,
  PRIMARY KEY(channel, time_us)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS minutes(
  channel INTEGER NOT NULL, minute INTEGER NOT NULL, n INTEGER NOT NULL, mean REAL NOT NULL,
  low REAL NOT NULL, high REAL NOT NULL, flags INTEGER NOT NULL, grade INTEGER NOT NULL,
  PRIMARY KEY(channel, minute)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hours(
  channel INTEGER NOT NULL, hour INTEGER NOT NULL, n INTEGER NOT NULL, mean REAL NOT NULL, low REAL NOT NULL,
  high REAL NOT NULL, flags INTEGER NOT NULL, grade INTEGER NOT NULL,
  PRIMARY KEY(channel, hour)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dirty_minutes(
  channel INTEGER NOT NULL, minute INTEGER NOT NULL, PRIMARY KEY(minute, channel)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS exposures(
  zone TEXT NOT NULL, kind TEXT NOT NULL, minute INTEGER NOT NULL, value REAL, coverage REAL NOT NULL,
  expected INTEGER NOT NULL, received INTEGER NOT NULL, worst_gap_s REAL NOT NULL, method TEXT NOT NULL,
  grade INTEGER NOT NULL, revision INTEGER NOT NULL, calc TEXT NOT NULL, change INTEGER NOT NULL,
  PRIMARY KEY(zone, kind, minute)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS exposures_by_change ON exposures(change);
CREATE TABLE IF NOT EXISTS cursors(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS held(
  row INTEGER PRIMARY KEY, gateway TEXT NOT NULL, boot TEXT NOT NULL, received_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS held_by_boot ON held(gateway, boot);
CREATE TABLE IF NOT EXISTS anchors(
  gateway TEXT NOT NULL, boot TEXT NOT NULL, mono REAL NOT NULL, utc REAL NOT NULL, err REAL NOT NULL,
  PRIMARY KEY(gateway, boot, mono)) WITHOUT ROWID;
"""

PROJECTED_TABLES = (
    "channels",
    "points",
    "texts",
    "minutes",
    "hours",
    "dirty_minutes",
    "exposures",
    "held",
    "anchors",
)
"""Everything that is a function of ledger and register."""
