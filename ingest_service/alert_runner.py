"""The alerts runner: exposures -> judgements -> cases -> notices, and their delivery in a thread of its own.

Everything one look leads to (judgements, rule states, cases with their history and notices, the cursor) is
written in one transaction: killed at any moment, it repeats nothing and forgets nothing. Silence, ends of
shifts and escalation are driven by the clock, so they come also when nothing arrives.
"""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from alert_rules.delivery import Delivery
from alert_rules.notifier import AppriseNotifier
from alert_rules.pack_format import load_packs
from alert_rules.pack_model import Pack
from alert_rules.ports import Notifier
from ingest_service.cases.escalating import due_cases, steps_by_rule
from ingest_service.cases.judging import Judge, Key, Outcome
from ingest_service.cases.keeping import CaseKeeper
from ingest_service.cases.outbox import NoticeOutbox
from ingest_service.cases.schema import CASES, JUDGEMENTS, NOTICES, RULE_STATES, RUNNER_CURSORS
from ingest_service.cases.watching import RULE as SILENCE
from ingest_service.cases.watching import Watch
from ingest_service.cases.writing import upsert
from ingest_service.clock import Clock, clock_from
from ingest_service.database import migrate, open_database, write
from ingest_service.heartbeat import beat
from ingest_service.metrics import CASES_OPEN
from ingest_service.metrics import NOTICES as NOTICES_METRIC
from ingest_service.register.entries import Contact
from ingest_service.register.store import Register
from ingest_service.series.port import SeriesError, SeriesReader
from ingest_service.series.sqlite import open_series
from ingest_service.settings import Settings

POLL_S: Final = 0.1
CLOCK_LOOK_S: Final = 0.5
BEAT_S: Final = 1.0
ROWS_AT_ONCE: Final = 5000
CURSOR: Final = "exposures"

_log = logging.getLogger(__name__)


class AlertCycle:
    """One judging process over stores that are already open. Its memory is only a copy of what is stored."""

    def __init__(
        self,
        engine: sa.Engine,
        register: Register,
        series: SeriesReader,
        packs: Sequence[Pack],
        *,
        clock: Clock,
        link_base: str,
        live_age_s: float,
    ) -> None:
        self._engine, self._register, self._series = engine, register, series
        self._packs, self._clock = tuple(packs), clock
        self._link_base, self._live_age_s = link_base, live_age_s
        self._steps = steps_by_rule(packs)
        self._started_at = clock.now()
        self.cursor = 0
        self._remember()

    def judge_new(self) -> int:
        """Judge the exposures written since the cursor; returns how many there were."""
        rows = self._series.exposures_changed(self.cursor, ROWS_AT_ONCE)
        if not rows:
            return 0
        cursor = max(row.change for row in rows)
        try:
            outcome = self._judge.take(rows, self._register.snapshot(), self._clock.now())
            self._write(outcome, cursor)
        except BaseException:
            self._remember()
            raise
        self.cursor = cursor
        return len(rows)

    def look_at_clock(self) -> None:
        """What is due by the clock alone: ends of shifts, silence, escalation."""
        try:
            self._follow_series()
            self._end_shifts()
            self._watch_silence()
            self._escalate()
        except BaseException:
            self._remember()
            raise

    def _follow_series(self) -> None:
        """A series store that was built again, or is a new file, is read from its beginning."""
        if self.cursor and not self._series.exposures_changed(self.cursor - 1, 1):
            _log.warning("the exposures were built again: judging them from the beginning")
            self.cursor = 0

    def _end_shifts(self) -> None:
        outcome = self._judge.end_shifts(self._register.snapshot(), self._clock.now())
        if outcome:
            self._write(outcome, self.cursor)

    def _watch_silence(self) -> None:
        changes, rows = self._watch.look(
            self._register.snapshot(), self._series.channels(), self._clock.now()
        )
        if not rows:
            return
        with write(self._engine) as connection:
            keeper = self._keeper(connection)
            for silence in changes:
                (keeper.raised if silence.raised else keeper.cleared)(silence.event, silence.reason)
            upsert(connection, RULE_STATES, rows)

    def _escalate(self) -> None:
        now = self._clock.now()
        with self._engine.connect() as connection:
            if not due_cases(connection, self._steps, now):
                return
        with write(self._engine) as connection:
            keeper = self._keeper(connection)
            for case, due, occasion in due_cases(connection, self._steps, now):
                keeper.tell(case, due.kind, due.to, due.reason, due.due_at, occasion)

    def _write(self, outcome: Outcome, cursor: int) -> None:
        with write(self._engine) as connection:
            keeper = self._keeper(connection)
            for change, event in outcome.changes:
                keeper.change(change, event)
            for finding in outcome.findings:
                keeper.found_afterwards(finding.event, finding.key, finding.reason)
            names = ("zone", "rule", "minute")
            judged = [
                {**dict(zip(names, key, strict=True)), "verdict": verdict}
                for key, verdict in outcome.judgements.items()
            ]
            upsert(connection, JUDGEMENTS, judged)
            upsert(connection, RULE_STATES, self._judge.state_rows(outcome.moved))
            upsert(connection, RUNNER_CURSORS, [{"name": CURSOR, "value": cursor}])

    def _keeper(self, connection: sa.Connection) -> CaseKeeper:
        return CaseKeeper(connection, self._register.snapshot(), self._link_base, self._clock.now())

    def _remember(self) -> None:
        """Take up what is stored: at the start, and after a write that failed."""
        with self._engine.connect() as connection:
            states: dict[Key, Any] = {
                (row.zone, row.rule): row.state for row in connection.execute(sa.select(RULE_STATES))
            }
            query = sa.select(RUNNER_CURSORS.c.value).where(RUNNER_CURSORS.c.name == CURSOR)
            self.cursor = connection.execute(query).scalar() or 0
        silent = {zone: state for (zone, rule), state in states.items() if rule == SILENCE}
        judged = {key: state for key, state in states.items() if key[1] != SILENCE}
        self._judge = Judge(self._packs, self._live_age_s, judged)
        self._watch = Watch(self._packs, self._started_at, silent)


def run(settings: Settings, stop: threading.Event) -> None:
    """Judge and tell until told to stop. Raises PackError or DatabaseError when it cannot begin."""
    packs = load_packs()
    clock = clock_from(settings)
    engine = open_database(settings.data_dir)
    try:
        migrate(engine)
        register = Register(engine, clock.now)
        series = _open_series(settings, stop)
        if series is None:
            return
        notifier = AppriseNotifier(settings.webhook_allow)
        deliverer = threading.Thread(
            target=deliver, args=(engine, register, notifier, clock, stop), name="delivery"
        )
        deliverer.start()
        try:
            cycle = AlertCycle(
                engine,
                register,
                series,
                packs,
                clock=clock,
                link_base=settings.link_base,
                live_age_s=settings.live_age_s,
            )
            _loop(cycle, settings, engine, stop)
        finally:
            stop.set()
            deliverer.join()
            series.close()
    finally:
        engine.dispose()


def deliver(
    engine: sa.Engine, register: Register, notifier: Notifier, clock: Clock, stop: threading.Event
) -> None:
    """Deliver due notices until told to stop; a thread's body."""

    def contacts(person: str) -> tuple[Contact, ...]:
        return register.snapshot().contacts(int(person))

    delivery = Delivery(NoticeOutbox(engine, contacts), notifier, clock.now)
    recovered = False
    while not stop.is_set():
        try:
            if not recovered:
                delivery.recover()
                recovered = True
            for outcome in delivery.pass_once(stopped=stop.is_set):
                NOTICES_METRIC.labels(outcome).inc()
        except Exception:  # noqa: BLE001 - outermost loop of the thread: a locked database must not end it
            _log.exception("delivery failed; trying again")
            stop.wait(1.0)
        stop.wait(POLL_S)


def _loop(cycle: AlertCycle, settings: Settings, engine: sa.Engine, stop: threading.Event) -> None:
    looked = beaten = float("-inf")
    while not stop.is_set():
        judged = 0
        try:
            judged = cycle.judge_new()
            if time.monotonic() - looked >= CLOCK_LOOK_S:
                looked = time.monotonic()
                cycle.look_at_clock()
            if time.monotonic() - beaten >= BEAT_S:
                beaten = time.monotonic()
                _beat(cycle, settings, engine)
        except Exception:  # noqa: BLE001 - outermost loop: nothing was lost, everything is tried again
            _log.exception("judging failed; trying again")
            stop.wait(1.0)
        if judged < ROWS_AT_ONCE:
            stop.wait(POLL_S)


def _beat(cycle: AlertCycle, settings: Settings, engine: sa.Engine) -> None:
    with engine.connect() as connection:
        running = connection.execute(
            sa.select(sa.func.count()).select_from(CASES).where(CASES.c.state.in_(("open", "cleared")))
        ).scalar_one()
        waiting = connection.execute(
            sa.select(sa.func.count()).select_from(NOTICES).where(NOTICES.c.state == "waiting")
        ).scalar_one()
    CASES_OPEN.set(running)
    beat(settings.data_dir, "alerts", cursor=cycle.cursor, cases=running, notices_waiting=waiting)


def _open_series(settings: Settings, stop: threading.Event) -> SeriesReader | None:
    """Wait for the projector to make the series store; None when told to stop meanwhile."""
    pause = POLL_S
    while not stop.is_set():
        try:
            return open_series(settings.data_dir, read_only=True)
        except SeriesError as error:
            _log.info("waiting for the series store: %s", error)
            beat(settings.data_dir, "alerts", waiting_for="series")
        stop.wait(pause)
        pause = min(2 * pause, 5.0)
    return None
