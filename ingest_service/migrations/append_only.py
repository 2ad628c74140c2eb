"""Triggers that keep a table append-only, whoever opens the database."""

from alembic import op

_SQLITE = """CREATE TRIGGER {table}_never_{verb} BEFORE {VERB} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""

_POSTGRESQL_FUNCTION = """CREATE OR REPLACE FUNCTION oshwatch_append_only() RETURNS trigger AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$ LANGUAGE plpgsql"""
_POSTGRESQL = """CREATE TRIGGER {table}_never_{verb} BEFORE {VERB} ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION oshwatch_append_only()"""


def append_only(table: str) -> None:
    """Make updates and deletes of the table's rows fail; for use in a migration."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    if not sqlite:
        op.execute(_POSTGRESQL_FUNCTION)
    for verb in ("update", "delete") if sqlite else ("update", "delete", "truncate"):
        op.execute((_SQLITE if sqlite else _POSTGRESQL).format(table=table, verb=verb, VERB=verb.upper()))
