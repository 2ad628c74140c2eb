"""One zone's way through time: what is new, what is late, which windows each of them touches.

A zone is *done* up to a minute: every window that ends there or before has been computed. Minutes after it
are new and are computed in order, also those in which nothing arrived. What arrives at or before it is late:
every window that holds it is computed once more, and the store gives those that change a higher revision.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ingest_service.rollup.channel_minutes import ChannelMinutes, Dirty, minutes_in
from ingest_service.rollup.kinds import KINDS, Kind, exposure
from ingest_service.rollup.sources import ZoneSources
from ingest_service.rollup.zone_series import DAY, ZoneSeries
from ingest_service.series.port import ExposureRow, SeriesStore
from osh_domain.shifts import ShiftInstance

GRACE_S = 120.0
"""How long a minute waits for readings that are due in it."""
SILENT_S = 300.0
"""A channel that was silent for this long before a minute is not waited for."""
CATCH_UP_MINUTES = 240
"""New minutes of a zone in one cycle."""
LATE_SPAN = DAY
"""Late minutes of a zone in one cycle lie within this many minutes."""
_AHEAD_S = 60.0
_CURSOR = "rollup:"
_HEAT = frozenset({"ta", "rh", "tg", "va", "p"})

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


Work = tuple[int, int]
"""Minutes of the zone computed, exposures written because they were new or changed."""


class ZoneRoll:
    """The state of one zone; all of it can be read again from the store."""

    def __init__(self, sources: ZoneSources, store: SeriesStore, minutes: ChannelMinutes) -> None:
        self.sources = sources
        self._store = store
        self._minutes = minutes
        self._series: ZoneSeries | None = None
        self._cursor = _CURSOR + sources.zone.id
        self._done = store.cursor(self._cursor) or None
        self._kinds = [k for k in KINDS if all(name in sources.by_input for name in k.inputs)]

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
        series.fill(self._done + 1, target)
        rows = self._rows(series, [(kind, (self._done + 1, target)) for kind in self._kinds])
        written = self._store.write_exposures(rows) if rows else 0
        if rows or pending:
            self._store.set_cursor(self._cursor, target)
        computed, self._done = target - self._done, target
        series.trim()
        return computed, written

    def late(self, dirty: Dirty) -> Dirty:
        """The part of the dirty minutes that lies in what is done."""
        done = self._done
        if done is None:
            return {}
        parts = {channel: {m for m in minutes if m <= done} for channel, minutes in dirty.items()}
        return {channel: minutes for channel, minutes in parts.items() if minutes}

    def roll_late(self, dirty: Dirty) -> Work:
        """Compute again what the oldest portion of late minutes touches."""
        if self._done is None or not dirty:
            return 0, 0
        done = self._done
        first = minutes_in(dirty)[0]
        portion = {c: {m for m in minutes if m < first + LATE_SPAN} for c, minutes in dirty.items()}
        last = minutes_in(portion)[-1]
        self._minutes.write(portion, first, last)
        touched = self._touched(portion)
        until = max((end for _, end in touched.values()), default=last)
        series = self._covering(first, min(done, last + DAY), until)
        work = [(kind, self._again(kind, touched, done)) for kind in self._kinds]
        work += [(kind, self._revived(series, first, last, done)) for kind in self._kinds]
        rows = self._rows(series, work)
        written = self._store.write_exposures(rows) if rows else 0
        return len({row.minute for row in rows}), written

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
        alive = self._prepared(done).tracks["alive"]
        if following - done > CATCH_UP_MINUTES and not alive.received(done - DAY + 1, done):
            self._done = min(following - 1, ready)
            self._series = None

    # Late minutes

    def _touched(self, dirty: Dirty) -> dict[str, Range]:
        """Input -> the minutes for which late readings speak."""
        touched: dict[str, Range] = {}
        for source in self.sources.all():
            minutes = [m for m in dirty.get(source.channel or 0, ()) if source.stands_at(m)]
            if minutes:
                first, last = touched.get(source.input, (min(minutes), 0))
                last = max(last, max(minutes) + source.hold - 1)
                touched[source.input] = min(first, *minutes), last
        return touched

    def _again(self, kind: Kind, touched: dict[str, Range], done: int) -> Range:
        """The window ends of a kind that hold any of the touched minutes."""
        feeding = _HEAT if kind.track == "wbgt" else frozenset(kind.inputs)
        ranges = [touched[name] for name in feeding if name in touched]
        if not ranges:
            return 1, 0
        first, last = min(a for a, _ in ranges), max(b for _, b in ranges)
        if kind.length:
            return first, min(done, last + kind.length - 1)
        shift = self.sources.calendar.shift_of_minute(last)
        return first, min(done, last if shift is None else math.ceil(shift.end / 60.0))

    def _revived(self, series: ZoneSeries, first: int, last: int, done: int) -> Range:
        """The minutes that lay more than a day after any reading and no longer do."""
        alive = series.tracks["alive"]
        before, after = alive.last_before(first), alive.first_after(last)
        start = first if before is None else max(first, before + DAY)
        end = min(done, last + DAY - 1)
        return start, end if after is None else min(end, after - 1)

    def _covering(self, first: int, last: int, refilled_to: int) -> ZoneSeries:
        """A series that answers windows ending at `first` to `last`, the minutes from `first` read anew."""
        known = self._series
        if known is not None and known.filled_to >= first:
            known.fill(first, min(refilled_to, known.filled_to))
            if known.holds(first):
                return known
        series = ZoneSeries(self.sources, first, self._store.minutes_between)
        series.fill(series.base, last)
        return series

    # Both

    def _rows(self, series: ZoneSeries, work: Iterable[tuple[Kind, Range]]) -> list[ExposureRow]:
        by_minute: dict[int, dict[str, Kind]] = {}
        for kind, (first, last) in work:
            for minute in range(first, last + 1):
                by_minute.setdefault(minute, {})[kind.name] = kind
        rows: list[ExposureRow] = []
        shift: ShiftInstance | None = None
        for minute in sorted(by_minute):
            if shift is None or not shift.covers(60.0 * minute - 30.0):
                shift = self.sources.calendar.shift_of_minute(minute)
            for kind in by_minute[minute].values():
                row = exposure(kind, series, minute, shift)
                if row is not None:
                    rows.append(row)
        return rows


def _before(minute: int, unseen: Range) -> bool:
    """Whether nothing unseen can lie before a minute."""
    return unseen[1] < unseen[0] or minute < unseen[0]
