"""A place for a ledger on either engine, which tests open, tamper with and compare."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingest_service.ledger.port import Ledger
from ingest_service.ledger.schema import EVIDENCE
from ingest_service.settings import Settings
from ingest_service.stores import open_ledger_of
from tests.postgres import Postgres

ENGINES = ("sqlite", "postgresql")


@dataclass
class LedgerPlace:
    """Opened as often as one likes: each is what another process would have."""

    settings: Settings
    tamper: Callable[..., None]
    """Run a statement past the ledger, in earnest; ``as_owner`` with all rights that there are."""
    refusals: type[Exception] = sqlite3.Error
    postgres: Postgres | None = None

    def open(self, *, read_only: bool = False) -> Ledger:
        return open_ledger_of(self.settings, read_only=read_only)

    def first_column(self, table: str) -> str:
        """Some column of an evidence table."""
        first = {"batches": "site", "quarantine": "code", "quarantine_events": "who", "day_roots": "word"}
        return first.get(table, "document")

    def unguard(self, table: str) -> None:
        """Take the guard against changes away, as somebody who owns the database could."""
        on = f" ON {table}" if self.postgres else ""
        assert table in EVIDENCE
        self.tamper(f"DROP TRIGGER {table}_{'never_' if self.postgres else ''}update{on}", as_owner=True)


def ledger_place(request: pytest.FixtureRequest, folder: Path) -> LedgerPlace:
    """The place that the parameter of the fixture asks for."""
    if request.param == "sqlite":
        return LedgerPlace(
            Settings(data_dir=folder), lambda sql, **_: _in_file(folder / "ledger.sqlite", sql)
        )
    postgres: Postgres = request.getfixturevalue("postgres")

    def tamper(sql: str, *, as_owner: bool = False) -> None:
        address = postgres.owner_url if as_owner else postgres.url
        with psycopg.connect(address.replace("+psycopg", "")) as connection:
            connection.execute(sql.encode())

    return LedgerPlace(postgres.settings(folder), tamper, psycopg.Error, postgres)


def _in_file(path: Path, sql: str) -> Any:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql)
