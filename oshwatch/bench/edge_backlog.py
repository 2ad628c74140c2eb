"""A gateway that comes back after days: its backlog drains through a real broker into the real service, while
fresh batches are to arrive as if there were none.

The backlog is made by the code that seals in the field, one batch a minute; only syncing to the disk is left
out while it is made. Then the real agent process measures and seals once a second. A fresh batch is late by
the time from its last reading, up to a second before it was sealed, until a reader sees it in the ledger, and
until the projector's cursor has passed it.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from edge_agent.agent import OUTBOX_FILE
from edge_agent.outbox.records import Anchoring, OpenRecord
from edge_agent.outbox.sealing import seal_records
from edge_agent.outbox.store import Outbox
from osh_domain.batch import open_frame
from oshwatch.bench.edge_gateway import GATEWAY, SENSOR, Gateway, unit_of
from oshwatch.bench.figures import spread_ms
from oshwatch.bench.servers import BenchError, broker, resident_mb, runners

LOOK_EVERY_S: Final = 0.02
STARTED_WITHIN_S: Final = 60.0
LIVE_EVERY_S: Final = 1.0
DAY_MINUTES: Final = 1440


class Backlog(NamedTuple):
    """What waits in an outbox: epoch, number of batches, readings in each."""

    epoch: str
    batches: int
    readings: int


def fill(gateway: Gateway, days: float) -> Backlog:
    """Seal a batch for each minute of so many days, up to now."""
    batches = round(days * DAY_MINUTES)
    begin = time.time() - 60.0 * (batches + 1)
    anchoring = Anchoring("b" * 16, begin, "ntp", 0.01, "0" * 32)
    values = gateway.values
    with Outbox(gateway.folder / OUTBOX_FILE, GATEWAY, serial=gateway.identity.serial) as outbox:
        outbox._db.execute("PRAGMA synchronous=OFF")  # noqa: SLF001 - the time it takes is not measured here
        for minute in range(1, batches + 1):
            mono = 60.0 * minute
            records = [
                OpenRecord(mono, SENSOR, name, round(value + minute % 97 / 10, 2), unit_of(name), 0)
                for name, value in values
            ]
            seal_records(outbox, gateway.identity, anchoring, records, sealed_at=begin + mono)
        return Backlog(outbox.epoch, batches, len(values))


@dataclass
class Seen:
    """What a reader saw of a ledger and a series while a backlog drained."""

    backlog: Backlog
    first_at: float | None = None
    first_row: int = 0
    last_row: int = 0
    to_ledger: list[float] = field(default_factory=list)
    to_series: list[float] = field(default_factory=list)
    _unprojected: dict[int, float] = field(default_factory=dict)
    _newest: int = 0

    def look(self, ledger: sqlite3.Connection, series: sqlite3.Connection) -> None:
        """Notice the fresh batches that came since the last look."""
        now = time.time()
        self.last_row = int(ledger.execute("SELECT COALESCE(MAX(row), 0) FROM batches").fetchone()[0])
        if self.last_row and self.first_at is None:
            self.first_at, self.first_row = now, self.last_row
        fresh = ledger.execute(
            "SELECT row, seq, payload FROM batches WHERE gateway = ? AND epoch = ? AND seq > ?",
            (GATEWAY, self.backlog.epoch, max(self._newest, self.backlog.batches)),
        ).fetchall()
        for row, seq, payload in fresh:
            header = open_frame(payload).header
            measured = header.mono[1] + header.off
            self.to_ledger.append(now - measured)
            self._unprojected[row] = measured
            self._newest = max(self._newest, seq)
        cursor = series.execute("SELECT value FROM cursors WHERE name = 'ledger'").fetchone()
        for row in [row for row in self._unprojected if cursor and row <= cursor[0]]:
            self.to_series.append(now - self._unprojected.pop(row))


def backlog(
    mosquitto: str, folder: Path, *, days: float, readings: int, rate: float, fresh: int, within_s: float
) -> dict[str, Any]:
    """Drain it at `rate` batches a second at most, until so many fresh batches are in the series and, if
    there is time within `within_s`, all of it is in the ledger. Raises BenchError when no fresh ones come."""
    gateway = Gateway(folder, readings)
    began = time.monotonic()
    made = fill(gateway, days)
    filled_s = time.monotonic() - began
    with broker(mosquitto, folder) as (port, _):
        server = gateway.server(port, back_rate=rate)
        with runners(server, folder / "logs") as pids:
            config = gateway.configure(
                port, period_s=LIVE_EVERY_S, seal_after_s=LIVE_EVERY_S, seal_grace_s=0, back_rate=rate
            )
            with gateway.agent(config) as process:
                watched = {**pids, "agent": process.pid}
                seen, memory, took = _drained(gateway, made, watched, fresh, within_s)
    if seen.first_at is None:
        raise BenchError("nothing of the backlog arrived")
    return {
        "backlog_batches": made.batches,
        "readings_in_each": made.readings,
        "sealed_per_second": round(made.batches / filled_s),
        "rate_allowed": rate,
        "drained_batches": seen.last_row - len(seen.to_ledger),
        "drained_per_second": round((seen.last_row - seen.first_row) / took, 1),
        "fresh_batches": len(seen.to_series),
        "fresh_to_ledger_ms": spread_ms(seen.to_ledger),
        "fresh_to_series_ms": spread_ms(seen.to_series),
        "memory_mb": memory,
    }


def _drained(
    gateway: Gateway, made: Backlog, pids: dict[str, int], fresh: int, within_s: float
) -> tuple[Seen, dict[str, float], float]:
    """What was seen, the most memory of each process [MB], and the seconds from the first row to the last."""
    seen, most, next_memory = Seen(made), dict.fromkeys(pids, 0.0), 0.0
    begun = time.monotonic()
    with (
        closing(_reader(gateway.data_dir / "ledger.sqlite")) as ledger,
        closing(_reader(gateway.data_dir / "series.sqlite")) as series,
    ):
        while True:
            seen.look(ledger, series)
            past = time.monotonic() - begun
            done = seen.last_row >= made.batches or past >= within_s
            if len(seen.to_series) >= fresh and done:
                return seen, most, max(1e-3, time.time() - (seen.first_at or 0.0))
            if past > within_s + STARTED_WITHIN_S:
                raise BenchError(f"{len(seen.to_series)} of {fresh} fresh batches came within {past:.0f} s")
            if past >= next_memory:
                next_memory = past + 0.5
                most = {name: max(before, resident_mb(pids[name])) for name, before in most.items()}
            time.sleep(LOOK_EVERY_S)


def _reader(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5, isolation_level=None)
