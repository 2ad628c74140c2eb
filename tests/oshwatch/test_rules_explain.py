"""``oshwatch rules explain``: cases as the alert runner wrote them, in words, numbers and minutes."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from typer.testing import CliRunner

from alert_rules.pack_format import load_packs
from alert_rules.pack_model import Pack
from ingest_service.alert_cycle import AlertCycle
from ingest_service.cases.schema import CASES
from ingest_service.database import migrate, open_database, write
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from ingest_service.series.port import Cause, ExposureRow
from ingest_service.series.sqlite import SqliteSeries, open_series
from oshwatch.bench.rules_minute import SetClock
from oshwatch.commands.rules import app

SAMPLE = Path(__file__).parents[2] / "docs" / "site-description.sample.yaml"
ZONE = "kh-f0123/sewing-3"
SHIFT_BEGINS = 1780272000.0  # Monday 2026-06-01, 07:00 in Phnom Penh
FIRST = int(SHIFT_BEGINS // 60) + 60


class Plant:
    """The sample factory with open stores."""

    def __init__(self, data_dir: Path, engine: sa.Engine, series: SqliteSeries) -> None:
        self.data_dir, self.engine, self.series = data_dir, engine, series
        self.clock = SetClock(SHIFT_BEGINS)
        self.register = Register(engine, self.clock.now)

    def judged(self, kind: str, value: float, minutes: int, packs: tuple[Pack, ...]) -> None:
        """So many minutes of one value, judged as they come."""
        cycle = AlertCycle(
            self.engine,
            self.register,
            self.series,
            packs,
            clock=self.clock,
            link_base="http://osh.example",
            live_age_s=900.0,
        )
        for minute in range(FIRST, FIRST + minutes):
            self.series.write_exposures([row(kind, minute, value)])
            self.clock.at = 60.0 * minute + 2.0
            cycle.judge_new()

    def freeze(self, **changed: Any) -> None:
        """Change what is frozen in the only case, to look like one of another time; None takes a key away."""
        with write(self.engine) as connection:
            event = dict(connection.execute(sa.select(CASES.c.event)).scalar_one()) | changed
            kept = {name: value for name, value in event.items() if value is not None}
            connection.execute(sa.update(CASES).values(event=kept))

    def explained(self, *words: str) -> str:
        result = CliRunner().invoke(app, ["explain", "1", "--data-dir", str(self.data_dir), *words])
        assert result.exit_code == 0, result.output
        return result.output


def row(kind: str, minute: int, value: float) -> ExposureRow:
    return ExposureRow(ZONE, kind, minute, value, 1.0, 60, 60, 0.0, "assumed_tg_eq_ta", 1, "2")


def _late(_kind: str, _minute: int) -> Cause:
    return "late_data"


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    engine = open_database(tmp_path / "data")
    migrate(engine)
    with closing(open_series(tmp_path / "data")) as series:
        plant = Plant(tmp_path / "data", engine, series)
        import_description(plant.register, yaml.safe_load(SAMPLE.read_text("utf-8")), "test")
        yield plant
    engine.dispose()


def plain(text: str) -> str:
    return " ".join(text.split())


def test_words_come_first_then_numbers_then_the_minutes(plant: Plant) -> None:
    plant.judged("wbgt_eff.twa60", 31.2, 12, load_packs())
    text = plant.explained()
    assert max(map(len, text.splitlines())) <= 80
    words = plain(text)
    assert "WBGT, 1 h average was above 30 °C in every minute for 10 min or longer" in words
    assert "A rule of the international layer decided." in words
    assert "uncertain by 1 °C; it can only be too low" in words
    assert words.index("in every minute") < words.index("wbgt_eff.twa60 = 31.2 Cel")
    assert "> 2026-06-01 08:00 31.2 Cel 100.0 % grade B" in words
    assert "2026-06-01 08:11 31.2 Cel 100.0 % grade B" in words


def test_a_revision_is_shown_with_its_cause(plant: Plant) -> None:
    plant.judged("wbgt_eff.twa60", 31.2, 12, load_packs())
    later = SHIFT_BEGINS + 86_400.0
    plant.series.write_exposures([row("wbgt_eff.twa60", FIRST + 2, 30.6)], cause=_late, at=later)
    words = plain(plant.explained())
    assert "30.6 Cel 100.0 % grade B revision 1" in words
    assert "revised 2026-06-02 07:00: minute 2026-06-01 08:02, 31.2 became 30.6 (late data)" in words


def test_a_case_of_before_layers_were_written_down_is_explained_as_far_as_it_goes(plant: Plant) -> None:
    plant.judged("wbgt_eff.twa60", 31.2, 12, load_packs())
    new = ("layer", "replaced", "confirmed", "gap", "uncertainty", "bias")
    plant.freeze(**dict.fromkeys(new))
    words = plain(plant.explained())
    assert "Which layer decided was not written down at the time (an older case)." in words
    assert "uncertain by 1 °C" in words


def test_what_stands_in_for_a_law_and_who_confirmed_it_is_said(plant: Plant) -> None:
    plant.judged("wbgt_eff.twa60", 31.2, 12, load_packs())
    plant.freeze(
        layer="country",
        replaced=["heat-iso7243-reference"],
        gap={"what": "no number was found", "note": "Ask the ministry.", "pack": "kh-limits"},
        confirmed={"by": "The ministry", "on": "2026-01-05", "reference": "letter 12"},
        method="of-another-time",
        uncertainty=None,
    )
    words = plain(plant.explained())
    assert "A rule of the country layer decided, instead of heat-iso7243-reference." in words
    assert "The ministry confirmed it on 2026-01-05: letter 12." in words
    assert "The law of the place does not say: no number was found. This rule stands in for it." in words
    assert "Ask the ministry." in words
    assert "method: of-another-time (how uncertain it is depends on the instrument" in words


def test_minutes_that_are_not_kept_any_more_are_said_to_be(plant: Plant) -> None:
    plant.judged("wbgt_eff.twa60", 31.2, 12, load_packs())
    while plant.series.thin_zone(ZONE, FIRST + 5, 10_000):
        pass
    words = plain(plant.explained())
    assert "minutes before 2026-06-01 08:06 are not kept any more." in words
    document = json.loads(plant.explained("--json"))
    assert document["minutes"][0]["minute"] == FIRST + 6
    assert document["method"]["uncertainty"] == 1.0
    assert document["words"]


def test_a_long_hold_shows_its_ends(plant: Plant) -> None:
    plant.judged("wbgt_eff.twa60", 31.2, 60, load_packs())
    plant.freeze(since=60.0 * (FIRST - 1), at=60.0 * (FIRST + 59))
    assert "more minutes; --json has them all" in plant.explained()
    assert len(json.loads(plant.explained("--json"))["minutes"]) == 60


def test_a_doubt_about_a_sensor_is_explained_by_its_reasons(plant: Plant) -> None:
    plant.judged("wbgt_eff.twa60", 31.2, 12, load_packs())
    plant.freeze(
        limit=None,
        hazard="device",
        cause="moved",
        subject="kh-f0123-a/th1",
        sensors=["kh-f0123-a/th1"],
        doubts=[{"sensor": "kh-f0123-a/th1", "serial": "77"}],
    )
    words = plain(plant.explained())
    assert "kh-f0123-a/th1 is not where, or not what, the register says, since 2026-06-01" in words
    assert "sensor kh-f0123-a/th1, serial 77" in words
