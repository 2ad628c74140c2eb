"""The power goes: a disk as it is at that instant holds everything whose write had returned.

The outbox, and then the ledger, lies on a small file system of its own in an image file. The image is copied
while the writer stands still; what the operating system had not written by then is not in the copy, as after
a power cut.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_agent.outbox.store import Outbox
from ingest_service.ledger.sqlite import open_ledger

ROOT = Path(__file__).parents[2]
CUTS = 3
OUTBOX = """
import sys
from pathlib import Path
from edge_agent.outbox.store import Outbox
from tests.edge_agent.batches import ANCHORING, record, seal_one

outbox = Outbox(Path(sys.argv[1]) / "outbox.sqlite", "kh-f0123-a")
for mono in range(10**6):
    outbox.sync(ANCHORING, [record(float(mono))])
    print("synced", mono, flush=True)
    if mono % 3 == 2:
        print("sealed", seal_one(outbox, float(mono)), flush=True)
"""
LEDGER = """
import sys
from pathlib import Path
from ingest_service.intake import Intake
from ingest_service.ledger.sqlite import open_ledger
from tests.ingest_service.gateways import NOW, Device, arrival, snapshot

intake, device = Intake(open_ledger(Path(sys.argv[1])), snapshot), Device()
while True:
    intake.take([arrival(device.batch())], NOW)
    print("stored", device.seq, flush=True)
"""


@contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    at.mkdir()
    subprocess.run(["mount", "-o", "loop", str(image), str(at)], check=True, capture_output=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip("needs root and mkfs.ext4 to mount a file system of its own")
    made = tmp_path / "disk.img"
    with made.open("wb") as file:
        file.truncate(24 * 2**20)
    subprocess.run(["mkfs.ext4", "-q", "-E", "lazy_itable_init=0", str(made)], check=True)
    try:
        with mounted(made, tmp_path / "try"):
            pass
    except subprocess.CalledProcessError as error:
        pytest.skip(f"cannot mount here: {error.stderr.decode().strip()}")
    return made


def cut(image: Path, program: str, tmp_path: Path) -> Iterator[tuple[Path, list[list[str]]]]:
    """Disks as they were at some instants, mounted, with the lines the writer had printed until then."""
    said = tmp_path / "said"
    with mounted(image, tmp_path / "disk") as disk, said.open("wb") as out:
        writer = subprocess.Popen([sys.executable, "-c", program, str(disk)], cwd=ROOT, stdout=out)
        try:
            seen = 0
            for number in range(CUTS):
                deadline = time.monotonic() + 30
                while said.stat().st_size < seen + 300 and time.monotonic() < deadline:
                    time.sleep(0.01)
                writer.send_signal(signal.SIGSTOP)
                _stopped(writer.pid)
                lines = [line.split() for line in said.read_text().split("\n")[:-1]]
                seen = said.stat().st_size
                copy = tmp_path / f"{number}.img"
                shutil.copyfile(image, copy)
                writer.send_signal(signal.SIGCONT)
                with mounted(copy, tmp_path / str(number)) as found:
                    yield found, lines
        finally:
            writer.kill()
            writer.wait()


def _stopped(pid: int) -> None:
    """Wait until the process really stands still, also where it was inside a write."""
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        time.sleep(0.001)


def test_a_gateways_outbox_holds_everything_whose_write_had_returned(image: Path, tmp_path: Path) -> None:
    cuts = 0
    for disk, lines in cut(image, OUTBOX, tmp_path):
        sealed = [int(number) for word, number in lines if word == "sealed"]
        synced = [int(number) for word, number in lines if word == "synced"]
        with Outbox(disk / "outbox.sqlite", "kh-f0123-a") as outbox:
            assert outbox.set_aside is None
            head = outbox.head().seq
            assert head >= max(sealed)
            assert {b.seq for b in outbox.waiting(0, 2**62, 10**6)} == set(range(1, head + 1))
            left = outbox.leftover()
            kept = {record.mono for record in left.records} if left is not None else set()
            assert kept >= {mono for mono in synced if mono >= 3 * head}
        cuts += 1
    assert cuts == CUTS


def test_the_servers_ledger_holds_everything_whose_commit_had_returned(image: Path, tmp_path: Path) -> None:
    cuts = 0
    for disk, lines in cut(image, LEDGER, tmp_path):
        stored = [int(number) for _, number in lines]
        ledger = open_ledger(disk)
        rows = [row.seq for row in ledger.rows(0, 100_000)]
        assert rows == list(range(1, len(rows) + 1))
        assert len(rows) >= max(stored)
        assert list(ledger.broken_rows()) == []
        ledger.close()
        cuts += 1
    assert cuts == CUTS


def test_a_writer_that_does_not_sync_would_be_noticed(image: Path, tmp_path: Path) -> None:
    careless = OUTBOX.replace("for mono", 'outbox._db.execute("PRAGMA synchronous = OFF")\nfor mono')
    short = 0
    for disk, lines in cut(image, careless, tmp_path):
        sealed = [int(number) for word, number in lines if word == "sealed"]
        with Outbox(disk / "outbox.sqlite", "kh-f0123-a") as outbox:
            short += outbox.set_aside is not None or outbox.head().seq < max(sealed)
    assert short
