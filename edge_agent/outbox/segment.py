"""The open segment: records that will be the next batch, and when that moment has come."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from edge_agent.outbox.records import Anchoring, OpenRecord

SealReason = Literal[
    "time", "count", "size", "alarm", "clock", "configuration", "restart", "stop", "flush", "key"
]
RECORD_OVERHEAD = 34  # bytes of SenML around a name and a value, a little more than ever used


@dataclass(frozen=True)
class SegmentLimits:
    """When a batch is full: at instants `seal_after_s` apart (plus `grace_s` for slow reads), or by size."""

    seal_after_s: float = 60.0
    grace_s: float = 2.0
    records: int = 500
    bytes: int = 65_536
    sync_after_s: float = 10.0


class Segment:
    """Records under one offset and one configuration. `synced` of them are already on disk."""

    def __init__(self, anchoring: Anchoring, limits: SegmentLimits) -> None:
        self.anchoring = anchoring
        self.records: list[OpenRecord] = []
        self.synced = 0
        self.size = 0
        self._limits = limits

    def add(self, record: OpenRecord) -> None:
        self.records.append(record)
        self.size += RECORD_OVERHEAD + len(record.sensor) + len(record.quantity) + len(str(record.value))

    def unsynced(self) -> list[OpenRecord]:
        return self.records[self.synced :]

    def sync_due(self, mono: float) -> bool:
        """Whether some record has waited too long for the disk."""
        if self.synced == len(self.records):
            return False
        return mono - self.records[self.synced].mono >= self._limits.sync_after_s

    def seal_at(self) -> float:
        """The wall instant at which time alone seals this segment; infinite while it is empty.

        Instants lie on a grid shared by all batches, so a reading of a full minute goes out with that minute.
        """
        if not self.records:
            return math.inf
        step, grace = self._limits.seal_after_s, self._limits.grace_s
        first = self.records[0].mono + self.anchoring.off
        return math.ceil((first - grace) / step - 1e-9) * step + grace

    def seal_reason(self, wall: float) -> SealReason | None:
        """Why the segment is to be sealed now, or None."""
        if not self.records:
            return None
        if len(self.records) >= self._limits.records:
            return "count"
        if self.size >= self._limits.bytes:
            return "size"
        if wall >= self.seal_at():
            return "time"
        return None
