"""One zone's way through time: what is new, what is late, which windows each of them touches.

A zone is *done* up to a minute: every window that ends there or before has been computed. Minutes after it
are new and are computed in order, also those in which nothing arrived. What arrives at or before it is late:
every window that holds it is computed once more, and the store gives those that change a higher revision.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from ingest_service.rollup.channel_minutes import ChannelMinutes, Dirty, minutes_in
from ingest_service.rollup.kinds import KINDS
from ingest_service.rollup.quality import Flags
from ingest_service.rollup.sources import ZoneSources
from ingest_service.rollup.summaries import Summaries
from ingest_service.rollup.zone_again import Revising, Work, rows_of
from ingest_service.rollup.zone_series import DAY, LOOK, ZoneSeries
from ingest_service.series.port import QualityRow, Recompute, SeriesStore

GRACE_S = 120.0
"""How long a minute waits for readings that are due in it."""
SILENT_S = 300.0
"""A channel that was silent for this long before a minute is not waited for."""
CATCH_UP_MINUTES = 240
"""New minutes of a zone in one cycle."""
LATE_SPAN = DAY
"""Late minutes of a zone in one cycle lie within this many minutes."""
_AHEAD_S = 60.0
CURSOR = "rollup:"

Range = tuple[int, int]
"""First and last minute, both included; empty when the last is before the first."""
NOTHING_UNSEEN: Range = (1, 0)


class Clock(NamedTuple):
    """What time it is for a cycle [s]; `caught_up`: nothing that has arrived waits for projection;
    `grace_s`: how long a minute waits for what is due in it; `unseen`: minutes of which not every dirty one
    was taken, because there are too many."""

    now: float
    caught_up: bool
    grace_s: float
    unseen: Range


class ZoneRoll:
    """The state of one zone; all of it can be read again from the store."""

    def __init__(self, sources: ZoneSources, store: SeriesStore, minutes: ChannelMinutes) -> None:
        self.sources = sources
        self._store = store
        self._minutes = minutes
        self._series: ZoneSeries | None = None
        self._cursor = CURSOR + sources.zone.id
        self._done = store.cursor(self._cursor) or None
        self._kinds = [
            kind
            for kind in KINDS
            if any(all(name in sources.by_input for name in some) for some in kind.inputs)
        ]
        self._summaries = Summaries(sources.zone.id, sources.calendar, store)

    @property
    def done(self) -> int | None:
        """The minute up to which everything has been computed, None before the first."""
        return self._done

    def forget(self) -> None:
        """Give the memory back; the next cycle reads what it needs from the store."""
        self._series = None

    def roll_new(self, dirty: Dirty, clock: Clock) -> Work:
        """Compute the new minutes that are ready, at most a portion."""
        pending = minutes_in(dirty)
        if self._done is None:
            if not pending or not _before(pending[0], clock.unseen):
                return 0, 0
            self._done = pending[0] - 1
        ready = self._ready([m for m in pending if m > self._done], clock)
        self._leap(pending, ready)
        target = min(ready, self._done + CATCH_UP_MINUTES)
        if target <= self._done:
            return 0, 0
        self._minutes.write(dirty, self._done + 1, target)
        series = self._prepared(self._done)
        self._keep_flags(series.fill(self._done + 1, target))
        work = [(kind, (self._done + 1, target)) for kind in self._kinds]
        rows, _ = rows_of(series, work)
        written = self._store.write_exposures(rows) if rows else 0
        written += self._summaries.finish(self._done + 1, target)
        if rows or pending:
            self._store.set_cursor(self._cursor, target)
        computed, self._done = target - self._done, target
        series.trim()
        return computed, written

    def _keep_flags(self, flags: Flags) -> None:
        for channel, found in flags.items():
            rows = [QualityRow(channel, minute, *flag) for minute, flag in sorted(found.items())]
            self._store.replace_quality(channel, rows[0].minute, rows[-1].minute, rows)

    def late(self, dirty: Dirty) -> Dirty:
        """The part of the dirty minutes that lies in what is done."""
        done = self._done
        if done is None:
            return {}
        parts = {channel: {m for m in minutes if m <= done} for channel, minutes in dirty.items()}
        return {channel: minutes for channel, minutes in parts.items() if minutes}

    def roll_late(self, dirty: Dirty, at: float) -> Work:
        """Compute again what the oldest portion of late minutes touches; `at` [s] is when."""
        if self._done is None or not dirty:
            return 0, 0
        first = minutes_in(dirty)[0]
        portion = {c: {m for m in minutes if m < first + LATE_SPAN} for c, minutes in dirty.items()}
        self._minutes.write(portion, first, minutes_in(portion)[-1])
        work, self._series = self._revising(at).late(portion, self._series)
        return work

    def recompute(self, order: Recompute, at: float) -> Work:
        """Compute the minutes of an order anew, all kinds of them; those after `done` are not due yet."""
        if self._done is None:
            return 0, 0
        self._series = None
        return self._revising(at).anew(order.first, min(order.last, self._done), order.cause)

    def _revising(self, at: float) -> Revising:
        return Revising(self.sources, self._store, self._summaries, self._kinds, self._done or 0, at)

    # New minutes

    def _ready(self, candidates: Sequence[int], clock: Clock) -> int:
        """The last minute that may be computed now; not after the one that is done when none is ready."""
        zone_now = clock.now if clock.caught_up else min(clock.now, self._newest())
        edge = math.floor((zone_now - clock.grace_s) / 60.0)
        ready = [
            m for m in candidates if 60.0 * m <= clock.now + _AHEAD_S and (m <= edge or self._complete(m))
        ]
        if clock.caught_up:
            ready.append(edge)
        done = self._done or 0
        first, last = clock.unseen
        top = max(ready, default=done)
        return min(top, max(done, first - 1)) if first <= last and done < last else top

    def _newest(self) -> float:
        times = (self._minutes.last_time(source.channel) for source in self.sources.all())
        return max((t for t in times if t is not None), default=0.0)

    def _complete(self, minute: int) -> bool:
        """Whether no channel of the zone that is alive owes a reading in the minute."""
        end = 60.0 * minute
        for source in self.sources.all():
            last = self._minutes.last_time(source.channel)
            if last is None or not source.stands_at(minute):
                continue
            silent = last < end - max(SILENT_S, 3.0 * source.period_s)
            if not silent and last + source.period_s <= end:
                return False
        return True

    def _prepared(self, done: int) -> ZoneSeries:
        if self._series is None:
            self._series = ZoneSeries(self.sources, done + 1, self._store.minutes_between)
            self._series.fill(self._series.base, done)
        return self._series

    def _leap(self, pending: Sequence[int], ready: int) -> None:
        """Step over a long time in which the zone was dead: there is nothing to say of it."""
        done = self._done or 0
        if ready - done <= CATCH_UP_MINUTES:
            return
        following = next((m for m in pending if m > done), ready + 1)
        alive = self._prepared(done).tracks["alive"]  # nothing in any window, nor in a day
        if following - done > CATCH_UP_MINUTES and not alive.received(done - LOOK + 1, done):
            self._done = min(following - 1, ready)
            self._summaries.step_over(done, self._done)
            self._series = None


def _before(minute: int, unseen: Range) -> bool:
    """Whether nothing unseen can lie before a minute."""
    return unseen[1] < unseen[0] or minute < unseen[0]
