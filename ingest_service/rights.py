"""What each role may do in the server's database: as little as it needs, granted by the owner's role.

The service's role makes no tables and cannot change evidence: on an append-only table it may insert and read.
Grafana's role reads the views of schema ``grafana`` and nothing else. Applying the rights again is harmless.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

GRAFANA_SCHEMA: Final = "grafana"
VERSION_TABLE: Final = "alembic_version"
LEDGER_BOOKKEEPING: Final = frozenset({"repeats", "standings", "gateway_status"})

_TABLES: Final = """
SELECT c.relname, EXISTS (
  SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = c.relname || '_never_update')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') ORDER BY c.relname
"""


def rights_on(table: str, *, append_only: bool) -> tuple[str, ...]:
    """What the service's role may do with a table."""
    if table == VERSION_TABLE:
        return ("SELECT",)
    if append_only:
        return ("SELECT", "INSERT")
    if table in LEDGER_BOOKKEEPING:
        return ("SELECT", "INSERT", "UPDATE")
    return ("SELECT", "INSERT", "UPDATE", "DELETE")


def grant_service(connection: sa.Connection, role: str) -> int:
    """Give the service's role its rights on every table, and take away any other; returns the tables."""
    quoted = _quoted(connection, role)
    schema = _quoted(connection, str(connection.scalar(sa.text("SELECT current_schema()"))))
    tables = connection.execute(sa.text(_TABLES)).all()
    _run(connection, f"GRANT USAGE ON SCHEMA {schema} TO {quoted}")
    for name, append_only in tables:
        table = f"{schema}.{_quoted(connection, name)}"
        _run(connection, f"REVOKE ALL ON {table} FROM PUBLIC, {quoted}")
        wanted = ", ".join(rights_on(name, append_only=append_only))
        _run(connection, f"GRANT {wanted} ON {table} TO {quoted}")
    _run(connection, f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {quoted}")
    _run(connection, f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {quoted}")
    return len(tables)


def missing_rights(connection: sa.Connection, role: str) -> list[str]:
    """What the service's role may not do and has to, or may do and must not; one line for each table."""
    lines = []
    schema = connection.scalar(sa.text("SELECT current_schema()"))
    ask = sa.text("SELECT has_table_privilege(:role, :table, :right)")
    quote = connection.dialect.identifier_preparer.quote
    for name, append_only in connection.execute(sa.text(_TABLES)).all():
        wanted = rights_on(name, append_only=append_only)
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"):
            asked = {"role": role, "table": f"{quote(schema)}.{quote(name)}", "right": right}
            if bool(connection.scalar(ask, asked)) != (right in wanted):
                lines.append(f"{name}: {right} {'is missing' if right in wanted else 'must not be'}")
    return lines


def grant_grafana(connection: sa.Connection, role: str) -> bool:
    """Let the role read what is in schema `grafana`; False when there is no such schema."""
    if GRAFANA_SCHEMA not in sa.inspect(connection).get_schema_names():
        return False
    quoted = _quoted(connection, role)
    _run(connection, f"GRANT USAGE ON SCHEMA {GRAFANA_SCHEMA} TO {quoted}")
    _run(connection, f"GRANT SELECT ON ALL TABLES IN SCHEMA {GRAFANA_SCHEMA} TO {quoted}")
    return True


def _quoted(connection: sa.Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)


def _run(connection: sa.Connection, statement: str) -> None:
    connection.execute(sa.text(statement))
