"""The rollup over the real series store, against windows computed by hand."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest_service.register.entries import Placement, Zone
from ingest_service.register.snapshot import RegisterSnapshot
from osh_domain.exposure.heat_stress import indoor_wbgt
from osh_domain.exposure.noise import energy
from osh_domain.quality import Flag
from tests.ingest_service.hall import DAY_SHIFT, NIGHT_SHIFT, START, ZONE, Hall, loud, minute, moving, span

pytestmark = pytest.mark.usefixtures("both_stores")


@pytest.fixture
def new_hall(tmp_path: Path) -> Iterator[Callable[..., Hall]]:
    halls: list[Hall] = []

    def make(**options: object) -> Hall:
        folder = tmp_path / str(len(halls))
        folder.mkdir()
        halls.append(Hall(folder, **options))  # type: ignore[arg-type]
        return halls[-1]

    yield make
    for one in halls:
        one.series.close()


@pytest.fixture
def hall(new_hall: Callable[..., Hall]) -> Hall:
    return new_hall()


def test_an_hour_of_wbgt_is_the_mean_of_its_minutes_with_clothing_added(
    new_hall: Callable[..., Hall],
) -> None:
    hall = new_hall(caf=3.0)
    hall.put("t1", "ta", span(START, 30, 32.0) | span(START + 30, 30, 33.5))
    hall.put("t1", "rh", span(START, 60, 65.0))
    hall.put("t1", "tg", span(START, 60, 36.0))
    hall.put("t1", "va", span(START, 60, 0.2))
    hall.roll(START + 60)
    cool = indoor_wbgt(32.0, 65.0, 36.0, air_speed=0.2).value
    warm = indoor_wbgt(33.5, 65.0, 36.0, air_speed=0.2).value
    row = hall.row("wbgt_eff.twa60", START + 59)
    assert row is not None
    assert row.value == pytest.approx((cool + warm) / 2 + 3.0, abs=1e-9)
    assert (row.coverage, row.method, row.grade, row.revision) == (1.0, "measured_globe", 0, 0)
    assert hall.value("wbgt.minute", START) == pytest.approx(cool, abs=1e-12)


def test_a_gap_of_sixteen_minutes_makes_an_hour_of_wbgt_unknown_and_says_how_long_it_was(hall: Hall) -> None:
    for quantity, value in (("ta", 33.0), ("rh", 60.0)):
        hall.put("t1", quantity, span(START, 30, value) | span(START + 46, 14, value))
    hall.roll(START + 62)
    row = hall.row("wbgt_eff.twa60", START + 59)
    assert row is not None
    assert (row.value, row.expected, row.received, row.worst_gap_s) == (None, 60, 44, 960.0)
    assert row.coverage == pytest.approx(44 / 60)


def test_without_a_globe_the_method_says_so_and_the_grade_is_indicative(hall: Hall) -> None:
    hall.put("t1", "ta", span(START, 3, 33.0))
    hall.put("t1", "rh", span(START, 3, 60.0))
    hall.roll(START + 3)
    row = hall.row("wbgt.minute", START + 2)
    assert row is not None
    assert (row.method, row.grade) == ("assumed_tg_eq_ta+assumed_va", 2)
    assert row.value == indoor_wbgt(33.0, 60.0).value


def test_one_minute_by_a_weaker_method_names_the_whole_hour(hall: Hall) -> None:
    hall.put("t1", "ta", span(START, 60, 33.0))
    hall.put("t1", "rh", span(START, 60, 60.0))
    hall.put("t1", "tg", span(START + 1, 59, 35.0), grade=1)
    hall.roll(START + 62)
    row = hall.row("wbgt_eff.twa60", START + 59)
    assert row is not None
    assert (row.method, row.grade) == ("assumed_tg_eq_ta+assumed_va", 2)


def test_decibels_average_as_energy_in_minutes_and_in_windows(hall: Hall) -> None:
    hall.put("mic", "la.eq60", span(START, 30, 80.0) | span(START + 30, 30, 90.0))
    hall.roll(START + 60)
    assert hall.value("la.leq60", START + 59) == pytest.approx(87.4036, abs=0.0001)
    channel = hall.series.channel_id("kh-f0123", "kh-f0123-a", "mic", "la.eq60", None)
    end = (START + 60) * 60_000_000
    hall.series.write([(channel, end - 1000, 80.0, 0, 0), (channel, end - 2000, 90.0, 0, 0)], [], "ledger", 2)
    hall.roll(START + 63)
    (stored,) = hall.series.minutes_between([channel], START + 60, START + 60)
    assert stored.mean == pytest.approx(87.4036, abs=0.0001)
    assert (stored.n, stored.low, stored.high) == (2, 80.0, 90.0)


def test_two_microphones_give_the_louder_and_two_thermometers_their_mean(hall: Hall) -> None:
    hall.put("mic-1", "la.eq60", span(START, 2, 80.0))
    hall.put("mic-2", "la.eq60", span(START, 2, 84.5))
    hall.put("t1", "ta", span(START, 60, 30.0))
    hall.put("t2", "ta", span(START, 60, 32.0))
    hall.roll(START + 62)
    assert hall.value("la.leq1", START + 1) == 84.5
    assert hall.value("ta.mean60", START + 59) == 31.0


def test_a_shift_is_summed_from_its_start_across_midnight(new_hall: Callable[..., Hall]) -> None:
    hall = new_hall(shift=NIGHT_SHIFT)
    start = minute("2026-04-20 22:00")
    hall.put(
        "mic",
        "la.eq60",
        loud(start - 9, 9, 95.0) | loud(start + 1, 240, 85.0) | loud(start + 241, 240, 88.0),
    )
    hall.roll(start + 482)
    hand = 10 * math.log10((240 * energy(85.0) + 240 * energy(88.0)) / 480)
    assert hall.value("la.lex8h", start + 480) == pytest.approx(hand, abs=1e-9)
    assert hall.value("la.lex8h", start + 240) == pytest.approx(85.0 - 3.0103, abs=0.0001)
    assert hall.value("la.niosh_dose", start + 480) == pytest.approx(50.0 + 100.0, abs=1e-3)
    assert hall.value("la.projected_lex8h", start + 240) == pytest.approx(85.0, abs=1e-9)
    row = hall.row("la.lex8h", start + 240)
    assert row is not None
    assert (row.expected, row.received) == (240, 240)
    assert hall.row("la.lex8h", start + 481) is None


def test_a_lunch_break_without_data_is_not_a_gap_at_work(hall: Hall) -> None:
    start, lunch = minute("2026-04-20 07:00"), minute("2026-04-20 11:00")
    hall.put("mic", "la.eq60", loud(start + 1, 240, 82.0) | loud(lunch + 61, 240, 82.0))
    hall.roll(start + 543)
    row = hall.row("la.lex8h", start + 540)
    assert row is not None
    assert (row.expected, row.received, row.worst_gap_s) == (480, 480, 0.0)
    assert row.value == pytest.approx(82.0 + 10 * math.log10(540 / 480), abs=1e-9)


@pytest.mark.parametrize(("missing", "known"), [(30, True), (31, False)])
def test_half_an_hour_missing_at_work_is_borne_and_more_is_not(hall: Hall, missing: int, known: bool) -> None:
    start = minute("2026-04-20 07:00")
    hall.put("mic", "la.eq60", loud(start + 1, 100, 82.0) | loud(start + 101 + missing, 109, 82.0))
    hall.roll(start + 212)
    row = hall.row("la.lex8h", start + 209)
    assert row is not None
    assert (row.value is not None, row.worst_gap_s) == (known, missing * 60.0)


def test_late_data_revise_every_window_that_holds_them_and_no_other(hall: Hall) -> None:
    missing = {START + 20, START + 21}
    for quantity, value in (("ta", 33.0), ("rh", 60.0)):
        hall.put("t1", quantity, {m: v for m, v in span(START, 100, value).items() if m not in missing})
    hall.roll(START + 102)
    before = {m: hall.row("wbgt_eff.twa60", m) for m in range(START + 60, START + 100)}
    cursor = max(row.change for row in hall.series.exposures_changed(0, 100_000))
    hall.put("t1", "ta", dict.fromkeys(missing, 39.0))
    hall.put("t1", "rh", dict.fromkeys(missing, 60.0))
    report = hall.roll(START + 102)
    assert report.late > 0
    changed = {(r.kind, r.minute) for r in hall.series.exposures_changed(cursor, 100_000)}
    assert {m for kind, m in changed if kind == "wbgt_eff.twa60"} == set(range(START + 20, START + 81))
    last, untouched = hall.row("wbgt_eff.twa60", START + 80), hall.row("wbgt_eff.twa60", START + 81)
    assert last is not None
    assert before[START + 80] is not None
    assert last.value is not None
    assert before[START + 80].value is not None  # type: ignore[union-attr]
    assert last.value > before[START + 80].value  # type: ignore[union-attr,operator]
    assert last.revision == 1
    assert untouched == before[START + 81]


def test_a_shift_is_revised_to_its_end_by_late_noise(hall: Hall) -> None:
    start = minute("2026-04-20 07:00")
    hall.put("mic", "la.eq60", {m: v for m, v in loud(start + 1, 540, 80.0).items() if m != start + 10})
    hall.roll(start + 545)
    quiet = hall.value("la.lex8h", start + 540)
    hall.put("mic", "la.eq60", {start + 10: 110.0})
    hall.roll(start + 545)
    later = hall.row("la.lex8h", start + 540)
    assert later is not None
    assert quiet is not None
    others = 540 * energy(80.0) - energy(loud(start + 10, 1, 80.0)[start + 10])
    hand = 10 * math.log10((others + energy(110.0)) / 480)
    assert later.value == pytest.approx(hand, abs=1e-9)
    assert (later.revision, later.received) == (1, 480)


def test_minutes_in_which_nothing_arrives_become_cannot_tell_while_the_shift_is_on(hall: Hall) -> None:
    hall.put("mic", "la.eq60", span(START, 30, 80.0))
    hall.roll(START + 30)
    assert hall.row("la.leq1", START + 30) is None
    hall.roll(START + 31.9)
    assert hall.row("la.leq1", START + 30) is None, "the grace has not passed"
    hall.roll(START + 40)
    silent = hall.row("la.leq1", START + 38)
    assert silent is not None
    assert (silent.value, silent.coverage, silent.received, silent.grade) == (None, 0.0, 0, 2)
    hour = hall.row("la.leq60", START + 38)
    assert hour is not None
    assert (hour.value, hour.received) == (None, 30)
    end = minute("2026-04-20 16:00")
    hall.roll(end + 200)
    assert hall.row("la.leq1", end) is not None
    assert hall.row("la.leq1", end + 1) is None, "nobody is there after the shift"


def test_a_zone_that_died_is_left_to_its_silence_after_a_day(hall: Hall) -> None:
    hall.put("mic", "la.eq60", span(START, 30, 80.0))
    hall.roll(START + 3 * 1440)
    assert hall.row("la.leq1", START + 1440 + 20) is not None
    assert hall.row("la.leq1", START + 1440 + 40) is None
    hall.put("mic", "la.eq60", span(START + 3 * 1440, 5, 80.0))
    hall.roll(START + 3 * 1440 + 5)
    assert hall.value("la.leq1", START + 3 * 1440 + 4) == 80.0


def test_data_years_apart_do_not_fill_the_years_between(hall: Hall) -> None:
    old = minute("2015-02-04 14:20")
    hall.put("t1", "co2", span(old, 20, 700.0))
    hall.roll(START)
    hall.put("t1", "co2", span(START, 20, 800.0))
    hall.roll(START + 25)
    assert hall.value("co2.stel15", old + 19) == 700.0
    assert hall.value("co2.stel15", START + 19) == 800.0
    assert len(hall.series.exposures(ZONE, "co2.minute", 0, START + 10**6)) < 2000


def test_nothing_is_called_missing_while_ledger_rows_wait(hall: Hall) -> None:
    hall.put("mic", "la.eq60", span(START, 5, 80.0))
    hall.roll(START + 500, caught_up=False)
    assert hall.row("la.leq1", START + 4) is not None
    assert hall.row("la.leq1", START + 6) is None


def test_calibration_and_faults_are_no_exposure(hall: Hall) -> None:
    hall.put("mic", "la.eq60", span(START, 3, 80.0))
    hall.put("mic", "la.eq60", {START + 3: 94.0}, flags=int(Flag.CALIBRATION_RUN))
    hall.put("mic", "la.eq60", {START + 4: 30.0}, flags=int(Flag.SENSOR_FAULT))
    hall.put("mic", "la.eq60", {START + 5: 81.0}, flags=int(Flag.CLIPPED))
    hall.roll(START + 10)
    assert [hall.value("la.leq1", START + i) for i in (2, 3, 4, 5)] == [80.0, None, None, 81.0]


def test_an_impossible_humidity_is_cannot_tell_and_stops_nothing(hall: Hall) -> None:
    hall.put("t1", "ta", span(START, 3, 33.0))
    hall.put("t1", "rh", {START: 60.0, START + 1: 104.0, START + 2: 60.0})
    hall.roll(START + 5)
    assert hall.value("wbgt.minute", START + 1) is None
    assert hall.value("wbgt.minute", START + 2) is not None


def test_a_reading_every_five_minutes_speaks_for_five(hall: Hall) -> None:
    hall.expect("t1", "co2", 300.0)
    hall.put("t1", "co2", {m: v for m, v in moving(START, 481, 900.0, 2.0).items() if (m - START) % 5 == 0})
    hall.roll(START + 481)
    row = hall.row("co2.twa8h", START + 479)
    assert row is not None
    assert row.received == 480
    assert row.value == pytest.approx(900.0)
    hall.roll(START + 490)
    assert hall.value("co2.minute", START + 484) == hall.value("co2.minute", START + 480)
    assert hall.row("co2.minute", START + 485) is None, "after the shift, and the last reading is spent"


def test_a_ceiling_sees_the_highest_reading_of_the_minute(hall: Hall) -> None:
    hall.expect("g1", "co", 10.0)
    channel = hall.series.channel_id("kh-f0123", "kh-f0123-a", "g1", "co", "ppm")
    first = (START - 1) * 60_000
    hall.series.write(
        [(channel, (first + 1000 * s) * 1000, 210.0 if s == 30 else 10.0, 0, 0) for s in range(10, 61, 10)],
        [],
        "ledger",
        1,
    )
    hall.roll(START)
    assert hall.value("co.minute_max", START) == 210.0


def test_a_day_of_dust_needs_eighteen_good_hours(hall: Hall) -> None:
    begin = minute("2026-04-20 00:00")
    hall.put("pm", "pm2_5", moving(begin + 1, 1020, 20.0, 0.4))
    hall.roll(begin + 1022)
    row = hall.row("pm2_5.mean24h", begin + 1020)
    assert row is not None
    assert (row.value, row.expected, row.received) == (None, 24, 17)
    hall.put("pm", "pm2_5", moving(begin + 1021, 60, 56.0, 0.4))
    hall.roll(begin + 1082)
    assert hall.value("pm2_5.mean24h", begin + 1080) == pytest.approx((17 * 20.0 + 56.0) / 18)


def test_hours_are_written_when_they_are_over_and_again_when_late(hall: Hall) -> None:
    hour = -(-START // 60) + 1
    first = 60 * hour - 59
    hall.put("mic", "la.eq60", span(first, 30, 80.0) | span(first + 30, 29, 90.0))
    hall.roll(first + 58)
    channel = hall.series.channel_id("kh-f0123", "kh-f0123-a", "mic", "la.eq60", None)
    assert hall.series.hours_between([channel], hour, hour) == []
    hall.roll(60 * hour + 3)
    (row,) = hall.series.hours_between([channel], hour, hour)
    assert row.mean == pytest.approx(10 * math.log10((30 * energy(80.0) + 29 * energy(90.0)) / 59))
    hall.put("mic", "la.eq60", {60 * hour: 100.0})
    hall.roll(60 * hour + 3)
    (row,) = hall.series.hours_between([channel], hour, hour)
    assert (row.n, row.high) == (60, 100.0)


def scene(hall: Hall, order: Callable[[int], int] = lambda m: m, turns: int = 7) -> None:
    """A morning with every quantity, a sensor silent for a while, delivered in portions in some order."""
    quantities = {"ta": 32.0, "rh": 61.0, "tg": 34.0, "la.eq60": 83.0, "pm2_5": 31.0, "co": 4.0, "co2": 900.0}
    minutes = sorted(range(START, START + 300), key=order)
    portion = -(-len(minutes) // turns)
    for quantity in quantities:
        hall.expect("n1", quantity)
    for i in range(0, len(minutes), portion):
        part = minutes[i : i + portion]
        for quantity, base in quantities.items():
            wave = {m: base * (1.0 + 0.07 * math.sin(m / 17.0)) for m in part}
            if quantity == "tg":
                wave = {m: v for m, v in wave.items() if not START + 100 <= m < START + 130}
            hall.put("n1", quantity, wave)
        hall.roll(max(part) + 1)
    hall.roll(START + 420)


def test_a_rebuilt_store_holds_the_same_exposures_bit_by_bit(hall: Hall) -> None:
    scene(hall)
    first = hall.numbers(revisions=True)
    hall.series.wipe()
    hall.rollup = None
    scene(hall, turns=3)
    assert hall.numbers(revisions=True) == first


def test_the_order_of_arrival_changes_revisions_and_no_number(new_hall: Callable[..., Hall]) -> None:
    on_time, backwards, mixed = new_hall(), new_hall(), new_hall()
    scene(on_time)
    scene(backwards, order=lambda m: -m)
    scene(mixed, order=lambda m: (m * 7919) % 307)
    assert on_time.numbers() == backwards.numbers() == mixed.numbers()


def test_a_rollup_that_is_killed_between_cycles_goes_on_where_it_was(new_hall: Callable[..., Hall]) -> None:
    steady, killed = new_hall(), new_hall()
    scene(steady, turns=30)
    killed.killed_after_each_turn = True
    scene(killed, turns=30)
    assert steady.numbers(revisions=True) == killed.numbers(revisions=True)


def test_a_backlog_that_is_taken_in_portions_is_computed_once(new_hall: Callable[..., Hall]) -> None:
    at_once, in_portions = new_hall(), new_hall()
    in_portions.portion = 100
    for one in (at_once, in_portions):
        for quantity, value in (("ta", 32.0), ("rh", 60.0), ("la.eq60", 84.0)):
            one.put("n1", quantity, span(START, 400, value))
    at_once.roll(START + 405)
    assert in_portions.roll(START + 405).late == 0
    assert in_portions.numbers(revisions=True) == at_once.numbers(revisions=True)


def test_a_backlog_does_not_keep_today_waiting(hall: Hall) -> None:
    hall.portion = 100
    hall.put("n1", "la.eq60", span(START, 30, 80.0))
    hall.roll(START + 30)
    hall.put("n1", "la.eq60", loud(START - 900, 600, 80.0))
    hall.put("n1", "la.eq60", {START + 30: 81.0})
    assert hall.rollup is not None
    hall.rollup.cycle(60.0 * (START + 30))
    assert hall.value("la.leq1", START + 30) == 81.0
    hall.roll(START + 31)
    assert hall.value("la.leq1", START - 301) == pytest.approx(80.0, abs=0.2)


def test_a_sensor_speaks_for_the_zone_it_stood_in(hall: Hall) -> None:
    hall.expect("t1", "co2")
    moved = RegisterSnapshot(
        version=2,
        sites=hall.snapshot().sites,
        zones=[
            *hall.snapshot().zones,
            Zone("kh-f0123/pressing", "kh-f0123", "P", "pressing", 2, True, 0, True, 1, 1),
        ],
        placements=[
            Placement("kh-f0123-a", "t1", ZONE, 0.0, START * 60.0, None),
            Placement("kh-f0123-a", "t1", "kh-f0123/pressing", START * 60.0, None, None),
        ],
        expected=hall.snapshot().expected,
        shifts=[("kh-f0123", DAY_SHIFT)],
    )
    hall._snapshot = moved
    hall.put("t1", "co2", span(START - 2, 5, 600.0))
    hall.roll(START + 3)
    sewing = hall.series.exposures(ZONE, "co2.minute", START - 2, START + 2)
    pressing = hall.series.exposures("kh-f0123/pressing", "co2.minute", START - 2, START + 2)
    assert [row.minute - START for row in sewing if row.value is not None] == [-2, -1, 0]
    assert [row.minute - START for row in pressing] == [1, 2]


def test_channels_that_stand_nowhere_still_get_their_minutes(hall: Hall) -> None:
    hall.put("t1", "co2", span(START, 3, 600.0))
    channel = hall.series.channel_id("kh-f0123", "kh-f0123-a", "sys", "temp", "Cel")
    hall.series.write([(channel, START * 60_000_000, 51.0, 0, 0)], [], "ledger", 2)
    hall.roll(START + 5)
    (row,) = hall.series.minutes_between([channel], START, START)
    assert row.mean == 51.0
    assert hall.series.take_dirty(10) == []
