"""Changes of the register that reach into the past, revisions, and the quality of minutes."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, time
from pathlib import Path

import pytest

from osh_domain.exposure.heat_stress import indoor_wbgt
from osh_domain.quality_tests import QcFlag, QcTest
from osh_domain.shifts import CalendarExceptions, Overtime, Shift
from tests.ingest_service.hall import DAY_SHIFT, START, WEEK, ZONE, Hall, loud, minute, moving, span

pytestmark = pytest.mark.usefixtures("both_stores")

END = minute("2026-04-20 16:00")


@pytest.fixture
def new_hall(tmp_path: Path) -> Iterator[Callable[[], Hall]]:
    halls: list[Hall] = []

    def make() -> Hall:
        folder = tmp_path / str(len(halls))
        folder.mkdir()
        halls.append(Hall(folder))
        return halls[-1]

    yield make
    for one in halls:
        one.series.close()


def morning(hall: Hall, now: int = END + 200) -> None:
    """Heat and noise from seven to five, with a globe."""
    begin = minute("2026-04-20 06:30")
    for quantity, value, by in (("ta", 32.0, 0.1), ("rh", 60.0, 0.3), ("tg", 35.0, 0.1)):
        hall.put("t1", quantity, moving(begin, 630, value, by))
    hall.put("mic", "la.eq60", loud(begin, 630, 84.0))
    hall.roll(now)


def clothing(hall: Hall) -> None:
    hall.history = [(0.0, hall.zone), (60.0 * (START + 30), replace(hall.zone, clothing_caf=3.0))]


def longer_shift(hall: Hall) -> None:
    hall.shift = Shift("day", time(6, 30), time(15), WEEK)


def overtime(hall: Hall) -> None:
    hall.exceptions = CalendarExceptions(overtime=[Overtime("day", date(2026, 4, 20), time(17, 0))])


def small_globe(hall: Hall) -> None:
    hall.diameters = {"t1": 0.04}


def later_placed(hall: Hall) -> None:
    hall.placed_from = {"mic": 60.0 * (START + 45)}


@pytest.mark.parametrize("change", [clothing, longer_shift, overtime, small_globe, later_placed])
def test_a_register_that_changes_the_past_gives_the_numbers_of_one_that_always_said_so(
    new_hall: Callable[[], Hall], change: Callable[[Hall], None]
) -> None:
    changed, always = new_hall(), new_hall()
    morning(changed)
    before = changed.contents()
    change(changed)
    changed.register_changed()
    changed.killed_after_each_turn = True
    changed.roll(END + 200)
    change(always)
    morning(always)
    assert changed.contents() == always.contents()
    assert changed.contents() != before
    assert changed.series.recomputations() == []
    kinds = changed.series.kinds_of(ZONE)
    causes = {one.cause for kind in kinds for one in changed.series.revisions(ZONE, kind, 0, END + 999)}
    assert causes == {"register_changed"}


def test_a_change_of_the_register_that_touches_no_exposure_computes_nothing_again(
    new_hall: Callable[[], Hall],
) -> None:
    hall = new_hall()
    morning(hall)
    hall.history = [(0.0, replace(hall.zone, metabolic_class=3, women=7))]
    hall.register_changed()
    assert hall.roll(END + 200).late == 0


def test_a_sensor_placed_afterwards_where_it_stood_all_the_time_is_computed_from_its_first_reading(
    new_hall: Callable[[], Hall],
) -> None:
    hall = new_hall()
    channel = hall.series.channel_id("kh-f0123", "kh-f0123-a", "t9", "co2", None)
    hall.series.write(
        [(channel, m * 60_000_000, 700.0 + m % 9, 0, 0) for m in range(START, START + 60)], [], "l", 1
    )
    hall.roll(START + 70)
    hall.expect("t9", "co2")
    hall.roll(START + 71)
    assert hall.value("co2.minute", START) == 700.0 + START % 9
    assert hall.series.revisions(ZONE, "co2.minute", 0, END) == []


def test_late_data_leave_a_revision_with_the_old_number_the_new_one_and_when(
    new_hall: Callable[[], Hall],
) -> None:
    hall = new_hall()
    hall.put("mic", "la.eq60", {m: v for m, v in loud(START, 60, 80.0).items() if m != START + 10})
    hall.roll(START + 62)
    quiet = hall.value("la.leq60", START + 59)
    hall.put("mic", "la.eq60", {START + 10: 99.0})
    hall.roll(START + 65)
    (found,) = hall.series.revisions(ZONE, "la.leq60", START + 59, START + 59)
    assert (found.old, found.new) == (quiet, hall.value("la.leq60", START + 59))
    assert (found.revision, found.cause, found.at) == (1, "late_data", 60.0 * (START + 65))


def test_a_stuck_microphone_is_suspect_then_failed_and_then_no_exposure(new_hall: Callable[[], Hall]) -> None:
    hall = new_hall()
    hall.put("mic", "la.eq60", loud(START, 20, 80.0) | span(START + 20, 60, 77.0))
    hall.roll(START + 80)
    (entry,) = hall.series.channels()
    flags = {row.minute - START: row.flag for row in hall.series.quality_between(entry.id, 0, END)}
    assert flags == {at: QcFlag.SUSPECT if at < 50 else QcFlag.FAIL for at in range(30, 80)}
    suspect, failed = hall.row("la.leq1", START + 40), hall.row("la.leq1", START + 55)
    assert suspect is not None
    assert failed is not None
    assert (suspect.value, suspect.grade) == (77.0, 1)
    assert (failed.value, failed.received) == (None, 0)
    (latest,) = hall.series.quality_latest()
    assert (latest.minute, latest.tests) == (START + 79, QcTest.FLAT_LINE)
    hall.put("mic", "la.eq60", {START + 80: 81.0})
    hall.roll(START + 81)
    assert hall.series.quality_latest() == []


def test_late_readings_clear_a_sensor_that_seemed_to_be_stuck(new_hall: Callable[[], Hall]) -> None:
    hall = new_hall()
    quiet = {m: 77.0 for m in range(START, START + 60) if m % 6}
    hall.put("mic", "la.eq60", quiet)
    hall.roll(START + 62)
    assert hall.value("la.leq1", START + 58) is None
    hall.put("mic", "la.eq60", {START + 40 + (-(START + 40) % 6): 83.0})
    hall.roll(START + 62)
    assert hall.value("la.leq1", START + 58) == 77.0
    assert {one.cause for one in hall.series.revisions(ZONE, "la.leq1", START + 50, START + 62)} == {
        "quality"
    }


def test_a_globe_colder_than_the_air_makes_both_suspect(new_hall: Callable[[], Hall]) -> None:
    hall = new_hall()
    hall.put("t1", "ta", span(START, 3, 32.0))
    hall.put("t1", "rh", span(START, 3, 60.0))
    hall.put("t1", "tg", span(START, 2, 33.0) | {START + 2: 29.5})
    hall.roll(START + 4)
    flagged = {row.channel: row.tests for row in hall.series.quality_latest()}
    assert list(flagged.values()) == [QcTest.PHYSICS, QcTest.PHYSICS]
    assert [row.grade for row in hall.series.exposures(ZONE, "wbgt.minute", START, START + 2)] == [0, 0, 1]


def test_outdoors_the_sun_counts_and_without_globe_sun_or_instrument_nothing_can_be_told(
    new_hall: Callable[[], Hall],
) -> None:
    hall = new_hall()
    hall.position = (11.55, 104.92)
    hall.history = [(0.0, replace(hall.zone, outdoors=True))]
    for quantity, value in (("ta", 34.0), ("rh", 60.0), ("va", 1.0)):
        hall.put("t1", quantity, span(START, 5, value))
    hall.put("t1", "tg", {START: 45.0})
    hall.put("t1", "solar", {START + 1: 700.0, START + 2: 0.0})
    hall.put("t1", "wbgt", {START + 3: 31.5})
    hall.roll(START + 7)
    rows = {row.minute - START: row for row in hall.series.exposures(ZONE, "wbgt.minute", START, START + 4)}
    inside = indoor_wbgt(34.0, 60.0, 45.0, air_speed=1.0)
    assert rows[0].value == pytest.approx(0.7 * inside.natural_wet_bulb + 0.2 * 45.0 + 0.1 * 34.0, abs=1e-9)
    assert [rows[at].method for at in range(4)] == [
        "measured_globe_sun", "liljegren", "liljegren", "instrument_wbgt",
    ]  # fmt: skip
    assert rows[1].value is not None
    assert rows[2].value is not None
    assert rows[1].value > rows[2].value + 1.0
    assert rows[3].value == 31.5
    assert rows[4].value is None


def test_a_measured_wet_bulb_goes_before_a_computed_one(new_hall: Callable[[], Hall]) -> None:
    hall = new_hall()
    hall.put("w1", "tnw", span(START, 2, 25.0))
    hall.put("w1", "tg", span(START, 2, 32.0))
    hall.roll(START + 3)
    row = hall.row("wbgt.minute", START)
    assert row is not None
    assert row.value == pytest.approx(27.1)
    assert row.method == "measured_tnw"


def test_unknown_clothing_leaves_no_effective_value(new_hall: Callable[[], Hall]) -> None:
    hall = new_hall()
    hall.caf = None
    morning(hall)
    row = hall.row("wbgt_eff.twa60", START + 100)
    assert row is not None
    assert (row.value, row.coverage) == (None, 1.0)
    assert hall.value("wbgt.minute", START + 100) is not None


def test_a_rise_is_measured_from_the_lowest_of_the_ten_minutes_before(new_hall: Callable[[], Hall]) -> None:
    hall = new_hall()
    values = [30.0, 29.0, 30.0, 30.5, 30.5, 31.0, 31.0, 31.5, 31.5, 32.0, 33.0, 33.5, 34.0]
    hall.put("t1", "ta", {START + at: value for at, value in enumerate(values)})
    hall.roll(START + 14)
    assert hall.value("ta.rise10", START + 10) == 4.0
    assert hall.value("ta.rise10", START + 11) == 4.5
    assert hall.value("ta.rise10", START + 12) == 4.0
    assert hall.value("ta.rise10", START + 4) is None, "too few minutes before it"


def test_a_week_of_noise_counts_the_shifts_of_one_crew_and_divides_by_five(
    new_hall: Callable[[], Hall],
) -> None:
    hall = new_hall()
    levels = [85.0, 88.0, 82.0]
    for day, level in enumerate(levels):
        hall.put("mic", "la.eq60", loud(minute("2026-04-20 07:00") + 1 + 1440 * day, 540, level))
        hall.roll(minute("2026-04-20 16:05") + 1440 * day)
    ends = [minute("2026-04-20 16:00") + 1440 * day for day in range(3)]
    rows = hall.series.exposures(ZONE, "la.lex_week", 0, ends[-1] + 999)
    assert [row.minute for row in rows] == ends
    lex = [level + 10 * math.log10(540 / 480) for level in levels]
    hand = 10 * math.log10(sum(10 ** (one / 10) for one in lex) / 5)
    assert rows[-1].value == pytest.approx(hand, abs=1e-6)
    assert (rows[-1].expected, rows[-1].received, rows[-1].method) == (3, 3, "area_week")


def test_a_local_day_of_dust_is_one_row_at_its_end(new_hall: Callable[[], Hall]) -> None:
    hall = new_hall()
    midnight = minute("2026-04-20 00:00")
    hall.put("pm", "pm2_5", moving(midnight + 1, 1440, 40.0, 1.0))
    hall.roll(midnight + 1443)
    (row,) = hall.series.exposures(ZONE, "pm2_5.day", 0, midnight + 9999)
    assert (row.minute, row.expected, row.received) == (midnight + 1440, 24, 24)
    assert row.value == pytest.approx(40.0)


def test_summaries_hold_end_mean_and_extremes_of_hours_shifts_and_days(new_hall: Callable[[], Hall]) -> None:
    hall = new_hall()
    midnight = minute("2026-04-21 00:00")
    morning(hall, midnight + 3)
    (shift,) = hall.series.summaries(ZONE, "la.leq1", "shift", 0, midnight)
    assert (shift.first, shift.last) == (minute("2026-04-20 07:00") + 1, END)
    assert (shift.known, shift.expected, shift.grade) == (540, 540, 0)
    assert shift.mean == pytest.approx(84.0, abs=1e-9)
    assert shift.high == 84.0 + 10 * math.log10(1.03)
    assert shift.value == hall.value("la.leq1", END)
    hours = hall.series.summaries(ZONE, "la.leq1", "hour", shift.first, shift.last)
    assert [hour.known for hour in hours] == [60] * 9
    (day,) = hall.series.summaries(ZONE, "wbgt_eff.twa60", "day", 0, midnight)
    assert day.last == midnight
    assert hall.series.highest(ZONE, "la.leq1", shift.first, shift.last, 60) == {
        hour.last: hour.high for hour in hours
    }
    limit = 84.0
    summed = hall.series.exceedance(ZONE, "la.leq1", limit, shift.first + 7, shift.last - 3)
    rows = hall.series.exposures(ZONE, "la.leq1", shift.first + 7, shift.last - 3)
    assert summed.above == sum(row.value > limit for row in rows if row.value is not None)
    assert (summed.known, summed.highest) == (len(rows), shift.high)
    assert DAY_SHIFT.name == "day"
