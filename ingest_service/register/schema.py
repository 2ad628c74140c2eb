"""Tables of the register. Instants are float seconds since 1970 UTC; nothing in a register is ever deleted
that took effect: it ends (`valid_to`, `revoked_at`, `cancelled_at`, `active`)."""

from typing import Final

import sqlalchemy as sa

import ingest_service.register.key_schema  # noqa: F401 - its tables belong to the register as well
from ingest_service.database import METADATA

VERSION: Final = sa.Table(
    "register_version",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)

SITES: Final = sa.Table(
    "sites",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("country", sa.String(32), nullable=False),
    sa.Column("district", sa.String(64), nullable=False),
    sa.Column("timezone", sa.String(64), nullable=False),
    sa.Column("sector", sa.String(64), nullable=False),
    sa.Column("latitude", sa.Double),
    sa.Column("longitude", sa.Double),
)

ZONES: Final = sa.Table(
    "zones",
    METADATA,
    sa.Column("id", sa.String(65), primary_key=True),
    sa.Column("site", sa.ForeignKey("sites.id"), nullable=False, index=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
)

ZONE_FACTS: Final = sa.Table(
    "zone_facts",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("zone", sa.ForeignKey("zones.id"), nullable=False),
    sa.Column("valid_from", sa.Double, nullable=False),
    sa.Column("metabolic_class", sa.Integer, nullable=False),
    sa.Column("acclimatised", sa.Boolean, nullable=False),
    sa.Column("clothing_caf", sa.Double),
    sa.Column("radiant_source", sa.Boolean, nullable=False),
    sa.Column("outdoors", sa.Boolean, nullable=False),
    sa.Column("women", sa.Integer, nullable=False),
    sa.Column("men", sa.Integer, nullable=False),
    sa.UniqueConstraint("zone", "valid_from"),
)

SHIFTS: Final = sa.Table(
    "shifts",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("site", sa.ForeignKey("sites.id"), nullable=False, index=True),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("start", sa.Time, nullable=False),
    sa.Column("end", sa.Time, nullable=False),
    sa.Column("days", sa.String(7), nullable=False),
    sa.Column("breaks", sa.JSON, nullable=False),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_to", sa.Date),
)

DAYS_OFF: Final = sa.Table(
    "days_off",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("site", sa.ForeignKey("sites.id"), nullable=False, index=True),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("cancelled_at", sa.Double),
)

OVERTIME: Final = sa.Table(
    "overtime",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("site", sa.ForeignKey("sites.id"), nullable=False, index=True),
    sa.Column("shift", sa.String(64), nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("until", sa.Time, nullable=False),
    sa.Column("breaks", sa.JSON, nullable=False),
    sa.Column("cancelled_at", sa.Double),
)

SEASONS: Final = sa.Table(
    "seasons",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("site", sa.ForeignKey("sites.id"), nullable=False, index=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("first", sa.Date, nullable=False),
    sa.Column("last", sa.Date, nullable=False),
    sa.Column("shifts", sa.JSON, nullable=False),
    sa.Column("cancelled_at", sa.Double),
)

GATEWAYS: Final = sa.Table(
    "gateways",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("site", sa.ForeignKey("sites.id"), nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("added_at", sa.Double, nullable=False),
    sa.Column("revoked_at", sa.Double),
)

GATEWAY_KEYS: Final = sa.Table(
    "gateway_keys",
    METADATA,
    sa.Column("kid", sa.String(16), primary_key=True),
    sa.Column("gateway", sa.ForeignKey("gateways.id"), nullable=False, index=True),
    sa.Column("public_key", sa.LargeBinary(32), nullable=False),
    sa.Column("valid_from", sa.Double, nullable=False),
    sa.Column("revoked_at", sa.Double),
    sa.Column("last_good_seq", sa.BigInteger),
    sa.Column("valid_to", sa.Double),
    sa.Column("good_up_to", sa.Text, nullable=False, server_default=""),
    sa.Column("replaces", sa.String(16)),
    sa.Column("stated_in", sa.String(40)),
    sa.Column("used_from", sa.String(40)),
)

PLACEMENTS: Final = sa.Table(
    "placements",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("gateway", sa.ForeignKey("gateways.id"), nullable=False, index=True),
    sa.Column("sensor", sa.String(32), nullable=False),
    sa.Column("zone", sa.ForeignKey("zones.id"), nullable=False, index=True),
    sa.Column("valid_from", sa.Double, nullable=False),
    sa.Column("valid_to", sa.Double),
    sa.Column("height_m", sa.Double),
    sa.Column("globe_diameter_m", sa.Double),
    sa.Column("serial", sa.String(64)),
)

EXPECTED_CHANNELS: Final = sa.Table(
    "expected_channels",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("gateway", sa.ForeignKey("gateways.id"), nullable=False, index=True),
    sa.Column("sensor", sa.String(32), nullable=False),
    sa.Column("quantity", sa.String(64), nullable=False),
    sa.Column("period_s", sa.Double, nullable=False),
    sa.Column("valid_from", sa.Double, nullable=False),
    sa.Column("valid_to", sa.Double),
)

FOREIGN_NAMES: Final = sa.Table(
    "foreign_names",
    METADATA,
    sa.Column("gateway", sa.ForeignKey("gateways.id"), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("sensor", sa.String(32), nullable=False),
    sa.Column("quantity", sa.String(64), nullable=False),
)

PERSONS: Final = sa.Table(
    "persons",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("login", sa.String(64), nullable=False, unique=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("role", sa.String(32), nullable=False),
    sa.Column("scope", sa.String(200), nullable=False),
    sa.Column("side", sa.String(16)),
    sa.Column("language", sa.String(16), nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("valid_until", sa.Double),
)

CONTACTS: Final = sa.Table(
    "contacts",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("person", sa.ForeignKey("persons.id"), nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
)

AUDIT: Final = sa.Table(
    "audit",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("who", sa.String(100), nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("object", sa.String(255), nullable=False),
    sa.Column("site", sa.String(32)),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Index("ix_audit_site_at", "site", "at"),
)
