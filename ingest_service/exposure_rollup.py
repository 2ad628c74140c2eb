"""The rollup: readings become minutes and hours, minutes become exposures of zones.

It is driven by the list of dirty minutes that the projector writes and by the clock. Each cycle

1. takes dirty minutes from both ends of the list, so that a backlog of days does not keep today waiting;
2. gives each zone its turn: when nothing more is due in a minute, or its grace has passed, the windows that
   end there are computed, also where nothing arrived at all;
3. with what time is left, takes late minutes and computes every window that holds them once more, and so
   the minutes for which the register now says something else than when they were computed.

What is written is one transaction with the clearing of its dirty minutes, so the rollup may be killed
anywhere. Everything is a function of stored minutes and the register: the same data give the same numbers
whatever the order of their arrival, only revisions count more.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from ingest_service.metrics import EXPOSURES
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.rollup.channel_minutes import ChannelMinutes, Dirty
from ingest_service.rollup.periods import day_of
from ingest_service.rollup.sources import Minutes
from ingest_service.rollup.zone_roll import GRACE_S, NOTHING_UNSEEN, Clock, ZoneRoll
from ingest_service.rollup.zones import Zones
from ingest_service.series.port import SeriesError, SeriesStore

PORTION = 20_000
LOOK_S_PER_CHANNEL = 5e-5


class Registered(Protocol):
    """What the rollup asks of the register."""

    def snapshot(self) -> RegisterSnapshot: ...


@dataclass(slots=True)
class RollupReport:
    """What a cycle did: minutes and longer spans of channels written, minutes of zones computed (`late`: of
    them again), exposures that were new or changed."""

    minutes: int = 0
    longer: int = 0
    zone_minutes: int = 0
    late: int = 0
    exposures: int = 0

    @property
    def idle(self) -> bool:
        """Whether there was nothing to do; after a cycle that did something there may be more at once."""
        return not (self.minutes or self.longer or self.zone_minutes)


class Rollup:
    """Rolls up one series store; lives in the process that writes it."""

    def __init__(
        self,
        series: SeriesStore,
        register: Registered,
        *,
        budget_s: float = 0.5,
        grace_s: float = GRACE_S,
        look_every_s: float | None = None,
        portion: int = PORTION,
    ) -> None:
        """`budget_s`: real time after which a cycle begins no further zone.

        `grace_s`: how long a minute waits for readings that are due in it, by the clock of `cycle`.
        `look_every_s`: real time between two looks at the newest reading of every channel; None: by their
        number, so that looking stays cheap. `portion`: dirty minutes taken from each end of the list at once.
        """
        self._series = series
        self._register = register
        self._budget_s = budget_s
        self._grace_s = grace_s
        self._look_every_s = look_every_s
        self._portion = portion
        self._looked_at = -math.inf
        self._begin_anew()

    def cycle(self, now: float, *, caught_up: bool = True) -> RollupReport:
        """Do what can be done at `now` [s], within the budget.

        `caught_up`: everything that has arrived is projected. While it is not, what seems to be missing may
        still come, so nothing is called missing.
        """
        report = RollupReport()
        deadline = time.monotonic() + self._budget_s
        try:
            by_zone, unplaced, unseen = self._take()
            clock = Clock(now, caught_up, self._grace_s, unseen)
            data_clock = now if caught_up else min(now, self._minutes.newest_time())
            with self._series.transaction():
                self._minutes.write_before(unplaced, data_clock - self._grace_s)
                late = self._roll_new(by_zone, clock, deadline, report)
            with self._series.transaction():
                self._roll_late(late, now, deadline, report)
                self._recompute(now, deadline, report)
                aggregates = self._minutes.aggregates
                report.longer = aggregates.write_finished(data_clock - self._grace_s, self._minutes.channels)
        except SeriesError:
            self._begin_anew()  # what is remembered may be ahead of what was stored
            raise
        report.minutes, self._minutes.written = self._minutes.written, 0
        EXPOSURES.inc(report.exposures)
        return report

    def follow_thinning(self) -> None:
        """Minutes were deleted: what comes for them from now on is too late for the series."""
        self._zones.follow_thinning()

    def _begin_anew(self) -> None:
        self._snapshot = RegisterSnapshot()
        self._minutes = ChannelMinutes(self._series, self._local_day)
        self._zones = Zones(self._series, self._minutes)

    def _local_day(self, site: str, minute: int) -> Minutes | None:
        return day_of(self._snapshot.calendar(site), minute) if self._snapshot.site(site) else None

    def _roll_new(
        self, by_zone: dict[str, Dirty], clock: Clock, deadline: float, report: RollupReport
    ) -> list[tuple[ZoneRoll, Dirty]]:
        """Give zones their turn; returns what is late of those that had it."""
        late: list[tuple[ZoneRoll, Dirty]] = []
        for roll in self._in_turn(deadline):
            dirty = by_zone.get(roll.sources.zone.id, {})
            if part := roll.late(dirty):
                late.append((roll, part))
            computed, written = roll.roll_new(dirty, clock)
            report.zone_minutes += computed
            report.exposures += written
        return late

    def _roll_late(
        self, late: list[tuple[ZoneRoll, Dirty]], now: float, deadline: float, report: RollupReport
    ) -> None:
        for number, (roll, dirty) in enumerate(late):
            # One at least: under lasting load late data must not wait for ever.
            if number and time.monotonic() >= deadline:
                return
            computed, written = roll.roll_late(dirty, now)
            report.zone_minutes += computed
            report.late += computed
            report.exposures += written

    def _recompute(self, now: float, deadline: float, report: RollupReport) -> None:
        """Compute again what changes of the register have touched, in portions while there is time."""
        for number, order in enumerate(self._zones.portions(self._series.recomputations())):
            if number and time.monotonic() >= deadline:
                return
            computed, written = self._zones.rolls[order.zone].recompute(order, now)
            self._zones.computed(order)
            report.zone_minutes += computed
            report.late += computed
            report.exposures += written

    def _in_turn(self, deadline: float) -> Iterator[ZoneRoll]:
        """Zones one after the other until the time is up; those not reached come first in the next cycle."""
        reached = 0
        turn = self._zones.turn
        for zone in list(turn):
            if reached and time.monotonic() >= deadline:
                break
            reached += 1
            roll = self._zones.rolls[zone]
            yield roll
            if zone not in self._zones.resident:
                roll.forget()
        self._zones.turn = turn[reached:] + turn[:reached]

    def _take(self) -> tuple[dict[str, Dirty], Dirty, Minutes]:
        """Dirty minutes by zone, those of channels that stood in none, and the minutes not wholly taken."""
        # More than one minute of all channels, or no minute would ever be taken wholly.
        portion = max(self._portion, 2 * len(self._minutes.channels))
        pairs = self._series.take_dirty(portion)
        unseen = NOTHING_UNSEEN
        if len(pairs) == portion:
            newest = self._series.take_dirty(portion, newest=True)
            unseen = pairs[-1][1], newest[-1][1]
            pairs = list({*pairs, *newest})
        self._look({channel for channel, _ in pairs})
        by_zone: dict[str, Dirty] = {}
        unplaced: Dirty = {}
        zone_of = self._zones.zone_of
        for channel, minute in self._zones.still_wanted(pairs):
            zone = zone_of(channel, minute)
            target = unplaced if zone is None else by_zone.setdefault(zone, {})
            if channel in target:
                target[channel].add(minute)
            else:
                target[channel] = {minute}
        return by_zone, unplaced, unseen

    def _look(self, asked: set[int]) -> None:
        """Bring the register and the channels up to date."""
        snapshot = self._register.snapshot()
        known = self._minutes.channels
        every = len(known) * LOOK_S_PER_CHANNEL if self._look_every_s is None else self._look_every_s
        stale = time.monotonic() >= self._looked_at + every
        if snapshot is self._snapshot and not stale and asked <= known.keys():
            return
        self._looked_at = time.monotonic()
        self._snapshot = snapshot
        self._minutes.channels = {entry.id: entry for entry in self._series.channels()}
        self._zones.look(snapshot, self._minutes.channels)
