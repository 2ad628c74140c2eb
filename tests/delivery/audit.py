"""Whether every promise was kept: what was measured is in the ledger once, and the series is the ledger's."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path
from typing import NamedTuple

from ingest_service.database import open_database
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.projection import Projector
from ingest_service.register.store import Register
from ingest_service.series.sqlite import open_series
from oshwatch.truth_check import TruthReport, check


class Audit(NamedTuple):
    """What was found; `kept` is the verdict."""

    truth: TruthReport
    broken_rows: list[int]
    points: int
    series_is_the_ledgers: bool

    @property
    def kept(self) -> bool:
        return (
            self.truth.exact
            and not self.broken_rows
            and self.series_is_the_ledgers
            and not self.truth.waiting
        )


def audit(truth_file: Path, data_dir: Path, fleet_dir: Path, scratch: Path) -> Audit:
    """Compare everything with everything; nothing may run any more."""
    report = check(truth_file, data_dir, fleet_dir)
    ledger = open_ledger(data_dir, read_only=True)
    try:
        broken = list(ledger.broken_rows())
    finally:
        ledger.close()
    live = points(data_dir / "series.sqlite")
    return Audit(report, broken, live[0], points(_projected_again(data_dir, scratch)) == live)


def _projected_again(data_dir: Path, scratch: Path) -> Path:
    """The series made from the ledger in one go, in a folder of its own."""
    ledger, series = open_ledger(data_dir, read_only=True), open_series(scratch)
    engine = open_database(data_dir)
    try:
        projector = Projector(ledger, series, Register(engine).snapshot)
        while projector.step(500):
            pass
    finally:
        series.close()
        engine.dispose()
        ledger.close()
    return scratch / "series.sqlite"


def points(path: Path) -> tuple[int, str]:
    """How many points a series holds, and a hash over all of them by channel name, time and value."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    digest, count = hashlib.sha256(), 0
    try:
        rows = connection.execute(
            "SELECT gateway, sensor, quantity, time_us, value, flags FROM points "
            "JOIN channels ON channels.id = points.channel ORDER BY gateway, sensor, quantity, time_us"
        )
        for row in rows:
            digest.update(repr(row).encode())
            count += 1
    finally:
        connection.close()
    return count, digest.hexdigest()
