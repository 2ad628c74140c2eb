"""The series cannot be written for days: the ledger grows, and what is made of it later is the same."""

from __future__ import annotations

from pathlib import Path

from ingest_service.intake import Intake
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.projection import CURSOR, Projector
from ingest_service.series.port import SeriesError
from ingest_service.series.sqlite import open_series
from tests.delivery.audit import points
from tests.delivery.test_full_disk import leave_free, small
from tests.ingest_service.gateways import NOW, Device, arrival, reading, snapshot

__all__ = ["small"]
DAYS, A_DAY, EVERY_S = 3, 96, 900.0


def test_after_days_without_a_store_the_series_is_what_it_would_have_been(
    small: Path, tmp_path: Path
) -> None:
    device, whole = Device(), tmp_path / "whole"
    whole.mkdir()
    ledger = open_ledger(tmp_path)
    intake = Intake(ledger, snapshot)
    stores = open_series(small), open_series(whole)
    down, spared = (Projector(ledger, series, snapshot) for series in stores)
    begin = NOW - DAYS * 86_400

    def a_day(day: int) -> None:
        for number in range(A_DAY):
            at = begin + day * 86_400 + number * EVERY_S
            device.off = at - 100.0
            frame = device.batch(reading(at=at), reading("rh", 40.0 + number / 4, unit="%RH", at=at))
            intake.take([arrival(frame, at=at)], at)

    a_day(0)
    down.step(1000)
    filler = leave_free(small, 0)
    refused = 0
    for day in range(1, DAYS):
        a_day(day)
        try:
            while down.step(10):
                pass
        except SeriesError:
            refused += 1
    assert refused == DAYS - 1
    assert stores[0].cursor(CURSOR) < ledger.last_row() == DAYS * A_DAY, "the ledger went on alone"
    filler.unlink()
    for projector in (down, spared):
        while projector.step(10):
            pass
    for series in stores:
        series.close()
    ledger.close()
    assert points(small / "series.sqlite") == points(whole / "series.sqlite")
    assert points(whole / "series.sqlite")[0] == 2 * DAYS * A_DAY
