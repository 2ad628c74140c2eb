"""The tables that are written only to be seen through the views."""

from typing import Final

import sqlalchemy as sa

from ingest_service.database import METADATA

# The limits in force in each zone as of the last look: what a chart draws and a table names.
LIMIT_LINES: Final = sa.Table(
    "limit_lines",
    METADATA,
    sa.Column("zone", sa.String(65), primary_key=True),
    sa.Column("pack", sa.String(64), primary_key=True),
    sa.Column("rule", sa.String(64), primary_key=True),
    sa.Column("site", sa.String(32), nullable=False, index=True),
    sa.Column("hazard", sa.String(16), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("unit", sa.String(16), nullable=False),
    sa.Column("strict", sa.Boolean, nullable=False),
    sa.Column("at_least", sa.Boolean, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("instrument", sa.Text, nullable=False),
    sa.Column("clause", sa.Text, nullable=False),
    sa.Column("confidence", sa.String(32), nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("layer", sa.String(16), nullable=False),
    sa.Column("band_low", sa.Double),
    sa.Column("band_high", sa.Double),
    # Whether its verdicts are the hours above a limit of its quantity: the pages count the same rules.
    sa.Column("counted", sa.Boolean, nullable=False),
)

# What dashboards need to know of this installation, so that nobody edits one by hand.
INSTALLATION: Final = sa.Table(
    "installation",
    METADATA,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
