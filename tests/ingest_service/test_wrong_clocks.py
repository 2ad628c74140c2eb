"""A service whose clock ran ahead and was put back goes on telling what it must."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_service.cases.schema import CASES, RULE_STATES
from ingest_service.register.store import Register
from ingest_service.series.sqlite import open_series
from tests.ingest_service.plant import NIGHT_END, START, Plant

DAY = 86400.0


@pytest.fixture
def plant(engine: sa.Engine, register: Register, tmp_path: Path) -> Iterator[Plant]:
    series = open_series(tmp_path / "data")
    yield Plant(engine, register, series)
    series.close()


def silences(plant: Plant) -> list[str]:
    return [case["subject"] for case in plant.rows(CASES) if case["hazard"] == "silence"]


def test_silence_is_told_after_a_clock_that_was_a_year_ahead_is_put_back(plant: Plant) -> None:
    plant.clock.t = NIGHT_END + 365 * DAY
    plant.cycle = plant.fresh()
    plant.cycle.look_at_clock()
    plant.clock.t = NIGHT_END
    plant.cycle.look_at_clock()
    assert not silences(plant), "right after the clock was put back nobody knows what is silent"
    for _ in range(40):
        plant.clock.t += 60.0
        plant.cycle.look_at_clock()
    assert len(silences(plant)) == 1


def test_a_restart_while_the_clock_is_ahead_does_not_keep_silence_untold(plant: Plant) -> None:
    plant.clock.t = NIGHT_END + 30 * DAY
    plant.cycle = plant.fresh()
    for _ in range(4):
        plant.clock.t += 60.0
        plant.cycle.look_at_clock()
    plant.clock.t = NIGHT_END
    plant.cycle = plant.fresh()
    for _ in range(40):
        plant.clock.t += 60.0
        plant.cycle.look_at_clock()
    assert len(silences(plant)) == 1


def test_minutes_that_a_clock_ahead_called_missing_do_not_hide_an_alarm(plant: Plant) -> None:
    plant.clock.t = 60.0 * (START + 200)
    plant.measure([None] * 200, START + 1, coverage=0.0)
    plant.cycle.judge_new()
    plant.clock.t = NIGHT_END
    plant.cycle.look_at_clock()
    plant.live([31.2] * 12, START + 1)
    (case,) = plant.heat()
    assert case["state"] == "open"
    assert plant.told("opened")


def test_what_was_raised_before_a_clock_ran_ahead_is_not_told_twice(plant: Plant) -> None:
    plant.live([31.2] * 12, START + 1)
    plant.clock.t = 60.0 * (START + 200)
    plant.measure([None] * 180, START + 13, coverage=0.0)
    plant.cycle.judge_new()
    plant.clock.t = 60.0 * (START + 13)
    plant.live([31.2] * 12, START + 13)
    (case,) = plant.heat()
    assert plant.kinds(case["id"]).count("opened") == 1
    assert "raised_again" not in plant.kinds(case["id"])


def test_a_newest_exposure_that_is_taken_away_is_no_new_file(plant: Plant) -> None:
    plant.live([31.2] * 3, START + 1)
    cursor = plant.cycle.cursor
    plant.series.write_exposures(
        [], gone=[(plant.rows(RULE_STATES)[0]["zone"], "wbgt_eff.twa60", START + 3)],
        cause=lambda *_: "register_changed",
    )  # fmt: skip
    plant.cycle.look_at_clock()
    assert plant.cycle.cursor >= cursor, "a year of exposures would be read again"
