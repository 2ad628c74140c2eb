"""The corpora, every entry, and a short run of the fuzzer. `make fuzz` runs it for long."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
ROOT = Path(__file__).parents[2]
RUNS = 3000


@pytest.mark.parametrize("target", TARGETS)
def test_every_entry_of_the_corpus_is_read_or_refused_with_the_declared_error(target: str) -> None:
    entries = sorted((CORPUS / target).iterdir())
    assert entries
    for entry in entries:
        TARGETS[target](entry.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_entries_with_bytes_exchanged_are_too(target: str) -> None:
    chance = random.Random(f"{target} 1")
    entries = [path.read_bytes() for path in sorted((CORPUS / target).iterdir())]
    for _ in range(40):
        mutated, other = bytearray(chance.choice(entries)), chance.choice(entries)
        for _ in range(chance.randint(1, 4)):
            at, begin = chance.randint(0, len(mutated)), chance.randint(0, len(other))
            mutated[at : at + chance.randint(0, 8)] = other[begin : begin + chance.randint(0, 8)]
        TARGETS[target](bytes(mutated))


def test_a_short_run_of_the_fuzzer_over_all_targets_finds_nothing(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris has no wheel for this platform")
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    for number, target in enumerate(sorted(TARGETS)):
        for entry in (CORPUS / target).iterdir():
            (seeds / f"{target}-{entry.name}").write_bytes(bytes((number,)) + entry.read_bytes())
    options = [str(seeds), f"-runs={RUNS}", "-seed=1", f"-artifact_prefix={tmp_path}/"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.one", "all", *options],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
