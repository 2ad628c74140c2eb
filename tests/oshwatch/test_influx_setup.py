"""``oshwatch admin influx-setup`` against a real server; tokens where a 2.x is given to the suite."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ingest_service.series.influx.store import open_influx_series
from ingest_service.series.influx.where import Where
from ingest_service.series.port import SeriesError
from oshwatch.administration import influx
from tests.influx_server import InfluxServer

runner = CliRunner()
app = typer.Typer()
app.command("influx-setup")(influx.setup)


class Shell:
    """The command with a server, a bucket that is not there yet, and an operator's token in a file."""

    def __init__(self, server: InfluxServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.bucket = f"t{uuid.uuid4().hex[:12]}"
        self.operator = folder / "operator"
        self.operator.write_text(server.token + "\n")
        self.environ = {
            "OSHWATCH_DATA_DIR": str(folder),
            "OSHWATCH_INFLUX_URL": server.url,
            "OSHWATCH_INFLUX_ORG": server.org,
            "OSHWATCH_INFLUX_BUCKET": self.bucket,
        }

    def run(self, *more: str, code: int = 0) -> str:
        words = [*more]
        if self.server.token:
            words += ["--operator-token-file", str(self.operator)]
        ran = runner.invoke(app, words, env=self.environ)
        assert ran.exit_code == code, ran.output
        return ran.output

    def steps(self, *more: str) -> dict[str, str]:
        found: dict[str, Any] = json.loads(self.run("--json", *more))
        return {step["what"]: step["state"] for step in found["steps"]}

    def where(self, token: str) -> Where:
        return Where(self.server.url, self.server.org, self.bucket, token)


@pytest.fixture
def shell(influx: InfluxServer, tmp_path: Path) -> Shell:
    return Shell(influx, tmp_path)


def test_it_makes_what_is_missing_once_and_says_what_it_would_do(shell: Shell) -> None:
    assert shell.steps("--dry-run")["bucket"] == "would be made"
    with pytest.raises(SeriesError, match="there is no bucket"):
        open_influx_series(shell.where(shell.server.token), shell.folder)
    assert shell.steps()["bucket"] == "made"
    assert set(shell.steps().values()) <= {"there", "not made"}
    store = open_influx_series(shell.where(shell.server.token), shell.folder)
    assert store.trouble() is None
    store.close()


def test_it_empties_a_bucket_only_when_it_is_told_twice(shell: Shell) -> None:
    shell.run()
    store = open_influx_series(shell.where(shell.server.token), shell.folder)
    assert "Delete everything" in shell.run("--clear", code=1)
    assert store.trouble() is None
    assert shell.steps("--clear", "--yes")["content"] == "deleted"
    assert "emptied by somebody" in str(store.trouble())
    store.close()


def test_an_address_and_a_token_that_are_wrong_are_named(shell: Shell) -> None:
    shell.environ["OSHWATCH_INFLUX_URL"] = "http://127.0.0.1:9"
    assert "cannot be reached" in shell.run(code=1)
    shell.operator.write_text("one\ntwo\n")
    words = ["--operator-token-file", str(shell.operator)]
    ran = runner.invoke(app, words, env=shell.environ)
    assert ran.exit_code == 1
    assert "operator's token and nothing else" in ran.output
    del shell.environ["OSHWATCH_INFLUX_URL"]
    assert "set influx_url" in runner.invoke(app, words, env=shell.environ).output


def test_each_token_may_do_what_it_is_for_and_is_shown_to_nobody(shell: Shell) -> None:
    if not shell.server.token:
        pytest.skip("1.x has no tokens: set OSHWATCH_TEST_INFLUX_URL to a 2.x")
    said = shell.run()
    tokens = {
        name: (shell.folder / f"influx_{name}_token").read_text().strip() for name in ("service", "grafana")
    }
    assert not any(token in said for token in tokens.values())
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in shell.folder.glob("influx_*_token")}
    assert modes == {"influx_service_token": "0o600", "influx_grafana_token": "0o640"}
    store = open_influx_series(shell.where(tokens["service"]), shell.folder)
    channel = store.channel_id("s", "g", "st1", "ta", "Cel")
    store.write([(channel, 60_000_000, 1.5, 0, 0)], [], "ledger", 1)
    store.wipe()
    channel = store.channel_id("s", "g", "st1", "ta", "Cel")
    store.write([(channel, 60_000_000, 2.5, 0, 0)], [], "ledger", 1)
    store.close()
    looking = open_influx_series(shell.where(tokens["grafana"]), shell.folder, read_only=True)
    assert [point.value for point in looking.points_between(channel, 0, 100)] == [2.5]
    with pytest.raises(SeriesError, match="does not accept the token"):
        looking.session.link.write(["reading,site=s value=1.0 1"])
    with pytest.raises(SeriesError):
        looking.session.link.ask_one('DELETE FROM "reading"')
    assert [point.value for point in looking.points_between(channel, 0, 100)] == [2.5]
    looking.close()
    (shell.folder / "influx_grafana_token").unlink()
    assert shell.steps()["token Grafana"] == "made"
    (shell.folder / "influx_service_token").write_text("not it\n")
    assert shell.steps()["token service"] == "made"
    assert (shell.folder / "influx_service_token").read_text().strip() == tokens["service"]
    shell.operator.write_text(tokens["grafana"])
    assert "give an operator's token" in shell.run(code=1)
