"""One look after another: exposures -> judgements -> cases -> notices, and what is due by the clock alone.

Everything a look leads to (judgements, rule states, cases with their history and notices, the cursor) is
written in one transaction: killed at any moment, it repeats nothing and forgets nothing. Where several
processes divide the sites the transaction also makes sure that the shard is still theirs. Ends of shifts,
rules that do not apply any more, silence, doubts about sensors and escalation are driven by the clock, so
they come also when nothing arrives; each knows its deadlines, so that a look at quiet places costs nothing.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

import sqlalchemy as sa

from alert_rules.pack_model import Pack
from alert_rules.watches import Told
from ingest_service.cases.afterwards import judge_again
from ingest_service.cases.again import RULE as FACTS
from ingest_service.cases.again import Again, Portion, forget, oldest_of, recount
from ingest_service.cases.counting import Counter
from ingest_service.cases.device_watching import RULE as DEVICE
from ingest_service.cases.device_watching import DeviceWatch
from ingest_service.cases.doubting import Devices
from ingest_service.cases.escalating import Escalator
from ingest_service.cases.judging import Judge
from ingest_service.cases.keeping import CaseKeeper
from ingest_service.cases.outcome import Outcome
from ingest_service.cases.runner_life import RunnerLife
from ingest_service.cases.schema import JUDGEMENTS, RULE_STATES
from ingest_service.cases.standing import ROW
from ingest_service.cases.watching import RULE as SILENCE
from ingest_service.cases.watching import Watch
from ingest_service.cases.writing import delete_rows, upsert, upsert_rows
from ingest_service.clock import Clock
from ingest_service.clone_suspicion import Suspicion, suspicions
from ingest_service.database import write
from ingest_service.leases import Fence, no_fence
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.series.feed import CHANGE
from ingest_service.series.port import ExposureRow, SeriesReader
from ingest_service.shards import shard_of

ROWS_AT_ONCE: Final = 5000
PUT_BACK_S: Final = 30.0

_log = logging.getLogger(__name__)


class Registered(Protocol):
    """What judging asks of the register."""

    def snapshot(self) -> RegisterSnapshot: ...


class AlertCycle:
    """One judging process over stores that are already open. Its memory is only a copy of what is stored.

    `keep_days`: how long single verdicts stay; None: for ever. `devices`: what gateways report, if known.
    `catching_up`: up to when the series has got while it is behind the ledger, None while it is not. `shard`:
    judges the sites of that one only; `register` and `series` are those of the same, and each writing
    transaction begins with the `fence`.
    """

    def __init__(
        self,
        engine: sa.Engine,
        register: Registered,
        series: SeriesReader,
        packs: Sequence[Pack],
        *,
        clock: Clock,
        link_base: str,
        live_age_s: float,
        keep_days: float | None = None,
        devices: Devices | None = None,
        catching_up: Callable[[], float | None] = lambda: None,
        shard: int | None = None,
        fence: Fence = no_fence,
    ) -> None:
        self._engine, self._register, self._series = engine, register, series
        self._packs, self._clock = tuple(packs), clock
        self._link_base, self._live_age_s, self._keep_days = link_base, live_age_s, keep_days
        self._devices, self._catching_up = devices, catching_up
        self._shard, self._fence = shard, fence
        self._looked_at = clock.now()
        self._life = RunnerLife(shard)
        self.cursor = 0
        self._touched: set[int] = set()
        with self._transaction() as connection:
            self._life.begin(connection, clock.now())
        self._remember()

    def judge_new(self) -> int:
        """Judge the exposures written or taken away since the cursor; returns how many there were."""
        # Asked first: what is read after it may be newer in one of the two lists only.
        newest = self._series.cursor(CHANGE)
        rows = self._series.exposures_changed(self.cursor, ROWS_AT_ONCE)
        gone = self._series.exposures_gone(self.cursor, ROWS_AT_ONCE)
        for full in (rows, gone):
            if len(full) == ROWS_AT_ONCE:
                newest = min(newest, full[-1].change)
        rows = [row for row in rows if row.change <= newest]
        left = [(one.zone, one.kind, one.minute) for one in gone if one.change <= newest]
        if not rows and not left:
            return 0
        try:
            outcome = self._judge.take(rows, self._register.snapshot(), self._clock.now(), left)
            self._write(outcome, newest)
        except BaseException:
            self._remember()
            raise
        self.cursor = newest
        return len(rows) + len(left)

    def look_at_clock(self) -> None:
        """What is due by the clock alone: ends of shifts, silence, escalation, counts of what is over."""
        try:
            self._follow_clock()
            self._follow_series()
            self._follow_facts()
            self._end_what_is_over()
            if self._catching_up() is None:  # else what seems silent may only be waiting
                self._watch_silence()
                self._watch_devices()
            self._escalate()
            self._count()
            self._live()
        except BaseException:
            self._remember()
            raise

    def _follow_clock(self) -> None:
        """Every deadline was set by a clock that was put back since: all are found anew, and the grace of a
        start begins again."""
        now, before = self._clock.now(), self._looked_at
        self._looked_at = now
        if now < before - PUT_BACK_S:
            _log.warning("the clock was put back by %.0f s: finding every deadline anew", before - now)
            with self._transaction() as connection:
                self._life.begin_anew(connection, now)
            self._remember()

    def _follow_series(self) -> None:
        """A series store that is a new file counts anew, so it is read from its beginning.

        That the row of the cursor is not there says nothing: it may have been taken away since.
        """
        if self._series.cursor(CHANGE) < self.cursor:
            _log.warning("the exposures are in a new file: judging them from the beginning")
            self.cursor = 0

    def _follow_facts(self) -> None:
        """Judge a portion again of what the register says something else of than when it was judged."""
        register, now = self._register.snapshot(), self._clock.now()
        rows = self._again.follow(register, oldest_of(self._engine, self._judge.rules_of), now)
        if rows:
            with self._transaction() as connection:
                self._put_states(connection, rows)
        self._judge.follow(register)
        portion = self._again.next(self._judge.book, register)
        if portion is not None:
            kept = max(portion.first, self._series.kept_from("exposures", portion.zone))
            found = [
                row
                for kind in self._series.kinds_of(portion.zone)
                for row in self._series.exposures(portion.zone, kind, kept, portion.last)
            ]
            self._again.done(portion)
            outcome = self._judge.take(found, register, now)
            self._write(outcome, self.cursor, portion._replace(first=kept))

    def _end_what_is_over(self) -> None:
        outcome = self._judge.end_what_is_over(self._register.snapshot(), self._clock.now())
        if outcome:
            self._write(outcome, self.cursor)

    def _watch_silence(self) -> None:
        changes, rows = self._watch.look(self._register.snapshot(), self._series.channels, self._clock.now())
        if not rows:
            return
        with self._transaction() as connection:
            keeper = self._keeper(connection)
            for silence in changes:
                (keeper.raised if silence.raised else keeper.cleared)(silence.event, silence.reason)
            self._put_states(connection, rows)
        self._touched |= keeper.touched

    def _watch_devices(self) -> None:
        changes, rows = self._device_watch.look(self._register.snapshot(), self._series, self._clock.now())
        if not rows:
            return
        with self._transaction() as connection:
            keeper = self._keeper(connection)
            deeds = {Told.RAISED: keeper.raised, Told.JOINED: keeper.joined, Told.CLEARED: keeper.cleared}
            for doubt in changes:
                deeds[doubt.told](doubt.event, doubt.reason)
            self._put_states(connection, rows)
        self._touched |= keeper.touched

    def _escalate(self) -> None:
        if self._touched:
            with self._engine.connect() as connection:
                self._escalator.look(connection, self._touched)
            self._touched = set()
        now = self._clock.now()
        due = self._escalator.due(now)
        if due:
            with self._transaction() as connection:
                keeper = self._keeper(connection)
                for case, step, occasion in self._escalator.steps(connection, due, now):
                    keeper.tell(case, step, occasion)
            self._touched = {*due}

    def _count(self) -> None:
        register, now = self._register.snapshot(), self._clock.now()
        sites = self._counter.due(register, now)
        if not sites:
            return
        with self._transaction() as connection:
            for site in sites:
                self._counter.count(connection, register, self._judge.book, self._judge.rules_of, site, now)

    def _write(self, outcome: Outcome, cursor: int, again: Portion | None = None) -> None:
        now = self._clock.now()
        rules = self._judge.rules_of(again.zone) if again else ()
        why = self._why if again is None else (lambda *_: "register_changed")
        with self._transaction() as connection:
            if again is not None:
                forget(connection, again, rules)
            keeper = self._keeper(connection)
            for change, event in outcome.changes:
                keeper.change(change, event)
            upsert_rows(connection, JUDGEMENTS, outcome.judgements)
            delete_rows(connection, JUDGEMENTS, outcome.taken_away)
            judge_again(connection, keeper, outcome.late, self._judge.book, self._recall, why, now)
            if again is not None:
                recount(connection, again, rules, self._judge.book, now)
                self._put_states(connection, [self._again.row(again.zone)])
            self._put_states(connection, self._judge.state_rows(outcome.zones))
            self._life.set_cursor(connection, cursor)
        self._touched |= keeper.touched

    def _live(self) -> None:
        """Write down now and then that it lives."""
        now = self._clock.now()
        if self._life.is_due(now):
            with self._transaction() as connection:
                self._life.live(connection, now)

    def _recall(self, zone: str, kind: str, minute: int) -> ExposureRow | None:
        found = self._series.exposures(zone, kind, minute, minute)
        return found[0] if found else None

    def _why(self, zone: str, kind: str, minute: int) -> str | None:
        found = self._series.revisions(zone, kind, minute, minute)
        return found[-1].cause if found else None

    def _clones(self, now: float) -> Mapping[str, Suspicion]:
        return suspicions(self._engine, now)

    def _keeper(self, connection: sa.Connection) -> CaseKeeper:
        return CaseKeeper(connection, self._register.snapshot(), self._link_base, self._clock.now())

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        """Beside those of other shards: all that is read in it to be written is this shard's, or locked."""
        with write(self._engine, alone=False) as connection:
            self._fence(connection)
            yield connection

    def _put_states(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        numbered = [{**row, "shard": shard_of(row["zone"].partition("/")[0])} for row in rows]
        upsert(connection, RULE_STATES, numbered)

    def _mine(self, site: str) -> bool:
        return self._shard is None or shard_of(site) == self._shard

    def _remember(self) -> None:
        """Take up what is stored: at the start, and after a write that failed."""
        stored: dict[str, dict[str, Any]] = {ROW: {}, SILENCE: {}, DEVICE: {}, FACTS: {}}
        query = sa.select(RULE_STATES)
        if self._shard is not None:
            query = query.where(RULE_STATES.c.shard == self._shard)
        self._escalator, self._touched = Escalator(self._packs, self._mine), set()
        with self._engine.connect() as connection:
            for row in connection.execute(query):
                stored.setdefault(row.rule, {})[row.zone] = row.state
            self.cursor = self._life.cursor(connection)
            self._counter = Counter(connection, self._keep_days)
            self._escalator.look(connection)
        self._judge = Judge(self._packs, self._live_age_s, stored[ROW], self._recall)
        self._again = Again(stored[FACTS])
        self._watch = Watch(self._packs, self._life.started_at, stored[SILENCE])
        self._device_watch = DeviceWatch(self._packs, stored[DEVICE], self._devices, self._clones)
