"""The tables beside InfluxDB: what must be counted, ordered and committed as one, which it cannot do.

Channels with their newest reading, cursors, what is dirty or unfinished, batches that are held, quality
flags, revisions, and which exposures changed under which numbers. All of it is made again from the ledger.
Every row carries its shard (ingest_service/shards.py), or `WHOLE` where one process writes everything.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

SCHEMA_VERSION: Final = 1
WHOLE: Final = -1
"""In place of a shard where the series is not divided."""

METADATA: Final = sa.MetaData()


def _shard() -> sa.Column[int]:
    return sa.Column("shard", sa.SmallInteger, nullable=False)


def _float(name: str, *, optional: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=optional)


def _int(name: str, *, optional: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=optional)


def _text(name: str, *, optional: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=optional)


def _table(name: str, key: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    """`key`: names of the columns of the primary key, which always begins with the shard."""
    return sa.Table(
        f"series_{name}", METADATA, _shard(), *columns, sa.PrimaryKeyConstraint("shard", *key.split())
    )


FACTS = sa.Table("series_facts", METADATA, sa.Column("name", sa.Text, primary_key=True), _text("value"))
"""`schema`: number of this file's tables; `installation`: whose bucket it is."""

CHANNELS = sa.Table(
    "series_channels",
    METADATA,
    # SQLite counts in a column of its plain INTEGER type only.
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    _shard(),
    _text("site"),
    _text("gateway"),
    _text("sensor"),
    _text("quantity"),
    _text("unit", optional=True),
    _float("last_time", optional=True),
    _float("last_value", optional=True),
    _text("last_text", optional=True),
    _int("last_flags", optional=True),
    _int("last_grade", optional=True),
    _float("last_received", optional=True),
    sa.UniqueConstraint("gateway", "sensor", "quantity"),
    sa.Index("series_channels_of_site", "site"),
    sqlite_autoincrement=True,  # readers remember what a number means
)
DIRTY = _table("dirty_minutes", "minute channel", _int("channel"), _int("minute"))
UNFINISHED = _table(
    "unfinished", "last width channel first", _int("last"), _text("width"), _int("channel"), _int("first")
)
QUALITY = _table("quality", "channel minute", _int("channel"), _int("minute"), _int("flag"), _int("tests"))
ZONES = _table("zones", "zone", _text("zone"))
"""Zones of which exposures were written."""
CHANGES = _table(
    "changes",
    "first",
    _int("first"),
    _int("last"),
    _text("zone"),
    _int("first_minute"),
    _int("last_minute"),
    _float("noted_at"),
    sa.Index("series_changes_by_last", "shard", "last"),
)
"""The feed: changes `first` to `last` were made to minutes of a zone; an empty name stands for all zones."""
LOST = _table("lost_changes", "first", _int("first"), _int("last"))
"""Numbers handed out by a writing that was not committed: a row with one is not as it is in the feed."""
GONE = _table(
    "gone",
    "zone kind minute",
    _text("zone"),
    _text("kind"),
    _int("minute"),
    _int("change"),
    sa.Column("deleted", sa.Boolean, nullable=False),
    sa.Index("series_gone_by_change", "shard", "change"),
)
REVISIONS = _table(
    "revisions",
    "zone kind minute number",
    _text("zone"),
    _text("kind"),
    _int("minute"),
    _int("number"),
    _int("revision"),
    _float("old", optional=True),
    _float("new", optional=True),
    _float("at"),
    _text("cause"),
)
DESCRIPTIONS = _table("descriptions", "zone", _text("zone"), _text("text"))
RECOMPUTATIONS = _table(
    "recomputations", "zone first", _text("zone"), _int("first"), _int("last"), _text("cause")
)
THINNED = _table("thinned", "what name", _text("what"), _text("name"), _int("kept_from"))
DOCUMENTS = _table("documents", "gateway document", _text("gateway"), _text("document"), _int("row"))
PLACED_SERIALS = _table("placed_serials", "gateway", _text("gateway"), _text("text"))
RETAKES = _table("retakes", "gateway", _text("gateway"), _int("row"), _int("last"))
CLOCKS = _table(
    "clocks",
    "gateway boot",
    _text("gateway"),
    _text("boot"),
    _float("mono"),
    _float("utc"),
    _float("err"),
    _float("off"),
    _float("wrong_since", optional=True),
    _float("behind"),
)
CURSORS = _table("cursors", "name", _text("name"), _int("value"))
HELD = _table(
    "held",
    "row",
    _int("row"),
    _text("gateway"),
    _text("boot"),
    _float("received_at"),
    sa.Index("series_held_by_boot", "gateway", "boot"),
)
ANCHORS = _table(
    "anchors",
    "gateway boot mono",
    _text("gateway"),
    _text("boot"),
    _float("mono"),
    _float("utc"),
    _float("err"),
)

PROJECTED: Final = (
    CHANNELS, DIRTY, UNFINISHED, QUALITY, ZONES, CHANGES, DESCRIPTIONS, RECOMPUTATIONS, THINNED, DOCUMENTS,
    PLACED_SERIALS, RETAKES, CLOCKS, HELD, ANCHORS,
)  # fmt: skip
"""All that is a function of ledger and register; revisions and what is gone record what was told before."""
