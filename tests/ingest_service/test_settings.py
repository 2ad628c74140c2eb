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


URL = "postgresql+psycopg://oshwatch:s3cret@db:5432/oshwatch"


def test_a_secret_may_stand_in_a_file_which_a_child_is_told_instead_of_the_secret(tmp_path: Path) -> None:
    secret = tmp_path / "database_url"
    secret.write_text(URL + "\n")
    environ = {"OSHWATCH_DATA_DIR": str(tmp_path), "OSHWATCH_DATABASE_URL_FILE": str(secret)}
    settings = load(None, environ)
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == URL
    told = environment_of(settings)
    assert told["OSHWATCH_DATABASE_URL_FILE"] == str(secret)
    assert "s3cret" not in str(told)
    assert load(None, told) == settings


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "is not there"),
        ("", "is empty. It may be half written"),
        ("\n", "is empty"),
        ("one\ns3cret", "more than one line"),
        ("mysql://oshwatch:s3cret@db/x", "not an address of the form postgresql"),
    ],
)
def test_a_secret_that_cannot_be_used_is_one_mistake_that_does_not_show_it(
    tmp_path: Path, content: str | None, told: str
) -> None:
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_text(content)
    with pytest.raises(SettingsError, match=told) as caught:
        load(None, {"OSHWATCH_DATA_DIR": str(tmp_path), "OSHWATCH_DATABASE_URL_FILE": str(secret)})
    assert len(caught.value.mistakes) == 1
    assert "s3cret" not in str(caught.value)


def test_a_secret_given_twice_in_one_place_is_a_mistake_and_the_environment_wins_over_the_file(
    tmp_path: Path,
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from-file")
    environ = {"OSHWATCH_DATA_DIR": str(tmp_path), "OSHWATCH_MQTT_PASSWORD_FILE": str(secret)}
    with pytest.raises(SettingsError, match="mqtt_password_file is given as well"):
        load(None, environ | {"OSHWATCH_MQTT_PASSWORD": "direct"})
    file = tmp_path / "service.toml"
    file.write_text('mqtt_password = "of the settings file"\n')
    settings = load(file, environ)
    assert settings.mqtt_password is not None
    assert settings.mqtt_password.get_secret_value() == "from-file"
