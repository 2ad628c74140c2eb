"""What broker and runners have done so far, read from the stores while they work."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import NamedTuple

import sqlalchemy as sa
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from ingest_service.cases.schema import CASES, NOTICES
from ingest_service.projection import CURSOR
from ingest_service.series.port import SeriesReader
from ingest_service.settings import Settings
from ingest_service.shard_work import shards_of
from ingest_service.stores import influx_of, open_database_of, open_ledger_of, open_series_of
from oshwatch.bench.fleet import BREACH_RULE

EVERY_S = 0.5


class Progress(NamedTuple):
    """At wall time ``at``: batches in the ledger, and how many of them are in the series."""

    at: float
    ledger: int
    projected: int

    @property
    def behind(self) -> int:
        return self.ledger - self.projected


class Watcher:
    """Notes the progress twice a second until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self.seen: list[Progress] = []
        self._settings = settings
        self._counts: dict[int | None, tuple[int, int]] = dict.fromkeys(shards_of(settings), (0, 0))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def wait_until_projected(self, within_s: float) -> bool:
        """Whether the series caught up with the ledger in time."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if self.seen and self.seen[-1].behind == 0:
                return True
            time.sleep(EVERY_S / 2)
        return False

    def _run(self) -> None:
        engine = open_database_of(self._settings)
        ledger = open_ledger_of(self._settings, read_only=True)
        series = open_series_of(self._settings, read_only=True)
        try:
            while not self._stop.wait(EVERY_S):
                projected = self._projected(engine, series)
                self.seen.append(Progress(time.time(), ledger.last_row(), projected))
        finally:
            series.close()
            ledger.close()
            engine.dispose()

    def _projected(self, engine: sa.Engine, series: SeriesReader) -> int:
        """Of several shards the rows up to each one's cursor, counted on from the last look."""
        cursors = series.cursors(CURSOR)
        if None in self._counts:
            return cursors.get(None, 0)
        query = sa.text("SELECT count(*) FROM batches WHERE shard = :shard AND row > :after AND row <= :to")
        with engine.connect() as connection:
            for shard, (cursor, counted) in self._counts.items():
                to = cursors.get(shard, 0)
                if to > cursor:
                    place = {"shard": shard, "after": cursor, "to": to}
                    more = int(connection.execute(query, place).scalar_one())
                    self._counts[shard] = (to, counted + more)
        return sum(counted for _, counted in self._counts.values())


class Rolled(NamedTuple):
    """What the projectors' rollups have done so far: time in their cycles [s], exposures computed."""

    seconds: float
    exposures: float

    def since(self, before: Rolled) -> Rolled:
        return Rolled(self.seconds - before.seconds, self.exposures - before.exposures)

    @property
    def ms_per_exposure(self) -> float | None:
        return round(1e3 * self.seconds / self.exposures, 3) if self.exposures else None


def rolled_up(settings: Settings) -> Rolled:
    """By the projectors' own metrics, all processes together."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(settings.data_dir / "metrics"))  # type: ignore[no-untyped-call]
    names = ("oshwatch_rollup_seconds_sum", "oshwatch_exposures_total")
    return Rolled(*(registry.get_sample_value(name) or 0.0 for name in names))


def stored_points(settings: Settings) -> int:
    """Readings in the series."""
    if settings.influx_url is not None:
        return _points_in_influx(settings)
    series = open_series_of(settings, read_only=True)
    try:
        return sum(len(series.rows_between(entry.id, 0.0, 1e11)) for entry in series.channels())
    finally:
        series.close()


def _points_in_influx(settings: Settings) -> int:
    from ingest_service.series.influx.link import Link

    with closing(Link(influx_of(settings))) as link:
        counted = link.ask_one('SELECT count("value") FROM "reading"')
    return sum(int(row[1] or 0) for series in counted for row in series.values)


def wait_for_notices(settings: Settings, wanted: int, within_s: float) -> dict[str, float]:
    """When the first notice of the breach in each zone was written (wall time), as many as came in time."""
    engine = open_database_of(settings)
    query = (
        sa.select(CASES.c.zone, sa.func.min(NOTICES.c.created_at))
        .join(NOTICES, NOTICES.c.case_id == CASES.c.id)
        .where(CASES.c.rule == BREACH_RULE)
        .group_by(CASES.c.zone)
    )
    deadline = time.monotonic() + within_s
    try:
        while True:
            with engine.connect() as connection:
                found = {str(zone): float(at) for zone, at in connection.execute(query)}
            if len(found) >= wanted or time.monotonic() > deadline:
                return found
            time.sleep(EVERY_S)
    finally:
        engine.dispose()
