"""A ledger restored from a backup: what comes under the numbers of rows that are no more is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest_service.intake import Intake
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.projection import CURSOR, Projector, stands_on
from ingest_service.series.sqlite import open_series
from tests.ingest_service.gateways import NOW, Device, arrival, reading, snapshot


def take(folder: Path, frames: list[bytes], at: float) -> None:
    folder.mkdir(exist_ok=True)
    ledger = open_ledger(folder)
    Intake(ledger, snapshot).take([arrival(frame, at=at) for frame in frames], at)
    ledger.close()


@pytest.mark.parametrize("came_since", [0, 3, 10])
def test_a_series_of_a_ledger_that_is_no_more_is_noticed_however_many_rows_came_since(
    tmp_path: Path, came_since: int
) -> None:
    device, restored, lost = Device(), tmp_path / "restored", tmp_path / "lost"
    frames = [device.batch(reading(at=NOW + i)) for i in range(20)]
    for folder in (restored, lost):
        take(folder, frames[:4], NOW)
    take(lost, frames[4:9], NOW + 60)
    ledger, series = open_ledger(lost), open_series(tmp_path)
    projector = Projector(ledger, series, snapshot)
    while projector.step(2):
        assert stands_on(series, ledger)
    ledger.close()
    take(restored, frames[9 : 9 + came_since], NOW + 120)  # live ones, before the others are sent again
    again = open_ledger(restored)
    assert series.cursor(CURSOR) == 9
    assert not stands_on(series, again)
    series.wipe()
    assert stands_on(series, again)
    again.close()
    series.close()
