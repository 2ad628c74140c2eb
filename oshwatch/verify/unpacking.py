"""Walks the archive of a bundle: every byte is looked at once, and its files can be read afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, NamedTuple

from osh_domain.batch import MAX_FRAME
from osh_domain.evidence.archive import BLOCK, END, ArchiveError, padding, read_header
from osh_domain.evidence.bundle import MANIFEST

CHUNK: Final = 1 << 20
LONGEST_LINE: Final = 1 << 20
LARGEST: Final = {"frames": MAX_FRAME, MANIFEST: 1 << 30}
LARGEST_OTHER: Final = 1 << 26
"""Bytes of a file that is read as a whole: a bundle may come from anybody, and memory is finite."""


class Member(NamedTuple):
    """A file in the archive: where its content begins, its bytes, its SHA-256 in hex."""

    at: int
    size: int
    sha256: str


class Unpacked:
    """The files of an archive by name. ArchiveError: cut off, damaged, a name twice, an odd end."""

    def __init__(self, source: BinaryIO, progress: Callable[[int], object] = lambda _: None) -> None:
        self._source = source
        self.members: dict[str, Member] = {}
        at = 0
        while (found := read_header(source.read(BLOCK), at)) is not None:
            name, size = found
            if name in self.members:
                raise ArchiveError(f"byte {at}: {name} is there twice")
            self.members[name] = Member(at + BLOCK, size, self._digest(name, size))
            if source.read(-size % BLOCK) != padding(size):
                raise ArchiveError(f"byte {at}: what fills up the block after {name} was changed")
            at = source.tell()
            progress(at)
        if source.read(len(END)) != END[BLOCK:]:
            raise ArchiveError(f"byte {at}: the archive does not end as it should")

    def read(self, name: str) -> bytes:
        """The content of a file; KeyError without it, ArchiveError when none of ours is so large."""
        member = self.members[name]
        most = LARGEST.get(name.partition("/")[0], LARGEST_OTHER)
        if member.size > most:
            raise ArchiveError(
                f"{name} has {member.size:,} bytes, and no file of its kind more than {most:,}"
            )
        self._source.seek(member.at)
        return self._source.read(member.size)

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a file of any size, a portion in memory at a time; KeyError, ArchiveError."""
        member = self.members[name]
        at, end, rest = member.at, member.at + member.size, b""
        while at < end:
            self._source.seek(at)
            chunk = self._source.read(min(CHUNK, end - at))
            at += len(chunk)
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
            if len(rest) > LONGEST_LINE:
                raise ArchiveError(f"{name}: a line has more than {LONGEST_LINE:,} bytes")
        if rest:
            yield rest

    def _digest(self, name: str, size: int) -> str:
        digest = hashlib.sha256()
        left = size
        while left:
            chunk = self._source.read(min(CHUNK, left))
            if not chunk:
                raise ArchiveError(f"the archive is cut off inside {name}")
            digest.update(chunk)
            left -= len(chunk)
        return digest.hexdigest()
