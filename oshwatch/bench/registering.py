"""Registering thousands of factories in seconds: a few are registered in earnest, the others copy their rows.

Only for benchmarks: the register itself checks and records every single change, which takes some 40 ms for a
factory of five zones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from ingest_service.database import write

Row = dict[str, Any]
Rows = dict[str, list[Row]]
_NOT_COPIED: Final = frozenset({"audit", "register_version", "alembic_version"})
_AT_ONCE: Final = 500


class Copy(NamedTuple):
    """Rows of a pattern with other words in their texts (longer ones first) and other values in columns."""

    pattern: Rows
    words: Mapping[str, str]
    columns: Mapping[str, Any]


class Registered:
    """The register's tables as they stand, to make patterns of."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._tables = sa.MetaData()
        self._tables.reflect(engine)

    def pattern(self, *words: str, without: Iterable[str] = ()) -> Rows:
        """Rows that name one of the words and none `without`, by table."""
        found: Rows = {}
        with self._engine.connect() as connection:
            for table in self._tables.sorted_tables:
                if table.name not in _NOT_COPIED:
                    rows = [dict(row) for row in connection.execute(sa.select(table)).mappings()]
                    kept = [row for row in rows if _names(row, words) and not _names(row, without)]
                    if kept:
                        found[table.name] = [_without_number(table, row) for row in kept]
        return found

    def fill(self, copies: Iterable[Copy]) -> None:
        """Write the copies, so many at a time, and tell readers of the register that it is another."""
        left = iter(copies)
        while some := list(islice(left, _AT_ONCE)):
            with write(self._engine) as connection:
                for table in self._tables.sorted_tables:
                    rows = [row for copy in some for row in _rows(copy, table.name)]
                    if rows:
                        connection.execute(sa.insert(table), rows)
                version = self._tables.tables["register_version"]
                connection.execute(sa.update(version).values(version=version.c.version + 1))


def _rows(copy: Copy, table: str) -> Iterator[Row]:
    for row in copy.pattern.get(table, []):
        changed = {name: _said(value, copy.words) for name, value in row.items()}
        yield changed | {name: value for name, value in copy.columns.items() if name in row}


def _said(value: Any, words: Mapping[str, str]) -> Any:
    if not isinstance(value, str):
        return value
    for word, other in words.items():
        if word in value:
            return value.replace(word, other)
    return value


def _names(row: Row, words: Iterable[str]) -> bool:
    return any(word in value for value in row.values() if isinstance(value, str) for word in words)


def _without_number(table: sa.Table, row: Row) -> Row:
    """Leave out the number that the database gives."""
    key = list(table.primary_key.columns)
    if len(key) == 1 and isinstance(key[0].type, sa.Integer):
        return {name: value for name, value in row.items() if name != key[0].name}
    return row
