"""Several processes that divide the sites: their leases, their signs of life, and whose each state is."""

from zlib import crc32

import sqlalchemy as sa
from alembic import op

revision = "0005_workers"
down_revision = "0004_judging"
branch_labels = None
depends_on = None

_SHARDS = 16


def upgrade() -> None:
    """Make the tables; number the shards of the states that are there."""
    op.create_table(
        "leases",
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("shard", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("holder", sa.String),
        sa.Column("until", sa.Float, nullable=False),
        sa.Column("term", sa.Integer, nullable=False),
    )
    op.create_table(
        "lease_holders",
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("holder", sa.String, primary_key=True),
        sa.Column("until", sa.Float, nullable=False),
    )
    op.create_table(
        "runner_beats",
        sa.Column("runner", sa.String, primary_key=True),
        sa.Column("instance", sa.String, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
    )
    op.add_column("attempts", sa.Column("holder", sa.String))
    op.add_column("rule_states", sa.Column("shard", sa.SmallInteger, nullable=False, server_default="0"))
    op.create_index("ix_rule_states_shard", "rule_states", ["shard"])
    _number()


def _number() -> None:
    connection = op.get_bind()
    places = connection.execute(sa.text("SELECT DISTINCT zone FROM rule_states")).scalars().all()
    rows = [{"zone": zone, "shard": crc32(zone.partition("/")[0].encode()) % _SHARDS} for zone in places]
    if rows:
        connection.execute(sa.text("UPDATE rule_states SET shard = :shard WHERE zone = :zone"), rows)
