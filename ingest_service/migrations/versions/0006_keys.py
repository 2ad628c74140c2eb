"""Keys of gateways that follow one another, revocations by two people, signs of copied gateways."""

import sqlalchemy as sa
from alembic import op

revision = "0006_keys"
down_revision = "0005_workers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what a key says besides its beginning and its end; make the tables beside it."""
    for column in (
        sa.Column("valid_to", sa.Double()),
        sa.Column("good_up_to", sa.Text(), nullable=False, server_default=""),
        sa.Column("replaces", sa.String(16)),
        sa.Column("stated_in", sa.String(40)),
        sa.Column("used_from", sa.String(40)),
    ):
        op.add_column("gateway_keys", column)
    op.create_table(
        "key_statements",
        sa.Column("kid", sa.String(16), sa.ForeignKey("gateway_keys.kid"), primary_key=True),
        sa.Column("gateway", sa.String(32), sa.ForeignKey("gateways.id"), nullable=False),
        sa.Column("replaces", sa.String(16), nullable=False),
        sa.Column("epoch", sa.String(16), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("batch_hash", sa.String(43), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.Column("frame", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_key_statements_gateway", "key_statements", ["gateway"])
    op.create_table(
        "key_revocations",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("kid", sa.String(16), sa.ForeignKey("gateway_keys.kid"), nullable=False),
        sa.Column("good_up_to", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.String(100), nullable=False),
        sa.Column("proposed_at", sa.Double(), nullable=False),
        sa.Column("decision", sa.String(16)),
        sa.Column("decided_by", sa.String(100)),
        sa.Column("decided_at", sa.Double()),
    )
    op.create_index("ix_key_revocations_kid", "key_revocations", ["kid"])
    op.create_table(
        "clone_signs",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("gateway", sa.String(32), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("detail", sa.String(300), nullable=False),
    )
    op.create_index("ix_clone_signs_gateway_at", "clone_signs", ["gateway", "at"])
    op.create_table(
        "gateway_boots",
        sa.Column("gateway", sa.String(32), primary_key=True),
        sa.Column("boot", sa.String(64), primary_key=True),
        sa.Column("epoch", sa.String(64)),
        sa.Column("conn", sa.BigInteger()),
        sa.Column("last_at", sa.Double(), nullable=False),
    )
