"""Pushing into a Grafana: the stand-in, and a real one where the environment names it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from typer.testing import CliRunner, Result

from oshwatch.commands.dashboards import app
from tests.dashboards.fake_grafana import TOKEN, FakeGrafana

UIDS = ("national", "factory", "zone", "noise", "air", "fleet", "alerts")
REAL = os.environ.get("OSHWATCH_TEST_GRAFANA_URL"), os.environ.get("OSHWATCH_TEST_GRAFANA_TOKEN")
Push = Callable[..., Result]


class Grafana:
    """An address, a token, and what a person does there."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        address = f"{self.url}/api{path}"
        answer = requests.request(method, address, json=body, headers=headers, timeout=10)
        return answer.json() if answer.text.startswith(("{", "[")) else answer.text

    def empty(self) -> None:
        for name in UIDS:
            self.call("DELETE", f"/dashboards/uid/oshwatch-{name}")
        self.call("DELETE", "/folders/oshwatch")
        for name in ("series", "cases"):
            self.call("DELETE", f"/datasources/uid/oshwatch-{name}")

    def edit(self, name: str, **changes: Any) -> None:
        found = self.call("GET", f"/dashboards/uid/oshwatch-{name}")
        body = {"dashboard": found["dashboard"] | changes, "folderUid": "oshwatch", "message": "by hand"}
        self.call("POST", "/dashboards/db", body)


@pytest.fixture(params=["stand-in", "real"])
def grafana(request: pytest.FixtureRequest) -> Iterator[Grafana]:
    if request.param == "stand-in":
        fake = FakeGrafana()
        yield Grafana(fake.url, TOKEN)
        fake.shutdown()
        fake.server_close()
        return
    url, token = REAL
    if not url or not token:
        pytest.skip("needs a Grafana: OSHWATCH_TEST_GRAFANA_URL and OSHWATCH_TEST_GRAFANA_TOKEN")
    real = Grafana(url.rstrip("/"), token)
    real.empty()
    yield real
    real.empty()


@pytest.fixture
def push(grafana: Grafana, tmp_path: Path) -> Push:
    """The command with a token and both data sources."""
    token, password = tmp_path / "token", tmp_path / "password"
    token.write_text(grafana.token + "\n")
    password.write_text("secret-of-the-role\n")

    def run(*more: str, sources: bool = True) -> Result:
        given = ["push", "--url", grafana.url, "--token-file", str(token)]
        if sources:
            given += ["--series-url", "http://influxdb:8086", "--cases-host", "postgres:5432"]
            given += ["--cases-password-file", str(password)]
        return CliRunner().invoke(app, [*given, *more])

    return run


def states(result: Result) -> set[str]:
    lines = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
    return {line.rpartition(": ")[2] for line in lines}


def test_it_makes_everything_and_finds_nothing_to_do_the_second_time(push: Push) -> None:
    first = push()
    assert first.exit_code == 0, first.output
    assert states(first) <= {"new, written", "changed, written"}
    second = push()
    assert (second.exit_code, states(second)) == (0, {"same"})


def test_a_dry_run_says_what_it_would_do_and_does_nothing(push: Push, grafana: Grafana) -> None:
    result = push("--dry-run")
    assert states(result) == {"new, would be written"}
    assert "not found" in str(grafana.call("GET", "/dashboards/uid/oshwatch-zone")).lower()


def test_what_is_older_is_brought_up_to_date_with_a_line_for_each_difference(push: Push) -> None:
    push()
    assert states(push("--timezone", "Asia/Phnom_Penh")) == {"same", "changed, written"}
    result = push("--dry-run")
    assert "timezone: 'Asia/Phnom_Penh' -> 'browser'" in result.stdout


def test_a_dashboard_edited_by_hand_is_named_and_left_alone(push: Push, grafana: Grafana) -> None:
    push()
    grafana.edit("zone", description="mine")
    result = push()
    assert result.exit_code == 1
    assert "dashboard zone: was edited in Grafana, left as it is" in result.stdout
    assert "description: 'mine' -> " in result.stdout
    assert grafana.call("GET", "/dashboards/uid/oshwatch-zone")["dashboard"]["description"] == "mine"
    told = push("--overwrite")
    assert told.exit_code == 0
    assert states(push()) == {"same"}


def test_a_dashboard_edited_and_put_back_is_the_same(push: Push, grafana: Grafana) -> None:
    push()
    text = grafana.call("GET", "/dashboards/uid/oshwatch-air")["dashboard"]["description"]
    grafana.edit("air", description="mine")
    grafana.edit("air", description=text)
    assert states(push()) == {"same"}


def test_everybody_may_look_and_nobody_edits(push: Push, grafana: Grafana) -> None:
    push()
    found = grafana.call("GET", "/folders/oshwatch/permissions")
    rights = {one["role"]: one["permission"] for one in found if one.get("role")}
    assert {rights["Viewer"], rights["Editor"]} == {1}


def test_data_sources_have_fixed_uids_and_stay_unless_asked_for(push: Push, grafana: Grafana) -> None:
    push()
    series = grafana.call("GET", "/datasources/uid/oshwatch-series")
    assert (series["type"], series["jsonData"]["version"]) == ("influxdb", "InfluxQL")
    cases = grafana.call("GET", "/datasources/uid/oshwatch-cases")
    assert cases["user"] == "oshwatch_grafana"
    assert "data source" not in push(sources=False).stdout
    moved = push("--cases-sslmode", "require")
    assert "jsonData.sslmode: 'disable' -> 'require'" in moved.stdout


def test_no_secret_is_ever_shown(push: Push, grafana: Grafana) -> None:
    for result in (push(), push("--renew-secrets"), push("--cases-sslmode", "require")):
        assert "secret-of-the-role" not in result.output
        assert grafana.token not in result.output


def test_a_wrong_token_is_one_sentence_with_a_way_out(grafana: Grafana, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("glsa_wrong")
    result = CliRunner().invoke(app, ["push", "--url", grafana.url, "--token-file", str(wrong)])
    assert result.exit_code == 2
    assert "service account" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("url", "said"),
    [("http://127.0.0.1:1/", "cannot be reached"), ("grafana.example", "is no address"),
     ("https://me:secret@grafana.example/", "does not belong into the address")],
)  # fmt: skip
def test_an_address_that_cannot_be_is_said_so(url: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    result = CliRunner().invoke(app, ["push", "--url", url, "--token-file", str(tmp_path / "token")])
    assert result.exit_code == 2
    assert said in result.stderr


def test_without_a_token_it_says_where_one_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAFANA_TOKEN", raising=False)
    result = CliRunner().invoke(app, ["push", "--url", "http://127.0.0.1:1/"])
    assert result.exit_code == 2
    assert "--token-file" in result.stderr
