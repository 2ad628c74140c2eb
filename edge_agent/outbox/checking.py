"""Whether an outbox file is whole: structure, and every number that another one can vouch for.

SQLite keeps no checksums of its own, so a flipped bit may leave a file that opens well. Payloads carry their
hash, undelivered ones also identity and batch hash, indices disagree with a changed column, records of the
open segment carry a digest, configurations are named by theirs.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
from pathlib import Path

from edge_agent.outbox.records import Anchoring, State
from edge_agent.outbox.schema import LATEST
from osh_domain.batch import open_frame, payload_hash
from osh_domain.wire_error import WireError

LOG_HEADER, FRAME_HEADER = 32, 24
LOG_MAGIC = 0x377F0682


class DamageError(Exception):
    """The file is not what was written; the sentence says what was noticed."""


def record_digest(anchoring: Anchoring, record: tuple[object, ...]) -> str:
    """Of one open record as it lies in the file, together with clock and configuration of its segment."""
    said = [float(part) if isinstance(part, int) else part for part in (*anchoring, *record)]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def check_contents(connection: sqlite3.Connection, version: int) -> None:
    """Raises DamageError; sqlite3.Error where the file cannot even be read."""
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise DamageError(verdict)
    if version not in (1, LATEST):
        raise DamageError(f"its form is {version}, this program knows {LATEST}")
    try:
        _check_batches(connection)
        _check_epochs(connection)
        _check_segment(connection, version)
        _check_notes(connection)
    except (ValueError, TypeError) as error:  # text that is no UTF-8, JSON that is none
        raise DamageError(str(error)) from error


def _check_batches(connection: sqlite3.Connection) -> None:
    found = connection.execute(
        "SELECT row, epoch, seq, batch_hash, payload_hash, state, payload FROM batches"
    )
    for row, epoch, seq, batch_hash, hashed, state, payload in found:
        if not isinstance(payload, bytes) or payload_hash(payload) != hashed:
            raise DamageError(f"batch {seq} in row {row} is not what was sealed")
        if state == State.DONE:
            continue
        try:
            frame = open_frame(payload)
        except WireError as error:
            raise DamageError(f"batch {seq} in row {row}: {error}") from error
        if (frame.header.ep, frame.header.seq, frame.batch_hash) != (epoch, seq, batch_hash):
            raise DamageError(f"batch {seq} in row {row} is filed under a wrong number")


def _check_epochs(connection: sqlite3.Connection) -> None:
    # The last batch of an epoch is never pruned, so it is there unless everything of a former form is gone.
    found = connection.execute(
        "SELECT epochs.epoch, head_seq, head_hash, max(seq), batch_hash FROM epochs"
        " JOIN batches ON batches.epoch = epochs.epoch GROUP BY epochs.epoch"
    )
    for epoch, head_seq, head_hash, seq, batch_hash in found:
        if (seq, batch_hash) != (head_seq, head_hash):
            raise DamageError(f"the chain of epoch {epoch} does not end where it should")
    (strays,) = connection.execute(
        "SELECT count(*) FROM batches WHERE epoch NOT IN (SELECT epoch FROM epochs)"
    ).fetchone()
    if strays:
        raise DamageError(f"{strays} batches of an epoch that was never begun")


def _check_segment(connection: sqlite3.Connection, version: int) -> None:
    segment = connection.execute("SELECT boot, off, clk, err, cfg FROM open_segment").fetchone()
    if version < LATEST:
        return
    found = connection.execute(
        "SELECT mono, sensor, quantity, value, unit, flags, digest FROM open_records"
    ).fetchall()
    if found and segment is None:
        raise DamageError("open records without their segment")
    for *record, digest in found:
        if digest is not None and digest != record_digest(Anchoring(*segment), tuple(record)):
            raise DamageError("a record of the open segment is not what was measured")


def _check_notes(connection: sqlite3.Connection) -> None:
    for name, document in connection.execute("SELECT hash, document FROM configurations"):
        if hashlib.sha256(document).hexdigest()[:32] != name:
            raise DamageError(f"configuration {name} is not what was in force")
    for key, value in connection.execute("SELECT key, value FROM notes"):
        if key == "last_moment":
            boot, mono, wall = json.loads(value)
            if not isinstance(boot, str) or not float(mono) >= 0 or not float(wall) < 1e12:
                raise DamageError("the last moment that was written down is none")
        elif key == "conn":
            int(value)


def check_log(path: Path) -> None:
    """SQLite reads a write-ahead log up to its first bad frame and forgets the rest without a word. A torn
    last transaction is how a power cut looks; whole transactions behind a bad frame are damage."""
    try:
        log = path.read_bytes()
    except FileNotFoundError:
        return
    if len(log) < LOG_HEADER + FRAME_HEADER:
        return
    magic, _, page_size, _, salt_1, salt_2, *_ = struct.unpack(">8I", log[:LOG_HEADER])
    if magic & ~1 != LOG_MAGIC or page_size not in (1 << bits for bits in range(9, 17)):
        raise DamageError("the write-ahead log has no header")
    order = ">" if magic & 1 else "<"
    running = _checksum(log[:24], (0, 0), order)
    if running != struct.unpack(">2I", log[24:32]):
        raise DamageError("the header of the write-ahead log is damaged")
    commits_behind, broken = 0, False
    for at in range(LOG_HEADER, len(log) - FRAME_HEADER - page_size + 1, FRAME_HEADER + page_size):
        _, pages, one, two, *said = struct.unpack(">6I", log[at : at + FRAME_HEADER])
        if (one, two) != (salt_1, salt_2):
            continue  # of an earlier round of the log
        if not broken:
            page = log[at + FRAME_HEADER : at + FRAME_HEADER + page_size]
            running = _checksum(page, _checksum(log[at : at + 8], running, order), order)
            broken = running != tuple(said)
        elif pages:
            commits_behind += 1
    if commits_behind > 1:
        raise DamageError(f"the write-ahead log is damaged in front of {commits_behind} transactions")


def _checksum(data: bytes, begin: tuple[int, int], order: str) -> tuple[int, int]:
    first, second = begin
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
