"""`oshwatch demo` as people start it: the committee is told, Ctrl-C ends it, nothing is lost."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.servers import free_port, wait_for

SPEED = 600
READY = re.compile(r"is ready: (?P<address>http://\S+) - sign in as .*; password (?P<password>\S+)")
# Two seconds on a free machine; the rest is for one that runs other tests at the same time.
SECOND_START_WITHIN_S = 20.0

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]


class Started(NamedTuple):
    process: subprocess.Popen[str]
    address: str
    password: str
    took_s: float


@contextmanager
def demo(folder: Path) -> Iterator[Started]:
    began = time.monotonic()
    command = [sys.executable, "-m", "oshwatch.main", "demo", "--data-dir", str(folder)]
    command += ["--port", str(free_port()), "--speed", str(SPEED)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = READY.search(line)
        assert found is not None, line
        yield Started(process, found["address"], found["password"], time.monotonic() - began)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(30)
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def signed_in(started: Started, login: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=started.address, follow_redirects=True, timeout=30.0) as client:
        answer = client.post("/sign-in", data={"login": login, "password": started.password})
        assert answer.status_code == httpx.codes.OK
        yield client


def get(client: httpx.Client, path: str) -> Any:
    answer = client.get(f"/api/v1{path}")
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


def family(pid: int) -> set[int]:
    """A process and all below it."""
    found, fresh = {pid}, {pid}
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    while fresh := {child for child, parent in parents.items() if parent in fresh} - found:
        found |= fresh
    return found


def end(started: Started) -> float:
    """Ctrl-C; answers how long it took."""
    below = family(started.process.pid)
    assert len(below) >= 7  # the demo, four runners, the fleet, the broker
    began = time.monotonic()
    started.process.send_signal(signal.SIGINT)
    assert started.process.wait(30) == 0
    took = time.monotonic() - began
    assert not [pid for pid in below if _alive(pid)]
    return took


def _alive(pid: int) -> bool:
    """Runs; an ended process that nobody has asked after yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def truth_check(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "oshwatch.main", "sim", "truth-check", str(folder / "truth.jsonl")]
    command += ["--data-dir", str(folder / "server"), "--fleet-dir", str(folder / "fleet")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def open_cases(client: httpx.Client) -> dict[str, int]:
    return {row["site"]["id"]: row["open_cases"] for row in get(client, "/overview")["rows"]}


def heat_cases(client: httpx.Client) -> list[Any]:
    """Those of one factory. On a busy machine, where seconds are simulated minutes, a sensor may seem silent
    for a moment; such a case ends by itself."""
    running = get(client, "/cases")["open"]
    return [row for row in running if row["site"] == "kh-f0123" and row["hazard"] == "heat"]


def test_the_demo_tells_the_committee_and_starts_again_where_it_was(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    folder = tmp_path / "demo"
    with demo(folder) as started, signed_in(started, "inspector-kh") as inspector:
        rows = open_cases(inspector)
        assert set(rows) == {"kh-f0123", "kh-f0207"}
        wait_for(lambda: heat_cases(inspector), within_s=60, what="a case of heat")
        assert open_cases(inspector)["kh-f0123"] > 0
        wait_for(lambda: list((folder / "mail").glob("*.eml")), within_s=30, what="a delivered notice")
        with signed_in(started, "worker") as worker:
            cases = get(worker, "/cases")
            assert cases
        before = get(inspector, "/overview")["now"]
        assert end(started) < 15.0
    report = truth_check(folder)
    assert report.returncode == 0, report.stdout + report.stderr

    with demo(folder) as started, signed_in(started, "inspector-kh") as inspector:
        record_property("second_start_s", round(started.took_s, 2))
        assert started.took_s < SECOND_START_WITHIN_S
        again = get(inspector, "/overview")["now"]
        assert before <= again < before + 3 * 3600
        assert open_cases(inspector)["kh-f0123"] > 0
        wait_for(
            lambda: get(inspector, "/overview")["now"] > again + 1800,
            within_s=30,
            what="half an hour more",
        )
        end(started)
    report = truth_check(folder)
    assert report.returncode == 0, report.stdout + report.stderr


def test_a_killed_demo_leaves_nothing_behind_for_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with demo(folder) as started:
        below = family(started.process.pid)
        wait_for((folder / "truth.jsonl").exists, what="the first readings")
        wait_for(lambda: len(json.loads((folder / "processes.json").read_text())) == 6, what="the list")
        started.process.kill()
        started.process.wait(10)
        assert [pid for pid in below if _alive(pid)]
    with demo(folder) as started:
        assert not [pid for pid in below if _alive(pid)]
        end(started)
    report = truth_check(folder)
    assert report.returncode == 0, report.stdout + report.stderr


def test_a_taken_port_is_told_in_one_sentence(tmp_path: Path) -> None:
    import socket

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        command = [sys.executable, "-m", "oshwatch.main", "demo", "--data-dir", str(tmp_path / "demo")]
        ended = subprocess.run(
            [*command, "--port", str(port)], capture_output=True, text=True, check=False, timeout=60
        )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert f"port {port} on 127.0.0.1 is taken" in ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr
