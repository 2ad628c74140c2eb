"""What projections were off by on simulated days: the figures that pages show, from a fixed seed."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime
from statistics import median
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from firmware_sim.fleet import fleet_named
from osh_domain.exposure.heat_stress import indoor_wbgt
from osh_domain.exposure.noise import energy, level
from osh_domain.exposure.projection import (
    HEAT_RECORD,
    NOISE_RECORD,
    Path,
    Record,
    project_heat,
    project_noise,
    reach,
)
from osh_domain.shifts import ShiftInstance

SEED = 7
ZONES = (
    "kh-f0123/sewing-1", "kh-f0123/sewing-3", "kh-f0123/pressing-1", "kh-f0207/sole-press-1",
    "bd-f0031/cutting-1", "bd-f0044/boiler-1",
)  # fmt: skip
DAYS = ((2026, 2, 10), (2026, 5, 5), (2026, 7, 14), (2026, 10, 20))
SHIFT = 540
EVERY = 45


class Day(NamedTuple):
    """A simulated working day of 9 h with the hour of break its roster has: values and what came of them."""

    shift: ShiftInstance
    values: dict[int, float]
    outcome: dict[int, float]
    limits: tuple[float, ...]


def test_heat_projections_are_as_good_as_the_pages_say() -> None:
    _compare(_record(_heat_days(), project_heat), HEAT_RECORD)


def test_noise_projections_are_as_good_as_the_pages_say() -> None:
    _compare(_record(_noise_days(), project_noise), NOISE_RECORD)


def _compare(found: Record, shown: Record) -> None:
    assert found.projections == shown.projections
    assert found.half == pytest.approx(shown.half, rel=0.2)
    assert found.most == pytest.approx(shown.most, rel=0.2)
    assert found.half_minutes == pytest.approx(shown.half_minutes, abs=4.0)
    assert found.most_minutes == pytest.approx(shown.most_minutes, abs=8.0)
    assert found.held == pytest.approx(shown.held, abs=0.06)


def _record(days: Iterator[Day], project: object) -> Record:
    errors: list[float] = []
    late: list[float] = []
    held = 0
    for day in days:
        first = round(day.shift.start / 60.0)
        for now in range(first + 75, first + SHIFT - 30, EVERY):
            path = project({m: v for m, v in day.values.items() if m <= now}, now, day.shift)  # type: ignore[operator]
            assert isinstance(path, Path)
            outcome = day.outcome[path.end.minute]
            errors.append(abs(path.end.value - outcome))
            held += path.end.low <= outcome <= path.end.high
            late += _minutes_off(path, day)
    errors.sort()
    late.sort()
    return Record(
        len(errors), median(errors), errors[len(errors) * 4 // 5], median(late), late[len(late) * 4 // 5],
        held / len(errors),
    )  # fmt: skip


def _minutes_off(path: Path, day: Day) -> Iterator[float]:
    minutes = sorted(day.outcome)
    ahead = minutes[bisect_right(minutes, path.now.minute) :]
    for limit in day.limits:
        told = reach(path, limit)
        came = next((minute for minute in ahead if day.outcome[minute] > limit), None)
        if not told.already and told.at is not None and came is not None:
            yield abs(told.at - came)


def _start(zone: str, day: tuple[int, int, int]) -> ShiftInstance:
    cambodia = zone.startswith("kh")
    timezone = ZoneInfo("Asia/Phnom_Penh" if cambodia else "Asia/Dhaka")
    start = datetime(*day, 7 if cambodia else 8, tzinfo=timezone).timestamp()
    pause = start + (240.0 if cambodia else 300.0) * 60.0
    return ShiftInstance("day", start, start + SHIFT * 60.0, ((pause, pause + 3600.0),))


def _heat_days() -> Iterator[Day]:
    fleet = fleet_named("demo", SEED)
    for name in ZONES:
        for date in DAYS:
            shift = _start(name, date)
            first = round(shift.start / 60.0)
            values = {}
            for minute in range(first - 60, first + SHIFT + 1):
                air = fleet.zone(name).state(60.0 * minute - 30.0)
                found = indoor_wbgt(air.ta, air.rh, air.tg, air_speed=air.va, pressure=100.0 * air.p)
                values[minute] = found.value
            hours = {
                minute: sum(values[one] for one in range(minute - 59, minute + 1)) / 60.0
                for minute in range(first + 1, first + SHIFT + 1)
            }
            yield Day(shift, values, hours, (26.0, 28.0, 30.0))


def _noise_days() -> Iterator[Day]:
    fleet = fleet_named("demo", SEED)
    for name in ZONES:
        for date in DAYS:
            shift = _start(name, date)
            first = round(shift.start / 60.0)
            values = {
                minute: fleet.zone(name).level(60.0 * minute)
                for minute in range(first + 1, first + SHIFT + 1)
            }
            outcome, total = {}, 0.0
            for minute, one in values.items():
                total += energy(one)
                outcome[minute] = level(total / 480.0)
            yield Day(shift, values, outcome, (80.0, 82.0, 85.0))
