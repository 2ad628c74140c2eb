"""A ledger file that was damaged: what is missing comes again from the gateways, what is wrong is noticed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ingest_service.intake import Intake
from ingest_service.ledger.port import LedgerError, LedgerRow
from ingest_service.ledger.sqlite import SqliteLedger, open_ledger
from tests.ingest_service.gateways import NOW, SIGNED, Device, arrival, reading, snapshot

FILE, LOG = "ledger.sqlite", "ledger.sqlite-wal"
BATCHES, A_COMMIT, PAGE = 60, 5, 4096


class Sound(NamedTuple):
    """A ledger as a power cut would leave it: its folder, what was sent, what it held."""

    folder: Path
    frames: list[bytes]
    epoch: str
    rows: list[LedgerRow]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    work, folder = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("sound") / "copy"
    device = Device()
    frames = [device.batch(reading(at=NOW - 60 * (BATCHES - i))) for i in range(BATCHES)]
    ledger = open_ledger(work)
    for begin in range(0, BATCHES, A_COMMIT):
        take(ledger, frames[begin : begin + A_COMMIT])
        if begin == BATCHES // 2:
            with ledger._file.committing() as connection:
                connection.execute("COMMIT")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.execute("BEGIN IMMEDIATE")
    rows = ledger.rows(0, 1000)
    shutil.copytree(work, folder)
    ledger.close()
    return Sound(folder, frames, device.epoch, rows)


def take(ledger: SqliteLedger, frames: list[bytes]) -> list[str]:
    outcomes = Intake(ledger, snapshot).take([arrival(frame) for frame in frames], NOW)
    return [outcome.verdict for outcome in outcomes]


def copies(sound: Sound, folder: Path, name: str, spoiled: Iterator[bytes]) -> Iterator[Path]:
    for number, content in enumerate(spoiled):
        copy = folder / str(number)
        shutil.copytree(sound.folder, copy)
        (copy / name).write_bytes(content)
        yield copy


def test_a_log_that_was_cut_off_gives_an_earlier_ledger_and_the_rest_comes_again(
    sound: Sound, tmp_path: Path
) -> None:
    log = (sound.folder / LOG).read_bytes()
    lengths = [len(log) * i // 12 for i in range(13)]
    seen = set()
    for copy in copies(sound, tmp_path, LOG, (log[:length] for length in lengths)):
        ledger = open_ledger(copy)
        held = ledger.rows(0, 1000)
        seen.add(len(held))
        assert held == sound.rows[: len(held)], "whole commits, in their order"
        assert len(held) % A_COMMIT == 0
        assert ledger.standing(SIGNED.id, sound.epoch).cum == len(held), "nothing more is said to be here"
        verdicts = take(ledger, sound.frames)
        assert verdicts == ["duplicate"] * len(held) + ["new"] * (BATCHES - len(held))
        assert list(ledger.broken_rows()) == []
        assert [row.batch_hash for row in ledger.rows(0, 1000)] == [row.batch_hash for row in sound.rows]
        ledger.close()
    assert {min(seen), max(seen)} == {BATCHES // 2 + A_COMMIT, BATCHES}


def test_a_zeroed_page_is_noticed_and_nothing_else_is_read_in_its_place(sound: Sound, tmp_path: Path) -> None:
    content = (sound.folder / FILE).read_bytes()
    zeroed = (
        content[:at] + bytes(PAGE) + content[at + PAGE :] for at in range(0, len(content) - PAGE + 1, PAGE)
    )
    verdicts = {"noticed": 0, "of no consequence": 0}
    for copy in copies(sound, tmp_path, FILE, zeroed):
        verdicts[look(copy, sound)] += 1
    assert verdicts["noticed"] > 2


def look(folder: Path, sound: Sound) -> str:
    """What a service does with this file: read all, check the chain, take what comes again."""
    try:
        ledger = open_ledger(folder)
    except LedgerError:
        return "noticed"
    try:
        held = ledger.rows(0, 1000)
        broken = list(ledger.broken_rows())
        assert set(take(ledger, sound.frames)) == {"duplicate"}, "nothing is stored twice"
    except LedgerError:
        return "noticed"
    finally:
        ledger.close()
    if broken:
        return "noticed"
    assert held == sound.rows
    return "of no consequence"
