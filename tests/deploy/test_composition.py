"""The composition and the image, as far as they can be checked without a container engine."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingest_service.settings import PREFIX, Settings
from ingest_service.trials import FOLDER
from oshwatch.administration import server_secrets
from oshwatch.main import COMMANDS

ROOT = Path(__file__).parents[2]
COMPOSITION: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSITION["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"] == "oshwatch")
ONE_SHOT = {"migrate", "influx-setup"}
BASES = re.findall(r"^FROM (\S+)", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_part_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    user, group = service["user"].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["restart"] == ("on-failure" if name in ONE_SHOT else "unless-stopped")
    assert "healthcheck" in service or name in ONE_SHOT | {"fleet"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - set(OURS)))
def test_images_of_others_are_pinned_to_a_release(name: str) -> None:
    assert re.fullmatch(r"[a-z/-]+:\d+\.\d+(\.\d+)?(-[a-z]+)?", SERVICES[name]["image"])


@pytest.mark.parametrize("name", ["intake", "projector"])
def test_what_kills_a_container_is_remembered_by_the_next(name: str) -> None:
    data_dir = SERVICES[name]["environment"][PREFIX + "DATA_DIR"]
    assert f"trials:{data_dir}/{FOLDER}" in SERVICES[name]["volumes"]
    assert f"{data_dir}/{FOLDER}" in (ROOT / "deploy" / "Dockerfile").read_text()  # owned by who runs it


def test_only_the_broker_can_be_reached_from_outside() -> None:
    open_ports = {
        name: port
        for name, service in SERVICES.items()
        for port in service.get("ports", [])
        if not port.startswith("127.0.0.1:")
    }
    assert open_ports == {"mosquitto": "8883:8883"}


def test_the_secrets_named_are_those_that_the_command_makes(tmp_path: Path) -> None:
    import datetime as dt

    made = server_secrets.make_secrets(tmp_path / "secrets", ["box.example.org"], dt.datetime.now(dt.UTC))
    named = {name: entry["file"] for name, entry in COMPOSITION["secrets"].items()}
    assert named == {name: f"./secrets/{name}" for name in made if name != server_secrets.AUTHORITY_KEY}
    used = {name for service in SERVICES.values() for name in service.get("secrets", [])}
    assert used == set(named)


def test_no_secret_stands_in_the_file_itself() -> None:
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|TOKEN|DATABASE_\w*URL|KEY", key):
                assert key.endswith("_FILE"), key
                assert str(value).startswith(("/run/secrets/", "/run/oshwatch/tokens/"))


@pytest.mark.parametrize("name", OURS)
def test_a_part_is_given_the_secrets_it_names_and_no_other(name: str) -> None:
    service = SERVICES[name]
    said = f"{service.get('environment')} {service['command']}"
    for secret in service["secrets"]:
        # What introduced the server's key is found beside it.
        assert f"/run/secrets/{secret.removesuffix('.statements')}" in said, f"{name} has no use for {secret}"
    for secret in re.findall(r"/run/secrets/([\w.-]+)", said):
        assert secret in service["secrets"], f"{name} lacks {secret}"


@pytest.mark.parametrize("name", OURS)
def test_our_settings_and_commands_exist(name: str) -> None:
    for key in SERVICES[name]["environment"]:
        assert key.startswith(PREFIX)
        assert key.removeprefix(PREFIX).removesuffix("_FILE").lower() in Settings.model_fields or (
            key.removeprefix(PREFIX).lower() in Settings.model_fields
        )
    assert SERVICES[name]["command"][0] in COMMANDS


def test_docker_compose_reads_it() -> None:
    docker = shutil.which("docker")
    asked = [docker or "docker", "compose", "version"]
    if docker is None or subprocess.run(asked, check=False, capture_output=True).returncode:
        pytest.skip("needs docker with its compose plugin")
    command = [docker, "compose", "--profile", "fleet", "config", "--quiet"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)


def test_the_image_is_built_of_what_the_wheel_needs(tmp_path: Path) -> None:
    """The copying and building steps of the image in an empty folder; what is installed comes from locks."""
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    admitted = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")}
    copied = [line.split()[1:-1] for line in dockerfile.splitlines() if re.match(r"COPY [^-]", line)]
    for source in (name for names in copied for name in names):
        assert source in admitted
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (tmp_path / source).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / source, tmp_path / source)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "-t",
            "wheel",
            "-d",
            tmp_path / "out",
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=100,
    )
    (wheel,) = (tmp_path / "out").glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(tmp_path))
        for package in (
            "oshwatch",
            "osh_domain",
            "ingest_service",
            "alert_rules",
            "edge_agent",
            "firmware_sim",
        )
        for path in (tmp_path / package).rglob("*")
        if path.is_file()
    }
    assert wanted - packed == set()


def test_the_image_ends_without_root() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    assert re.findall(r"^USER (.+)$", dockerfile, re.MULTILINE) == ["10001:10001"]
    assert len(BASES) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim-[a-z]+", base) for base in BASES)
