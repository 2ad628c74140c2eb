"""Cases, their history, signatures, actions, notices and attempts; the rules' states and judgements."""

import sqlalchemy as sa
from alembic import op

revision = "0002_cases"
down_revision = "0001_register"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and the triggers that keep the history append-only."""
    _cases()
    _what_people_did()
    _what_people_were_told()
    _what_the_runner_keeps()
    for table in ("case_events", "signatures"):
        _append_only(table)


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("key", sa.String, nullable=False, unique=True),
        sa.Column("site", sa.String, nullable=False),
        sa.Column("zone", sa.String),
        sa.Column("subject", sa.String, nullable=False, server_default=""),
        sa.Column("hazard", sa.String, nullable=False),
        sa.Column("rule", sa.String, nullable=False),
        sa.Column("pack", sa.String, nullable=False),
        sa.Column("pack_version", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("severity", sa.String, nullable=False),
        sa.Column("opened_at", sa.Float, nullable=False),
        sa.Column("cleared_at", sa.Float),
        sa.Column("closed_at", sa.Float),
        sa.Column("event", sa.JSON, nullable=False),
    )
    op.create_index("ix_cases_state_site", "cases", ["state", "site"])
    op.create_index("ix_cases_site_opened_at", "cases", ["site", "opened_at"])
    op.create_index("ix_cases_zone_hazard", "cases", ["zone", "hazard"])
    op.create_table(
        "case_events",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.id"), nullable=False, index=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("who", sa.String),
        sa.Column("side", sa.String),
        sa.Column("text", sa.Text, nullable=False, server_default=""),
        sa.Column("data", sa.JSON, nullable=False),
    )


def _what_people_did() -> None:
    op.create_table(
        "signatures",
        sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.id"), primary_key=True),
        sa.Column("side", sa.String, primary_key=True),
        sa.Column("person", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_table(
        "actions",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.id"), nullable=False, index=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("person", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("side", sa.String),
        sa.Column("due_at", sa.Float),
        sa.Column("done_at", sa.Float),
        sa.Column("at", sa.Float, nullable=False),
    )


def _what_people_were_told() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("key", sa.String, nullable=False, unique=True),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.id"), nullable=False, index=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("person", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("side", sa.String),
        sa.Column("contact_id", sa.String),
        sa.Column("contact_kind", sa.String, nullable=False, server_default=""),
        sa.Column("language", sa.String, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("due_at", sa.Float, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_index("ix_notices_state_due_at", "notices", ["state", "due_at"])
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("notice_id", sa.Integer, sa.ForeignKey("notices.id"), nullable=False, index=True),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("finished_at", sa.Float),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("detail", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("ix_attempts_outcome", "attempts", ["outcome"])


def _what_the_runner_keeps() -> None:
    op.create_table(
        "rule_states",
        sa.Column("zone", sa.String, primary_key=True),
        sa.Column("rule", sa.String, primary_key=True),
        sa.Column("state", sa.JSON, nullable=False),
        sa.Column("judged_to", sa.Integer, nullable=False),
    )
    op.create_table(
        "judgements",
        sa.Column("zone", sa.String, primary_key=True),
        sa.Column("rule", sa.String, primary_key=True),
        sa.Column("minute", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("verdict", sa.String, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "runner_cursors",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )


def _append_only(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{deed.lower()} BEFORE {deed} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_is_append_only()"
    )
