import json

import pytest
from typer.testing import CliRunner

from alert_rules.exposures import UNITS
from alert_rules.pack_format import load_packs
from ingest_service.register.description_check import check_description
from oshwatch.bench.figures import machine
from oshwatch.bench.rules_fleet import CEILING, CEILING_PPM, FIRST_MINUTE, Fleet, description, exposures
from oshwatch.commands.bench import app

FLEET = Fleet(factories=3, zones=2)


def test_every_zone_has_an_exposure_of_every_kind_and_the_same_ones_again_for_a_seed() -> None:
    rows = list(exposures(FLEET, load_packs(), FIRST_MINUTE))
    assert {(row.zone, row.kind) for row in rows} == {
        (zone, kind) for zone in FLEET.zone_ids() for kind in UNITS
    }
    assert len(rows) == 6 * len(UNITS)
    assert rows == list(exposures(FLEET, load_packs(), FIRST_MINUTE))
    assert [row.value for row in rows] != [
        row.value for row in exposures(FLEET, load_packs(), FIRST_MINUTE + 1)
    ]


def test_some_zone_exceeds_a_ceiling_in_every_minute() -> None:
    for minute in range(FIRST_MINUTE, FIRST_MINUTE + 3):
        values = [row.value for row in exposures(FLEET, load_packs(), minute) if row.kind == CEILING]
        assert values.count(CEILING_PPM) == 1


def test_the_factories_describe_themselves_to_the_register() -> None:
    checked = check_description(description(FLEET), frozenset())
    assert len(checked.sites) == 3


def test_the_machine_is_named_with_its_load() -> None:
    assert len(machine()["load_average"]) == 3  # type: ignore[arg-type]
    assert "mosquitto" not in machine()


@pytest.mark.system
def test_judging_is_measured_in_a_process_of_its_own_that_ends() -> None:
    options = ["--factories", "3", "--zones", "2", "--minutes", "2", "--json"]
    result = CliRunner().invoke(app, ["rules", *options])
    assert result.exit_code == 0, result.stderr
    minute = json.loads(result.stdout)["minute"]
    assert len(minute["runs"]) == 2
    for run in minute["runs"]:
        assert run["rows"] == 6 * len(UNITS)
        assert 0 < run["pure_seconds"] <= run["seconds"] * 10
        assert run["judgements"] > 0
    assert minute["memory_mb"]["peak"] >= minute["memory_mb"]["before"] > 0
