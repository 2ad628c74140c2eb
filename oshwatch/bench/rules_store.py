"""A year of stored exposures of one factory, for the benchmark of the backtest: made, not measured."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from alert_rules.backtest_zone import PERIODS
from alert_rules.pack_format import exposure_kinds
from alert_rules.pack_model import Pack
from ingest_service.database import migrate, open_database
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from ingest_service.rollup.kinds import KINDS
from ingest_service.series.sqlite import FILE_NAME, open_series
from osh_domain.exposure import CALCULATION
from osh_domain.exposure.heat_stress import MEASURED_GLOBE
from osh_domain.quality import Grade
from oshwatch.bench.rules_fleet import Fleet, description, usual_values

FIRST_DAY: Final = date(2025, 1, 1)
LAST_DAY: Final = date(2025, 12, 31)
MINUTES: Final = 365 * 1440
DAY: Final = 1440
_SEED: Final = 3
_SHIFTS: Final = (("early", "06:00", "14:00"), ("late", "14:00", "22:00"))
_INSERT: Final = (
    "INSERT INTO exposures(zone, kind, minute, value, coverage, expected, received, worst_gap_s, method, "
    "grade, revision, calc, change) VALUES (?, ?, ?, ?, ?, 60, 60, 0, ?, ?, 0, ?, 0)"
)
# The pages of the file are filled in the order of its key, so copying inside the store is all it takes.
_COPY: Final = (
    "INSERT INTO exposures SELECT ?, kind, minute, value + ?, coverage, expected, received, worst_gap_s, "
    "method, grade, revision, calc, change FROM exposures WHERE zone = ?"
)


def make(data_dir: Path, zones: int, packs: Sequence[Pack]) -> int:
    """Fill an empty data directory; returns the number of stored exposures."""
    described = description(Fleet(1, zones))
    site = described["sites"][0]
    site["shifts"] = [
        {"name": name, "start": start, "end": end, "days": ["mon", "tue", "wed", "thu", "fri", "sat"]}
        for name, start, end in _SHIFTS
    ]
    _register(data_dir, described)
    open_series(data_dir).close()
    names = [f"{site['id']}/{zone['id']}" for zone in site["zones"]]
    with closing(sqlite3.connect(data_dir / FILE_NAME, isolation_level=None)) as connection:
        # Nothing here has to outlive a power cut, and nobody asks for changes.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("DROP INDEX exposures_by_change")
        connection.execute("BEGIN")
        for kind in sorted(exposure_kinds(packs)):
            connection.executemany(_INSERT, _rows(names[0], kind, usual_values(packs)[kind]))
        for number, name in enumerate(names[1:], start=1):
            connection.execute(_COPY, (name, 0.01 * number, names[0]))
        (stored,) = connection.execute("SELECT count(*) FROM exposures").fetchone()
        connection.execute("COMMIT")
    return int(stored)


def _register(data_dir: Path, described: dict[str, Any]) -> None:
    engine = open_database(data_dir)
    try:
        migrate(engine)
        import_description(Register(engine), described, who="bench")
    finally:
        engine.dispose()


def _rows(zone: str, kind: str, limit: float) -> list[tuple[object, ...]]:
    """Every minute of the year, or every day of kinds that have a row a day: a daily and a yearly course that
    passes the limit in hot afternoons, a gap of some hours a month, and some minutes of little coverage."""
    drawn = np.random.default_rng([_SEED, len(kind), sum(kind.encode())])
    begins = int(datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC).timestamp()) // 60 - DAY
    step = DAY if kind.partition(".")[2] in PERIODS else 1
    minute = np.arange(begins, begins + MINUTES + 2 * DAY, step)
    course = 0.94 + 0.05 * np.sin(2 * np.pi * minute / DAY) + 0.02 * np.sin(2 * np.pi * minute / MINUTES)
    value = limit * (course + 0.002 * drawn.standard_normal(len(minute)))
    coverage = np.where(drawn.random(len(minute)) < 0.01, 0.5, 1.0)
    kept = minute % (30 * DAY) > 200
    method = next((one.method for one in KINDS if one.name == kind and one.method), MEASURED_GLOBE)
    told = (method, int(Grade.B), CALCULATION)
    return [
        (zone, kind, *row, *told)
        for row in zip(minute[kept].tolist(), value[kept].tolist(), coverage[kept].tolist(), strict=True)
    ]
