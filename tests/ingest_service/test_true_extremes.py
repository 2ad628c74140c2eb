"""What is really there, however high, steady or quiet, is not tested away."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest

from ingest_service.register.snapshot import RegisterSnapshot
from osh_domain.exposure.heat_stress import indoor_wbgt
from osh_domain.quality import Flag
from osh_domain.quality_tests import QcFlag, QcTest
from osh_domain.shifts import Shift
from tests.ingest_service.hall import START, WEEK, ZONE, Hall, loud, minute, moving, span

pytestmark = pytest.mark.usefixtures("both_stores")

MORNING, AFTERNOON = Shift("day", time(7), time(11), WEEK), Shift("day", time(12), time(16), WEEK)


class SplitHall(Hall):
    """One crew works in the morning and in the afternoon."""

    def snapshot(self) -> RegisterSnapshot:
        found = super().snapshot()
        return RegisterSnapshot(
            version=found.version,
            sites=found.sites,
            zones=found.zones,
            placements=found.placements,
            expected=found.expected,
            shifts=[("kh-f0123", MORNING), ("kh-f0123", AFTERNOON)],
        )


@pytest.fixture
def new_hall(tmp_path: Path) -> Iterator[Callable[[type[Hall]], Hall]]:
    halls: list[Hall] = []

    def make(kind: type[Hall]) -> Hall:
        halls.append(kind(tmp_path))
        return halls[-1]

    yield make
    for one in halls:
        one.series.close()


@pytest.fixture
def hall(new_hall: Callable[[type[Hall]], Hall]) -> Hall:
    return new_hall(Hall)


def flags(hall: Hall, quantity: str) -> set[tuple[int, int]]:
    channel = next(one.id for one in hall.series.channels() if one.quantity == quantity)
    return {(row.flag, row.tests) for row in hall.series.quality_between(channel, 0, 2**40)}


def test_a_microphone_that_clips_for_hours_stays_in_the_dose(hall: Hall) -> None:
    hall.put("mic", "la.eq60", span(START, 120, 119.0), flags=int(Flag.CLIPPED))
    hall.roll(START + 125)
    assert flags(hall, "la.eq60") == {(QcFlag.SUSPECT, QcTest.GROSS_RANGE)}
    row = hall.row("la.leq60", START + 119)
    assert row is not None
    assert row.value == pytest.approx(119.0)
    assert (row.received, row.grade) == (60, 1)


def test_steam_that_holds_the_humidity_at_its_highest_stays_in_the_heat(hall: Hall) -> None:
    hall.put("t1", "ta", moving(START, 240, 34.0, 0.1))
    hall.put("t1", "rh", span(START, 240, 100.0))
    hall.roll(START + 245)
    assert {flag for flag, _ in flags(hall, "rh")} == {QcFlag.SUSPECT}
    row = hall.row("wbgt_eff.twa60", START + 239)
    assert row is not None
    assert row.value == pytest.approx(34.0, abs=0.2)


def test_a_quiet_night_is_no_broken_microphone_but_a_steady_hall_is_looked_at(hall: Hall) -> None:
    night = {m: 31.2 + 0.01 * (m % 3) for m in range(START, START + 400)}
    hall.put("mic", "la.eq60", night)
    hall.roll(START + 405)
    assert flags(hall, "la.eq60") == set()
    hall.put("mic", "la.eq60", span(START + 400, 40, 71.5))
    hall.roll(START + 450)
    assert {flag for flag, _ in flags(hall, "la.eq60")} == {QcFlag.SUSPECT, QcFlag.FAIL}


def test_a_fire_is_suspect_and_counts_up_to_the_end_of_the_thermometer(hall: Hall) -> None:
    hall.put("t1", "ta", moving(START, 30, 33.0, 0.1) | {START + 30 + at: 45.0 + 8 * at for at in range(6)})
    hall.roll(START + 40)
    rise = hall.row("ta.rise10", START + 35)
    assert rise is not None
    assert rise.value == pytest.approx(85.0 - 32.9)
    assert (rise.grade, {flag for flag, _ in flags(hall, "ta")}) == (1, {QcFlag.SUSPECT})


def test_a_globe_that_contradicts_the_air_accuses_no_wet_bulb(hall: Hall) -> None:
    for quantity, value in (("ta", 40.0), ("tg", 34.0), ("tnw", 25.0)):
        hall.put("t1", quantity, {START: value})
    hall.roll(START + 3)
    assert flags(hall, "ta") == flags(hall, "tg") == {(QcFlag.SUSPECT, QcTest.PHYSICS)}
    assert flags(hall, "tnw") == set()


def test_in_the_sun_the_higher_of_both_air_speeds_is_that_of_the_sun(hall: Hall) -> None:
    hall.history = [(0.0, replace(hall.zone, outdoors=True))]
    hall.diameters = {"t1": 0.04}
    # With the weights of a roof moving air gives the higher value here, with those of the sun still air.
    values = {"ta": 28.0, "rh": 30.0, "tg": 40.0}
    for quantity, value in values.items():
        hall.put("t1", quantity, {START: value})
    hall.roll(START + 3)
    both = [
        0.7 * one.natural_wet_bulb + 0.2 * one.globe150 + 0.1 * 28.0
        for speed in (0.1, 0.5)
        for one in [indoor_wbgt(28.0, 30.0, 40.0, air_speed=speed, globe_diameter=0.04)]
    ]
    assert hall.value("wbgt.minute", START) == pytest.approx(max(both), abs=1e-9)


def test_a_day_worked_in_two_shifts_of_one_name_is_one_day_of_the_week(
    new_hall: Callable[[type[Hall]], Hall],
) -> None:
    split = new_hall(SplitHall)
    split.put("mic", "la.eq60", loud(minute("2026-04-20 06:00"), 6 * 1440, 85.0))
    split.roll(minute("2026-04-25 18:00"))
    row = split.series.exposures(ZONE, "la.lex_week", 0, 2**40)[-1]
    assert (row.expected, row.received) == (12, 12)
    assert row.value == pytest.approx(85.79, abs=0.01)  # six days of eight hours over five


def test_a_globe_that_stands_still_for_an_hour_counts_no_more_and_the_zone_is_estimated(hall: Hall) -> None:
    hall.put("t1", "ta", moving(START, 90, 33.0, 0.1))
    hall.put("t1", "rh", moving(START, 90, 60.0, 0.3))
    hall.put("t1", "tg", span(START, 90, 32.0))
    hall.roll(START + 95)
    before, after = hall.row("wbgt.minute", START + 59), hall.row("wbgt.minute", START + 60)
    assert before is not None
    assert after is not None
    assert before.method == "measured_globe+assumed_va"
    assert after.method == "assumed_tg_eq_ta+assumed_va"
    assert flags(hall, "tg") == {(QcFlag.FAIL, QcTest.FLAT_LINE)}
