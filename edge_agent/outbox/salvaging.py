"""What can still be read of a damaged outbox. Frames verify themselves by hash and signature, so whatever
passes is what was sealed, byte for byte; the rest is not guessed at.

The file is not opened as a database. Its pages, and those in the write-ahead log beside it, are searched for
records of tables, whatever they belong to; a record is put together over its overflow pages and searched for
a frame.
"""

from __future__ import annotations

import hashlib
import mmap
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from edge_agent.identity import verify_ed25519
from osh_domain.batch import MAX_FRAME, Frame, open_frame
from osh_domain.signing import key_id
from osh_domain.wire_error import WireError

PAGE_SIZES = tuple(1 << bits for bits in range(9, 17))
USUAL_PAGE = 4096
LOG_HEADER, FRAME_HEADER = 32, 24
TABLE_LEAF = 0x0D
ZLIB = b"\x78"


class Salvage:
    """A search through one damaged file and its log, for the frames of one gateway."""

    def __init__(self, path: Path, gateway: str, *public_keys: bytes) -> None:
        """`public_keys`: all that this gateway ever signed with."""
        self.path = path
        self.foreign = 0  # frames that are whole, but of another gateway or another key
        self._gateway = gateway
        self._keys = {key_id(key): key for key in public_keys}

    def frames(self) -> Iterator[tuple[Frame, bytes]]:
        """Every frame that verifies, once, with its payload. Raises OSError."""
        self.foreign = 0
        seen: set[bytes] = set()
        for record in _Pages(self.path).records():
            for payload in _streams(record):
                digest = hashlib.sha256(payload).digest()
                if digest in seen:
                    continue
                seen.add(digest)
                frame = self._ours(payload)
                if frame is not None:
                    yield frame, payload

    def _ours(self, payload: bytes) -> Frame | None:
        try:
            frame = open_frame(payload)
        except WireError:
            return None
        signature, key = frame.signature, self._keys.get(frame.header.kid)
        if (
            frame.header.gw == self._gateway
            and signature is not None
            and key is not None
            and verify_ed25519(key, signature, frame.signed_bytes)
        ):
            return frame
        self.foreign += 1
        return None


def _streams(record: bytes) -> Iterator[bytes]:
    """Whatever in a record inflates to its end."""
    at = record.find(ZLIB)
    while at >= 0:
        inflater = zlib.decompressobj()
        try:
            inflater.decompress(record[at:], MAX_FRAME + 1)
        except zlib.error:
            pass
        else:
            if inflater.eof:
                yield record[at : len(record) - len(inflater.unused_data)]
        at = record.find(ZLIB, at + 1)


class _Pages:
    """The pages of a file and of its log; of a page that the log has too, both are read."""

    def __init__(self, path: Path) -> None:
        self._file = _mapped(path)
        self._log = _mapped(path.with_name(path.name + "-wal"))
        self._size = self._page_size()
        self._newest = dict(self._logged())

    def records(self) -> Iterator[bytes]:
        """Everything that looks like a record of a table, put together."""
        for at in range(0, len(self._file), self._size):
            yield from self._records_of(self._file[at : at + self._size], 100 if at == 0 else 0)
        for number, page in self._logged():
            yield from self._records_of(page, 100 if number == 1 else 0)

    def _page_size(self) -> int:
        """As file or log say it; the usual one when neither makes sense."""
        said = [int.from_bytes(self._file[16:18], "big"), int.from_bytes(self._log[8:12], "big")]
        sizes = [65536 if size == 1 else size for size in said]
        return next((size for size in sizes if size in PAGE_SIZES), USUAL_PAGE)

    def _logged(self) -> Iterator[tuple[int, bytes]]:
        step = FRAME_HEADER + self._size
        for at in range(LOG_HEADER, len(self._log) - FRAME_HEADER, step):
            (number,) = struct.unpack(">I", self._log[at : at + 4])
            yield number, self._log[at + FRAME_HEADER : at + step]

    def _records_of(self, page: bytes, begin: int) -> Iterator[bytes]:
        if len(page) < begin + 8 or page[begin] != TABLE_LEAF:
            # Its head is gone, or it is no leaf: what lies in one piece may still be read.
            yield page
            return
        (count,) = struct.unpack(">H", page[begin + 3 : begin + 5])
        for index in range(min(count, self._size // 4)):
            pointer = page[begin + 8 + 2 * index : begin + 10 + 2 * index]
            if len(pointer) == 2:
                yield from self._record(page, int.from_bytes(pointer, "big"))
        yield page  # deleted records, and those that a damaged list no longer points at

    def _record(self, page: bytes, at: int) -> Iterator[bytes]:
        size, at = _varint(page, at)
        _, at = _varint(page, at)
        usable = self._size
        if not 0 < size <= 2 * MAX_FRAME or size <= usable - 35:
            return  # lies in one piece
        least = (usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (usable - 4)
        local = local if local <= usable - 35 else least
        following = int.from_bytes(page[at + local : at + local + 4], "big")
        for pages in ({}, self._newest):
            yield page[at : at + local] + self._overflow(following, size - local, pages)

    def _overflow(self, number: int, size: int, newer: dict[int, bytes]) -> bytes:
        parts: list[bytes] = []
        while number and size > 0:
            begin = (number - 1) * self._size
            page = newer.get(number) or self._file[begin : begin + self._size]
            if len(page) < 4:
                break
            parts.append(page[4 : 4 + size])
            size -= len(parts[-1])
            number = int.from_bytes(page[:4], "big")
            if len(parts) > MAX_FRAME // self._size + 2:
                break
        return b"".join(parts)


def _mapped(path: Path) -> bytes | mmap.mmap:
    """A file without taking it into memory; nothing when it is not there or empty."""
    if not path.exists() or path.stat().st_size == 0:
        return b""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(9):
        if at + index >= len(data):
            return 0, at
        byte = data[at + index]
        if index == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index + 1
    return value, at
