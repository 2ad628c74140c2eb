"""Judging minutes of event time for many factories, in a process of its own on one core.

Started by `oshwatch.bench.rules`: what to do comes as JSON on standard input, the figures go out as one line
of JSON. Stores are real files; what is timed is what the alerts runner does with one minute of exposures,
from reading them to the committed transaction, and what the clock alone asks of it.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from alert_rules.pack_format import load_packs
from alert_rules.pack_model import Pack
from ingest_service.alert_cycle import ROWS_AT_ONCE, AlertCycle
from ingest_service.cases.judging import Judge
from ingest_service.database import open_database
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.register.store import Register
from ingest_service.series.port import ExposureRow
from ingest_service.series.sqlite import open_series
from oshwatch.bench.rules_fleet import FIRST_MINUTE, Fleet, exposures

ARRIVAL_S: Final = 2.0
"""How long after its end a minute's exposures are judged."""
LIVE_AGE_S: Final = 900.0
ROWS_WRITTEN_AT_ONCE: Final = 20_000


@dataclass(slots=True)
class SetClock:
    """Event time, moved on by the benchmark."""

    at: float
    rate: float = 1.0

    def now(self) -> float:
        return self.at


def measure(data_dir: Path, fleet: Fleet, minutes: int) -> dict[str, Any]:
    """Judge one minute to begin with, then `minutes` more; each of these is one run."""
    packs = load_packs()
    clock = SetClock(60.0 * FIRST_MINUTE)
    engine = open_database(data_dir)
    before = _peak_mb()
    try:
        with closing(open_series(data_dir)) as series:
            register = Register(engine, clock.now)
            cycle = AlertCycle(
                engine,
                register,
                series,
                packs,
                clock=clock,
                link_base="http://127.0.0.1:8080",
                live_age_s=LIVE_AGE_S,
            )
            judged = []
            for minute in range(FIRST_MINUTE, FIRST_MINUTE + minutes + 1):
                for rows in _pieces(exposures(fleet, packs, minute), ROWS_WRITTEN_AT_ONCE):
                    series.write_exposures(rows)
                clock.at = 60.0 * minute + ARRIVAL_S
                judged.append(_one_minute(cycle))
            peak = _peak_mb()
            register_now = register.snapshot()
    finally:
        engine.dispose()
    pure = _pure(packs, register_now, fleet, minutes)
    runs = [{**whole, **alone} for whole, alone in zip(judged[1:], pure, strict=True)]
    return {
        "begin": judged[0],
        "runs": runs,
        "memory_mb": {"before": before, "peak": peak},
    }


def _one_minute(cycle: AlertCycle) -> dict[str, float]:
    """Everything the alerts runner does about one minute."""
    begun, used = time.perf_counter(), time.process_time()
    rows = 0
    while judged := cycle.judge_new():
        rows += judged
    seconds, processor = time.perf_counter() - begun, time.process_time() - used
    begun = time.perf_counter()
    cycle.look_at_clock()
    looked = time.perf_counter() - begun
    return {
        "rows": rows,
        "seconds": round(seconds, 3),
        "processor_seconds": round(processor, 3),
        "rows_per_second": round(rows / seconds),
        "clock_look_seconds": round(looked, 3),
    }


def _pure(
    packs: Sequence[Pack], register: RegisterSnapshot, fleet: Fleet, minutes: int
) -> list[dict[str, float]]:
    """The same minutes judged without any store: what deciding alone takes."""
    judge = Judge(packs, LIVE_AGE_S, {})
    found = []
    for minute in range(FIRST_MINUTE, FIRST_MINUTE + minutes + 1):
        seconds, judgements = 0.0, 0
        for rows in _pieces(exposures(fleet, packs, minute), ROWS_AT_ONCE):
            begun = time.perf_counter()
            outcome = judge.take(rows, register, 60.0 * minute + ARRIVAL_S)
            seconds += time.perf_counter() - begun
            judgements += len(outcome.judgements)
        found.append({"judgements": judgements, "pure_seconds": round(seconds, 3)})
    return found[1:]


def _pieces(rows: Iterator[ExposureRow], size: int) -> Iterator[list[ExposureRow]]:
    while piece := list(islice(rows, size)):
        yield piece


def _peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def main() -> None:
    """Read the order, keep to one core, measure, say the figures."""
    order = json.loads(sys.stdin.readline())
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    figures = measure(Path(order["data_dir"]), Fleet(**order["fleet"]), order["minutes"])
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
