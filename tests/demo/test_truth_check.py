"""The check of the truth against the ledger: exact only when every reading is there, once, unchanged."""

import json
import sqlite3
import threading
from pathlib import Path

import pytest

from firmware_sim.gateway import Delivery
from firmware_sim.progress import Plan
from firmware_sim.runner import FleetRunner
from firmware_sim.truth import TruthError
from ingest_service.ledger.port import Accepted
from ingest_service.ledger.sqlite import open_ledger
from osh_domain.batch import open_frame, payload_hash
from oshwatch.truth_check import TruthReport, check
from tests.servers import free_port

START = 1776645000.0  # 2026-04-20 07:30 in Phnom Penh
MINUTES = 6


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fleet that ran for six minutes and reached nobody."""
    folder = tmp_path_factory.mktemp("truth")
    plan = Plan(folder / "fleet", truth=folder / "truth.jsonl", part=(1, 6))
    runner = FleetRunner(plan, Delivery(port=free_port()), START)
    runner.run(threading.Event(), until=START + 60.0 * MINUTES)
    runner.close()
    return folder


def payloads(fleet: Path) -> list[bytes]:
    (path,) = (fleet / "fleet").glob("*/outbox.sqlite")
    db = sqlite3.connect(path)
    found = [payload for (payload,) in db.execute("SELECT payload FROM batches ORDER BY row")]
    db.close()
    return found


def keep(data_dir: Path, frames: list[bytes]) -> Path:
    """Put batches into a ledger."""
    data_dir.mkdir(exist_ok=True)
    ledger = open_ledger(data_dir)
    for payload in frames:
        frame = open_frame(payload)
        header = frame.header
        ledger.append(
            [
                Accepted(
                    received_at=START,
                    source="mqtt",
                    site=header.gw[:-2],
                    gateway=header.gw,
                    kind="sealed",
                    epoch=header.ep,
                    seq=header.seq,
                    batch_hash=frame.batch_hash,
                    prev=header.prev,
                    signed=True,
                    payload=payload,
                    payload_hash=payload_hash(payload),
                )
            ]
        )
    ledger.close()
    return data_dir


def counts(report: TruthReport) -> tuple[int, ...]:
    return (report.lost, report.twice, report.changed, report.invented)


def test_everything_in_the_ledger_is_exact(fleet: Path, tmp_path: Path) -> None:
    report = check(fleet / "truth.jsonl", keep(tmp_path, payloads(fleet)), None)
    assert report.exact
    assert report.taken == report.in_ledger > 100
    assert report.lines()[-1] == "exact"


def test_what_waits_in_an_outbox_is_not_lost(fleet: Path, tmp_path: Path) -> None:
    data_dir = keep(tmp_path, payloads(fleet)[:-2])
    report = check(fleet / "truth.jsonl", data_dir, fleet / "fleet")
    assert report.exact
    assert report.waiting > 0
    blind = check(fleet / "truth.jsonl", data_dir, None)
    assert blind.lost == report.waiting
    assert blind.lines()[-1] == "NOT exact"


def changed_truth(fleet: Path, path: Path, change: str) -> Path:
    lines = (fleet / "truth.jsonl").read_text().splitlines()
    place = next(i for i, line in enumerate(lines) if "st1/ta" in line)
    reading = json.loads(lines[place])
    if change == "value":
        reading["v"] += 1.0
    elif change == "time":
        reading["t"] += 7.0
    elif change == "missing":
        del lines[place]
    if change != "missing":
        lines[place] = json.dumps(reading)
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_changed_value_a_moved_time_and_an_invented_reading_are_told_apart(
    fleet: Path, tmp_path: Path
) -> None:
    data_dir = keep(tmp_path / "server", payloads(fleet))
    found = {
        change: counts(check(changed_truth(fleet, tmp_path / change, change), data_dir, None))
        for change in ("value", "time", "missing")
    }
    assert found == {"value": (0, 0, 1, 0), "time": (1, 0, 0, 1), "missing": (0, 0, 0, 1)}


def test_a_reading_told_once_and_held_twice_is_told(fleet: Path, tmp_path: Path) -> None:
    lines = (fleet / "truth.jsonl").read_text().splitlines(keepends=True)
    place = next(i for i, line in enumerate(lines) if "st1/ta" in line)
    truth = tmp_path / "truth.jsonl"
    # The other way round is the same for a multiset: the truth says twice what is held once.
    truth.write_text("".join([*lines, lines[place]]))
    assert counts(check(truth, keep(tmp_path / "server", payloads(fleet)), None)) == (1, 0, 0, 0)


def test_a_truth_file_that_is_not_one_says_which_line(tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    truth.write_text('{"run": "demo", "seed": 7, "t": 1}\nnot json\n')
    with pytest.raises(TruthError, match="line 2"):
        check(truth, keep(tmp_path / "server", []), None)
    with pytest.raises(TruthError, match="cannot be read"):
        check(tmp_path / "nowhere.jsonl", tmp_path / "server", None)
