from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from edge_agent.outbox.opening import OutboxError
from edge_agent.outbox.sealing import seal_records
from edge_agent.outbox.store import Outbox
from osh_domain.batch import genesis, open_frame, payload_hash
from osh_domain.senml import read_pack
from tests.edge_agent.batches import ALL, ANCHORING, IDENTITY, record, seal_one


def chain_is_whole(outbox: Outbox) -> int:
    """Check every batch in the file against the one before; answers how many there are."""
    previous, count = genesis(outbox.gateway, outbox.epoch), 0
    for batch in outbox.waiting(0, ALL, 10**6):
        frame = open_frame(batch.payload)
        count += 1
        assert (frame.header.seq, frame.header.prev) == (count, previous)
        assert frame.batch_hash == batch.batch_hash
        previous = frame.batch_hash
    return count


def test_a_sealed_batch_reads_back_as_it_was_measured(tmp_path: Path) -> None:
    with Outbox(tmp_path / "outbox.sqlite", "kh-f0123-a") as outbox:
        records = [record(60.75, 84.6, "la.eq60", "dB"), record(59.75), record(60.0, "ok", "status", None)]
        seal_records(outbox, IDENTITY, ANCHORING, records, sealed_at=0.0)
        (batch,) = outbox.waiting(0, ALL, 10)
        frame = open_frame(batch.payload)
        read = read_pack(frame.pack, ANCHORING.off)
    assert frame.header.mono == (59.75, 60.75)
    assert [(r.name, r.value) for r in read] == [
        ("kh-f0123-a/st1/ta", 31.4),
        ("kh-f0123-a/st1/status", "ok"),
        ("kh-f0123-a/st1/la.eq60", 84.6),
    ]
    assert [r.time for r in read] == [ANCHORING.off + mono for mono in (59.75, 60.0, 60.75)]


def test_two_words_of_one_channel_in_the_same_instant_are_both_kept(tmp_path: Path) -> None:
    with Outbox(tmp_path / "outbox.sqlite", "kh-f0123-a") as outbox:
        words = [record(60.0, text, "status", None) for text in ("first", "second", "third")]
        seal_records(outbox, IDENTITY, ANCHORING, words, sealed_at=0.0)
        (batch,) = outbox.waiting(0, ALL, 10)
        read = read_pack(open_frame(batch.payload).pack, ANCHORING.off)
    assert [r.value for r in read] == ["first", "second", "third"]
    assert [round(r.time - ANCHORING.off, 3) for r in read] == [60.0, 60.001, 60.002]


def test_the_open_segment_survives_with_its_own_clock(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    with Outbox(path, "kh-f0123-a") as outbox:
        outbox.sync(ANCHORING, [record(10.0), record(20.0, "ok", "status", None)])
        outbox.sync(ANCHORING, [record(30.0)])
    with Outbox(path, "kh-f0123-a") as outbox:
        left = outbox.leftover()
        assert left is not None
        assert left.anchoring == ANCHORING
        assert left.records == [record(10.0), record(20.0, "ok", "status", None), record(30.0)]
        seal_records(outbox, IDENTITY, left.anchoring, left.records, sealed_at=0.0)
        assert outbox.leftover() is None


def test_only_done_batches_are_ever_pruned(tmp_path: Path) -> None:
    with Outbox(tmp_path / "outbox.sqlite", "kh-f0123-a") as outbox:
        for mono in range(60, 360, 60):
            seal_one(outbox, float(mono))
        outbox.confirm(outbox.epoch, [(1, 2), (4, 4)])
        (third, *_) = outbox.waiting(0, ALL, 1)
        outbox.hold(payload_hash(third.payload), "sig")
        assert outbox.prune(before=float("inf"), limit=100) == 3
        counts = outbox.counts()
    assert (counts.waiting, counts.done, counts.held, counts.oldest_seq) == (1, 0, 1, 5)


def test_a_rejection_wins_over_a_confirmation_and_is_told_once(tmp_path: Path) -> None:
    with Outbox(tmp_path / "outbox.sqlite", "kh-f0123-a") as outbox:
        seal_one(outbox)
        (batch,) = outbox.waiting(0, ALL, 1)
        outbox.confirm(outbox.epoch, [(1, 1)])
        assert outbox.hold(payload_hash(batch.payload), "conflict") == batch.row
        assert outbox.hold(payload_hash(batch.payload), "conflict") is None
        assert outbox.hold("x" * 43, "conflict") is None
        assert outbox.counts().held == 1


def test_a_batch_is_sent_again_byte_for_byte_on_command(tmp_path: Path) -> None:
    with Outbox(tmp_path / "outbox.sqlite", "kh-f0123-a") as outbox:
        seal_one(outbox)
        before = list(outbox.waiting(0, ALL, 1))
        outbox.confirm(outbox.epoch, [(1, 1)])
        assert outbox.send_again(outbox.epoch, 1, 9) == 1
        assert list(outbox.waiting(0, ALL, 1)) == before


def test_a_corrupt_file_is_set_aside_and_a_new_epoch_begins(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    with Outbox(path, "kh-f0123-a") as outbox:
        for mono in range(60, 6000, 60):
            seal_one(outbox, float(mono))
        first = outbox.epoch
    content = bytearray(path.read_bytes())
    content[4096 : len(content) - 4096] = os.urandom(len(content) - 8192)
    path.write_bytes(content)
    with Outbox(path, "kh-f0123-a") as outbox:
        assert outbox.epoch != first
        assert outbox.set_aside is not None
        assert outbox.set_aside.read_bytes() == content
        assert seal_one(outbox) == 1


def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    path.write_bytes(b"not a database, but long enough to look like one" * 100)
    with Outbox(path, "kh-f0123-a") as outbox:
        assert outbox.set_aside is not None
        assert outbox.set_aside.name.startswith("outbox.sqlite.damaged-")


def test_another_machine_with_a_copied_card_gets_an_epoch_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    with Outbox(path, "kh-f0123-a", serial="one") as outbox:
        seal_one(outbox)
        first = outbox.epoch
    with Outbox(path, "kh-f0123-a", serial="two") as outbox:
        assert outbox.epoch != first
        assert seal_one(outbox) == 1
        assert [(b.epoch, b.seq) for b in outbox.waiting(0, ALL, 9)] == [(first, 1), (outbox.epoch, 1)]


def test_two_agents_on_one_outbox_are_told_so(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    with Outbox(path, "kh-f0123-a"), pytest.raises(OutboxError, match="another agent"):
        Outbox(path, "kh-f0123-a")


def test_a_folder_that_cannot_be_made_is_told_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutboxError, match="set data_dir"):
        Outbox(tmp_path / "file" / "agent" / "outbox.sqlite", "kh-f0123-a")


def test_a_full_disk_leaves_the_chain_whole(tmp_path: Path) -> None:
    with Outbox(tmp_path / "outbox.sqlite", "kh-f0123-a") as outbox:
        seal_one(outbox)
        (pages,) = outbox._db.execute("PRAGMA page_count").fetchone()
        outbox._db.execute(f"PRAGMA max_page_count = {pages}")
        sealed = 1
        error = ""
        while not error and sealed < 200:
            try:
                sealed = seal_one(outbox, 60.0 * (sealed + 1))
            except sqlite3.OperationalError as full:
                error = str(full)
        assert "full" in error
        assert chain_is_whole(outbox) == sealed == outbox.head().seq
        outbox._db.execute("PRAGMA max_page_count = 100000")
        seal_one(outbox, 12_000.0)
        assert chain_is_whole(outbox) == sealed + 1


KILLED_WRITER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from edge_agent.outbox.store import Outbox
    from tests.edge_agent.batches import ANCHORING, record, seal_one

    outbox = Outbox(Path(sys.argv[1]), "kh-f0123-a")
    for mono in range(10**6):
        outbox.sync(ANCHORING, [record(float(mono))])
        print("synced", mono, flush=True)
        if mono % 3 == 2:
            print("sealed", seal_one(outbox, float(mono)), flush=True)
    """
)


@pytest.mark.parametrize("after", [1, 7, 40])
def test_kill_9_in_mid_write_keeps_everything_whose_write_had_returned(tmp_path: Path, after: int) -> None:
    path = tmp_path / "outbox.sqlite"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED_WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(after)]
        os.kill(writer.pid, signal.SIGKILL)
        lines += writer.stdout.readlines()
    sealed = [int(line.split()[1]) for line in lines if line.startswith("sealed")]
    synced = [int(line.split()[1]) for line in lines if line.startswith("synced") and line.endswith("\n")]
    with Outbox(path, "kh-f0123-a") as outbox:
        assert outbox.set_aside is None
        assert chain_is_whole(outbox) >= len(sealed)
        assert outbox.head().seq == chain_is_whole(outbox)
        left = outbox.leftover()
        kept = {r.mono for r in left.records} if left is not None else set()
        unsealed = [mono for mono in synced if mono >= 3 * outbox.head().seq]
        assert kept >= set(unsealed)
