"""Proposals to end a whole gateway, beside those to end one of its keys."""

import sqlalchemy as sa
from alembic import op

revision = "0011_revocations"
down_revision = "0010_day_lines"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a proposal name a gateway without a key."""
    with op.batch_alter_table("key_revocations") as table:
        table.alter_column("kid", existing_type=sa.String(16), nullable=True)
        table.add_column(
            sa.Column(
                "gateway",
                sa.String(32),
                sa.ForeignKey("gateways.id", name="fk_key_revocations_gateway"),
            )
        )
    op.create_index("ix_key_revocations_gateway", "key_revocations", ["gateway"])
    op.execute(
        "UPDATE key_revocations SET gateway ="
        " (SELECT gateway FROM gateway_keys WHERE gateway_keys.kid = key_revocations.kid)"
    )
