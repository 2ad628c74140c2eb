"""Keeps records until they are a batch: the open segment, its sync to disk, its sealing."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Sequence

from edge_agent.heartbeat import status
from edge_agent.identity import Identity
from edge_agent.journal import Journal
from edge_agent.outbox.records import Anchoring, Leftover, OpenRecord
from edge_agent.outbox.sealing import seal_records
from edge_agent.outbox.segment import SealReason, Segment, SegmentLimits
from edge_agent.outbox.store import Outbox
from edge_agent.timekeeping import STEP_S, Timekeeper

TRY_AGAIN_S = 5.0
log = Journal(__name__)


class Keeper:
    """The open segment of one gateway. `cfg` names the configuration in force.

    When the disk refuses, full segments wait in memory in their order, each with its own clock, and are tried
    again every few seconds; nothing is discarded.
    """

    def __init__(
        self,
        identity: Identity,
        outbox: Outbox,
        timekeeper: Timekeeper,
        limits: SegmentLimits,
        cfg: str,
        sealed: Callable[[], None],
    ) -> None:
        """`sealed` is called after each batch."""
        self.records_sealed = 0
        self.batches_sealed = 0
        self._identity = identity
        self._outbox = outbox
        self._timekeeper = timekeeper
        self._limits = limits
        self._cfg = cfg
        self._sealed = sealed
        self._refused: list[Segment] = []
        self._tried_at = -math.inf  # boot time
        self._sync_again = -math.inf  # boot time
        self._stopped_at: float | None = None  # boot time at which measuring had to stop
        self._segment = self._new_segment()

    @property
    def crowded(self) -> bool:
        """Whether so much waits for the disk that no more should be measured."""
        waiting = sum(len(segment.records) for segment in self._refused)
        return waiting + len(self._segment.records) >= self._limits.records if self._refused else False

    def add(self, record: OpenRecord) -> None:
        """Put a record into the open segment; a full one is sealed at once."""
        self._segment.add(record)
        if self._segment.seal_reason(-math.inf) is not None:
            self.seal("count")

    def seal_at(self) -> float:
        """The wall instant at which time alone seals the segment."""
        return self._segment.seal_at()

    def follow_clock(self) -> None:
        """A step of the clock ends the segment, so that each batch has one offset."""
        state, held = self._timekeeper.state, self._segment.anchoring
        if abs(state.off - held.off) > STEP_S or state.clk != held.clk:
            self.seal("clock")

    def configured(self, cfg: str) -> None:
        """Another configuration is in force from here on."""
        self.seal("configuration")
        self._cfg = cfg
        self._segment = self._new_segment()

    def sync_due(self) -> None:
        """Write what has waited too long to the disk."""
        # What is on disk as open belongs to one segment; it must not be mixed with a later one.
        now = self._timekeeper.clock.boot_time()
        if self._refused or now < self._sync_again or not self._segment.sync_due(now):
            return
        try:
            self._outbox.sync(self._segment.anchoring, self._segment.unsynced())
        except sqlite3.OperationalError:
            # Delivering has to go on meanwhile: it is what makes room.
            self._sync_again = now + TRY_AGAIN_S
            log.exception(
                "readings cannot be synced; they are kept in memory", records=len(self._segment.records)
            )
            return
        self._segment.synced = len(self._segment.records)

    def seal_due(self, now: float) -> SealReason | None:
        """Seal if it is time at wall instant `now`; answers why."""
        reason = self._segment.seal_reason(now)
        if reason is not None:
            self.seal(reason)
        elif self._refused and self._timekeeper.clock.boot_time() - self._tried_at >= TRY_AGAIN_S:
            self._write_all("time")
        return reason

    def take_up(self, left: Leftover) -> None:
        """Seal what an earlier run left open, under its own clock, before anything of this run."""
        found = Segment(left.anchoring, self._limits)
        found.records = left.records
        found.synced = len(left.records)
        self._refused.append(found)
        self._write_all("restart")

    def seal(self, reason: SealReason) -> None:
        """Make the open segment a batch, safe on disk when this returns unless the disk refuses."""
        full, self._segment = self._segment, self._new_segment()
        if full.records:
            self._refused.append(full)
        if self._refused:  # also when nothing is open: at the end it is the last chance of what was refused
            self._write_all(reason)

    def seal_alone(self, record: OpenRecord) -> int | None:
        """Seal what is open, then this record as a batch of its own; answers its number, None when the disk
        refuses: then the record is not kept, and has to be said again."""
        self.seal("key")
        if self._refused:
            return None
        try:
            return self.write(self._segment.anchoring, [record], "key")
        except sqlite3.OperationalError:
            log.exception("a batch of its own cannot be written")
            return None

    def _write_all(self, reason: SealReason) -> None:
        self._tried_at = self._timekeeper.clock.boot_time()
        try:
            while self._refused:
                segment = self._refused[0]
                self.write(segment.anchoring, segment.records, reason)
                self._refused.pop(0)
        except sqlite3.OperationalError:
            log.exception(
                "the outbox cannot be written; what it refuses is kept", segments=len(self._refused)
            )
            if self.crowded and self._stopped_at is None:
                self._stopped_at = self._tried_at
        if not self._refused and self._stopped_at is not None:
            self._say_what_is_missing(self._stopped_at)

    def _say_what_is_missing(self, since: float) -> None:
        self._stopped_at = None
        now = self._timekeeper.clock.boot_time()
        text = f"outbox could not be written: not measured from {since:.3f} s to {now:.3f} s of this boot"
        self._segment.add(status(text, now, name="gap"))

    def write(self, anchoring: Anchoring, records: Sequence[OpenRecord], reason: SealReason) -> int:
        """Seal these records under their own clock and configuration; answers the number of the batch."""
        here = self._timekeeper.clock.boot_id
        anchors = self._timekeeper.untold() if anchoring.boot == here else ()
        wall = self._timekeeper.wall()
        seq = seal_records(self._outbox, self._identity, anchoring, records, anchors=anchors, sealed_at=wall)
        self._timekeeper.told(anchors)
        self.records_sealed += len(records)
        self.batches_sealed += 1
        log.debug("sealed", seq=seq, records=len(records), reason=reason)
        self._sealed()
        return seq

    def _new_segment(self) -> Segment:
        state = self._timekeeper.state
        boot = self._timekeeper.clock.boot_id
        return Segment(Anchoring(boot, state.off, state.clk, state.err, self._cfg), self._limits)
