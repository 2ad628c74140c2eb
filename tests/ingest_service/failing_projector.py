"""A real projector whose ledger fails it at the batches of one configuration; for a process of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from ingest_service.ledger.port import Ledger
from ingest_service.projection import Projector
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.row_guard import RowGuard
from ingest_service.series.sqlite import open_series
from ingest_service.set_aside import SetAside
from ingest_service.settings import Settings
from ingest_service.stores import open_ledger_of
from ingest_service.trials import FOLDER, Trials
from tests.ingest_service.gateways import NOW, snapshot


def project(data_dir: Path, how: str, bad: str, apart_s: float = 0.0) -> None:
    """Project everything, and what was ordered. ``how``: raise, kill or never, at configuration ``bad``."""
    project_of(Settings(data_dir=data_dir), data_dir, how, bad, apart_s=apart_s)


def project_of(
    settings: Settings,
    series_dir: Path,
    how: str,
    bad: str,
    *,
    shard: int | None = None,
    apart_s: float = 0.0,
    register: Callable[[], RegisterSnapshot] = snapshot,
) -> None:
    """The same of one shard (None: of everything), from the ledger of the settings."""
    ledger = open_ledger_of(settings, read_only=True)
    _fail_at(ledger, bad, how)
    trials = Trials(settings.data_dir / FOLDER / f"projector-{shard}", apart_s=apart_s)
    aside = SetAside(ledger, lambda: open_ledger_of(settings), lambda: NOW, shard)
    projector = Projector(ledger, open_series(series_dir), register, shard, RowGuard(trials, aside))
    while projector.step(4):
        pass


def _fail_at(ledger: Ledger, bad: str, how: str) -> None:
    """Let the ledger's own reader of configurations fail for one of them."""
    read = ledger.configuration

    def failing(hash_: str) -> str | None:
        if hash_ == bad and how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if hash_ == bad and how == "raise":
            raise RuntimeError("nobody foresaw this")
        return read(hash_)

    ledger.configuration = failing  # type: ignore[method-assign]
