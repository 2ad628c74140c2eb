"""What broker and runners have done so far, read from their files while they work."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

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


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5, isolation_level=None)


class Watcher:
    """Notes the progress twice a second until it is told to stop."""

    def __init__(self, data_dir: Path) -> None:
        self.seen: list[Progress] = []
        self._data_dir = data_dir
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
        with (
            closing(_connect(self._data_dir / "ledger.sqlite")) as ledger,
            closing(_connect(self._data_dir / "series.sqlite")) as series,
        ):
            while not self._stop.wait(EVERY_S):
                kept = ledger.execute("SELECT COALESCE(MAX(row), 0) FROM batches").fetchone()[0]
                cursor = series.execute("SELECT value FROM cursors WHERE name = 'ledger'").fetchone()
                self.seen.append(Progress(time.time(), kept, cursor[0] if cursor else 0))


def stored_points(data_dir: Path) -> int:
    """Readings in the series."""
    with closing(_connect(data_dir / "series.sqlite")) as series:
        return int(series.execute("SELECT COUNT(*) FROM points").fetchone()[0])


def notice_times(data_dir: Path) -> dict[str, float]:
    """When the first notice row of the breach in each zone was written (wall time), by zone."""
    query = (
        "SELECT cases.zone, MIN(notices.created_at) FROM notices JOIN cases ON cases.id = notices.case_id "
        "WHERE cases.rule = ? GROUP BY cases.zone"
    )
    with closing(_connect(data_dir / "register.sqlite")) as register:
        return {str(zone): float(at) for zone, at in register.execute(query, (BREACH_RULE,))}


def wait_for_notices(data_dir: Path, wanted: int, within_s: float) -> dict[str, float]:
    """The notices of the breaches, as many as came in time."""
    deadline = time.monotonic() + within_s
    while True:
        found = notice_times(data_dir)
        if len(found) >= wanted or time.monotonic() > deadline:
            return found
        time.sleep(EVERY_S)
