import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alert_rules.exposures import UNITS
from alert_rules.pack_format import load_packs
from ingest_service.register.description_check import check_description
from oshwatch.bench import rules_store, rules_year
from oshwatch.bench.figures import machine
from oshwatch.bench.rules import replayed_year, report
from oshwatch.bench.rules_fleet import CEILING, CEILING_PPM, FIRST_MINUTE, Fleet, description, exposures
from oshwatch.bench.servers import BenchError
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


def test_the_figures_are_readable_text() -> None:
    run = {"seconds": 1.5, "rows": 300, "rows_per_second": 200, "judgements": 250, "pure_seconds": 0.5}
    run |= {"clock_look_seconds": 0.01, "processor_seconds": 1.4}
    year = {"seconds": 30.5, "zones": 5, "rules": 24, "judgements": 42_000_000, "raised": 5000}
    year |= {"processor_seconds": 29.0}
    document = {
        "machine": {"load_average": [1.0, 2.0, 3.0]},
        "load_average_after": [2.0, 2.0, 3.0],
        "minute": {
            "workload": {"factories": 2000, "zones": 5},
            "median": run,
            "runs": [run],
            "begin": run,
            "memory_mb": {"before": 70.0, "peak": 400.0},
        },
        "year": {
            "median": year,
            "runs": [year],
            "stored_exposures": 39_000_000,
            "memory_mb": {"peak": 150.0},
        },
    }
    lines = report(document)
    assert any("10000 zones" in line for line in lines)
    assert any("30.5 s for 39,000,000 stored exposures" in line for line in lines)
    assert lines[-1].endswith("before 1.00 2.00 3.00, after 2.00 2.00 3.00")
    assert max(map(len, lines)) <= 80


def test_a_stored_year_is_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_store, "MINUTES", 2 * rules_store.DAY)
    stored = rules_store.make(tmp_path, 2, load_packs())
    assert stored > 0
    figures = rules_year.measure(tmp_path, 1)
    assert figures["runs"][0]["zones"] == 2
    assert figures["runs"][0]["rules"] > 10
    assert figures["runs"][0]["judgements"] > 0
    assert figures["memory_mb"]["peak"] > 0


def test_a_disk_without_room_for_a_year_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="TMPDIR"):
        replayed_year(tmp_path, 10_000_000, 1, lambda _: None)


@pytest.mark.system
def test_judging_is_measured_in_a_process_of_its_own_that_ends() -> None:
    options = ["--factories", "3", "--zones", "2", "--minutes", "2", "--years", "0", "--json"]
    result = CliRunner().invoke(app, ["rules", *options])
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    minute = document["minute"]
    assert "year" not in document
    assert len(document["load_average_after"]) == 3
    assert len(minute["runs"]) == 2
    for run in minute["runs"]:
        assert run["rows"] == 6 * len(UNITS)
        assert 0 < run["pure_seconds"] <= run["seconds"] * 10
        assert run["judgements"] > 0
    assert minute["memory_mb"]["peak"] >= minute["memory_mb"]["before"] > 0
