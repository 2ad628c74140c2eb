"""Small batches to fill an outbox with."""

from __future__ import annotations

from edge_agent.identity import GatewaySigner, Identity
from edge_agent.outbox.records import Anchoring, OpenRecord
from edge_agent.outbox.sealing import seal_records
from edge_agent.outbox.store import Outbox

ANCHORING = Anchoring("b7f0c2d1a9e84f0c", 1_767_225_600.25, "ntp", 0.012, "5f1d7a84db00d2fc0c9b1e6634a7f2d1")
IDENTITY = Identity("kh-f0123-a", "kh-f0123", GatewaySigner.from_bytes(bytes(range(32))), None)
ALL = 2**62


def record(
    mono: float, value: float | str = 31.4, quantity: str = "ta", unit: str | None = "Cel"
) -> OpenRecord:
    return OpenRecord(mono, "st1", quantity, value, unit, 0)


def seal_one(outbox: Outbox, mono: float = 60.0) -> int:
    return seal_records(outbox, IDENTITY, ANCHORING, [record(mono)], sealed_at=ANCHORING.off + mono)
