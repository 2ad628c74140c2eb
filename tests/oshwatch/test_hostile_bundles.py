"""Bundles that somebody made up: by hand, with a key of their own, or with the service's own key."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest_service.auth.server_key import ServerKey, verify_ed25519
from ingest_service.evidence.roots import publish_due
from osh_domain import strict_json
from osh_domain.acknowledgement import speak
from osh_domain.evidence import archive, bundle
from osh_domain.evidence.archive import ArchiveError
from oshwatch.main import build
from oshwatch.verify.checking import Checker, NotABundleError
from oshwatch.verify.findings import Level, Report
from oshwatch.verify.unpacking import Unpacked
from tests.ingest_service.gateways import NOW
from tests.oshwatch.test_verify import DAY_S, FIRST_DUE, Service, check, repacked, service, whole  # noqa: F401

Files = dict[str, bytes]


def said_by(content: Files, key: ServerKey, **more: object) -> bytes:
    """A bundle of these files with a manifest that says what it likes."""
    said = {"v": 1, "kind": "osh-bundle", "site": "s", "start": 0.0, "end": 1.0, "made_at": 1.0, "files": []}
    files = {**content, bundle.MANIFEST: speak({**said, **more}, key) + b"\n"}
    parts = [archive.header(n, len(c)) + c + archive.padding(len(c)) for n, c in files.items()]
    return b"".join(parts) + archive.END


def broken(report: Report) -> str:
    return "; ".join(f"{one.where}: {one.what}" for one in report.of(Level.BROKEN))


def lines_of(files: Files) -> list[dict[str, object]]:
    return [strict_json.read_object(line) for line in files[bundle.LEDGER].splitlines()]


def write_lines(files: Files, lines: list[dict[str, object]]) -> None:
    files[bundle.LEDGER] = b"".join(strict_json.write(line) + b"\n" for line in lines)


def hide_the_day(files: Files) -> None:
    """The row of a published day pretends to be in none."""
    lines = lines_of(files)
    for line in lines[:2]:
        del line["day"], line["way"]
    write_lines(files, lines)


def say_a_row_twice(files: Files) -> None:
    lines = lines_of(files)
    write_lines(files, [lines[0], *lines])


def turn_round(files: Files) -> None:
    write_lines(files, lines_of(files)[::-1])


def nest(files: Files) -> None:
    files[bundle.KEYS] = b"[" * 200_000


def say_a_key_twice(files: Files) -> None:
    keys = json.loads(files[bundle.KEYS])
    files[bundle.KEYS] = json.dumps([*keys, keys[0] | {"revoked_at": None}]).encode()


def endless(files: Files) -> None:
    files[bundle.KEYS] = files[bundle.KEYS].replace(b'"revoked_at":null', b'"revoked_at":NaN')


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (hide_the_day, "no way leads from it to the root of that day"),
        (say_a_row_twice, "row 1 comes after row 1"),
        (turn_round, "row 3 comes after row 4"),
        (nest, "nested far too deep"),
        (say_a_key_twice, "is there twice"),
        (endless, "NaN is not JSON"),
    ],
)
def test_what_the_holder_of_the_services_key_makes_up_is_found(
    whole: bytes,  # noqa: F811
    service: Service,  # noqa: F811
    change: Callable[[Files], None],
    words: str,
) -> None:
    assert words in broken(check(repacked(whole, change, service.key)))


def test_a_ledger_that_was_written_anew_after_a_day_was_published_is_found(service: Service) -> None:  # noqa: F811
    service.measure(3, NOW)
    assert publish_due(service.ledger, service.key, FIRST_DUE)

    def write_anew(files: Files) -> None:
        """The last row with another time of arrival, hashed again, and said to be of no day."""
        from osh_domain.evidence.ledger_rows import LedgerFacts, row_hash

        lines = lines_of(files)
        last = lines[-1]
        last["received_at"] = NOW - 60.0
        facts = LedgerFacts(*(last[name] for name in LedgerFacts._fields))  # type: ignore[arg-type]
        last["row_hash"] = row_hash(facts, str(last["payload_sha256"]), str(last["before"]))
        del last["day"], last["way"]
        write_lines(files, lines)

    assert "row 3 is one of those of" in broken(check(repacked(service.bundle(), write_anew, service.key)))


def test_a_file_larger_than_any_of_ours_is_not_read_into_memory() -> None:
    class Huge(io.RawIOBase):
        """An archive of one member of gigabytes, of which hardly anything exists."""

        def __init__(self, name: str, size: int) -> None:
            self._head, self._at = archive.header(name, size), 0
            self._end = archive.BLOCK + size + len(archive.padding(size)) + len(archive.END)

        def read(self, size: int = -1) -> bytes:
            assert 0 <= size <= 1 << 20
            size = min(size, self._end - self._at)
            found = self._head[self._at : self._at + size].ljust(size, b"\0")
            self._at += size
            return found

        def tell(self) -> int:
            return self._at

    for name, size in (("keys.json", 1 << 27), ("frames/000000001.frame", (1 << 20) + 1)):
        with pytest.raises(ArchiveError, match="no file of its kind more than"):
            Unpacked(Huge(name, size)).read(name)  # type: ignore[arg-type]
    with pytest.raises(ArchiveError, match="a line has more than"):
        list(Unpacked(_archive({"ledger.jsonl": b"x" * (3 << 20)})).lines("ledger.jsonl"))
    content = b"a" * 700_000 + b"\n" + b"b" * 900_000 + b"\nc"
    read = list(Unpacked(_archive({"ledger.jsonl": content})).lines("ledger.jsonl"))
    assert [len(line) for line in read] == [700_000, 900_000, 1]


def _archive(files: Files) -> io.BytesIO:
    parts = [archive.header(n, len(c)) + c + archive.padding(len(c)) for n, c in files.items()]
    return io.BytesIO(b"".join(parts) + archive.END)


@pytest.mark.parametrize(
    "more",
    [
        {"start": 1e300},
        {"made_at": -5.0},
        {"end": True},
        {"files": [{"path": "a", "size": 0, "sha256": ""}, {"path": "a", "size": 0, "sha256": ""}]},
        {"files": {"path": 1}},
        {"v": 2},
    ],
)
def test_a_manifest_that_says_nonsense_is_refused_in_words(tmp_path: Path, more: dict[str, object]) -> None:
    key = ServerKey.load_or_create(tmp_path / "k")
    raw = said_by({bundle.SERVER_PEM: bundle.to_pem(key.public_key)}, key, **more)
    with pytest.raises(NotABundleError):
        Checker(io.BytesIO(raw), verify_ed25519).check()
    (tmp_path / "b.tar").write_bytes(raw)
    done = CliRunner().invoke(build("verify"), ["verify", str(tmp_path / "b.tar")])
    assert done.exit_code == 2
    assert "Ask for the bundle again" in done.output


def test_a_bundle_cannot_write_its_own_verdict_onto_the_screen(tmp_path: Path) -> None:
    key = ServerKey.load_or_create(tmp_path / "k")
    raw = said_by(
        {bundle.SERVER_PEM: bundle.to_pem(key.public_key)}, key, site="\x1b[2J\nWHOLE: \u202eunchanged"
    )
    (tmp_path / "b.tar").write_bytes(raw)
    done = CliRunner().invoke(build("verify"), ["verify", str(tmp_path / "b.tar")])
    assert done.exit_code == 1
    assert not any(line.startswith("WHOLE") for line in done.output.splitlines())
    assert not {"\x1b", "\u202e"} & set(done.output)
