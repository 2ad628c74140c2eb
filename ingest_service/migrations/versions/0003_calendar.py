"""Dated facts of zones, what is known of a placed instrument, days off, overtime and seasons."""

import sqlalchemy as sa
from alembic import op

revision = "0003_calendar"
down_revision = "0002_cases"
branch_labels = None
depends_on = None

_DATED = ("metabolic_class", "acclimatised", "clothing_caf", "radiant_source", "women", "men")


def upgrade() -> None:
    """Move the facts of zones into dated rows; what a zone was until now holds since always."""
    _zone_facts()
    op.add_column("placements", sa.Column("globe_diameter_m", sa.Double()))
    op.add_column("placements", sa.Column("serial", sa.String(length=64)))
    _calendar()


def _zone_facts() -> None:
    op.create_table(
        "zone_facts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("zone", sa.String(length=65), nullable=False),
        sa.Column("valid_from", sa.Double(), nullable=False),
        sa.Column("metabolic_class", sa.Integer(), nullable=False),
        sa.Column("acclimatised", sa.Boolean(), nullable=False),
        sa.Column("clothing_caf", sa.Double(), nullable=True),
        sa.Column("radiant_source", sa.Boolean(), nullable=False),
        sa.Column("outdoors", sa.Boolean(), nullable=False),
        sa.Column("women", sa.Integer(), nullable=False),
        sa.Column("men", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["zone"], ["zones.id"], name="fk_zone_facts_zone"),
        sa.PrimaryKeyConstraint("id", name="pk_zone_facts"),
        sa.UniqueConstraint("zone", "valid_from", name="uq_zone_facts_zone_valid_from"),
    )
    facts = ", ".join(_DATED)
    op.execute(
        f"INSERT INTO zone_facts (zone, valid_from, outdoors, {facts}) "  # noqa: S608 - our own column names
        f"SELECT id, 0.0, false, {facts} FROM zones ORDER BY id"
    )
    # Plain statements: rebuilding the table, as Alembic would for SQLite, is refused while placements and
    # facts refer to its rows.
    for column in _DATED:
        op.execute(f"ALTER TABLE zones DROP COLUMN {column}")


def _calendar() -> None:
    op.create_table(
        "days_off",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("cancelled_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["site"], ["sites.id"], name="fk_days_off_site"),
        sa.PrimaryKeyConstraint("id", name="pk_days_off"),
    )
    op.create_index("ix_days_off_site", "days_off", ["site"], unique=False)
    op.create_table(
        "overtime",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("shift", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("until", sa.Time(), nullable=False),
        sa.Column("breaks", sa.JSON(), nullable=False),
        sa.Column("cancelled_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["site"], ["sites.id"], name="fk_overtime_site"),
        sa.PrimaryKeyConstraint("id", name="pk_overtime"),
    )
    op.create_index("ix_overtime_site", "overtime", ["site"], unique=False)
    op.create_table(
        "seasons",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("shifts", sa.JSON(), nullable=False),
        sa.Column("cancelled_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["site"], ["sites.id"], name="fk_seasons_site"),
        sa.PrimaryKeyConstraint("id", name="pk_seasons"),
    )
    op.create_index("ix_seasons_site", "seasons", ["site"], unique=False)
