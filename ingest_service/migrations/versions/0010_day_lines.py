"""Notices that are of no case: the day's line for both sides of each committee."""

import sqlalchemy as sa
from alembic import op

revision = "0010_day_lines"
down_revision = "0009_overview"
branch_labels = None
depends_on = None

_NAMES = "id, notice_id, started_at, finished_at, outcome, detail, holder"


def upgrade() -> None:
    """Let a notice stand without a case."""
    if op.get_bind().dialect.name == "sqlite":
        _rebuild()
    else:
        op.alter_column("notices", "case_id", existing_type=sa.Integer(), nullable=True)


def _rebuild() -> None:
    """SQLite changes a column by making its table anew, which must not take the attempts that point at it
    along; so these are put aside meanwhile."""
    op.execute("CREATE TABLE attempts_aside AS SELECT * FROM attempts")
    op.drop_table("attempts")
    with op.batch_alter_table("notices") as notices:
        notices.alter_column("case_id", existing_type=sa.Integer(), nullable=True)
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("notice_id", sa.Integer, sa.ForeignKey("notices.id"), nullable=False, index=True),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("finished_at", sa.Float),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("detail", sa.Text, nullable=False, server_default=""),
        sa.Column("holder", sa.String),
    )
    op.create_index("ix_attempts_outcome", "attempts", ["outcome"])
    op.execute(f"INSERT INTO attempts ({_NAMES}) SELECT {_NAMES} FROM attempts_aside")  # noqa: S608
    op.drop_table("attempts_aside")
