"""What every dashboard keeps to, whatever is changed in one."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from alert_rules.exposures import UNITS
from dashboards.building import catalogue_template, dashboards, project_files
from dashboards.plan import Plan
from dashboards.sources import CASES_UID, SERIES_UID
from dashboards.style import unit_of
from dashboards.words import saying
from oshwatch.commands.dashboards import app

MADE = dashboards(Plan())
PANELS = [(name, panel) for name, one in MADE.items() for panel in one["panels"]]
IDS = [f"{name}: {panel.get('title', 'text')}" for name, panel in PANELS]


def everywhere(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from everywhere(one)


def test_uids_are_fixed_and_links_between_dashboards_lead_to_them() -> None:
    uids = {one["uid"] for one in MADE.values()}
    assert uids == {f"oshwatch-{name}" for name in MADE}
    linked = {match for one in MADE.values() for match in re.findall(r"/d/([\w-]+)\?", json.dumps(one))}
    assert linked <= uids
    assert linked


def test_every_data_source_is_one_of_ours() -> None:
    known = {SERIES_UID, CASES_UID, "-- Mixed --"}
    used = {
        part["datasource"]["uid"] for part in everywhere(MADE) if isinstance(part.get("datasource"), dict)
    }
    assert used == known


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=IDS)
def test_a_gap_is_never_connected(name: str, panel: dict[str, Any]) -> None:
    if panel["type"] != "timeseries":
        return
    assert panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] is False, name
    assert all("fill(null)" in one["query"] for one in panel["targets"] if "query" in one)
    for override in panel["fieldConfig"]["overrides"]:
        connected = {"id": "custom.spanNulls", "value": True} in override["properties"]
        assert not connected or override["matcher"]["options"] == "L"


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=IDS)
def test_no_panel_holds_a_limit_and_none_averages(name: str, panel: dict[str, Any]) -> None:
    steps = panel.get("fieldConfig", {}).get("defaults", {}).get("thresholds", {}).get("steps", [])
    assert not steps or panel["type"] == "status-history", name
    assert not any("mean(" in target.get("query", "") for target in panel.get("targets", ()))


def test_under_every_chart_of_one_zones_averages_stands_its_coverage() -> None:
    for name in ("zone", "noise", "air", "factory"):
        panels = MADE[name]["panels"]
        for panel, after in pairwise(panels):
            asked = " ".join(target.get("query", "") for target in panel.get("targets", ()))
            if panel["type"] == "timeseries" and re.search(r"(twa|mean24|leq60|lex8h|mean60')", asked):
                if 'min("coverage")' in asked or panel["gridPos"]["w"] < 24:
                    continue
                assert after["title"] == "Coverage", f"{name}: {panel['title']}"


def test_a_state_is_a_word_with_a_sign_wherever_it_has_a_colour() -> None:
    results = [part for part in everywhere(MADE) if set(part) >= {"text", "color"} and part["color"]]
    assert len(results) > 50
    assert {part["text"] for part in results if not re.match(r"^[^\w\s] \w", part["text"])} == set()


def test_every_exposure_kind_has_a_unit_that_grafana_knows() -> None:
    for kind in UNITS:
        assert unit_of(kind)[0]


def test_links_to_the_pages_begin_with_the_address_of_this_installation() -> None:
    urls = [part["url"] for part in everywhere(MADE) if isinstance(part.get("url"), str)]
    assert {url.partition("/")[0] for url in urls} == {"", "${public_url:raw}"}
    assert not re.search(r"https?://", json.dumps(MADE))


def test_another_language_is_another_set_beside_the_first() -> None:
    french = Plan("fr", saying({"Zone exposure": "Exposition d'une zone", "danger": "danger"}))
    made = dashboards(french)
    assert made["zone"]["title"] == "Exposition d'une zone"
    assert made["air"]["title"] == "Air"
    assert {one["uid"] for one in made.values()}.isdisjoint(one["uid"] for one in MADE.values())
    assert french.folder != Plan().folder


def test_the_template_holds_every_title_and_description() -> None:
    template = catalogue_template()
    for _, panel in PANELS:
        for text in (panel.get("title"), panel.get("description")):
            if text and not text.startswith("PM"):
                assert json.dumps(text, ensure_ascii=False) in template, text


def test_provisioning_names_files_and_the_environment_never_a_secret() -> None:
    files = project_files([Plan()])
    sources = yaml.safe_load(files["dashboards/provisioning/datasources/oshwatch.yaml"])["datasources"]
    assert [one["uid"] for one in sources] == [SERIES_UID, CASES_UID]
    secrets = [value for one in sources for value in one["secureJsonData"].values()]
    assert all("$__file{/run/" in value for value in secrets)
    assert [one["url"] for one in sources] == ["$INFLUX_URL", "$GRAFANA_DATABASE_HOST"]
    provider = yaml.safe_load(files["dashboards/provisioning/dashboards/oshwatch.yaml"])["providers"][0]
    assert provider["options"]["path"].endswith("/dashboards/en")


def test_check_names_what_is_not_as_the_code_says(tmp_path: Path) -> None:
    def build(*more: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["build", "--out", str(tmp_path), *more])
        return result.exit_code, result.output

    assert build()[0] == 0
    code, said = build("--check")
    assert (code, said.endswith(" files, all as the code makes them.\n")) == (0, True)
    (tmp_path / "en" / "zone.json").write_text("{}")
    (tmp_path / "en" / "mine.json").write_text("{}")
    code, said = build("--check")
    assert code == 1
    assert "zone.json is stale" in said
    assert "mine.json is no dashboard of ours" in said
    assert build()[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--language", "xx"], "there is no catalogue"), (["--timezone", "Mars/Base"], "is no time zone")],
)
def test_a_language_or_a_time_zone_that_cannot_be_is_one_clear_error(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    result = CliRunner().invoke(app, ["build", "--out", str(tmp_path), *arguments])
    assert result.exit_code == 2
    assert said in result.stderr
