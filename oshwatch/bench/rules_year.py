"""One factory-year judged again by every pack, in a process of its own on one core.

Started by `oshwatch.bench.rules`: what to do comes as JSON on standard input, the figures go out as one line
of JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from alert_rules.backtest_packs import with_drafts
from alert_rules.pack_format import load_packs
from ingest_service.backtesting import Backtest, Question
from ingest_service.database import open_database
from ingest_service.register.store import Register
from ingest_service.series.columns import ExposureColumns
from ingest_service.series.sqlite import FILE_NAME, open_series
from oshwatch.bench.rules_store import FIRST_DAY, LAST_DAY


def measure(data_dir: Path, runs: int) -> dict[str, Any]:
    """Replay the year `runs` times."""
    return {"runs": [_replayed(data_dir) for _ in range(runs)], "memory_mb": {"peak": _peak_mb()}}


def _replayed(data_dir: Path) -> dict[str, float]:
    packs = load_packs()
    draft = with_drafts(packs, packs, at_any_time=True)
    question = Question(packs, draft, frozenset(pack.pack for pack in packs), FIRST_DAY, LAST_DAY)
    engine = open_database(data_dir)
    columns = ExposureColumns(data_dir / FILE_NAME)
    begun, used = time.perf_counter(), time.process_time()
    try:
        with closing(columns), closing(open_series(data_dir, read_only=True)) as series:
            register = Register(engine).snapshot()
            backtest = Backtest(register, series, columns, time.time())
            answers = list(backtest.run(question, register.zones, lambda _done, _of: None))
    finally:
        engine.dispose()
    outcomes = [outcome for answer in answers for outcome in answer.rules]
    seconds = time.perf_counter() - begun
    return {
        "seconds": round(seconds, 2),
        "processor_seconds": round(time.process_time() - used, 2),
        "zones": len(answers),
        "rules": len({outcome.active.id for outcome in outcomes}),
        "judgements": sum(outcome.known + outcome.unknown for outcome in outcomes),
        "raised": sum(len(outcome.episodes) for outcome in outcomes),
    }


def _peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def main() -> None:
    """Read the order, keep to one core, measure, say the figures."""
    order = json.loads(sys.stdin.readline())
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    figures = measure(Path(order["data_dir"]), order["runs"])
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
