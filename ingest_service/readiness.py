"""Is the service ready: can its stores be read, do its runners give signs of life?"""

import sqlite3
import time
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from ingest_service.context import Context
from ingest_service.heartbeat import RUNNERS, read_all
from ingest_service.ledger.port import LedgerError
from ingest_service.register.store import read_version
from ingest_service.series.port import SeriesError

_TROUBLE: Final = (sa.exc.SQLAlchemyError, sqlite3.Error, LedgerError, SeriesError, OSError)


class Check(BaseModel):
    """One thing that must be so."""

    model_config = ConfigDict(frozen=True)

    name: str
    ready: bool
    detail: str


class Readiness(BaseModel):
    """The answer; `not_ready` names what is missing."""

    model_config = ConfigDict(frozen=True)

    ready: bool
    not_ready: list[str]
    checks: list[Check]


def readiness(context: Context) -> Readiness:
    """Look at every store and every other runner now."""
    checks = [
        _store("register", lambda: _register(context)),
        _store("ledger", lambda: f"row {context.ledger.last_row()}"),
        _store("series", lambda: f"{len(context.series.channels())} channels"),
        _projection(context),
        *_runners(context),
    ]
    missing = [check.name for check in checks if not check.ready]
    return Readiness(ready=not missing, not_ready=missing, checks=checks)


def _register(context: Context) -> str:
    with context.engine.connect() as connection:
        return f"version {read_version(connection)}"


def _store(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name=name, ready=True, detail=look())
    except _TROUBLE as error:
        return Check(name=name, ready=False, detail=f"cannot be read: {type(error).__name__}")


def _projection(context: Context) -> Check:
    """Whether what has arrived is on the pages."""
    try:
        since = context.catching_up.since()
    except _TROUBLE as error:
        return Check(name="projection", ready=False, detail=f"cannot be read: {type(error).__name__}")
    if since is None:
        return Check(name="projection", ready=True, detail="up to date")
    behind = (context.clock.now() - since) / 60.0
    return Check(name="projection", ready=False, detail=f"{behind:.0f} min behind the ledger, catching up")


def _runners(context: Context) -> list[Check]:
    wall, beats = time.time(), read_all(context.data_dir)
    checks: list[Check] = []
    for runner in RUNNERS:
        if runner == "web":  # who answers lives
            continue
        beat = beats.get(runner)
        if beat is None:
            checks.append(Check(name=runner, ready=False, detail="has never given a sign of life"))
        else:
            age = f"last sign of life {max(0.0, wall - beat.at):.0f} s ago"
            checks.append(Check(name=runner, ready=beat.fresh(wall), detail=age))
    return checks
