from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from edge_agent.drivers import DRIVERS, UnknownDriver, driver_class, kinds
from edge_agent.settings import AgentSettings
from edge_agent.settings_file import load, sample
from osh_domain.settings_report import SettingsError, SettingsMistake

GOOD = 'gateway = "kh-f0123-a"\nsite = "kh-f0123"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "agent.toml"
    path.write_text(text)
    return path


def mistakes(path: Path | None, environ: dict[str, str] | None = None) -> dict[str, SettingsMistake]:
    with pytest.raises(SettingsError) as caught:
        load(path, environ or {})
    return {mistake.key: mistake for mistake in caught.value.mistakes}


def test_every_mistake_is_told_at_once_with_its_key_and_a_way_out(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
gateway = "K!"
mqtt_prt = 3
mqtt_port = 99999
server_public_key = "abc"

[[sensors]]
id = "sys"
driver = "ds18b2"

[[sensors]]
id = "globe"
driver = "ds18b20"
options = {address = "x", foo = 1}
channels = [{quantity = "tx"}, {quantity = "ta", hgh = 3}]
""",
    )
    found = mistakes(path, {"OSHWATCH_AGENT_RETRY_FIRST_S": "soon"})
    assert set(found) == {
        "gateway",
        "site",
        "mqtt_prt",
        "mqtt_port",
        "server_public_key",
        "OSHWATCH_AGENT_RETRY_FIRST_S",
        "sensors[0].id",
        "sensors[0].driver",
        "sensors[1].options",
        "sensors[1].channels[0].quantity",
        "sensors[1].channels[1].hgh",
    }
    assert found["mqtt_prt"].way_out == "Did you mean mqtt_port?"
    assert found["sensors[1].channels[1].hgh"].way_out == "Did you mean high?"
    assert "did you mean" in found["sensors[1].channels[0].quantity"].problem
    assert found["OSHWATCH_AGENT_RETRY_FIRST_S"].where == "environment"
    assert all(mistake.way_out and mistake.problem for mistake in found.values())


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + 'mqtt_host = "file"\nmqtt_port = 1\n')
    settings = load(
        path,
        {"OSHWATCH_AGENT_MQTT_HOST": "environment", "OSHWATCH_AGENT_MQTT_PORT": "2"},
        given={"mqtt_port": 3},
    )
    assert (settings.mqtt_host, settings.mqtt_port) == ("environment", 3)


@pytest.mark.parametrize(
    ("text", "key", "word"),
    [
        (GOOD + "disk_tidy = 0.99\n", "settings", "rise"),
        (
            GOOD + '[[sensors]]\nid="a"\ndriver="ds18b20"\n[[sensors]]\nid="a"\ndriver="ds18b20"\n',
            "sensors",
            "twice",
        ),
        (GOOD + 'clock = "fast"\n', "clock", "RATE@WALL"),
        ("gateway = \n", "file", "not TOML"),
        (GOOD + "seal_after_s = 0\n", "seal_after_s", "greater than 0"),
        (GOOD + 'sensors = ["st1"]\n', "sensors[0]", "a table of keys and values (got 'st1')"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path: Path, text: str, key: str, word: str) -> None:
    assert word in mistakes(write(tmp_path, text))[key].problem


def test_a_missing_key_is_named_as_the_file_has_it_and_as_the_environment_has_it() -> None:
    with pytest.raises(SettingsError) as told:
        load(None, {})
    assert "gateway: it is missing. Set gateway in the file or OSHWATCH_AGENT_GATEWAY." in str(told.value)


def test_a_missing_file_is_told_with_the_command_that_makes_one(tmp_path: Path) -> None:
    assert "sample-config" in mistakes(tmp_path / "none.toml")["file"].way_out


def test_the_sample_is_valid_and_names_every_key(tmp_path: Path) -> None:
    text = sample()
    load(write(tmp_path, text), {})
    assert all(f"{field.name} = " in text for field in fields(AgentSettings) if field.name != "sensors")
    everything = "\n".join(
        line.removeprefix("# ") for line in text.splitlines() if " = " in line or "[[" in line
    )
    assert "sensors" in tomllib.loads(everything)


def test_the_password_shows_neither_in_the_settings_nor_in_a_mistake(tmp_path: Path) -> None:
    settings = load(write(tmp_path, GOOD), {"OSHWATCH_AGENT_MQTT_PASSWORD": "hunter2-secret"})
    assert "hunter2-secret" not in repr(settings)
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path, GOOD + "mqtt_port = 0\n"), {"OSHWATCH_AGENT_MQTT_PASSWORD": "hunter2-secret"})
    assert "hunter2-secret" not in str(caught.value)


def test_every_driver_of_the_table_can_be_loaded_and_unknown_ones_are_told() -> None:
    for kind in DRIVERS:
        assert driver_class(kind).kind == kind
    with pytest.raises(UnknownDriver, match="there are ds18b20, replay"):
        driver_class("sht99")
    assert set(kinds()) >= set(DRIVERS)
