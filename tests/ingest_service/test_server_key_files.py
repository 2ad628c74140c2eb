"""The server's key and the words about earlier ones: whole, cut off, tampered with, one without the other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_agent.identity import GatewaySigner, Identity
from edge_agent.server_trust import FILE, ServerTrust
from ingest_service.auth.server_key import ServerKey, ServerKeyError, statements_file
from osh_domain.acknowledgement import speak
from oshwatch.administration.server_key import app

GATEWAY = GatewaySigner.from_bytes(bytes(range(7, 39)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A key that followed another that followed a first one; the first public key lies beside."""
    path = tmp_path / "server.key"
    (tmp_path / "first").write_bytes(ServerKey.load_or_create(path).public_key)
    ServerKey.replace(path)
    shutil.copy(path, tmp_path / "second")
    ServerKey.replace(path)
    return path


def test_an_empty_file_of_words_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "server.key"
    key = ServerKey.load_or_create(path)
    statements_file(path).write_bytes(b"")
    assert ServerKey.load_or_create(path).statements == ()
    assert len(ServerKey.replace(path).statements) == 1
    assert ServerKey.load_or_create(path).public_key != key.public_key


def cut_off(words: bytes) -> bytes:
    return words[:-10]


def without_the_first(words: bytes) -> bytes:
    return b"".join(words.splitlines(keepends=True)[2:4])


def without_the_last(words: bytes) -> bytes:
    return b"".join(words.splitlines(keepends=True)[:2])


def turned_round(words: bytes) -> bytes:
    lines = words.splitlines(keepends=True)
    return b"".join(lines[2:4] + lines[:2])


def tampered(words: bytes) -> bytes:
    return words.replace(b'"new":"', b'"new":"A', 1)


def rubbish(_: bytes) -> bytes:
    return b"\n\nno words\n"


@pytest.mark.parametrize("damage", [cut_off, without_the_last, turned_round, tampered, rubbish])
def test_words_that_do_not_lead_to_the_key_are_told_at_the_start(
    path: Path, damage: Callable[[bytes], bytes]
) -> None:
    file = statements_file(path)
    file.write_bytes(damage(file.read_bytes()))
    before = path.read_bytes()
    with pytest.raises(ServerKeyError, match="Put both back from one backup"):
        ServerKey.load_or_create(path)
    done = CliRunner().invoke(app, ["--data-dir", str(path.parent)])
    assert (done.exit_code, "Put both back" in done.output) == (1, True)
    assert path.read_bytes() == before


def test_the_first_words_may_be_taken_out_once_every_gateway_has_followed(path: Path) -> None:
    file = statements_file(path)
    file.write_bytes(without_the_first(file.read_bytes()))
    assert len(ServerKey.load_or_create(path).statements) == 1


def test_a_change_that_was_cut_off_and_lost_its_next_key_is_not_begun_anew(path: Path) -> None:
    """Gateways may have followed the lost key, and would never follow a third one."""
    shutil.copy(path.parent / "second", path)
    for wrong in (False, True):
        if wrong:
            ServerKey.load_or_create(path.with_name("server.key.next"))
        with pytest.raises(ServerKeyError, match="Put it back: gateways may have heard of it"):
            ServerKey.replace(path)
        assert path.with_name("server.key.next").exists() == wrong


def test_a_gateway_that_was_away_for_years_follows_every_change(path: Path, tmp_path: Path) -> None:
    first = (tmp_path / "first").read_bytes()
    key = ServerKey.load_or_create(path)

    def gateway() -> ServerTrust:
        return ServerTrust(tmp_path, Identity("kh-f0123-a", "kh-f0123", GATEWAY, first))

    trust = gateway()
    for word in key.statements:
        trust.hear(word)
    said = speak({"x": 1}, key)
    assert trust.hear(said) == {"x": 1}
    assert gateway().hear(said) == {"x": 1}, "also after a restart"
    kept = (tmp_path / FILE).read_bytes()
    for damage in (cut_off, without_the_last, turned_round, tampered, rubbish):
        (tmp_path / FILE).write_bytes(damage(kept))
        trust = gateway()
        for word in key.statements:  # said again at each connection
            trust.hear(word)
        assert trust.hear(said) == {"x": 1}
        assert gateway().hear(said) == {"x": 1}
