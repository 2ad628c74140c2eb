"""The tables of ``series.sqlite``.

Points are clustered by channel and time (WITHOUT ROWID: 26 bytes a point and twice the reading speed of a
table with an index). ``PRAGMA user_version`` is the schema's number. A file of an older number is emptied and
filled again from the ledger; one of a newer number is refused.
"""

from __future__ import annotations

SCHEMA_VERSION = 5

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
CREATE TABLE IF NOT EXISTS quarters(
  channel INTEGER NOT NULL, quarter INTEGER NOT NULL, n INTEGER NOT NULL, mean REAL NOT NULL,
  low REAL NOT NULL, high REAL NOT NULL, flags INTEGER NOT NULL, grade INTEGER NOT NULL,
  PRIMARY KEY(channel, quarter)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS days(
  channel INTEGER NOT NULL, day INTEGER NOT NULL, n INTEGER NOT NULL, mean REAL NOT NULL,
  low REAL NOT NULL, high REAL NOT NULL, flags INTEGER NOT NULL, grade INTEGER NOT NULL,
  PRIMARY KEY(channel, day)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unfinished(
  last INTEGER NOT NULL, width TEXT NOT NULL, channel INTEGER NOT NULL, first INTEGER NOT NULL,
  PRIMARY KEY(last, width, channel, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quality(
  channel INTEGER NOT NULL, minute INTEGER NOT NULL, flag INTEGER NOT NULL, tests INTEGER NOT NULL,
  PRIMARY KEY(channel, minute)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dirty_minutes(
  channel INTEGER NOT NULL, minute INTEGER NOT NULL, PRIMARY KEY(minute, channel)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS exposures(
  zone TEXT NOT NULL, kind TEXT NOT NULL, minute INTEGER NOT NULL, value REAL, coverage REAL NOT NULL,
  expected INTEGER NOT NULL, received INTEGER NOT NULL, worst_gap_s REAL NOT NULL, method TEXT NOT NULL,
  grade INTEGER NOT NULL, revision INTEGER NOT NULL, calc TEXT NOT NULL, change INTEGER NOT NULL,
  PRIMARY KEY(zone, kind, minute)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS exposures_by_change ON exposures(change);
CREATE TABLE IF NOT EXISTS gone(
  zone TEXT NOT NULL, kind TEXT NOT NULL, minute INTEGER NOT NULL, change INTEGER NOT NULL,
  PRIMARY KEY(zone, kind, minute)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS gone_by_change ON gone(change);
CREATE TABLE IF NOT EXISTS summaries(
  zone TEXT NOT NULL, kind TEXT NOT NULL, period TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  value REAL, mean REAL, high REAL, high_minute INTEGER, low REAL, known INTEGER NOT NULL,
  expected INTEGER NOT NULL, grade INTEGER NOT NULL, revision INTEGER NOT NULL,
  PRIMARY KEY(zone, kind, period, last, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revisions(
  zone TEXT NOT NULL, kind TEXT NOT NULL, minute INTEGER NOT NULL, number INTEGER NOT NULL,
  revision INTEGER NOT NULL, old REAL, new REAL, at REAL NOT NULL, cause TEXT NOT NULL,
  PRIMARY KEY(zone, kind, minute, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS descriptions(zone TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recomputations(
  zone TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, cause TEXT NOT NULL,
  PRIMARY KEY(zone, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS thinned(
  what TEXT NOT NULL, name TEXT NOT NULL, kept_from INTEGER NOT NULL,
  PRIMARY KEY(what, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents(
  gateway TEXT NOT NULL, document TEXT NOT NULL, row INTEGER NOT NULL,
  PRIMARY KEY(gateway, document)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS placed_serials(gateway TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS retakes(
  gateway TEXT PRIMARY KEY, row INTEGER NOT NULL, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clocks(
  gateway TEXT NOT NULL, boot TEXT NOT NULL, mono REAL NOT NULL, utc REAL NOT NULL, err REAL NOT NULL,
  off REAL NOT NULL, wrong_since REAL, behind REAL NOT NULL, PRIMARY KEY(gateway, boot)) WITHOUT ROWID;
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
    "quarters",
    "hours",
    "days",
    "unfinished",
    "quality",
    "dirty_minutes",
    "exposures",
    "summaries",
    "descriptions",
    "recomputations",
    "thinned",
    "documents",
    "placed_serials",
    "retakes",
    "clocks",
    "held",
    "anchors",
)
"""All that is a function of ledger and register; `revisions` and `gone` record what was told before."""
