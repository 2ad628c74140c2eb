"""A short fault campaign with every process real; `make chaos` runs it for as long as it is told."""

from pathlib import Path

import pytest

from oshwatch.bench.servers import BenchError, find_mosquitto
from tests.delivery.campaign import run

SECONDS = 20.0


@pytest.mark.system
@pytest.mark.timeout(400)
def test_nothing_is_lost_doubled_or_changed_whatever_fails(tmp_path: Path) -> None:
    try:
        find_mosquitto()
    except BenchError as error:
        pytest.skip(str(error))
    found, figures, batches = run(tmp_path / "campaign", seed=7, seconds=SECONDS)
    assert found.kept, found
    assert found.truth.taken > 1000
    assert batches > 20
    assert sum(figures.faults.values()) >= 2
