"""The simulated factories behave as such places do: sun, season, machines, people, breaks."""

import itertools
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from firmware_sim.fleet import Fleet, fleet_named
from firmware_sim.outdoor import Outdoor, climate_at, day_length
from firmware_sim.seeded import Seeded

SEEDS = (1, 7, 42)
PHNOM_PENH = ZoneInfo("Asia/Phnom_Penh")
DHAKA = ZoneInfo("Asia/Dhaka")


def at(hour: int, minute: int = 0, *, day: int = 20, zone: ZoneInfo = PHNOM_PENH) -> float:
    return datetime(2026, 4, day, hour, minute, tzinfo=zone).timestamp()


@pytest.fixture(params=SEEDS)
def fleet(request: pytest.FixtureRequest) -> Fleet:
    return fleet_named("demo", request.param)


def test_a_hall_is_hotter_at_two_than_at_seven(fleet: Fleet) -> None:
    for factory in fleet.factories:
        for plan in factory.zones:
            zone = fleet.zone(f"{factory.site}/{plan.word}")
            local = factory.roster.zone
            assert zone.state(at(14, zone=local)).ta > zone.state(at(7, zone=local)).ta + 1.0


def test_a_hall_heats_up_slowly_through_the_morning(fleet: Fleet) -> None:
    zone = fleet.zone("kh-f0123/sewing-3")
    course = [zone.state(at(7, 15) + 60.0 * minute).ta for minute in range(225)]
    assert course[-1] > course[0] + 4.0
    assert max(abs(b - a) for a, b in itertools.pairwise(course)) < 0.25


def test_the_hot_hall_stays_above_the_outside_and_cools_after_work(fleet: Fleet) -> None:
    zone = fleet.zone("kh-f0123/sewing-3")
    assert zone.state(at(15)).ta > zone.around.outdoor.at(at(15)).temperature + 2.0
    assert zone.state(at(21)).ta < zone.state(at(15, 30)).ta - 2.0


def test_pressing_is_hotter_than_packing(fleet: Fleet) -> None:
    pressing, packing = fleet.zone("bd-f0031/pressing-1"), fleet.zone("bd-f0031/packing-1")
    for hour in (10, 12, 15):
        t = at(hour, zone=DHAKA)
        assert pressing.state(t).ta > packing.state(t).ta + 2.0


def test_the_globe_is_above_the_air_beside_hot_machines(fleet: Fleet) -> None:
    for name in ("kh-f0123/pressing-1", "kh-f0207/sole-press-1"):
        zone = fleet.zone(name)
        for hour in (9, 10, 14):
            state = zone.state(at(hour))
            assert state.tg > state.ta + 2.0


def test_humidity_runs_against_temperature(fleet: Fleet) -> None:
    zone = fleet.zone("kh-f0123/sewing-1")
    assert zone.state(at(6)).rh > zone.state(at(14)).rh + 15.0
    for hour in range(24):
        assert 10.0 < zone.state(at(hour)).rh <= 100.0


def test_noise_falls_in_breaks_and_after_work(fleet: Fleet) -> None:
    zone = fleet.zone("kh-f0123/sewing-1")
    working = [zone.level(at(9) + 60.0 * minute) for minute in range(60)]
    lunch = [zone.level(at(11, 15) + 60.0 * minute) for minute in range(30)]
    night = [zone.level(at(2) + 60.0 * minute) for minute in range(30)]
    assert min(working) > max(lunch) + 10.0
    assert min(lunch) > max(night)
    assert all(80.0 < level < 92.0 for level in working)


def test_cutting_is_intermittent_and_the_boiler_is_steady(fleet: Fleet) -> None:
    def spread(name: str, zone: ZoneInfo) -> float:
        levels = [fleet.zone(name).level(at(10, zone=zone) + 60.0 * minute) for minute in range(60)]
        return max(levels) - min(levels)

    assert spread("kh-f0123/cutting-1", PHNOM_PENH) > spread("bd-f0044/boiler-1", DHAKA) + 2.0


def test_dust_rises_with_work_and_falls_at_lunch(fleet: Fleet) -> None:
    zone = fleet.zone("kh-f0123/cutting-1")
    assert zone.state(at(10)).pm10 > 3.0 * zone.state(at(5)).pm10
    assert zone.state(at(11, 50)).pm10 < 0.5 * zone.state(at(10, 55)).pm10
    for hour in range(24):
        assert zone.state(at(hour)).pm10 > zone.state(at(hour)).pm2_5 > 0.0


def test_people_raise_carbon_dioxide_and_only_a_bad_boiler_raises_carbon_monoxide(fleet: Fleet) -> None:
    sewing = fleet.zone("bd-f0031/sewing-1")
    assert sewing.state(at(11, zone=DHAKA)).co2 > sewing.state(at(5, zone=DHAKA)).co2 + 40.0
    assert sewing.state(at(11, zone=DHAKA)).co < 1.0
    assert fleet.zone("bd-f0044/boiler-1").state(at(11, zone=DHAKA)).co > 20.0


def test_the_weekly_day_off_is_quiet_and_clean(fleet: Fleet) -> None:
    sunday = at(10, day=19)
    zone = fleet.zone("kh-f0123/sewing-3")
    assert zone.level(sunday) < 60.0
    assert zone.state(sunday).pm10 < 0.6 * zone.state(at(10)).pm10
    assert zone.state(sunday).co2 < 430.0


def test_a_value_does_not_depend_on_what_was_asked_before(fleet: Fleet) -> None:
    other = fleet_named("demo", fleet.seed)
    name = "kh-f0123/sewing-3"
    times = [at(hour, 13, day=day) for day in (20, 21, 23) for hour in range(0, 24, 5)]
    forward = {t: other.zone(name).state(t) for t in times}
    assert {t: fleet.zone(name).state(t) for t in reversed(times)} == forward


def test_nothing_jumps_where_one_days_course_meets_the_next(fleet: Fleet) -> None:
    zone = fleet.zone("kh-f0123/sewing-1")
    seam = datetime(2026, 4, 21, tzinfo=ZoneInfo("UTC")).timestamp()
    before, after = zone.state(seam - 1.0), zone.state(seam + 1.0)
    assert after.ta == pytest.approx(before.ta, abs=0.02)
    assert after.pm10 == pytest.approx(before.pm10, rel=0.02)


def test_seeds_differ() -> None:
    values = {seed: fleet_named("demo", seed).zone("kh-f0123/sewing-3").state(at(10)).ta for seed in SEEDS}
    assert len(set(values.values())) == len(SEEDS)


def mean_temperature(latitude: float, month: int) -> float:
    outdoor = Outdoor(climate_at(latitude, 105.0), Seeded(7, "anywhere"))
    days = [
        datetime(2026, month, day, hour, tzinfo=ZoneInfo("UTC"))
        for day in range(1, 28)
        for hour in range(0, 24, 3)
    ]
    return sum(outdoor.at(day.timestamp()).temperature for day in days) / len(days)


@pytest.mark.parametrize(
    ("latitude", "warm", "cold"), [(23.8, 5, 1), (45.0, 7, 1), (-6.9, 10, 6), (-33.0, 1, 7)]
)
def test_the_seasons_follow_the_hemisphere(latitude: float, warm: int, cold: int) -> None:
    assert mean_temperature(latitude, warm) > mean_temperature(latitude, cold) + 0.5


def test_days_are_longer_in_summer_and_the_sun_is_down_at_night() -> None:
    june = datetime(2026, 6, 21, 5, tzinfo=ZoneInfo("UTC")).timestamp()
    december = datetime(2026, 12, 21, 5, tzinfo=ZoneInfo("UTC")).timestamp()
    assert day_length(june, 23.8) == pytest.approx(13.4, abs=0.3)
    assert day_length(december, 23.8) == pytest.approx(10.6, abs=0.3)
    outdoor = Outdoor(climate_at(11.5, 104.9), Seeded(7, "kh"))
    assert outdoor.at(at(0)).solar == 0.0
    assert outdoor.at(at(12)).solar > 300.0


@pytest.mark.parametrize("seed", SEEDS)
def test_april_in_phnom_penh_is_hot(seed: int) -> None:
    outdoor = Outdoor(climate_at(11.5, 104.9), Seeded(seed, "kh", "phnom-penh"))
    assert 22.0 < outdoor.at(at(6)).temperature < 29.0
    assert 32.0 < outdoor.at(at(14)).temperature < 40.0
