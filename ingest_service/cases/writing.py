"""Small ways to write rows that every part of the cases shares."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ingest_service.cases.schema import CASE_EVENTS

Rows = Sequence[Mapping[str, Any]]


def upsert(connection: sa.Connection, table: sa.Table, rows: Rows) -> None:
    """Insert rows; where the primary key is there already, replace the other columns."""
    if not rows:
        return
    statement = _insert(connection)(table)
    keys = [column.name for column in table.primary_key]
    others = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=others), list(rows))


def upsert_rows(connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """The same for very many rows of all columns, in the table's order; rows that are equal are not written.

    Goes by the driver's own statement where that is quicker: most of the time would go into naming values.
    """
    if not rows:
        return
    names = [column.name for column in table.columns]
    if connection.dialect.name != "sqlite":
        upsert(connection, table, [dict(zip(names, row, strict=True)) for row in rows])
        return
    keys = [column.name for column in table.primary_key]
    others = [name for name in names if name not in keys]
    same = " AND ".join(f"{name} IS excluded.{name}" for name in others)
    sql = (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "  # noqa: S608
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET "
        f"{', '.join(f'{name} = excluded.{name}' for name in others)} WHERE NOT ({same})"
    )
    connection.exec_driver_sql(sql, list(rows))


def delete_rows(connection: sa.Connection, table: sa.Table, keys: Sequence[tuple[Any, ...]]) -> None:
    """Delete rows by their primary keys, each in the table's order."""
    if not keys:
        return
    columns = list(table.primary_key)
    statement = sa.delete(table).where(*(column == sa.bindparam(f"k_{column.name}") for column in columns))
    names = [f"k_{column.name}" for column in columns]
    connection.execute(statement, [dict(zip(names, key, strict=True)) for key in keys])


def insert_new(connection: sa.Connection, table: sa.Table, rows: Rows) -> None:
    """Insert rows; those that break a unique key are there already and are left as they are."""
    if rows:
        connection.execute(_insert(connection)(table).on_conflict_do_nothing(), list(rows))


def add_history(
    connection: sa.Connection,
    case_id: int,
    at: float,
    kind: str,
    *,
    text: str = "",
    who: str | None = None,
    side: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> int:
    """Append one line to a case's history; returns its id."""
    row = {
        "case_id": case_id,
        "at": at,
        "kind": kind,
        "who": who,
        "side": side,
        "text": text,
        "data": dict(data or {}),
    }
    return insert_one(connection, CASE_EVENTS, row)


def insert_one(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> int:
    """Insert one row; returns its id."""
    made = connection.execute(sa.insert(table).values(dict(row))).inserted_primary_key
    if made is None:  # only for several rows at once
        raise AssertionError(f"{table.name} gave no key")
    return int(made[0])


def _insert(connection: sa.Connection) -> Any:
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
