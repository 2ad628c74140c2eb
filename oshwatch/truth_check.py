"""Compares what simulated sensors measured (the truth file) with the ledger, reading by reading."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_agent.outbox.opening import OutboxError
from edge_agent.outbox.store import Outbox
from firmware_sim import truth
from firmware_sim.faults import FaultKind
from ingest_service.settings import Settings
from ingest_service.stores import open_ledger_of
from osh_domain.batch import open_frame
from osh_domain.quality import Flag
from osh_domain.readings import SYSTEM_SENSOR
from osh_domain.senml import read_pack

ROWS_AT_ONCE = 500
# A gateway writes its open minute to the disk after so long; a power cut may take what is younger.
UNSYNCED_S = 10.0

Key = tuple[str, int, float, int]
"""Channel, gateway's time [ms], value, flags of the sensor."""

# These the gateway adds by itself; they say nothing of what the sensor gave.
_GATEWAYS_OWN = ~int(Flag.CLIPPED | Flag.CALIBRATION_OVERDUE)


@dataclass(frozen=True)
class TruthReport:
    """Counts of readings. `exact`: every one taken is in the ledger once, unchanged, and nothing else is."""

    taken: int
    in_ledger: int
    waiting: int
    cut_off: int
    lost: int
    twice: int
    changed: int
    invented: int
    examples: tuple[str, ...]

    @property
    def exact(self) -> bool:
        return not (self.lost or self.twice or self.changed or self.invented)

    def lines(self) -> list[str]:
        """The report as people read it."""
        rows = (
            ("taken by the sensors", self.taken),
            ("in the ledger", self.in_ledger),
            ("still in an outbox", self.waiting),
            ("lost with the power, never promised", self.cut_off),
            ("lost", self.lost),
            ("in the ledger twice", self.twice),
            ("in the ledger with another value", self.changed),
            ("in the ledger, never taken", self.invented),
        )
        text = [f"{count:>12,}  {name}" for name, count in rows]
        return [*text, *self.examples, "exact" if self.exact else "NOT exact"]


def check(truth_file: Path, ledger: Path | Settings, fleet_dir: Path | None) -> TruthReport:
    """Compare. `ledger`: the data directory it is in, or the settings that name the server it is on.
    `fleet_dir` holds the outboxes of a fleet that has ended; None looks at the ledger alone.

    Raises TruthError, LedgerError, OutboxError.
    """
    taken = taken_readings(truth_file)
    gateways = {key[0].partition("/")[0] for key in taken}
    held = Counter(ledger_readings(ledger, gateways))
    waiting = Counter() if fleet_dir is None else Counter(_outbox_readings(fleet_dir, gateways))
    missing, extra = taken - held, held - taken
    still_waiting = missing & waiting
    missing -= still_waiting
    cut_off = Counter(_cut_off(missing, truth_file))
    missing -= cut_off
    missing_at = {key[:2] for key in missing}
    changed = Counter({key: count for key, count in extra.items() if key[:2] in missing_at})
    twice = Counter({key: count for key, count in extra.items() if key in taken and key not in changed})
    missing = Counter({key: n for key, n in missing.items() if key[:2] not in {c[:2] for c in changed}})
    invented = extra - changed - twice
    return TruthReport(
        taken=taken.total(),
        in_ledger=held.total(),
        waiting=still_waiting.total(),
        cut_off=cut_off.total(),
        lost=missing.total(),
        twice=twice.total(),
        changed=changed.total(),
        invented=invented.total(),
        examples=tuple(_examples(lost=missing, twice=twice, changed=changed, invented=invented)),
    )


def taken_readings(truth_file: Path) -> Counter[Key]:
    """What the sensors gave, by the gateway's own time. Raises TruthError."""
    taken: Counter[Key] = Counter()
    for reading in truth.readings(truth_file):
        taken[
            reading.channel, round(reading.shown * 1000), float(reading.value), reading.flags & _GATEWAYS_OWN
        ] += 1
    return taken


def ledger_readings(where: Path | Settings, gateways: set[str]) -> Iterator[Key]:
    """What the ledger holds of these gateways, as often as it holds it. Raises LedgerError."""
    settings = where if isinstance(where, Settings) else Settings(data_dir=where)
    ledger = open_ledger_of(settings, read_only=True)
    try:
        after = 0
        while rows := list(ledger.rows(after, ROWS_AT_ONCE)):
            after = rows[-1].row
            for row in rows:
                if row.kind == "sealed" and row.gateway in gateways:
                    yield from batch_readings(row.payload)
    finally:
        ledger.close()


def _outbox_readings(fleet_dir: Path, gateways: Iterable[str]) -> Iterator[Key]:
    for gateway in sorted(gateways):
        path = fleet_dir / gateway / "outbox.sqlite"
        if not path.exists():
            continue
        try:
            outbox = Outbox(path, gateway, serial=f"sim-{gateway}")
        except sqlite3.OperationalError as error:
            raise OutboxError(f"{path} is in use ({error}). Stop the fleet first.") from None
        with outbox:
            for batch in outbox.waiting(0, 2**62, 2**31):
                yield from batch_readings(batch.payload)
            left = outbox.leftover()
            for record in () if left is None else left.records:
                if left is not None and not isinstance(record.value, str) and record.sensor != SYSTEM_SENSOR:
                    ms = round((record.mono + left.anchoring.off) * 1000)
                    name = f"{gateway}/{record.sensor}/{record.quantity}"
                    yield name, ms, float(record.value), record.flags & _GATEWAYS_OWN


def batch_readings(payload: bytes) -> Iterator[Key]:
    """The measured values of a batch; the gateway's own state is not a reading of a sensor."""
    frame = open_frame(payload)
    for record in read_pack(frame.pack, 0.0):
        if "/sys/" not in record.name and isinstance(record.value, float | int):
            yield record.name, round(record.time * 1000), float(record.value), record.flags & _GATEWAYS_OWN


def _cut_off(missing: Counter[Key], truth_file: Path) -> dict[Key, int]:
    """What was missing because it had just been measured when a simulated power cut came."""
    cuts: dict[str, list[float]] = defaultdict(list)
    for line in truth.lines(truth_file):
        if line.get("fault") == FaultKind.POWER_CUT and line["is"] == "begin":
            cuts[line["target"]].append(line["t"])
    return {
        key: count
        for key, count in missing.items()
        if any(0.0 <= cut - key[1] / 1000 <= UNSYNCED_S for cut in cuts[key[0].partition("/")[0]])
    }


def _examples(**kinds: Counter[Key]) -> Iterator[str]:
    for name, found in kinds.items():
        for channel, ms, value, flags in sorted(found)[:3]:
            yield f"  {name}: {channel} at {ms / 1000:.3f} value {value} flags {flags}"
