"""Makes the bundle of one factory and one period: what was received, and what is needed to check it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import sqlalchemy as sa

from ingest_service.auth.audit import READ, TAKEN
from ingest_service.auth.server_key import ServerKey
from ingest_service.evidence.archive_writing import ArchiveWriter
from ingest_service.evidence.received import first_row_at
from ingest_service.ledger.port import Ledger, LedgerRow, PublishedDay
from ingest_service.register.entries import Site
from ingest_service.register.key_schema import KEY_STATEMENTS
from ingest_service.register.schema import AUDIT
from ingest_service.register.snapshot import RegisterSnapshot
from osh_domain import strict_json
from osh_domain.acknowledgement import encode_signature, speak
from osh_domain.batch import Header, open_frame
from osh_domain.evidence import bundle
from osh_domain.evidence.ledger_rows import GENESIS_ROW_HASH, payload_digest
from osh_domain.evidence.merkle import Tree, leaf
from osh_domain.server_keys import join
from osh_domain.signing import Signer, key_id

AT_ONCE: Final = 500
_NOT_EVIDENCE: Final = (READ, TAKEN, "person", "contact", "password", "token", "session")
"""Beginnings of actions in the audit log that tell of people, not of measurements: a bundle goes from hand to
hand."""
README_FILE: Final = Path(__file__).with_name("bundle_readme.txt")


class Wanted(NamedTuple):
    """Whose evidence, measured or received from `start` until before `end` [s since 1970 UTC]."""

    site: str
    start: float
    end: float


class Made(NamedTuple):
    """What went in."""

    rows: int
    days: int
    files: int


class BundleMaker:
    """Makes one bundle after the other from stores that are open already."""

    def __init__(self, ledger: Ledger, register: RegisterSnapshot, engine: sa.Engine, signer: Signer) -> None:
        self._ledger, self._register, self._engine, self._signer = ledger, register, engine, signer
        self._days = ledger.day_roots()
        self._trees: dict[str, Tree] = {}

    def write(self, wanted: Wanted, target: BinaryIO, now: float) -> Made:
        """Write the bundle. Raises LedgerError; KeyError for a site that is not registered."""
        site = self._register.site(wanted.site)
        if site is None:
            raise KeyError(wanted.site)
        writer = ArchiveWriter(target)
        writer.add(bundle.README, README_FILE.read_bytes())
        configurations: set[str] = set()
        rows = 0
        with tempfile.TemporaryFile() as lines:
            for row in self._rows(wanted):
                content, header = _content(row)
                writer.add(bundle.frame_name(row.row, row.kind), content)
                lines.write(strict_json.write(self._line(row)) + b"\n")
                configurations |= {header.cfg} if header else set()
                rows += 1
            writer.add_file(bundle.LEDGER, lines)
        self._write_words(writer, configurations)
        self._write_records(writer, site)
        self._write_manifest(writer, wanted, now)
        writer.close()
        return Made(rows, len(self._days), len(writer.members))

    def _rows(self, wanted: Wanted) -> Iterator[LedgerRow]:
        """The site's rows that were received in the period, or measured in it and received later."""
        after = first_row_at(self._ledger, wanted.start) - 1  # nothing is received before it is measured
        while rows := self._ledger.rows(after, AT_ONCE):
            after = rows[-1].row
            yield from (row for row in rows if row.site == wanted.site and _belongs(row, wanted))

    def _line(self, row: LedgerRow) -> dict[str, object]:
        before, own = ([GENESIS_ROW_HASH, *self._ledger.row_hashes(row.row - 1, row.row)])[-2:]
        line: dict[str, object] = {name: getattr(row, name) for name in LedgerRow._fields[:10]}
        line |= {"payload_sha256": payload_digest(row.payload), "before": before, "row_hash": own}
        day = next((one for one in self._days if one.first <= row.row <= one.last), None)
        if day is not None:
            steps = self._tree(day).path(row.row - day.first)
            line |= {"day": day.day, "way": [[step.side, step.hash.hex()] for step in steps]}
        return line

    def _tree(self, day: PublishedDay) -> Tree:
        found = self._trees.get(day.day)
        if found is None:
            self._trees.clear()  # rows ascend, so one day is done before the next begins
            hashes = self._ledger.row_hashes(day.first, day.last)
            found = self._trees[day.day] = Tree([leaf(bytes.fromhex(one)) for one in hashes])
        return found

    def _write_words(self, writer: ArchiveWriter, configurations: set[str]) -> None:
        for day in self._days:
            writer.add(bundle.day_name(day.day), day.word)
        for hashed in sorted(configurations):
            document = self._ledger.configuration(hashed)
            if document is not None:
                writer.add(bundle.configuration_name(hashed), document.encode())

    def _write_records(self, writer: ArchiveWriter, site: Site) -> None:
        gateways = self._register.gateways_of(site.id)
        keys = [key for gateway in gateways for key in self._register.keys_of(gateway.id)]
        writer.add(bundle.SERVER_PEM, bundle.to_pem(self._signer.public_key))
        if isinstance(self._signer, ServerKey) and self._signer.statements:
            writer.add(bundle.SERVER_STATEMENTS, join(self._signer.statements))
        for key in keys:
            writer.add(bundle.key_name(key.kid), bundle.to_pem(key.public_key))
        for kid, frame in self._statements([key.kid for key in keys]):
            writer.add(bundle.statement_name(kid), frame)
        writer.add_json(bundle.KEYS, [asdict(key) | {"public_key": key.public_key.hex()} for key in keys])
        zones = self._register.zones_of(site.id)
        placements = [asdict(one) for zone in zones for one in self._register.placements_in(zone.id)]
        writer.add_json(
            bundle.REGISTER,
            {
                "site": asdict(site),
                "zones": [asdict(zone) for zone in zones],
                "gateways": [asdict(gateway) for gateway in gateways],
                "placements": placements,
            },
        )
        query = (
            sa.select(AUDIT)
            .where(
                AUDIT.c.site == site.id, *(sa.not_(AUDIT.c.action.startswith(one)) for one in _NOT_EVIDENCE)
            )
            .order_by(AUDIT.c.id)
        )
        with self._engine.connect() as connection:
            audit = [dict(row) for row in connection.execute(query).mappings()]
        writer.add(bundle.AUDIT, _lines(audit))
        with tempfile.TemporaryFile() as lines:
            before: int | None = None
            while page := self._ledger.quarantine(sites=[site.id], before=before, limit=AT_ONCE):
                before = page[-1].id
                lines.write(_lines([entry._asdict() for entry in page]))
            writer.add_file(bundle.QUARANTINE, lines)

    def _statements(self, kids: list[str]) -> list[tuple[str, bytes]]:
        query = sa.select(KEY_STATEMENTS.c.kid, KEY_STATEMENTS.c.frame).order_by(KEY_STATEMENTS.c.kid)
        with self._engine.connect() as connection:
            return [(kid, frame) for kid, frame in connection.execute(query) if kid in kids]

    def _write_manifest(self, writer: ArchiveWriter, wanted: Wanted, now: float) -> None:
        said: dict[str, object] = {
            "v": bundle.FORMAT,
            "kind": "osh-bundle",
            **wanted._asdict(),
            "made_at": now,
            "key": key_id(self._signer.public_key),
            "files": [member._asdict() for member in writer.members],
        }
        writer.add(bundle.MANIFEST, speak(said, self._signer) + b"\n")


def _content(row: LedgerRow) -> tuple[bytes, Header | None]:
    """What is kept of a payload: a frame inflated, so that openssl can read it; anything else as received."""
    if row.kind != "sealed":
        return row.payload, None
    frame = open_frame(row.payload)
    signature = b"" if frame.signature is None else encode_signature(frame.signature)
    return frame.signed_bytes + b"\n" + signature, frame.header


def _belongs(row: LedgerRow, wanted: Wanted) -> bool:
    if wanted.start <= row.received_at < wanted.end:
        return True
    if row.kind != "sealed":
        return False
    header = open_frame(row.payload).header
    return header.mono[0] + header.off < wanted.end and header.mono[1] + header.off >= wanted.start


def _lines(rows: list[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n" for row in rows)
