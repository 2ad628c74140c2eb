"""The settings of a gateway are checked by a process of its own, which may also fail, hang or be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_agent.__main__ import TRY_AGAIN, UNUSABLE
from edge_agent.settings_file import load
from osh_domain.settings_report import SettingsError

ROOT = Path(__file__).parents[2]
AGENT = (sys.executable, "-m", "edge_agent")
WITHIN_S = 30.0
SECRET = "hunter2-secret"
GOOD = 'gateway = "kh-f0123-a"\nsite = "kh-f0123"\n'
BAD = """
gateway = "K!"
mqtt_prt = 3
[[sensors]]
id = "globe"
driver = "ds18b2"
channels = [{quantity = "ta", low = 3, high = 2}, {quantity = "ta", cal = {id = "C-17", gain = nan}}]
"""
EVERYTHING = (
    GOOD
    + """
data_dir = "gw"
mqtt_ca_file = "ca.pem"
seal_after_s = 30
[[sensors]]
id = "globe"
driver = "ds18b20"
options = {address = "28-000005e2fdc3", quantity = "tg"}
channels = [{quantity = "tg", high = 85, cal = {id = "C", date = 2026-03-01, due = 2027-03-01, by = "NIM"}}]
"""
)
HANDED_OVER = """
import sys
from pathlib import Path
from edge_agent.settings_apart import load_apart
print(load_apart(Path(sys.argv[1])), "SECRET" if load_apart(Path(sys.argv[1])).mqtt_password else "")
"""
IMPATIENT = """
import sys
from pathlib import Path
from edge_agent.settings_apart import UncheckedError, load_apart
try:
    load_apart(Path(sys.argv[1]), patience_s=0.3)
except UncheckedError as error:
    print(error)
"""

NO_PROCESS = (
    """
import os, resource, edge_agent.settings_apart
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
if os.getuid() == 0:
    os.setuid(65534)
"""
    + IMPATIENT
)


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if "OSHWATCH" not in name} | more


def ended(*command: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env=environment(**more), capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def waiting_for(pipe: Path, *command: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A program whose settings are a pipe into which nobody writes: its process, and that of who checks."""
    os.mkfifo(pipe)
    process = subprocess.Popen(command, cwd=ROOT, env=environment(), stderr=-1, text=True)
    try:
        deadline = time.monotonic() + WITHIN_S
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not (found := children.read_text().split()):
            assert time.monotonic() < deadline, "nobody checks the settings"
            time.sleep(0.01)
        yield process, int(found[0])
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("text", [BAD, "gateway = \n", GOOD + "disk_tidy = 0.99\n"])
def test_the_report_is_the_same_through_the_process_and_the_agent_does_not_start(
    tmp_path: Path, text: str
) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(text)
    told = {"OSHWATCH_AGENT_RETRY_FIRST_S": "soon", "OSHWATCH_AGENT_MQTT_PASSWORD": SECRET}
    with pytest.raises(SettingsError) as here:
        load(config, told)
    agent = ended(*AGENT, str(config), **told)
    assert agent.stderr == f"oshwatch agent: {here.value}\n"
    assert agent.returncode == UNUSABLE
    assert SECRET not in agent.stderr + agent.stdout


def test_the_agent_is_handed_what_the_check_made_of_file_and_environment(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(EVERYTHING)
    told = {"OSHWATCH_AGENT_MQTT_PORT": "8883", "OSHWATCH_AGENT_MQTT_PASSWORD": SECRET}
    handed = ended(sys.executable, "-c", HANDED_OVER, str(config), **told)
    assert handed.stdout == f"{load(config, told)} SECRET\n", handed.stderr


def test_a_check_that_is_killed_is_one_clear_error_after_which_the_agent_may_be_started_again(
    tmp_path: Path,
) -> None:
    pipe = tmp_path / "agent.toml"
    with waiting_for(pipe, *AGENT, str(pipe)) as (agent, checking):
        os.kill(checking, signal.SIGKILL)
        said = agent.communicate(timeout=WITHIN_S)[1]
    assert agent.returncode == TRY_AGAIN
    assert said.count("\n") == 1
    assert f"the settings in {pipe} were not checked: signal 9" in said
    assert "make room, then start the agent again" in said


def test_a_check_that_hangs_is_ended_and_told_with_a_way_out(tmp_path: Path) -> None:
    pipe = tmp_path / "agent.toml"
    os.mkfifo(pipe)
    said = ended(sys.executable, "-c", IMPATIENT, str(pipe))
    assert said.stderr == ""
    assert "no answer within 0.3 s. See that the file can be read" in said.stdout


def test_a_check_whose_agent_is_killed_ends_by_itself(tmp_path: Path) -> None:
    pipe = tmp_path / "agent.toml"
    with waiting_for(pipe, sys.executable, "-c", IMPATIENT, str(pipe)) as (agent, checking):
        agent.kill()
        assert agent.communicate(timeout=WITHIN_S)[1] == ""  # the end of everybody who holds the other end
    assert not Path(f"/proc/{checking}/exe").exists()


def test_a_check_that_fails_by_itself_says_what_happened(tmp_path: Path) -> None:
    site = tmp_path / "broken_driver-1.dist-info"
    site.mkdir()
    (site / "METADATA").write_text("Name: broken-driver\nVersion: 1\n")
    (site / "entry_points.txt").write_text("[edge_agent.drivers]\nbroken = broken_driver:Broken\n")
    (tmp_path / "broken_driver.py").write_text("raise RuntimeError('no such bus')\n")
    config = tmp_path / "agent.toml"
    config.write_text(GOOD + '[[sensors]]\nid = "st1"\ndriver = "broken"\n')
    agent = ended(*AGENT, str(config), PYTHONPATH=str(tmp_path))
    assert agent.returncode == TRY_AGAIN
    assert "RuntimeError: no such bus" in agent.stderr
    assert "the process that does it failed; what it said stands above" in agent.stderr.splitlines()[-1]


def test_an_agent_that_may_make_no_process_says_so(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(GOOD)
    said = ended(sys.executable, "-c", NO_PROCESS, str(config))
    assert "were not checked: no process could be made (Resource temporarily unavailable)" in said.stdout
