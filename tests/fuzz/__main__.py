"""``python -m tests.fuzz [--seconds N] [--keep DIR] [TARGET ...]``: fuzz the parsers, by turns.

What is found stands in ``build/fuzz``, named after its target; put it, made small, into ``tests/fuzz/corpus``
with the mend. ``--seeds`` writes the corpora anew from the examples and vectors of the project.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

from tests.fuzz.targets import TARGETS

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
ROOT = HERE.parent.parent
LONGEST = 8192
PATIENCE_S = 60


def fuzz(target: str, seconds: int, keep: Path, *options: str) -> tuple[int, int]:
    """Executions and exit code (0: nothing was found)."""
    grown = keep / target
    grown.mkdir(parents=True, exist_ok=True)
    arguments = [str(grown), str(CORPUS / target), f"-max_total_time={seconds}", f"-max_len={LONGEST}"]
    arguments += [f"-artifact_prefix={keep}/{target}-", "-print_final_stats=1", "-timeout=20", *options]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.one", target, *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=seconds + PATIENCE_S,
    )  # fmt: skip
    said = done.stdout.decode("utf-8", "replace")
    (keep / f"{target}.log").write_text(said)
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", said)
    return int(executed[1]) if executed else 0, done.returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", help=f"one of {', '.join(TARGETS)}; all when none is named")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--keep", type=Path, default=ROOT / "build" / "fuzz", help="grown corpora, findings")
    parser.add_argument("--seeds", action="store_true", help="write the corpora anew")
    chosen = parser.parse_args()
    if chosen.seeds:
        from tests.fuzz.seeds import write_seeds

        write_seeds(CORPUS)
        return 0
    unknown = [name for name in chosen.target if name not in TARGETS]
    if unknown:
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    failed = 0
    for name in chosen.target or TARGETS:
        executions, code = fuzz(name, chosen.seconds, chosen.keep)
        failed += code != 0
        told = "nothing found" if code == 0 else f"FOUND, see {chosen.keep}/{name}.log"
        print(f"{name:18} {executions:>12,} executions  {told}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
