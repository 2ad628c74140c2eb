from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.identity import GatewaySigner, encode_public_key
from tests.edge_agent.scripted import GATEWAY, GATEWAY_KEY, SERVER_KEY, SITE, ScriptedServer
from tests.servers import Broker

OCCUPANCY = Path(__file__).parent.parent / "data" / "occupancy" / "datatest.txt"
SERVER_PUBLIC = encode_public_key(GatewaySigner.from_bytes(SERVER_KEY).public_key)


@pytest.fixture
def server(broker: Broker) -> Iterator[ScriptedServer]:
    server = ScriptedServer(broker)
    yield server
    server.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "gw"
    folder.mkdir()
    key = folder / "gateway.key"
    key.write_bytes(GATEWAY_KEY)
    key.chmod(0o600)
    return folder


def replay(
    broker: Broker, folder: Path, file: Path, *more: str, server_key: str | None = SERVER_PUBLIC
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "oshwatch.main", "agent", "replay", str(file), "--json"]
    options = [
        *("--map", "Temperature=st1/ta", "--map", "Humidity=st1/rh", "--map", "CO2=co2-1/co2"),
        *("--time-column", "date", "--gateway", GATEWAY, "--site", SITE, "--data-dir", str(folder)),
        *("--mqtt-port", str(broker.port), "--time-zone", "Europe/Brussels"),
        *(("--server-key", server_key) if server_key is not None else ()),
    ]
    return subprocess.run(
        [*command, *options, *more], capture_output=True, text=True, timeout=90, check=False
    )


def test_every_row_of_the_real_file_ends_in_the_servers_ledger(
    broker: Broker, server: ScriptedServer, folder: Path
) -> None:
    done = replay(broker, folder, OCCUPANCY)
    assert done.returncode == 0, done.stderr
    account = json.loads(done.stdout)
    assert account["complete"] is True
    assert account["rows_in_file"] == account["rows_read"] == 2665
    assert account["readings_read"] == account["readings_sealed"] == 3 * 2665
    assert account["batches"] == account["acknowledged"] == len(server.frames)
    records = server.records()
    readings = [(r.name, r.time) for r in records if not r.name.endswith("/status")]
    assert len(readings) == len(set(readings)) == 3 * 2665
    assert min(r.time for r in records) == 1422883140.0
    again = json.loads(replay(broker, folder, OCCUPANCY).stdout)
    assert again["complete"] is True
    assert again["rows_sealed_earlier"] == 2665
    assert again["batches"] == account["batches"]


def test_shifted_to_now_the_last_row_is_of_the_minute_before_and_keeps_its_second(
    broker: Broker, server: ScriptedServer, folder: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.csv"
    short.write_text("".join(OCCUPANCY.read_text().splitlines(keepends=True)[:121]))
    first = json.loads(replay(broker, folder, short, "--shift-to-now", "--clock", "1@1000=5000000").stdout)
    assert first["shifted_s"] % 60 == 0
    assert first["complete"] is True
    server.frames.clear()
    again = json.loads(replay(broker, folder, short, "--shift-to-now", "--clock", "1@1000=9000000").stdout)
    assert again["shifted_s"] == first["shifted_s"]
    assert again["rows_sealed_earlier"] == 120
    assert server.frames == {}


def test_an_account_that_does_not_close_ends_with_code_1_and_says_why(
    broker: Broker, server: ScriptedServer, folder: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.csv"
    lines = OCCUPANCY.read_text().splitlines(keepends=True)[:31]
    short.write_text("".join([*lines, '"x","2015-02-02 15:00:00","warm",1,1,1,1,1\n']))
    server.reject = lambda _frame: "key"
    done = replay(broker, folder, short)
    assert done.returncode == 1
    account = json.loads(done.stdout)
    assert account["rows_refused"] == 1
    assert account["refused"] == [{"line": 32, "reason": "Temperature: not a number: 'warm'"}]
    assert account["refused_by_server"] == account["batches"]
    [reason] = account["reasons"]
    assert reason.startswith(
        f"the server refused {account['batches']} batches (key); it keeps them in quarantine"
    )


def test_a_refusing_broker_is_told_apart_from_one_that_is_not_there(
    broker: Broker, folder: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.csv"
    short.write_text("".join(OCCUPANCY.read_text().splitlines(keepends=True)[:20]))
    broker.stop()
    done = replay(broker, folder, short, "--patience", "0.5")
    assert "the broker was not reached" in json.loads(done.stdout)["reasons"][0]
    config = broker.config.read_text()
    assert "allow_anonymous true" in config
    broker.config.write_text(config.replace("allow_anonymous true", "allow_anonymous false"))
    broker.start()
    done = replay(broker, folder, short, "--patience", "1")
    assert "the broker refuses this gateway (Not authorized)" in json.loads(done.stdout)["reasons"][0]


@pytest.mark.usefixtures("server")
def test_without_the_servers_key_the_account_says_that_nothing_can_be_confirmed(
    broker: Broker, folder: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.csv"
    short.write_text("".join(OCCUPANCY.read_text().splitlines(keepends=True)[:20]))
    done = replay(broker, folder, short, "--patience", "1", server_key=None)
    assert "without --server-key" in json.loads(done.stdout)["reasons"][0]


@pytest.mark.usefixtures("server")
def test_a_recording_sealed_at_its_own_times_is_not_quietly_left_there_when_now_is_asked_for(
    broker: Broker, folder: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.csv"
    short.write_text("".join(OCCUPANCY.read_text().splitlines(keepends=True)[:20]))
    assert replay(broker, folder, short).returncode == 0
    done = replay(broker, folder, short, "--shift-to-now")
    assert done.returncode == 2
    assert "leave --shift-to-now out, or give another --data-dir" in done.stderr


def test_without_a_server_everything_is_kept_and_the_next_run_delivers_it(
    broker: Broker, folder: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.csv"
    short.write_text("".join(OCCUPANCY.read_text().splitlines(keepends=True)[:200]))
    done = replay(broker, folder, short, "--patience", "0.5")
    account = json.loads(done.stdout)
    assert done.returncode == 1
    assert account["waiting"] == account["batches"] > 1
    assert "the server did not acknowledge" in account["reasons"][0]
    server = ScriptedServer(broker)
    done = replay(broker, folder, short)
    server.close()
    assert done.returncode == 0, done.stdout
    assert len(server.frames) == account["batches"]


def test_another_file_needs_a_folder_of_its_own(
    broker: Broker, server: ScriptedServer, folder: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.csv"
    short.write_text("".join(OCCUPANCY.read_text().splitlines(keepends=True)[:20]))
    assert replay(broker, folder, short).returncode == 0
    done = replay(broker, folder, OCCUPANCY)
    assert done.returncode == 2
    assert "--data-dir of its own" in done.stderr
    assert len(server.frames) == 1


def test_mistakes_on_the_command_line_are_told_in_sentences(broker: Broker, folder: Path) -> None:
    done = replay(broker, folder, OCCUPANCY, "--map", "Light=l1/lux", "--map", "oops")
    assert done.returncode == 2
    assert "--map Light=l1/lux: unknown quantity 'lux'" in done.stderr
    assert "--map oops" in done.stderr
    assert "Traceback" not in done.stderr
    done = replay(broker, folder, Path("/nowhere.csv"))
    assert done.returncode == 2
    assert "/nowhere.csv: No such file" in done.stderr
