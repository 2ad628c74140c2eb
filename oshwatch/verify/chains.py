"""The batches of a bundle: each by itself, and in the chain of its gateway's epoch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from osh_domain.batch import Frame, genesis, open_frame
from osh_domain.evidence.bundle import configuration_name, frame_name
from osh_domain.quality import TimeQuality, time_quality
from osh_domain.signing import Verifier
from osh_domain.wire_error import WireError
from oshwatch.verify.findings import Level, Report


@dataclass(frozen=True)
class KnownKey:
    """An entry of the key register; instants in s since 1970 UTC."""

    public_key: bytes
    gateway: str
    valid_from: float
    revoked_at: float | None
    last_good_seq: int | None

    def why_not(self, gateway: str, seq: int, received_at: float) -> str | None:
        """Why this key does not vouch for that batch; None when it does."""
        if gateway != self.gateway:
            return f"the key belongs to {self.gateway}"
        if received_at < self.valid_from:
            return "the key was not in force yet when it was received"
        if self.revoked_at is None or received_at < self.revoked_at:
            return None
        if self.last_good_seq is not None and seq <= self.last_good_seq:
            return None
        return "the key had been revoked when it was received"


class Batches:
    """Checks batches one by one and, at the end, the chains they form."""

    def __init__(
        self, report: Report, keys: dict[str, KnownKey], files: Iterable[str], verify: Verifier
    ) -> None:
        self._report, self._keys, self._files, self._verify = report, keys, frozenset(files), verify
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
        quality = time_quality(head.clk, head.err)
        self._report.clocks[quality.name.lower()] += 1
        if quality >= TimeQuality.BOUNDED:
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
            self._report.note(Level.BROKEN, where, f"its key {head.kid} is not in the key register")
        elif not self._verify(key.public_key, frame.signature, frame.signed_bytes):
            self._report.note(Level.BROKEN, where, "its signature is not good")
        elif reason := key.why_not(head.gw, head.seq, row["received_at"]):
            self._report.note(Level.BROKEN, where, reason)
        else:
            self._report.signed += 1

    def finish(self) -> None:
        """Look for holes and breaks in every epoch."""
        for (gateway, epoch), chain in sorted(self._chains.items()):
            where = f"{gateway}, epoch {epoch}"
            before: int | None = None
            for seq in sorted(chain):
                if seq == 1 and chain[1][1] != genesis(gateway, epoch):
                    self._report.note(Level.BROKEN, where, "batch 1 does not begin the chain")
                if before is not None and seq > before + 1:
                    hole = f"{before + 1}" if seq == before + 2 else f"{before + 1} to {seq - 1}"
                    self._report.note(Level.MISSING, where, f"batch {hole}")
                elif before is not None and chain[seq][1] != chain[before][0]:
                    self._report.note(Level.BROKEN, where, f"batch {seq} does not follow from batch {before}")
                before = seq


def _words(content: bytes) -> str:
    return content[:300].decode("utf-8", "replace")
