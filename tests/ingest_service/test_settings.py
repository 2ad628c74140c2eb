import tomllib
from pathlib import Path

import pytest

from ingest_service.settings import Settings, environment_of, load, sample
from osh_domain.settings_report import SettingsError


def test_it_reports_every_mistake_at_once_with_key_and_way_out(tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    file.write_text('mqtt_prot = 1883\nhttp_port = 99999\nclock = "fast"\n')
    with pytest.raises(SettingsError) as caught:
        load(file, {"OSHWATCH_COMMIT_BATCHES": "none"})
    told = str(caught.value)
    assert len(caught.value.mistakes) == 5
    assert "mqtt_prot: unknown key. Did you mean mqtt_port?" in told
    assert f"{file}: http_port" in told
    assert "RATE@WALL=TIME" in told
    assert "environment: OSHWATCH_COMMIT_BATCHES" in told
    assert "data_dir: it is missing. Set OSHWATCH_DATA_DIR" in told


@pytest.mark.parametrize("content", [b"= 3", b"\xff\xfe", None])
def test_it_says_what_is_wrong_with_the_file_itself(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "service.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match="file"):
        load(file, {})


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    file.write_text('data_dir = "a"\nmqtt_port = 1\n')
    assert load(file, {"OSHWATCH_MQTT_PORT": "2"}).mqtt_port == 2


def test_variables_of_the_agent_are_not_mistaken_for_its_own(tmp_path: Path) -> None:
    load(None, {"OSHWATCH_DATA_DIR": str(tmp_path), "OSHWATCH_AGENT_SITE": "kh-f0123"})


def test_a_child_started_with_its_environment_has_the_same_settings(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path,
        mqtt_password="s3cret",
        webhook_allow=("a.test", "b.test"),
        clock="120.0@1000.0=5000.0",
    )
    assert load(None, environment_of(settings)) == settings


def test_the_password_does_not_show(tmp_path: Path) -> None:
    settings = load(None, {"OSHWATCH_DATA_DIR": str(tmp_path), "OSHWATCH_MQTT_PASSWORD": "s3cret"})
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in str(settings)


def test_the_sample_file_is_good_and_names_every_key() -> None:
    text = sample()
    assert tomllib.loads(text) == {"data_dir": "/var/lib/oshwatch"}
    for key in Settings.model_fields:
        assert f"{key} = " in text
