"""Writes the archive of a bundle, one member after the other, and remembers each for the manifest."""

from __future__ import annotations

import hashlib
import shutil
from typing import BinaryIO, NamedTuple

from osh_domain import strict_json
from osh_domain.evidence import archive


class Member(NamedTuple):
    """A file of the bundle: name, bytes, SHA-256 in hex."""

    path: str
    size: int
    sha256: str


class ArchiveWriter:
    """An archive in the making; `target` needs no seeking, so it may be a download."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self.members: list[Member] = []

    def add(self, name: str, content: bytes) -> None:
        """Append one file."""
        self._target.write(archive.header(name, len(content)) + content + archive.padding(len(content)))
        self.members.append(Member(name, len(content), hashlib.sha256(content).hexdigest()))

    def add_json(self, name: str, content: object) -> None:
        """Append one file as compact JSON."""
        self.add(name, strict_json.write(content))

    def add_file(self, name: str, source: BinaryIO) -> None:
        """Append a file that is too large for memory, from its beginning to its end."""
        digest = hashlib.sha256()
        size = source.seek(0, 2)
        source.seek(0)
        while chunk := source.read(1 << 20):
            digest.update(chunk)
        source.seek(0)
        self._target.write(archive.header(name, size))
        shutil.copyfileobj(source, self._target, 1 << 20)
        self._target.write(archive.padding(size))
        self.members.append(Member(name, size, digest.hexdigest()))

    def close(self) -> None:
        """Write the end of the archive."""
        self._target.write(archive.END)
