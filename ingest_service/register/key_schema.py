"""Tables of what is known about the keys of gateways, and of signs that two machines use one identity."""

from typing import Final

import sqlalchemy as sa

from ingest_service.database import METADATA

KEY_STATEMENTS: Final = sa.Table(
    "key_statements",
    METADATA,
    sa.Column("kid", sa.ForeignKey("gateway_keys.kid"), primary_key=True),
    sa.Column("gateway", sa.ForeignKey("gateways.id"), nullable=False, index=True),
    sa.Column("replaces", sa.String(16), nullable=False),
    sa.Column("epoch", sa.String(16), nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("batch_hash", sa.String(43), nullable=False),
    sa.Column("received_at", sa.Double, nullable=False),
    sa.Column("frame", sa.LargeBinary, nullable=False),
)
"""The sealed batch by which one key introduced the next, inflated, as it was received."""

KEY_REVOCATIONS: Final = sa.Table(
    "key_revocations",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("gateway", sa.ForeignKey("gateways.id"), index=True),
    sa.Column("kid", sa.ForeignKey("gateway_keys.kid"), index=True),
    sa.Column("good_up_to", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("proposed_by", sa.String(100), nullable=False),
    sa.Column("proposed_at", sa.Double, nullable=False),
    sa.Column("decision", sa.String(16)),
    sa.Column("decided_by", sa.String(100)),
    sa.Column("decided_at", sa.Double),
)
"""Proposals of one person to end a key, or (`kid` NULL) a gateway; in force once another one has `confirmed`
them."""

CLONE_SIGNS: Final = sa.Table(
    "clone_signs",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("gateway", sa.String(32), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("detail", sa.String(300), nullable=False),
    sa.Index("ix_clone_signs_gateway_at", "gateway", "at"),
)

GATEWAY_BOOTS: Final = sa.Table(
    "gateway_boots",
    METADATA,
    sa.Column("gateway", sa.String(32), primary_key=True),
    sa.Column("boot", sa.String(64), primary_key=True),
    sa.Column("epoch", sa.String(64)),
    sa.Column("conn", sa.BigInteger),
    sa.Column("last_at", sa.Double, nullable=False),
)
"""The newest boots that each gateway said it was in; bookkeeping, not evidence."""
