"""The batches of a bundle: each by itself, and in the chain of its gateway's epoch."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

from osh_domain.batch import Frame, genesis, open_frame
from osh_domain.evidence.bundle import configuration_name, frame_name
from osh_domain.quality import TimeQuality, time_quality
from osh_domain.signing import Verifier
from osh_domain.wire_error import WireError
from oshwatch.verify.findings import Level, Report
from oshwatch.verify.keys import KnownKey
from oshwatch.verify.measured import Measured

MOMENT_S: Final = 10.0


class Batches:
    """Checks batches one by one and, at the end, the chains they form."""

    def __init__(
        self,
        report: Report,
        keys: dict[str, KnownKey],
        files: Iterable[str],
        measured: Measured,
        verify: Verifier,
    ) -> None:
        self._report, self._keys, self._files, self._verify = report, keys, frozenset(files), verify
        self._measured = measured
        self._chains: dict[tuple[str, str], dict[int, tuple[str, str]]] = {}

    def take(self, row: dict[str, Any], content: bytes) -> None:
        """Check the payload of a ledger row."""
        where = frame_name(row["row"], row["kind"])
        self._report.batches += 1
        if row["kind"] != "sealed":
            if row["kind"] == "senml" and row["signed"]:
                self._report.note(Level.BROKEN, where, "the ledger calls it signed, and it cannot be")
            if row["kind"] == "senml":
                self._report.note(Level.UNSIGNED, where, f"{row['gateway']} signs nothing")
            else:
                self._report.missing_numbers += 1
                self._report.note(
                    Level.MISSING, where, f"batch {row['seq']} was given up by a person: {_words(content)}"
                )
            return
        try:
            frame = open_frame(content)
        except WireError as error:
            self._report.note(Level.BROKEN, where, str(error))
            return
        self._frame(row, frame, where)

    def _frame(self, row: dict[str, Any], frame: Frame, where: str) -> None:
        head = frame.header
        said = (head.gw, head.ep, head.seq, frame.batch_hash)
        if said != (row["gateway"], row["epoch"], row["seq"], row["batch_hash"]):
            self._report.note(Level.BROKEN, where, "it is not the batch that its ledger row names")
        self._chains.setdefault((head.gw, head.ep), {})[head.seq] = (frame.batch_hash, head.prev)
        self._signature(row, frame, where)
        self._measured.take(row, frame, where)
        if time_quality(head.clk, head.err) >= TimeQuality.BOUNDED:
            self._report.note(
                Level.UNCERTAIN, where, 'its clock was not set: its times are only "not before"'
            )
        if configuration_name(head.cfg) not in self._files:
            self._report.note(
                Level.UNCERTAIN, where, "it is not known what it was measured with (no configuration)"
            )

    def _signature(self, row: dict[str, Any], frame: Frame, where: str) -> None:
        head = frame.header
        if frame.signature is None:
            if row["signed"]:
                self._report.note(
                    Level.BROKEN, where, "the ledger calls it signed, and the signature is missing"
                )
            self._report.note(Level.UNSIGNED, where, f"{head.gw} did not sign it")
            return
        key = self._keys.get(head.kid)
        if key is None:
            self._bad(where, f"its key {head.kid} is not in the key register")
        elif not self._verify(key.public_key, frame.signature, frame.signed_bytes):
            self._bad(where, "its signature is not good")
        elif reason := key.validity.why_not(head.gw, head.ep, head.seq, row["received_at"]):
            if self._on_its_way(key, frame, row["received_at"]):
                what = f"it came in the moment in which its key {head.kid} was revoked"
                self._report.note(Level.REVOKED, where, what)
            else:
                self._bad(where, reason)
        elif key.validity.doubted(head.ep, head.seq):
            what = f"its key {head.kid} was revoked later, and it lies beyond the last batch declared good"
            self._report.note(Level.REVOKED, where, what)
        else:
            self._report.signed += 1

    def _on_its_way(self, key: KnownKey, frame: Frame, received_at: float) -> bool:
        """The service looks into its register once a second: for as long it may take what was revoked."""
        revoked_at, head = key.validity.revoked_at, frame.header
        if revoked_at is None or not revoked_at <= received_at < revoked_at + MOMENT_S:
            return False
        return key.validity.why_not(head.gw, head.ep, head.seq, math.nextafter(revoked_at, -math.inf)) is None

    def _bad(self, where: str, what: str) -> None:
        self._report.bad_signatures += 1
        self._report.note(Level.BROKEN, where, what)

    def finish(self) -> None:
        """Look for holes and breaks in every epoch."""
        for (gateway, epoch), chain in sorted(self._chains.items()):
            where = f"{gateway}, epoch {epoch}"
            before: int | None = None
            for seq in sorted(chain):
                if seq == 1 and chain[1][1] != genesis(gateway, epoch):
                    self._report.chain_breaks += 1
                    self._report.note(Level.BROKEN, where, "batch 1 does not begin the chain")
                if before is not None and seq > before + 1:
                    hole = f"{before + 1}" if seq == before + 2 else f"{before + 1} to {seq - 1}"
                    self._report.missing_numbers += seq - before - 1
                    self._report.note(Level.MISSING, where, f"batch {hole}")
                elif before is not None and chain[seq][1] != chain[before][0]:
                    self._report.chain_breaks += 1
                    self._report.note(Level.BROKEN, where, f"batch {seq} does not follow from batch {before}")
                before = seq


def _words(content: bytes) -> str:
    return content[:300].decode("utf-8", "replace")
