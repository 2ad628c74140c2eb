"""The rules at a place: what judges, what is only shown and why, gaps as gaps; nothing of a foreign site."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from ingest_service.database import migrate, open_database
from ingest_service.register.description import import_description
from ingest_service.register.entries import Role
from ingest_service.register.store import Register
from tests.ingest_service.conftest import SAMPLE
from tests.ingest_service.serving import Serving, serving

OWN, FOREIGN = "kh-f0123", "kh-f0999"
SITE_PACK = f"""
format: 2
pack: site-rules
version: "1"
title: Rules of one factory
source: {{instrument: "Agreement of the committee", clause: "3", confidence: verified}}
valid_from: 2020-01-01
layer: site
site: {FOREIGN}
rules:
  - id: heat-own
    title: WBGT above the factory's own value
    hazard: heat
    exposure: wbgt_eff.twa60
    limit: 24 Cel
    source: {{instrument: "Agreement of the committee", clause: "3", confidence: verified}}
    judge: shift
    coverage: 0.75
    raise: {{after: 10 min}}
    clear: {{below: limit - 0.5, for: 30 min}}
    severity: danger
    advice: [heat.rest]
    tell: [committee.worker, committee.management]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "packs").mkdir()
    (folder / "packs" / "site-rules.yaml").write_text(SITE_PACK, "utf-8")
    engine = open_database(folder)
    migrate(engine)
    register = Register(engine)
    text = SAMPLE.read_text("utf-8")
    import_description(register, yaml.safe_load(text), "test")
    foreign = yaml.safe_load(text.replace(OWN, FOREIGN))["sites"][0]
    foreign["gateways"] = []
    import_description(register, {"sites": [{**foreign, "people": []}]}, "test")
    with register.change("test") as change:
        change.put_person("inspector", "Inspector", Role.AUTHORITY, "kh")
        change.put_person("bd", "Bangladesh", Role.AUTHORITY, "bd")
        change.put_person("member", "Member", Role.COMMITTEE_WORKER, f"kh/phnom-penh/{OWN}")
    engine.dispose()
    with serving(folder, packs_dir=folder / "packs") as running:
        yield running


def of(answer: dict[str, Any], part: str) -> dict[str, dict[str, Any]]:
    return {line["rule"]: line for line in answer[part]}


def test_a_rule_that_judges_stands_with_its_limit_for_each_class_and_where_it_comes_from(
    server: Serving,
) -> None:
    found = server.client("member").get(f"/api/v1/sites/{OWN}/rules").json()
    rule = of(found, "judged")["heat-iso7243-reference"]
    assert (rule["layer"], rule["confidence"], rule["compare"]) == ("international", "verified", "above")
    table = {row["number"]: (row["acclimatised"], row["not_acclimatised"]) for row in rule["limits"]}
    assert table == {0: (33, 32), 1: (30, 29), 2: (28, 26), 3: (26, 23), 4: (25, 20)}
    assert rule["instrument"] == "ISO 7243:2017"


def test_a_gap_in_law_is_shown_as_a_gap_with_what_judges_instead(server: Serving) -> None:
    found = server.client("member").get(f"/api/v1/sites/{OWN}/rules").json()
    heat = next(gap for gap in found["gaps"] if gap["hazard"] == "heat")
    assert heat["layer"] == "country"
    assert heat["filled_by"]
    assert all(rule["judged"] and rule["hazard"] == "heat" for rule in heat["filled_by"])
    page = server.client("member").get("/rules").text
    assert "Gap in law" in page
    assert "A gap is no pass" in page


def test_what_does_not_judge_says_why_and_optional_profiles_stand_apart(server: Serving) -> None:
    found = server.client("inspector").get("/api/v1/rules?country=bd").json()
    assert all(not line["judged"] and line["why"] for line in found["shown"])
    assert found["profiles"]
    assert not any(line["optional"] for line in found["shown"])
    assert not any(profile["selected"] for profile in found["profiles"])


def test_a_rule_explained_has_the_table_of_its_limit(server: Serving) -> None:
    page = server.client("member").get("/rules/intl-heat/heat-iso7243-reference").text
    assert "The limit by class of work" in page
    found = server.client("member").get("/api/v1/rules/intl-noise/noise-eu-limit")
    if found.status_code == 200:
        assert found.json()["table"] == []


@pytest.mark.parametrize("path", [
    f"/api/v1/sites/{FOREIGN}/rules",
    f"/api/v1/sites/{FOREIGN}/zones/sewing-3/projection",
    f"/api/v1/sites/{FOREIGN}/zones/sewing-3/work-rest",
    f"/rules?place={FOREIGN}",
    "/api/v1/rules/site-rules/heat-own",
    "/rules/site-rules/heat-own",
    "/api/v1/rules?country=zz",
    "/rules?place=zz",
])  # fmt: skip
def test_a_foreign_site_and_its_own_rules_are_not_there(server: Serving, path: str) -> None:
    answer = server.client("member").get(path)
    assert answer.status_code == 404
    assert "24 Cel" not in answer.text


def test_a_sites_own_rules_hold_there_and_nowhere_else(server: Serving) -> None:
    client = server.client("inspector")
    assert "heat-own" in of(client.get(f"/api/v1/sites/{FOREIGN}/rules").json(), "judged")
    assert "heat-own" not in of(client.get(f"/api/v1/sites/{OWN}/rules").json(), "judged")
    assert "heat-own" not in of(client.get("/api/v1/rules?country=kh").json(), "judged")
    assert client.get("/rules/site-rules/heat-own").status_code == 200


def test_the_own_site_tells_its_projection_and_its_work_and_rest(server: Serving) -> None:
    client = server.client("member")
    ahead = client.get(f"/api/v1/sites/{OWN}/zones/sewing-3/projection").json()
    assert ahead["reason"] in {"no_shift", "too_little"}
    rest = client.get(f"/api/v1/sites/{OWN}/zones/sewing-3/work-rest").json()
    assert rest["reason"] == "no_value"


def test_every_role_finds_the_rules_in_the_navigation(server: Serving) -> None:
    for login in ("inspector", "member"):
        assert 'href="/rules"' in server.client(login).get("/rules").text
