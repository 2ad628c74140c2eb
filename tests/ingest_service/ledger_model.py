"""What a ledger must say, told by lists and dictionaries; test_ledger_machine.py compares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ingest_service.ledger.port import Accepted, Rejected
from osh_domain.batch import genesis, text_hash

EPOCHS = ("00112233445566aa", "ffeeddccbbaa9988")
SITE = "kh-f0123"
NOW = 1_767_225_700.0
Key = tuple[str, str]


class Row(NamedTuple):
    """A row as the model knows it."""

    gateway: str
    kind: str
    epoch: str | None
    seq: int | None
    batch_hash: str
    chain_ok: int | None


def sealed(gateway: str, epoch: str, seq: int, variant: int) -> Accepted:
    """A batch. Variant 0 is the true one of its number, 1 has other content, 2 another predecessor."""
    payload = f"{gateway} {epoch} {seq} {variant}".encode()
    true = f"{gateway} {epoch} {seq - 1} 0".encode()
    prev = genesis(gateway, epoch) if seq == 1 else text_hash(true)
    if variant == 2:
        prev = text_hash(b"somebody else")
    return Accepted(
        NOW, "mqtt", SITE, gateway, "sealed", epoch, seq, text_hash(payload), prev, True, payload,
        text_hash(payload), readings=1,
    )  # fmt: skip


def bare(gateway: str, number: int) -> Accepted:
    payload = f"{gateway} bare {number}".encode()
    hashed = text_hash(payload)
    return Accepted(
        NOW, "mqtt", SITE, gateway, "senml", None, None, hashed, None, False, payload, hashed, readings=1
    )


def rejected(gateway: str, epoch: str, seq: int, code: str, *, trusted: bool) -> Rejected:
    payload = f"{gateway} {epoch} {seq} {code} {trusted}".encode()
    return Rejected(
        NOW, "mqtt", None, SITE, gateway, True, payload, text_hash(payload), code, "why", epoch, seq, trusted,
        text_hash(payload + b" batch"),
    )  # fmt: skip


@dataclass
class Model:
    """Everything a ledger was given."""

    rows: list[Row] = field(default_factory=list)
    batches: dict[Key, dict[int, Accepted]] = field(default_factory=dict)
    tombstones: dict[Key, set[int]] = field(default_factory=dict)
    refused: dict[Key, dict[int, set[str]]] = field(default_factory=dict)
    bare: set[tuple[str, str]] = field(default_factory=set)
    entries: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def append(self, group: Iterable[Accepted | Rejected]) -> list[str]:
        """The verdicts on a group, one after the other."""
        return [self._add(entry) for entry in group]

    def _add(self, entry: Accepted | Rejected) -> str:
        if isinstance(entry, Rejected):
            return self._refuse(entry, entry.code)
        if entry.seq is None or entry.epoch is None:
            return self._add_bare(entry)
        key, seq = (entry.gateway, entry.epoch), entry.seq
        stored = self.batches.setdefault(key, {}).get(seq)
        if stored is not None and stored.batch_hash == entry.batch_hash:
            return "duplicate"
        if stored is not None or seq in self.tombstones.get(key, ()):
            self.counts[entry.gateway, "conflicts"] += 1
            return self._refuse(entry, "conflict")
        chain_ok = self._chain(key, entry, seq)
        self.counts[entry.gateway, "chain_breaks"] += chain_ok == 0
        self.batches[key][seq] = entry
        self.rows.append(Row(entry.gateway, "sealed", entry.epoch, seq, entry.batch_hash, chain_ok))
        return "new"

    def _add_bare(self, entry: Accepted) -> str:
        if (entry.gateway, entry.batch_hash) in self.bare:
            return "duplicate"
        self.bare.add((entry.gateway, entry.batch_hash))
        self.rows.append(Row(entry.gateway, "senml", None, None, entry.batch_hash, None))
        return "new"

    def _chain(self, key: Key, entry: Accepted, seq: int) -> int | None:
        known = [entry.prev == genesis(*key)] if seq == 1 else []
        before, after = self.batches[key].get(seq - 1), self.batches[key].get(seq + 1)
        if before is not None:
            known.append(entry.prev == before.batch_hash)
        if after is not None:
            known.append(after.prev == entry.batch_hash)
        return int(all(known)) if known else None

    def _refuse(self, entry: Accepted | Rejected, code: str) -> str:
        self.entries[entry.gateway, code, entry.payload_hash] += 1
        self.counts[entry.gateway, "rejected"] += 1
        if (
            isinstance(entry, Rejected)
            and entry.trusted
            and entry.epoch is not None
            and entry.seq is not None
        ):
            of_epoch = self.refused.setdefault((entry.gateway, entry.epoch), {})
            of_epoch.setdefault(entry.seq, set()).add(entry.batch_hash or "")
        return "conflict" if code == "conflict" else "quarantined"

    def close_hole(self, key: Key, seq: int, hashed: str) -> None:
        self.tombstones.setdefault(key, set()).add(seq)
        self.rows.append(Row(key[0], "tombstone", key[1], seq, hashed, None))

    def arrived(self, key: Key) -> set[int]:
        """The numbers that count as arrived."""
        return {
            *self.batches.get(key, {}), *self.tombstones.get(key, set()), *self.refused.get(key, {})
        }  # fmt: skip

    def standing(self, key: Key) -> tuple[int, list[tuple[int, int]], set[str | None]]:
        """The contiguous number, the ranges beyond it, and what may be said as the hash of the first."""
        arrived = self.arrived(key)
        cum = 0
        while cum + 1 in arrived:
            cum += 1
        ranges: list[tuple[int, int]] = []
        for seq in sorted(seq for seq in arrived if seq > cum):
            if ranges and ranges[-1][1] == seq - 1:
                ranges[-1] = (ranges[-1][0], seq)
            else:
                ranges.append((seq, seq))
        return cum, ranges, self._head(key, cum)

    def _head(self, key: Key, cum: int) -> set[str | None]:
        batch = self.batches.get(key, {}).get(cum)
        if batch is not None:
            return {batch.batch_hash}
        return {*self.refused.get(key, {}).get(cum, ())} or {None}
