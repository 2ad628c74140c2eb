"""Is the service ready: can its stores be read, do its runners give signs of life?"""

import sqlite3
import time
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from ingest_service.context import Context
from ingest_service.heartbeat import RUNNERS, signs_of_life
from ingest_service.leases import unheld
from ingest_service.ledger.port import LedgerError
from ingest_service.register.store import read_version
from ingest_service.series.port import SeriesError
from ingest_service.shard_work import is_divided
from ingest_service.shards import SHARDS

TROUBLE: Final = (sa.exc.SQLAlchemyError, sqlite3.Error, LedgerError, SeriesError, OSError)


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
        _store("series", lambda: _series(context)),
        _projection(context),
        *_runners(context),
        *_shards(context),
    ]
    missing = [check.name for check in checks if not check.ready]
    return Readiness(ready=not missing, not_ready=missing, checks=checks)


def _register(context: Context) -> str:
    with context.engine.connect() as connection:
        return f"version {read_version(connection)}"


def _series(context: Context) -> str:
    trouble = context.series.trouble()
    if trouble is not None:
        raise SeriesError(trouble)
    return f"{len(context.series.channels())} channels"


def _store(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name=name, ready=True, detail=look())
    except (LedgerError, SeriesError) as error:  # a sentence with its way out
        return Check(name=name, ready=False, detail=str(error))
    except TROUBLE as error:
        return Check(name=name, ready=False, detail=f"cannot be read: {type(error).__name__}")


def _projection(context: Context) -> Check:
    """Whether what has arrived is on the pages."""
    try:
        behind = context.catching_up.look()
    except TROUBLE as error:
        return Check(name="projection", ready=False, detail=f"cannot be read: {type(error).__name__}")
    since = [one for one in behind if one is not None]
    if not since:
        return Check(name="projection", ready=True, detail="up to date")
    how = "catching up" if behind.standing_still is None else "standing still: look at the projector's log"
    minutes = (context.clock.now() - min(since)) / 60.0
    return Check(name="projection", ready=False, detail=f"{minutes:.0f} min behind the ledger, {how}")


def _runners(context: Context) -> list[Check]:
    """Of each runner one process at least must live."""
    wall = time.time()
    try:
        beats = signs_of_life(context.engine, context.data_dir)
    except OSError as error:
        return [Check(name="runners", ready=False, detail=str(error))]
    checks: list[Check] = []
    for runner in RUNNERS:
        if runner == "web":  # who answers lives
            continue
        found = [beat for beat in beats if beat.runner == runner]
        if not found:
            checks.append(Check(name=runner, ready=False, detail="has never given a sign of life"))
            continue
        fresh = sum(beat.fresh(wall) for beat in found)
        newest = max(beat.at for beat in found)
        age = f"last sign of life {max(0.0, wall - newest):.0f} s ago"
        several = f"{fresh} processes, " if fresh > 1 else ""
        checks.append(Check(name=runner, ready=fresh > 0, detail=several + age))
    return checks


def _shards(context: Context) -> list[Check]:
    """Where processes divide the sites every part of them must have somebody who looks after it."""
    if context.engine.dialect.name == "sqlite":
        return []
    shards = range(SHARDS) if is_divided(context.settings) else range(1)
    checks: list[Check] = []
    for kind in ("projector", "alerts"):
        try:
            free = unheld(context.engine, kind, shards)
        except sa.exc.SQLAlchemyError as error:
            told = f"cannot be read: {type(error).__name__}"
            checks.append(Check(name=f"{kind} shards", ready=False, detail=told))
            continue
        told = f"{len(free)} of {len(shards)} not looked after" if free else "all looked after"
        checks.append(Check(name=f"{kind} shards", ready=not free, detail=told))
    return checks
