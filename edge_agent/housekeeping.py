"""Once a minute: the gateway's word about itself, and room on its disk."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from edge_agent.heartbeat import Now, heartbeat, status
from edge_agent.journal import Journal
from edge_agent.outbox.disk import DiskLevel, DiskPolicy, DiskSpace
from edge_agent.outbox.records import OpenRecord
from edge_agent.outbox.store import Outbox
from edge_agent.timekeeping import Timekeeper

PRUNE_AT_ONCE = 500
LOOK_AT_DISK_S = 60.0
DAY_S = 86_400.0
WORDS = {
    DiskLevel.FULL: ("gap", "disk full: measuring stops"),
    DiskLevel.LEAN: ("status", "disk nearly full: only aggregates of 60 s are kept"),
}
log = Journal(__name__)
ROOM_AGAIN = ("status", "disk has room again: measuring as configured")


class Housekeeper:
    """Answers the records to be written; prunes delivered copies itself."""

    def __init__(
        self,
        outbox: Outbox,
        timekeeper: Timekeeper,
        disk: DiskSpace,
        policy: DiskPolicy,
        *,
        every_s: float,
        keep_done_days: float,
        thermal: Path | None,
    ) -> None:
        """`every_s` 0: no heartbeat."""
        self.level = DiskLevel.PLENTY
        self._outbox = outbox
        self._timekeeper = timekeeper
        self._disk = disk
        self._policy = policy
        self._every_s = every_s
        self._keep_done_days = keep_done_days
        self._thermal = thermal
        self._looked_at = -math.inf  # boot time
        self.next_heartbeat = self._after(timekeeper.wall() - 1e-6)

    def beat(self, now: float) -> Sequence[OpenRecord]:
        """The heartbeat, if it is due at wall instant `now`."""
        ahead = self.next_heartbeat - now
        if ahead > 0 and not self._every_s < ahead < math.inf:
            return ()
        self.next_heartbeat = self._after(now)
        if ahead > 0:
            return ()  # the clock was set back: go by the new time from here on
        moment = Now(self._timekeeper.clock.boot_time(), now)
        return heartbeat(self._outbox, self._disk, moment, thermal=self._thermal)

    def keep_disk(self, now: float, *, spared: Sequence[str]) -> OpenRecord | None:
        """Look at the disk once a minute and prune, but in no spared epoch; answers the word on a change."""
        boot_time = self._timekeeper.clock.boot_time()
        if boot_time - self._looked_at < LOOK_AT_DISK_S:
            return None
        self._looked_at = boot_time
        previous, self.level = self.level, self._policy.level(self._disk.used_share())
        old = now - self._keep_done_days * DAY_S
        self._prune(math.inf if self.level >= DiskLevel.TIDY else old, spared)
        return self._word(previous, boot_time)

    def _prune(self, before: float, spared: Sequence[str]) -> None:
        try:
            self._outbox.prune(before=before, limit=PRUNE_AT_ONCE, spared=spared)
        except sqlite3.OperationalError:
            # Deleting needs a little room too; measuring and delivering go on meanwhile.
            log.exception("delivered copies cannot be deleted")

    def _word(self, previous: DiskLevel, boot_time: float) -> OpenRecord | None:
        if self.level is previous or max(self.level, previous) < DiskLevel.LEAN:
            return None
        name, text = WORDS.get(self.level, ROOM_AGAIN)
        return status(text, boot_time, name=name)

    def _after(self, wall: float) -> float:
        if not self._every_s:
            return math.inf
        return (math.floor(wall / self._every_s + 1e-9) + 1) * self._every_s
