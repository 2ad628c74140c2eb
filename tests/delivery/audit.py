"""Whether every promise was kept: what was measured is in the ledger once, or a signed gap record says that
it is missing; and the series is the ledger's, point by point."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ingest_service.database import open_database
from ingest_service.ledger.port import LedgerRow
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.projection import Projector
from ingest_service.register.store import Register
from ingest_service.series.sqlite import open_series
from osh_domain.batch import open_frame
from osh_domain.senml import read_pack
from oshwatch.truth_check import Key, TruthReport, batch_readings, check, ledger_readings, taken_readings
from tests.delivery.batch_audit import Batch, lost_batches
from tests.delivery.gaps import spans


class Audit(NamedTuple):
    """What was found; `kept` is the verdict. `lost`: missing, and nothing signed says so; `in_gaps`: missing,
    and a gap record covers it; `held`: on the gateway in a batch whose number the ledger holds with another
    content, which the gateway has told; `batches`: sealed and not accounted for, which no gap record
    excuses; `numbers`: measured values in the ledger, each has to be a point."""

    truth: TruthReport
    lost: tuple[str, ...]
    in_gaps: int
    held: int
    batches: tuple[str, ...]
    broken_rows: list[int]
    numbers: int
    points: int
    series_is_the_ledgers: bool

    @property
    def kept(self) -> bool:
        truth = self.truth
        return (
            not (self.lost or truth.twice or truth.changed or truth.invented or truth.waiting)
            and not self.batches
            and not self.broken_rows
            and self.series_is_the_ledgers
            and self.points == self.numbers
        )

    def lines(self) -> list[str]:
        """The audit as people read it."""
        rows = (
            ("readings taken by the sensors", self.truth.taken),
            ("in the ledger", self.truth.in_ledger),
            ("missing, as a signed gap record says", self.in_gaps),
            ("held by their gateway after damage, as it has told", self.held),
            ("still in an outbox", self.truth.waiting),
            ("lost", len(self.lost)),
            ("batches that are not accounted for", len(self.batches)),
            ("doubled", self.truth.twice),
            ("changed", self.truth.changed),
            ("invented", self.truth.invented),
            ("broken ledger rows", len(self.broken_rows)),
            ("numbers in the ledger, the gateways' own state included", self.numbers),
            ("points in the series", self.points),
        )
        same = "is" if self.series_is_the_ledgers else "is NOT"
        text = [f"{count:>12,}  {name}" for name, count in rows]
        return [*text, *self.lost[:5], *self.batches[:5], f"{'':>14}the series {same} what the ledger gives"]


@dataclass
class _Kept:
    """What the ledger says of gaps (spans in ms, by gateway), which gateways told that they hold batches, and
    which batches it has with their hashes, and how many numbers."""

    gaps: defaultdict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    holders: set[str] = field(default_factory=set)
    batches: dict[Batch, str] = field(default_factory=dict)
    numbers: int = 0

    def take(self, row: LedgerRow) -> None:
        if row.epoch is not None and row.seq is not None:
            self.batches[Batch(row.gateway, row.epoch, row.seq)] = row.batch_hash
        for record in read_pack(open_frame(row.payload).pack, 0.0):
            self.numbers += type(record.value) is float
            if record.name.endswith("/sys/gap") and row.signed:
                self.gaps[row.gateway] += spans(str(record.value))
            if record.name.endswith("/sys/status") and row.signed and "are held" in str(record.value):
                self.holders.add(row.gateway)

    def covers(self, key: Key) -> bool:
        return any(since < key[1] < until for since, until in self.gaps[key[0].partition("/")[0]])


def audit(truth_file: Path, data_dir: Path, fleet_dir: Path, scratch: Path) -> Audit:
    """Compare everything with everything; nothing may run any more."""
    taken = taken_readings(truth_file)
    missing = taken.copy()
    missing.subtract(ledger_readings(data_dir, {key[0].partition("/")[0] for key in taken}))
    kept = _Kept()
    broken: list[int] = []
    for row in _rows(data_dir, broken):
        kept.take(row)
    held = (+missing) & _held(fleet_dir, kept.holders)
    gone = list((missing - held).elements())
    lost = tuple(
        f"  lost: {channel} at {ms / 1000:.3f} value {value}"
        for channel, ms, value, _ in sorted(key for key in gone if not kept.covers(key))
    )
    live = points(data_dir / "series.sqlite")
    return Audit(
        check(truth_file, data_dir, fleet_dir),
        lost,
        len(gone) - len(lost),
        held.total(),
        tuple(lost_batches(fleet_dir, kept.batches)),
        broken,
        kept.numbers,
        live[0],
        points(_projected_again(data_dir, scratch)) == live,
    )


def _rows(data_dir: Path, broken: list[int]) -> Iterator[LedgerRow]:
    ledger = open_ledger(data_dir, read_only=True)
    try:
        broken += ledger.broken_rows()
        after = 0
        while rows := ledger.rows(after, 500):
            after = rows[-1].row
            yield from (row for row in rows if row.kind == "sealed")
    finally:
        ledger.close()


def _held(fleet_dir: Path, holders: set[str]) -> Counter[Key]:
    """Readings in batches that these gateways keep and do not send by themselves."""
    found: Counter[Key] = Counter()
    for gateway in holders:
        path = fleet_dir / gateway / "outbox.sqlite"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as outbox:
            for (payload,) in outbox.execute("SELECT payload FROM batches WHERE state = 2"):
                found.update(batch_readings(payload))
    return found


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
