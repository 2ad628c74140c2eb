"""Signatures of each occasion, counts of judged shifts, and the states of a zone's rules in one row."""

import json
from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from alembic import op

from ingest_service.migrations.append_only import append_only

revision = "0004_judging"
down_revision = "0003_calendar"
branch_labels = None
depends_on = None

_OTHER_STATES = ("silence",)


def upgrade() -> None:
    """Keep every signature, with the occasion it was given for; keep where every rule stands."""
    _signatures()
    op.create_table(
        "judged_shifts",
        sa.Column("zone", sa.String, primary_key=True),
        sa.Column("rule", sa.String, primary_key=True),
        sa.Column("start", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("end", sa.Integer, nullable=False),
        sa.Column("above", sa.Integer, nullable=False),
        sa.Column("within", sa.Integer, nullable=False),
        sa.Column("cannot_tell", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    _states()


def _signatures() -> None:
    op.create_table(
        "signatures_of_occasions",
        sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.id"), primary_key=True),
        sa.Column("occasion", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("side", sa.String, primary_key=True),
        sa.Column("person", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    # A signature was for what its case had come to when it was given.
    op.execute(
        "INSERT INTO signatures_of_occasions (case_id, occasion, side, person, name, at) "
        "SELECT s.case_id, coalesce((SELECT max(e.id) FROM case_events e WHERE e.case_id = s.case_id "
        "AND e.kind IN ('opened', 'worsened', 'raised_again') AND e.at <= s.at), 0), "
        "s.side, s.person, s.name, s.at "
        "FROM signatures s"
    )
    op.drop_table("signatures")
    op.rename_table("signatures_of_occasions", "signatures")
    append_only("signatures")


def _states() -> None:
    """One row a rule becomes one row a zone, in the form that the alert runner writes."""
    bind = op.get_bind()
    table = sa.table(
        "rule_states",
        sa.column("zone", sa.String),
        sa.column("rule", sa.String),
        sa.column("state", sa.JSON),
        sa.column("judged_to", sa.Integer),
    )
    zones: dict[str, dict[str, Any]] = defaultdict(dict)
    judged: dict[str, int] = defaultdict(int)
    rows = bind.execute(sa.select(table).where(table.c.rule.not_in(_OTHER_STATES))).all()
    for row in rows:
        state = row.state if isinstance(row.state, dict) else json.loads(row.state)
        live = state["live"]
        zones[row.zone][row.rule] = [*live, live[1] + 1, "", *live]
        judged[row.zone] = max(judged[row.zone], row.judged_to)
    bind.execute(sa.delete(table).where(table.c.rule.not_in(_OTHER_STATES)))
    for zone, tracks in zones.items():
        state = {"tracks": tracks, "raised": {}}
        values = {"zone": zone, "rule": "exposures", "state": state, "judged_to": judged[zone]}
        bind.execute(sa.insert(table).values(values))
