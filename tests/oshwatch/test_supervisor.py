import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest_service.settings import Settings
from oshwatch.supervisor import Supervisor
from tests.servers import wait_for


@pytest.fixture
def supervised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """A supervisor over one real process that writes its id and waits."""
    program = tmp_path / "oshwatch_stand_in.py"
    program.write_text(
        "import pathlib, os, signal, sys\n"
        "folder = pathlib.Path(os.environ['OSHWATCH_DATA_DIR'])\n"
        "(folder / f'{os.getpid()}.alive').touch()\n"
        "if (folder / 'stubborn').exists(): signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "(folder / f'{os.getpid()}.ready').touch()\n"
        "signal.pause()\n"
    )
    starter = tmp_path / "python"
    starter.write_text(f"#!/bin/sh\nexec {sys.executable} {program}\n")
    starter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(starter))
    supervisor = Supervisor(Settings(data_dir=tmp_path), ["intake"], log_dir=tmp_path / "log")
    supervisor.start()
    yield supervisor
    supervisor.stop(0.2)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_starts_again_what_was_killed(supervised: Supervisor, tmp_path: Path) -> None:
    first = supervised.pids()["intake"]
    wait_for((tmp_path / f"{first}.ready").exists)
    os.kill(first, signal.SIGKILL)

    def started_again() -> bool:
        supervised.look()
        return supervised.pids().get("intake", first) != first

    wait_for(started_again)


def test_it_leaves_no_process_behind(supervised: Supervisor, tmp_path: Path) -> None:
    pid = supervised.pids()["intake"]
    wait_for((tmp_path / f"{pid}.ready").exists)
    supervised.stop()
    assert not lives(pid)


def test_it_kills_what_will_not_end(supervised: Supervisor, tmp_path: Path) -> None:
    (tmp_path / "stubborn").touch()
    first = supervised.pids()["intake"]
    wait_for((tmp_path / f"{first}.ready").exists)
    os.kill(first, signal.SIGKILL)

    def stubborn_one_is_up() -> bool:
        supervised.look()
        pid = supervised.pids().get("intake", first)
        return pid != first and (tmp_path / f"{pid}.ready").exists()

    wait_for(stubborn_one_is_up)
    pid = supervised.pids()["intake"]
    supervised.stop(patience_s=0.2)
    assert not lives(pid)
