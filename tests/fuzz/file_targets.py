"""What people write or hand over as files: rule packs, site descriptions, evidence bundles."""

from __future__ import annotations

import gzip
import io
import tarfile
from functools import cache
from pathlib import Path
from tempfile import gettempdir

from alert_rules import pack_format
from ingest_service.register.description_check import check_description
from ingest_service.register.description_file import load_document
from ingest_service.register.description_reading import DescriptionError
from osh_domain.evidence import archive
from oshwatch.verify.checking import Checker, NotABundleError
from tests.ingest_service.gateways import NOW

BUNDLE = Path(__file__).parent / "bundle.tar.gz"


def _file(data: bytes, suffix: str) -> Path:
    path = Path(gettempdir()) / f"fuzzed{suffix}"
    path.write_bytes(data)
    return path


def _told(error: Exception) -> None:
    """It says something, and that can be shown and stored."""
    assert str(error).encode()


def rule_pack(data: bytes) -> None:
    """A pack or the list of its mistakes, each in words."""
    pack, mistakes = pack_format.read_pack(_file(data, ".yaml"))
    assert pack is not None or mistakes
    for mistake in mistakes:
        assert str(mistake).encode()


def site_description(data: bytes) -> None:
    for suffix in (".yaml", ".json"):
        try:
            check_description(load_document(_file(data, suffix)), frozenset({"kh"}), NOW)
        except DescriptionError as error:
            _told(error)


@cache
def _members() -> dict[str, bytes]:
    """The files of a whole bundle, as `tests/fuzz/seeds.py` made it."""
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(BUNDLE.read_bytes()))) as tar:
        for member in tar.getmembers():
            content = tar.extractfile(member)
            found[member.name] = content.read() if content is not None else b""
    return found


def packed(files: dict[str, bytes]) -> bytes:
    """An archive of these files."""
    return (
        b"".join(
            archive.header(name, len(content)) + content + archive.padding(len(content))
            for name, content in files.items()
        )
        + archive.END
    )


def evidence_bundle(data: bytes) -> None:
    """The first byte says which file of a whole bundle has the rest as its content; 255: the rest is the
    archive. All signatures are taken for good, or nothing behind them would be reached."""
    files = _members()
    number, rest = (data[0], data[1:]) if data else (255, b"")
    if number != 255:
        name = sorted(files)[number % len(files)]
        rest = packed({**files, name: rest})
    try:
        Checker(io.BytesIO(rest), lambda *_: True).check()
    except (archive.ArchiveError, NotABundleError) as error:
        _told(error)
