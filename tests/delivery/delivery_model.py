"""A model of delivery in one process: gateway, network, broker, intake, ledger, projector, random faults.

It is the protocol of docs/wire-protocol.md section 7 and nothing else: no bytes, no clocks, no real code. One
seed gives one run, whose options are drawn from the seed too. After the faults comes a calm phase in which
everything must drain; then `audit` compares what was measured with what is in ledger and series.

    python -m tests.delivery.delivery_model --seeds 1000
    python -m tests.delivery.delivery_model --seed 17 --slip delete-on-puback
"""

from __future__ import annotations

import argparse
import random
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

STEPS = 1000
CALM_STEPS = 4000
LIVE_WINDOW = 8
CALM_ACTIONS = ("send", "carry", "take", "commit", "tell", "hear", "project")
ACTIONS = (*CALM_ACTIONS, *CALM_ACTIONS, "measure", "measure", "sync", "seal", "trouble")
FAULTS = (
    "drop", "double", "drop_ack", "double_ack", "gateway_dies", "broker_dies", "intake_dies",
    "projector_dies", "disk_full", "store_wiped", "nobody_listens",
)  # fmt: skip


class Slip(StrEnum):
    """A rule of the protocol broken on purpose: the audit must notice."""

    ACKNOWLEDGE_BEFORE_COMMIT = "acknowledge-before-commit"
    DELETE_ON_PUBACK = "delete-on-puback"
    NO_DEDUPLICATION = "no-deduplication"
    LARGEST_NOT_CONTIGUOUS = "largest-not-contiguous"
    APPEND_NOT_IDEMPOTENT = "append-not-idempotent"


class Batch(NamedTuple):
    """A sealed batch. Readings are numbers; a gap names the first and last reading it speaks for."""

    seq: int
    readings: tuple[int, ...]
    gaps: tuple[tuple[int, int], ...]


class Ack(NamedTuple):
    """Every batch up to `cum`, and those of `sel`, are in the ledger."""

    cum: int
    sel: frozenset[int]


@dataclass(frozen=True)
class Options:
    """How a run goes; all of it follows from the seed."""

    seed: int
    slip: Slip | None
    queue: int
    faults: dict[str, float]

    @classmethod
    def of(cls, seed: int, slip: Slip | None = None) -> Options:
        draw = random.Random(seed)
        faults = {name: draw.choice((0.0, 0.2, 1.0, 3.0)) for name in FAULTS}
        return cls(seed, slip, draw.choice((2, 5, 20, 100)), faults)


@dataclass
class Gateway:
    """What survives a power cut: `sealed`, `done`, `synced`, `gaps`. In memory: `fresh`, `sent`."""

    sealed: dict[int, Batch] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    synced: list[int] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    fresh: list[int] = field(default_factory=list)
    sent: set[int] = field(default_factory=set)
    taken: int = 0

    def measure(self) -> None:
        self.taken += 1
        self.fresh.append(self.taken)

    def sync(self) -> None:
        self.synced += self.fresh
        self.fresh.clear()

    def seal(self) -> None:
        self.sync()
        if self.synced or self.gaps:
            seq = len(self.sealed) + 1
            self.sealed[seq] = Batch(seq, tuple(self.synced), tuple(self.gaps))
            self.synced.clear()
            self.gaps.clear()

    def waiting(self) -> list[int]:
        return [seq for seq in self.sealed if seq not in self.done]

    def next_to_send(self, draw: random.Random) -> Batch | None:
        """A waiting batch within the window; what was sent long ago goes again (the timer)."""
        if draw.random() < 0.1:
            self.sent.clear()
        window = self.waiting()[:LIVE_WINDOW] + self.waiting()[-LIVE_WINDOW:]
        unsent = [seq for seq in window if seq not in self.sent]
        if not unsent:
            return None
        seq = draw.choice(unsent)
        self.sent.add(seq)
        return self.sealed[seq]

    def hear(self, ack: Ack) -> None:
        self.done.update(seq for seq in self.sealed if seq <= ack.cum or seq in ack.sel)

    def die(self) -> None:
        """Memory is lost; what was measured and never synced is owned up to by a gap record."""
        if self.fresh:
            self.gaps.append((self.fresh[0], self.fresh[-1]))
        self.fresh.clear()
        self.sent.clear()


@dataclass
class Server:
    """Ledger rows and series survive; `pending` is what intake has read and not committed."""

    rows: list[Batch] = field(default_factory=list)
    pending: list[Batch] = field(default_factory=list)
    series: Counter[tuple[int, int]] = field(default_factory=Counter)
    cursor: int = 0

    def commit(self, *, deduplicate: bool) -> None:
        for batch in self.pending:
            if not deduplicate or all(row.seq != batch.seq for row in self.rows):
                self.rows.append(batch)
        self.pending.clear()

    def acknowledgement(self, slip: Slip | None) -> Ack:
        have = {row.seq for row in self.rows}
        if slip is Slip.ACKNOWLEDGE_BEFORE_COMMIT:
            have |= {batch.seq for batch in self.pending}
        if slip is Slip.LARGEST_NOT_CONTIGUOUS:
            return Ack(max(have, default=0), frozenset())
        cum = next(seq for seq in range(len(have) + 1) if seq + 1 not in have)
        return Ack(cum, frozenset(seq for seq in have if seq > cum))

    def project(self, *, idempotent: bool, dies: bool) -> None:
        """Write the next row's points, then move the cursor; `dies` in between."""
        if self.cursor >= len(self.rows):
            return
        row = self.rows[self.cursor]
        for reading in row.readings:
            key = (row.seq, reading)
            self.series[key] = 1 if idempotent else self.series[key] + 1
        self.cursor += 0 if dies else 1


class Run:
    """One run of the model. `wire`: batches between gateway and broker; `acks` on their way back."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.draw = random.Random(f"run {options.seed}")
        self.gateway, self.server = Gateway(), Server()
        self.wire: list[Batch] = []
        self.queue: deque[Batch] = deque()
        self.acks: list[Ack] = []
        self.calm = False
        self.counts: Counter[str] = Counter()

    def go(self) -> list[str]:
        """Faults, then calm; returns what the audit found, nothing when all is well."""
        for _ in range(STEPS):
            self.step()
        self.calm = True
        self.gateway.seal()
        for _ in range(CALM_STEPS):
            if self.drained():
                break
            self.step()
        return list(self.audit())

    def step(self) -> None:
        action = self.draw.choice(CALM_ACTIONS if self.calm else ACTIONS)
        getattr(self, "_" + action)()

    def drained(self) -> bool:
        busy = self.wire or self.queue or self.server.pending or self.gateway.waiting()
        return not busy and self.server.cursor == len(self.server.rows)

    def _fault(self, name: str, likely: float = 0.1) -> bool:
        if self.calm or self.draw.random() >= likely * self.options.faults[name]:
            return False
        self.counts[name] += 1
        return True

    def _measure(self) -> None:
        self.gateway.measure()

    def _sync(self) -> None:
        self.gateway.sync()

    def _seal(self) -> None:
        self.gateway.seal()

    def _send(self) -> None:
        batch = self.gateway.next_to_send(self.draw)
        if batch is not None:
            self.counts["sent"] += 1
            self.wire.append(batch)

    def _carry(self) -> None:
        """The network brings some batch, not the oldest; the broker says PUBACK whatever becomes of it."""
        if not self.wire:
            return
        batch = self.wire.pop(self.draw.randrange(len(self.wire)))
        if self._fault("drop"):
            return
        copies = 2 if self._fault("double") else 1
        lost = self._fault("nobody_listens") or len(self.queue) + copies > self.options.queue
        if not lost:
            self.queue.extend([batch] * copies)
        if self.options.slip is Slip.DELETE_ON_PUBACK:
            self.gateway.done.add(batch.seq)

    def _take(self) -> None:
        if self.queue:
            self.server.pending.append(self.queue.popleft())
            if self.options.slip is Slip.ACKNOWLEDGE_BEFORE_COMMIT:
                self._tell()

    def _commit(self) -> None:
        if self._fault("disk_full"):
            self.server.pending.clear()  # no acknowledgement comes, so the gateway sends again
            return
        self.server.commit(deduplicate=self.options.slip is not Slip.NO_DEDUPLICATION)

    def _tell(self) -> None:
        self.acks.append(self.server.acknowledgement(self.options.slip))

    def _hear(self) -> None:
        if self.acks:
            ack = self.acks.pop(self.draw.randrange(len(self.acks)))
            if self._fault("double_ack"):
                self.acks.append(ack)
            if not self._fault("drop_ack"):
                self.gateway.hear(ack)

    def _project(self) -> None:
        idempotent = self.options.slip is not Slip.APPEND_NOT_IDEMPOTENT
        self.server.project(idempotent=idempotent, dies=self._fault("projector_dies"))

    def _trouble(self) -> None:
        if self._fault("gateway_dies"):
            self.gateway.die()
        if self._fault("broker_dies"):
            self.queue.clear()
        if self._fault("intake_dies"):
            self.server.pending.clear()
        if self._fault("store_wiped"):
            self.server.series.clear()
            self.server.cursor = 0

    def audit(self) -> Iterator[str]:
        """Every sentence is a promise that was broken."""
        if not self.drained():
            yield f"not drained after {CALM_STEPS} calm steps: {len(self.gateway.waiting())} batches wait"
        kept = Counter(reading for row in self.server.rows for reading in row.readings)
        owned_up = {
            reading
            for row in self.server.rows
            for first, last in row.gaps
            for reading in range(first, last + 1)
        }
        lost = [r for r in range(1, self.gateway.taken + 1) if r not in kept and r not in owned_up]
        doubled = [reading for reading, times in kept.items() if times > 1]
        for name, found in (("lost", lost), ("doubled in the ledger", doubled)):
            if found:
                yield f"{len(found)} readings {name}, the first is {min(found)}"
        wanted = Counter({(row.seq, reading): 1 for row in self.server.rows for reading in row.readings})
        if self.server.series != wanted:
            yield "the series does not hold each reading of the ledger once"


def main() -> None:
    """Run seeds and print the first that fails with its options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=1000, help="run the seeds 0 to N-1")
    parser.add_argument("--seed", type=int, help="run this one seed only")
    parser.add_argument("--slip", type=Slip, choices=list(Slip), help="break this rule of the protocol")
    chosen = parser.parse_args()
    seeds = range(chosen.seeds) if chosen.seed is None else [chosen.seed]
    failed, batches = 0, 0
    for seed in seeds:
        run = Run(Options.of(seed, chosen.slip))
        found = run.go()
        batches += len(run.gateway.sealed)
        if found:
            failed += 1
            if failed == 1:
                print(f"{run.options}\n{dict(run.counts)}\n" + "\n".join(found))
    print(f"{failed} of {len(seeds)} seeds broke a promise; {batches:,} batches sealed")


if __name__ == "__main__":
    main()
