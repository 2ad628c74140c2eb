"""The archive of a bundle: a plain tar file with one spelling only.

Any tar program unpacks it. Every byte is determined by names and contents (no owners, no dates, no spare
room), so that one flipped bit anywhere, also in a header or in the padding, is found by writing the header
again.
"""

from __future__ import annotations

import re
import tarfile
from typing import Final

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)
LARGEST: Final = 2**33 - 1
"""Bytes of one member: what the header's field can say."""
_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*(/[a-zA-Z0-9][a-zA-Z0-9._-]*)*")


class ArchiveError(ValueError):
    """The archive is not one of ours, or was damaged; the sentence says where."""


def header(name: str, size: int) -> bytes:
    """The 512 bytes before a member's content. ArchiveError for a name that a tar program could not keep."""
    if len(name) > 99 or _NAME.fullmatch(name) is None:
        raise ArchiveError(f"{name!r} is no name of a bundle's file")
    if not 0 <= size <= LARGEST:
        raise ArchiveError(f"{name}: {size} bytes are more than a member can have")
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info.tobuf(tarfile.USTAR_FORMAT)


def padding(size: int) -> bytes:
    """The zeros after a content of `size` bytes."""
    return bytes(-size % BLOCK)


def read_header(block: bytes, at: int) -> tuple[str, int] | None:
    """Name and size from a header at byte `at`; None for the end. ArchiveError unless it is spelled so."""
    if len(block) < BLOCK:
        raise ArchiveError(f"the archive is cut off at byte {at}")
    if not any(block):
        return None
    try:
        info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        same = header(info.name, info.size) == block
    except (tarfile.TarError, UnicodeDecodeError, ValueError) as error:
        raise ArchiveError(f"byte {at}: {error}") from None
    if not same:
        raise ArchiveError(f"byte {at}: the header of {info.name!r} was changed")
    return info.name, info.size
