"""Damaged outbox files: noticed, set aside, and whatever verifies is read from them; nothing is invented."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_agent.outbox.records import Leftover
from edge_agent.outbox.salvaging import Salvage
from edge_agent.outbox.sealing import seal_records
from edge_agent.outbox.store import Outbox
from edge_agent.rescuing import salvage_file
from oshwatch.commands.agent import app
from tests.edge_agent.batches import ALL, ANCHORING, IDENTITY, record, seal_one

GATEWAY, NAME = "kh-f0123-a", "outbox.sqlite"
PUBLIC_KEY = IDENTITY.signer.public_key
BATCHES, CONFIRMED = 40, 12


@dataclass
class Sound:
    """An outbox as a power cut would leave it: file and log in `folder`; what is in it."""

    folder: Path
    payloads: dict[int, bytes]
    hashes: set[str]
    epoch: str
    leftover: Leftover


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    work, folder = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("sound")
    with Outbox(work / NAME, GATEWAY, serial="one") as outbox:
        for number in range(1, BATCHES + 1):
            if number == BATCHES // 2:
                outbox._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if number % 9 == 0:  # so large that it lies on several pages
                draw = random.Random(number)
                many = [record(60.0 * number + i / 10, draw.random()) for i in range(900)]
                seal_records(outbox, IDENTITY, ANCHORING, many, sealed_at=0.0)
            else:
                seal_one(outbox, 60.0 * number)
        outbox.confirm(outbox.epoch, [(1, CONFIRMED)])
        outbox.configure(b'{"sensors":[]}')
        outbox.sync(ANCHORING, [record(9000.0), record(9010.0, 22.5)])
        found = outbox._db.execute("SELECT seq, payload, batch_hash FROM batches").fetchall()
        left = outbox.leftover()
        assert left is not None
        for path in work.iterdir():
            shutil.copyfile(path, folder / path.name)
        return Sound(
            folder, {seq: payload for seq, payload, _ in found}, {h for *_, h in found}, outbox.epoch, left
        )


def damaged_copy(sound: Sound, folder: Path, spoil: Callable[[bytearray], object], name: str = NAME) -> Path:
    """A copy of the files, one of them spoiled; the path of the outbox."""
    shutil.copytree(sound.folder, folder)
    content = bytearray((folder / name).read_bytes())
    spoil(content)
    (folder / name).write_bytes(content)
    return folder / NAME


def intact(sound: Sound, path: Path) -> set[int]:
    """Numbers of the batches whose bytes still lie in one piece in the file or its log."""
    log = path.with_name(path.name + "-wal")
    content = b"".join(found.read_bytes() for found in (path, log) if found.exists())
    return {seq for seq, payload in sound.payloads.items() if payload in content}


def look(sound: Sound, path: Path) -> str:
    """Open the outbox as an agent does, salvage, and hold the result to what was written."""
    survivors = intact(sound, path)
    with Outbox(path, GATEWAY, serial="one") as outbox:
        if outbox.set_aside is None:
            waiting = {batch.seq: batch.payload for batch in outbox.waiting(0, ALL, ALL)}
            assert waiting.items() <= sound.payloads.items(), "nothing is invented"
            left = outbox.leftover()
            whole = set(waiting) == set(range(CONFIRMED + 1, BATCHES + 1)) and left == sound.leftover
            assert outbox.epoch == sound.epoch
            return "whole" if whole else "earlier"
        assert outbox.epoch != sound.epoch
        assert outbox.counts().waiting == 0
        rescued = salvage_file(outbox.set_aside, outbox, IDENTITY, 0.0)
        found = {batch.seq: batch.payload for batch in outbox.waiting(0, ALL, ALL)}
        assert {batch.batch_hash for batch in outbox.waiting(0, ALL, ALL)} <= sound.hashes
        assert found.items() <= sound.payloads.items(), "nothing is invented"
        assert survivors <= found.keys(), "whatever lies there in one piece comes back"
        assert rescued.taken == len(found)
        assert salvage_file(outbox.set_aside, outbox, IDENTITY, 0.0).taken == 0, "and only once"
    with Outbox(path, GATEWAY, serial="one") as again:
        assert again.set_aside is None, "the new outbox is whole"
        assert again.epoch != sound.epoch
    return "set aside"


def test_a_sound_file_is_left_alone(sound: Sound, tmp_path: Path) -> None:
    assert look(sound, damaged_copy(sound, tmp_path / "copy", len)) == "whole"


def test_every_batch_of_a_sound_file_could_be_salvaged(sound: Sound) -> None:
    frames = list(Salvage(sound.folder / NAME, GATEWAY, PUBLIC_KEY).frames())
    assert {frame.batch_hash for frame, _ in frames} == sound.hashes
    assert len(frames) == BATCHES


@pytest.mark.parametrize("seed", range(8))
def test_flipped_bits_anywhere_in_the_file_are_noticed_or_change_nothing(
    seed: int, sound: Sound, tmp_path: Path
) -> None:
    draw = random.Random(seed)

    def flip_somewhere(content: bytearray) -> None:
        at = draw.randrange(100) if draw.random() < 0.2 else draw.randrange(len(content))
        content[at] ^= 1 << draw.randrange(8)

    seen = {look(sound, damaged_copy(sound, tmp_path / str(i), flip_somewhere)) for i in range(12)}
    assert seen <= {"whole", "set aside"}


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_log_gives_an_earlier_state_or_is_set_aside(
    seed: int, sound: Sound, tmp_path: Path
) -> None:
    draw = random.Random(seed)

    def spoil(content: bytearray) -> None:
        if draw.random() < 0.5:
            del content[draw.randrange(len(content)) :]
        else:
            content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)

    for i in range(10):
        look(sound, damaged_copy(sound, tmp_path / str(i), spoil, NAME + "-wal"))


def test_a_flip_in_the_middle_of_the_log_does_not_quietly_forget_what_was_committed_behind_it(
    sound: Sound, tmp_path: Path
) -> None:
    path = damaged_copy(sound, tmp_path / "copy", partial(flip, 5000), NAME + "-wal")
    assert look(sound, path) == "set aside"


def test_a_zeroed_page_costs_what_lay_on_it(sound: Sound, tmp_path: Path) -> None:
    content = (sound.folder / NAME).read_bytes()
    log = (sound.folder / f"{NAME}-wal").read_bytes()
    newer = {int.from_bytes(log[at : at + 4], "big") for at in range(32, len(log), 24 + 4096)}
    seen = []
    for number, begin in enumerate(range(0, len(content), 4096), 1):
        path = damaged_copy(sound, tmp_path / str(begin), partial(zero, slice(begin, begin + 4096)))
        seen.append(look(sound, path))
        assert seen[-1] == "set aside" or number in newer
    assert "set aside" in seen


def zero(here: slice, content: bytearray) -> None:
    content[here] = bytes(len(content[here]))


def flip(at: int, content: bytearray) -> None:
    content[at] ^= 4


@pytest.mark.parametrize("size", [0, 1, 99, 4096, 10_000, 20_480])
def test_a_truncated_file_is_set_aside(size: int, sound: Sound, tmp_path: Path) -> None:
    path = damaged_copy(sound, tmp_path / "copy", lambda content: content.__delitem__(slice(size, None)))
    assert look(sound, path) == "set aside"


def test_a_file_that_vanished_from_beside_its_log_is_set_aside(sound: Sound, tmp_path: Path) -> None:
    path = damaged_copy(sound, tmp_path / "copy", len)
    path.unlink()
    assert look(sound, path) == "set aside"


def test_the_log_of_a_file_that_was_set_aside_stays_as_it_was_found(sound: Sound, tmp_path: Path) -> None:
    path = damaged_copy(sound, tmp_path / "copy", partial(zero, slice(8192, 12_288)))
    before = path.with_name(NAME + "-wal").read_bytes()
    with Outbox(path, GATEWAY, serial="one") as outbox:
        aside = outbox.set_aside
    assert aside is not None
    assert aside.with_name(aside.name + "-wal").read_bytes() == before


def test_a_file_of_the_form_before_is_brought_to_the_latest_with_all_it_holds(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with Outbox(path, GATEWAY, serial="one") as outbox:
        seal_one(outbox)
        outbox.sync(ANCHORING, [record(90.0)])
        before = outbox.epoch, outbox.leftover(), list(outbox.waiting(0, ALL, 9))
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "ALTER TABLE epochs DROP COLUMN ended; ALTER TABLE open_records DROP COLUMN digest;"
            "PRAGMA user_version = 1"
        )
    connection.close()
    for _ in range(2):
        with Outbox(path, GATEWAY, serial="one") as outbox:
            assert outbox.set_aside is None
            assert (outbox.epoch, outbox.leftover(), list(outbox.waiting(0, ALL, 9))) == before


def test_salvage_takes_nothing_that_another_key_signed(sound: Sound) -> None:
    salvage = Salvage(sound.folder / NAME, GATEWAY, bytes(32))
    assert list(salvage.frames()) == []
    assert salvage.foreign == BATCHES


def test_the_command_brings_the_batches_of_a_file_from_elsewhere_into_the_outbox(
    sound: Sound, tmp_path: Path
) -> None:
    (tmp_path / "gateway.key").write_bytes(bytes(range(32)))
    (tmp_path / "gateway.key").chmod(0o600)
    config = tmp_path / "agent.toml"
    config.write_text(f'gateway = "{GATEWAY}"\nsite = "kh-f0123"\ndata_dir = "{tmp_path}"\n')
    command = ["salvage", str(sound.folder / NAME), "--config", str(config), "--json"]
    first, second = (CliRunner().invoke(app, command) for _ in range(2))
    assert first.exit_code == 0, first.output
    assert json.loads(first.output) == {"read": BATCHES, "taken": BATCHES, "foreign": 0}
    assert json.loads(second.output)["taken"] == 0
    missing = CliRunner().invoke(app, ["salvage", str(tmp_path / "none"), *command[2:]])
    assert missing.exit_code == 2
