"""The fault campaign: a fleet of real gateways, a real broker and the real service, under random faults.

    make chaos ARGS='--minutes 30 --seed 5'

Every few seconds something fails: a process is killed or stands still, a road is cut, slow, lossy or swallows
what is sent, a disk fills, an outbox is damaged, the ledger is restored from a backup. At the end comes a
calm, in which everything must drain, and one audit decides.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from tests.delivery.audit import Audit, audit
from tests.delivery.campaign_faults import MENU, left_out, plan
from tests.delivery.campaign_world import World

RECOVERED_WITHIN_S = 90.0


@dataclass
class Figures:
    """What happened. Recovery: from the end of a fault to the next ledger row [s], by kind of fault."""

    faults: Counter[str] = field(default_factory=Counter)
    longest_recovery_s: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    sealed: int = 0
    in_ledger: int = 0

    def recovered(self, fault: str, seconds: float) -> None:
        self.longest_recovery_s[fault] = max(seconds, self.longest_recovery_s.get(fault, 0.0))

    @property
    def longest(self) -> float:
        return max(self.longest_recovery_s.values(), default=0.0)


Tell = Callable[[str], None]


def run(
    folder: Path,
    seed: int,
    seconds: float,
    *,
    most: int | None = None,
    keep: bool = False,
    tell: Tell = print,
) -> tuple[Audit, Figures]:
    """A campaign of so long, or of so many faults at most. TimeoutError when something did not recover."""
    figures = Figures()
    with World(folder, seed, keep=keep) as world:
        figures.left_out = left_out(world)
        # What was never heard of a gateway nobody can miss: faults begin when each has said something.
        while not world.everybody_was_heard():
            _await_rows(world, "the start")
        _trouble(world, figures, time.monotonic() + seconds, most, tell)
        tell("calm: no more faults, everything drains")
        world.drain()
        figures.in_ledger, figures.sealed = world.last_row(), sum(world.epochs().values())
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            return audit(world.truth, world.data_dir, world.fleet_dir, Path(scratch)), figures


def _trouble(world: World, figures: Figures, until: float, most: int | None, tell: Tell) -> None:
    """One fault after the other, with time to breathe between them."""
    possible = (step for step in plan(world.seed) if step.fault not in figures.left_out)
    for number, step in enumerate(islice(possible, most), 1):
        if time.monotonic() >= until:
            return
        time.sleep(step.pause_s)
        MENU[step.fault](world, random.Random(step.seed))
        took = _await_rows(world, step.fault)
        figures.faults[step.fault] += 1
        figures.recovered(step.fault, took)
        tell(
            f"{time.strftime('%H:%M:%S')} {number:>5}  {step.fault:<28} recovered in {took:4.1f} s,"
            f" {world.last_row():,} batches in the ledger"
        )


def _await_rows(world: World, fault: str) -> float:
    """Wait until rows are added again: how long that took is the recovery [s]."""
    begun, before = time.monotonic(), world.last_row()
    while world.last_row() <= before:
        world.all_live()
        if time.monotonic() - begun > RECOVERED_WITHIN_S:
            raise TimeoutError(f"no ledger row within {RECOVERED_WITHIN_S:.0f} s after: {fault}")
        time.sleep(0.05)
    return time.monotonic() - begun


def report(found: Audit, figures: Figures) -> list[str]:
    """The figures as people read them."""
    faults = [
        f"{count:>12,}  {name} (longest recovery {figures.longest_recovery_s[name]:.1f} s)"
        for name, count in sorted(figures.faults.items())
    ]
    missing = [f"{'left out':>12}  {name}: {why}" for name, why in sorted(figures.left_out.items())]
    return [
        *faults,
        *missing,
        f"{figures.faults.total():>12,}  faults in all, longest recovery {figures.longest:.1f} s",
        f"{figures.sealed:>12,}  batches sealed by the gateways, {figures.in_ledger:,} in the ledger",
        *found.lines(),
        "every promise kept" if found.kept else "PROMISES BROKEN",
    ]


def document(seed: int, minutes: float, found: Audit, figures: Figures) -> dict[str, object]:
    """The same for programs."""
    return {
        "seed": seed,
        "minutes": minutes,
        "faults": {
            name: {"times": count, "longest_recovery_s": round(figures.longest_recovery_s[name], 2)}
            for name, count in sorted(figures.faults.items())
        },
        "left_out": figures.left_out,
        "longest_recovery_s": round(figures.longest, 2),
        "batches": {"sealed": figures.sealed, "in_ledger": figures.in_ledger},
        "readings": {
            "taken": found.truth.taken,
            "in_ledger": found.truth.in_ledger,
            "in_signed_gaps": found.in_gaps,
            "held_by_their_gateway": found.held,
            "lost": len(found.lost),
            "batches_not_accounted_for": len(found.batches),
            "doubled": found.truth.twice,
            "changed": found.truth.changed,
            "invented": found.truth.invented,
        },
        "broken_rows": len(found.broken_rows),
        "points": found.points,
        "numbers_in_ledger": found.numbers,
        "series_is_the_ledgers": found.series_is_the_ledgers,
        "kept": found.kept,
    }


def main() -> None:
    """Run a campaign and print its figures; exit code 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long faults are made (default 5)")
    parser.add_argument(
        "--seed", type=int, default=int(time.time()) % 100_000, help="which faults, which fleet"
    )
    parser.add_argument("--keep", type=Path, help="keep everything in this new folder")
    parser.add_argument("--json", action="store_true", help="one JSON document at the end instead of text")
    chosen = parser.parse_args()
    tell = partial(print, file=sys.stderr if chosen.json else sys.stdout, flush=True)
    tell(f"seed {chosen.seed}, {chosen.minutes:g} minutes")
    try:
        with tempfile.TemporaryDirectory() as scratch:
            folder = chosen.keep or Path(scratch) / "campaign"
            keep = chosen.keep is not None
            found, figures = run(folder, chosen.seed, 60.0 * chosen.minutes, keep=keep, tell=tell)
    except TimeoutError as error:
        sys.exit(f"PROMISES BROKEN: {error}; repeat with --seed {chosen.seed} --keep FOLDER")
    if chosen.json:
        print(json.dumps(document(chosen.seed, chosen.minutes, found, figures), indent=2))
    else:
        print("\n".join(report(found, figures)))
    sys.exit(0 if found.kept else 1)


if __name__ == "__main__":
    main()
