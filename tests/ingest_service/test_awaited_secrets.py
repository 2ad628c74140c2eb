"""A secret that another part of the installation is still to write: runners wait for it and say so."""

import json
import threading
from pathlib import Path

import pytest

from ingest_service.settings import Settings, load
from ingest_service.waiting import Waiting, complete, wait_for_servers
from osh_domain.settings_report import SettingsError
from tests.ingest_service.test_waiting import asked, web
from tests.postgres import Postgres
from tests.servers import free_port, wait_for

TOKEN = "a-token-that-nobody-may-see"


def awaiting(tmp_path: Path, **more: str) -> Settings:
    environ = {"data_dir": str(tmp_path), "influx_token_file": str(tmp_path / "token"), **more}
    return load(environ={f"OSHWATCH_{key}".upper(): text for key, text in environ.items()}, awaiting=True)


def test_the_pages_say_which_secret_they_wait_for_and_begin_when_it_is_there(
    postgres: Postgres, tmp_path: Path
) -> None:
    port = free_port()
    settings = awaiting(
        tmp_path,
        database_url=postgres.url,
        influx_url=f"http://127.0.0.1:{free_port()}",
        http_port=str(port),
    )
    with web(settings):
        status, text = asked(port, "/readyz")
        assert status == 503
        assert f"{tmp_path / 'token'} is not there" in json.loads(text)["checks"][0]["detail"]
        assert "influx-setup" in text
        (tmp_path / "token").write_text(TOKEN)
        wait_for(lambda: "ledger" in asked(port, "/readyz")[1], within_s=15, what="the service itself")
        assert TOKEN not in asked(port, "/readyz")[1]


def test_a_runner_goes_on_with_the_secret_as_soon_as_it_is_whole(postgres: Postgres, tmp_path: Path) -> None:
    waiting = Waiting(awaiting(tmp_path, database_url=postgres.url))
    assert "is not there" in str(waiting.ask())
    (tmp_path / "token").write_text("")
    assert "is empty" in str(waiting.ask())
    (tmp_path / "token").write_text("half a\ttoken")
    reason = str(waiting.ask())
    assert "blanks" in reason
    assert "half" not in reason
    (tmp_path / "token").write_text(TOKEN + "\n")
    assert waiting.wait(threading.Event())
    assert waiting.settings.influx_token is not None
    assert waiting.settings.influx_token.get_secret_value() == TOKEN
    assert waiting.settings.secret_files["influx_token"] == tmp_path / "token"
    assert complete(waiting.settings) is waiting.settings


def test_on_one_box_nobody_waits_for_a_file_that_nobody_makes(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not there"):
        wait_for_servers(awaiting(tmp_path), threading.Event())
    with pytest.raises(SettingsError, match="is not there"):
        load(environ={"OSHWATCH_DATA_DIR": "x", "OSHWATCH_INFLUX_TOKEN_FILE": str(tmp_path / "token")})
