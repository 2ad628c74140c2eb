"""Tables of sign-in. Every secret is kept as a hash only."""

from typing import Final

import sqlalchemy as sa

from ingest_service.database import METADATA

CREDENTIALS: Final = sa.Table(
    "credentials",
    METADATA,
    sa.Column("person", sa.ForeignKey("persons.id"), primary_key=True),
    sa.Column("password_hash", sa.String(255), nullable=False),
    sa.Column("changed_at", sa.Double, nullable=False),
)

SESSIONS: Final = sa.Table(
    "sessions",
    METADATA,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("person", sa.ForeignKey("persons.id"), nullable=False, index=True),
    sa.Column("csrf", sa.String(64), nullable=False),
    sa.Column("begun_at", sa.Double, nullable=False),
    sa.Column("used_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
)

TOKENS: Final = sa.Table(
    "tokens",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("label", sa.String(100), nullable=False),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("person", sa.ForeignKey("persons.id"), nullable=False, index=True),
    sa.Column("actions", sa.JSON, nullable=False),
    sa.Column("scope", sa.String(200), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double),
    sa.Column("revoked_at", sa.Double),
    sa.Column("used_at", sa.Double),
)

SIGN_INS: Final = sa.Table(
    "sign_in_failures",
    METADATA,
    sa.Column("subject", sa.String(120), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("blocked_until", sa.Double, nullable=False),
)
