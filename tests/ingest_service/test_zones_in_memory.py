"""A rollup with more zones than it keeps in memory."""

from dataclasses import replace
from pathlib import Path

import pytest

from ingest_service.register.entries import ExpectedChannel, Placement
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.rollup import zones
from ingest_service.series.port import ExposureRow
from tests.ingest_service.hall import DAY_SHIFT, START, ZONE, Hall, loud

NAMES = (ZONE, "kh-f0123/z-2", "kh-f0123/z-3")


class ThreeHalls(Hall):
    """The same microphone in each of three zones."""

    def snapshot(self) -> RegisterSnapshot:
        if self._snapshot is None:
            site = super().snapshot().sites[0]
            self._snapshot = RegisterSnapshot(
                version=1,
                sites=[site],
                zones=[replace(self.zone, id=name) for name in NAMES],
                placements=[
                    Placement("kh-f0123-a", f"m{at}", name, 0.0, None, None) for at, name in enumerate(NAMES)
                ],
                expected=[
                    ExpectedChannel("kh-f0123-a", f"m{at}", "la.eq60", 60.0, 0.0, None) for at in range(3)
                ],
                shifts=[("kh-f0123", DAY_SHIFT)],
            )
        return self._snapshot


def grown(folder: Path) -> tuple[ThreeHalls, list[ExposureRow]]:
    folder.mkdir()
    hall = ThreeHalls(folder)
    for begin in range(START, START + 60, 10):
        for at in range(3):
            hall.put(f"m{at}", "la.eq60", loud(begin, 10, 80.0 + at))
        hall.roll(begin + 13)
    rows = [row for name in NAMES for row in hall.series.exposures(name, "la.lex8h", 0, 2**40)]
    return hall, [row._replace(change=0) for row in rows]


def test_only_the_zones_beyond_the_number_read_their_day_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roomy, expected = grown(tmp_path / "roomy")
    monkeypatch.setattr(zones, "ZONES_IN_MEMORY", 2)
    tight, found = grown(tmp_path / "tight")
    assert found == expected
    assert tight.rollup is not None
    rolls = tight.rollup._zones.rolls
    assert {name for name in NAMES if rolls[name]._series is not None} == set(NAMES[:2])
    for hall in (roomy, tight):
        hall.series.close()
