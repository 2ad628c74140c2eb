"""A short fault campaign with every process real; `make chaos` runs it for as long as it is told."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from oshwatch.bench.servers import BenchError, find_mosquitto
from tests.delivery.campaign import document, report, run
from tests.delivery.campaign_faults import MENU, plan

SEED, SECONDS, FAULTS = 219, 60.0, 4  # a half-dead road, a full disk, a killed intake, a zeroed page


@pytest.mark.system
@pytest.mark.timeout(400)
def test_nothing_is_lost_doubled_or_changed_whatever_fails(tmp_path: Path) -> None:
    try:
        find_mosquitto()
    except BenchError as error:
        pytest.skip(str(error))
    found, figures = run(tmp_path / "campaign", seed=SEED, seconds=SECONDS, most=FAULTS)
    assert found.kept, "\n".join(report(found, figures))
    assert found.truth.taken > 300
    assert figures.in_ledger >= 6
    assert 2 <= sum(figures.faults.values()) <= FAULTS
    assert document(SEED, 1.0, found, figures)["kept"] is True


def test_a_seed_is_a_plan_and_every_fault_comes_before_any_comes_again() -> None:
    first, again, other = (list(islice(plan(seed), 2 * len(MENU))) for seed in (3, 3, 4))
    assert first == again
    assert first != other
    for begin in (0, len(MENU)):
        assert {step.fault for step in first[begin : begin + len(MENU)]} == set(MENU)
