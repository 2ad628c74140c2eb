from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_agent.driver import Sample
from edge_agent.identity import GatewaySigner, encode_public_key
from edge_agent.outbox.store import Outbox
from edge_agent.runner import Runner
from edge_agent.settings import AgentSettings, SensorSettings
from edge_agent.settings_file import checked
from osh_domain.batch import open_frame
from tests.edge_agent.scripted import GATEWAY, GATEWAY_KEY, SERVER_KEY, SITE, Scripted, ScriptedServer
from tests.servers import Broker, wait_for

SERVER_PUBLIC = encode_public_key(GatewaySigner.from_bytes(SERVER_KEY).public_key)


def count(server: ScriptedServer, channel: str) -> int:
    return sum(record.name.endswith(channel) for record in server.records())


@contextmanager
def running(settings: AgentSettings, drivers: dict[str, Scripted]) -> Iterator[threading.Thread]:
    """A runner in a thread of its own: the outbox belongs to the thread that opened it."""
    made: list[Runner] = []
    ready = threading.Event()

    def body() -> None:
        made.append(Runner(settings, drivers=drivers))
        ready.set()
        made[0].run()

    thread = threading.Thread(target=body)
    thread.start()
    assert ready.wait(10)
    try:
        yield thread
    finally:
        made[0].stop()
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def server(broker: Broker) -> Iterator[ScriptedServer]:
    server = ScriptedServer(broker)
    yield server
    server.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "gw"
    folder.mkdir()
    (folder / "gateway.key").write_bytes(GATEWAY_KEY)
    (folder / "gateway.key").chmod(0o600)
    return folder


def settings(folder: Path, port: int, sensors: Sequence[str], **more: object) -> AgentSettings:
    values: dict[str, object] = {
        "gateway": GATEWAY,
        "site": SITE,
        "data_dir": folder,
        "server_public_key": SERVER_PUBLIC,
        "mqtt_port": port,
        "seal_after_s": 1,
        "seal_grace_s": 0.2,
        "disk_tidy": 0.98,
        "disk_lean": 0.99,
        "disk_full": 1.0,
        "sensors": [SensorSettings(id=name, driver="scripted", period_s=0.2) for name in sensors],
        **more,
    }
    return checked(values)


def test_a_driver_that_hangs_stops_no_other_bus_and_is_told(
    broker: Broker, server: ScriptedServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.runner.HANGS_AFTER_S", 0.3)
    monkeypatch.setattr("edge_agent.runner.JOIN_S", 0.1)
    release = threading.Event()

    def hang() -> Sequence[Sample]:
        release.wait(60)
        return []

    drivers = {"stuck": Scripted(hang), "alive": Scripted()}
    with running(settings(folder, broker.port, list(drivers)), drivers):
        wait_for(
            lambda: sum(r.name.endswith("alive/ta") for r in server.records()) >= 5, what="five readings"
        )
        wait_for(lambda: count(server, "stuck/status"), what="the word")
    release.set()
    assert [r.value for r in server.records() if r.name.endswith("stuck/status")] == ["timeout"]
    wait_for(lambda: server.states[-1]["state"] == "stopping")


def test_the_process_runs_beats_and_ends_cleanly_on_sigterm(
    broker: Broker, server: ScriptedServer, folder: Path, tmp_path: Path
) -> None:
    recording = tmp_path / "recording.csv"
    recording.write_text("t,a\n2015-02-02T10:00:00Z,20\n2015-02-02T10:00:01Z,21\n2015-02-02T10:00:02Z,22\n")
    config = tmp_path / "agent.toml"
    config.write_text(
        f'gateway = "{GATEWAY}"\nsite = "{SITE}"\ndata_dir = "{folder}"\nmqtt_port = {broker.port}\n'
        f'server_public_key = "{SERVER_PUBLIC}"\nheartbeat_s = 1\nseal_after_s = 1\nseal_grace_s = 0.1\n'
        "disk_tidy = 0.98\ndisk_lean = 0.99\ndisk_full = 1.0\n"
        f'[[sensors]]\nid = "st1"\ndriver = "replay"\nperiod_s = 1\n'
        f'options = {{file = "{recording}", columns = {{a = "ta"}}, time_column = "t", repeat = true}}\n'
    )
    command = [sys.executable, "-m", "oshwatch.main", "agent", "run", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        wait_for(
            lambda: (
                {"st1/ta", "st1/status", "sys/outbox", "sys/backlog_age", "sys/disk_free"}
                <= {r.name.partition("/")[2] for r in server.records()}
            ),
            within_s=20,
            what="readings and heartbeat",
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    wait_for(lambda: server.states[-1]["state"] == "stopping")
    with Outbox(folder / "outbox.sqlite", GATEWAY, serial="other") as outbox:
        assert outbox.leftover() is None
        last = {open_frame(b.payload).header.seq for b in outbox.waiting(0, 2**62, 100)}
    assert len(last) <= 1


def test_mistakes_end_the_process_with_code_2_before_anything_starts(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text('gateway = "x"\nmqtt_hst = "y"\n')
    command = [sys.executable, "-m", "oshwatch.main", "agent", "run", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "3 mistakes" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broker_that_is_absent_is_waited_for_without_losing_anything(folder: Path, broker: Broker) -> None:
    broker.stop()
    sensor = Scripted()
    with running(settings(folder, broker.port, ["st1"]), {"st1": sensor}):
        wait_for(lambda: sensor.reads >= 8, what="eight reads without a broker")
        broker.start()
        server = ScriptedServer(broker)
        wait_for(lambda: len(server.frames) >= 3, within_s=15, what="three batches")
    server.close()
    assert sorted(server.frames) == list(range(1, max(server.frames) + 1))
