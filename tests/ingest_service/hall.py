"""A zone with sensors, a real store, and a rollup that is given its turns."""

import hashlib
import math
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from ingest_service.exposure_rollup import Rollup, RollupReport
from ingest_service.register.entries import ExpectedChannel, Placement, Site, Zone
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.series.port import ExposureRow, SeriesStore
from ingest_service.series.sqlite import open_series
from osh_domain.shifts import CalendarExceptions, Shift
from tests.ingest_service.series_stores import contents, digest

ZONE = "kh-f0123/sewing-3"
WEEK = frozenset(range(7))
DAY_SHIFT = Shift("day", time(7), time(16), WEEK, ((time(11), time(12)),))
NIGHT_SHIFT = Shift("night", time(22), time(6), WEEK)


def minute(text: str) -> int:
    """The minute that ends at a site-local time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Phnom_Penh")).timestamp()) // 60


class Hall:
    """A zone with sensors, a store, and a rollup that is given its turns."""

    def __init__(self, folder: Path, *, shift: Shift = DAY_SHIFT, caf: float | None = 0.0) -> None:
        self.folder = folder
        self.shift, self.caf = shift, caf
        self.expected: dict[tuple[str, str], float] = {}
        self.exceptions: CalendarExceptions | None = None
        self.position: tuple[float | None, float | None] = (None, None)
        self.history: list[tuple[float, Zone]] = []
        self.diameters: dict[str, float] = {}
        self.placed_from: dict[str, float] = {}
        self.series: SeriesStore = open_series(folder)
        self.rollup: Rollup | None = None
        self.killed_after_each_turn = False
        self.portion = 20_000
        self._snapshot: RegisterSnapshot | None = None
        self.version = 0

    @property
    def zone(self) -> Zone:
        """What is known of the hall from the beginning."""
        return Zone(ZONE, "kh-f0123", "Sewing 3", "sewing", 1, True, self.caf, False, 40, 10)

    def register_changed(self) -> None:
        """Have the register read again."""
        self._snapshot = None

    def expect(self, sensor: str, quantity: str, period_s: float = 60.0) -> None:
        self.expected[sensor, quantity] = period_s
        self._snapshot = None

    def snapshot(self) -> RegisterSnapshot:
        if self._snapshot is None:
            sensors = {sensor for sensor, _ in self.expected}
            self.version += 1
            self._snapshot = RegisterSnapshot(
                version=self.version,
                sites=[
                    Site("kh-f0123", "F", "kh", "phnom-penh", "Asia/Phnom_Penh", "garment", *self.position)
                ],
                zones=[self.zone if not self.history else self.history[-1][1]],
                zone_history=self.history,
                placements=[
                    Placement(
                        "kh-f0123-a", s, ZONE, self.placed_from.get(s, 0.0), None, None, self.diameters.get(s)
                    )
                    for s in sorted(sensors)
                ],
                expected=[
                    ExpectedChannel("kh-f0123-a", s, q, period, 0.0, None)
                    for (s, q), period in self.expected.items()
                ],
                shifts=[("kh-f0123", self.shift)],
                exceptions={} if self.exceptions is None else {"kh-f0123": self.exceptions},
            )
        return self._snapshot

    def put(
        self, sensor: str, quantity: str, values: dict[int, float], *, flags: int = 0, grade: int = 0
    ) -> None:
        """One reading at the end of each minute."""
        if (sensor, quantity) not in self.expected:
            self.expect(sensor, quantity)
        channel = self.series.channel_id("kh-f0123", "kh-f0123-a", sensor, quantity, None)
        points = [(channel, m * 60_000_000, value, flags, grade) for m, value in values.items()]
        self.series.write(points, [], "ledger", 1)

    def roll(self, now_minute: float, *, caught_up: bool = True) -> RollupReport:
        """Cycle until there is nothing left to do at that time."""
        if self.rollup is None or self.killed_after_each_turn:
            self.rollup = Rollup(self.series, self, look_every_s=0.0, portion=self.portion)
        total = RollupReport()
        for _ in range(500):
            report = self.rollup.cycle(now_minute * 60.0, caught_up=caught_up)
            if report.idle:
                return total
            total.minutes += report.minutes
            total.late += report.late
            total.exposures += report.exposures
        raise AssertionError("the rollup does not come to rest")

    def row(self, kind: str, at: int) -> ExposureRow | None:
        rows = self.series.exposures(ZONE, kind, at, at)
        return rows[0] if rows else None

    def value(self, kind: str, at: int) -> float | None:
        row = self.row(kind, at)
        assert row is not None, f"no {kind} at {at}"
        return row.value

    def contents(self) -> str:
        """A hash of everything that is stored, but of how often and when it was written."""
        found = contents(self.series)
        assert found["minutes"]
        assert found["exposures"]
        assert found["summaries of hours"]
        return digest(found)

    def numbers(self, *, revisions: bool = False) -> str:
        """A hash of all exposures, without how often they were revised unless asked."""
        kept = [row._replace(change=0) for row in self.series.exposures_changed(0, 10**6)]
        if not revisions:
            kept = [row._replace(revision=0) for row in kept]
        assert kept
        return hashlib.sha256(repr(sorted(kept, key=lambda row: row[:3])).encode()).hexdigest()


START = minute("2026-04-20 08:00")


def span(first: int, count: int, value: float) -> dict[int, float]:
    return dict.fromkeys(range(first, first + count), value)


def moving(first: int, count: int, value: float, by: float) -> dict[int, float]:
    """Values as a working sensor gives them, never quite the same; their mean is that of `span`."""
    return {m: value + (by if m % 2 else -by) for m in range(first, first + count)}


def loud(first: int, count: int, level: float) -> dict[int, float]:
    """The same for decibels: of an even number of minutes the energy is that of the level."""
    return {m: level + 10 * math.log10(1.03 if m % 2 else 0.97) for m in range(first, first + count)}
