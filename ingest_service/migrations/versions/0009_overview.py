"""What is kept of the overview of very many factories."""

import sqlalchemy as sa
from alembic import op

revision = "0009_overview"
down_revision = "0008_grafana"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; they are filled anew by the alerts runner."""
    op.create_table(
        "overview_lines",
        sa.Column("hazard", sa.String(16), primary_key=True),
        sa.Column("span", sa.String(16), primary_key=True),
        sa.Column("site", sa.String(32), primary_key=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("above", sa.BigInteger(), nullable=False),
        sa.Column("within", sa.BigInteger(), nullable=False),
        sa.Column("expected", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "overview_calendars",
        sa.Column("hazard", sa.String(16), primary_key=True),
        sa.Column("site", sa.String(32), primary_key=True),
        sa.Column("line", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Take the tables away."""
    op.drop_table("overview_calendars")
    op.drop_table("overview_lines")
