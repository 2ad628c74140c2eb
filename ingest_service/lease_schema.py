"""The tables by which several processes divide the work, on the same metadata as the register.

All instants are of the database's clock [s since 1970 UTC]: the clocks of two machines may differ.
"""

from typing import Any, Final

import sqlalchemy as sa

from ingest_service.database import METADATA

LEASES: Final = sa.Table(
    "leases",
    METADATA,
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("holder", sa.String),
    sa.Column("until", sa.Float, nullable=False),
    sa.Column("term", sa.Integer, nullable=False),
)

LEASE_HOLDERS: Final = sa.Table(
    "lease_holders",
    METADATA,
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("holder", sa.String, primary_key=True),
    sa.Column("until", sa.Float, nullable=False),
)

RUNNER_BEATS: Final = sa.Table(
    "runner_beats",
    METADATA,
    sa.Column("runner", sa.String, primary_key=True),
    sa.Column("instance", sa.String, primary_key=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
)


def database_time(connection: sa.Connection) -> float:
    """The database's clock at this moment, not at the beginning of the transaction."""
    if connection.dialect.name == "sqlite":
        query: Any = sa.select((sa.func.julianday("now") - 2440587.5) * 86400.0)
    else:
        query = sa.select(sa.cast(sa.func.extract("epoch", sa.func.clock_timestamp()), sa.Float))
    return float(connection.execute(query).scalar_one())
