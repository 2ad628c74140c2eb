"""The alerts runner: judging in a loop, and the delivery of notices in a thread of its own."""

import fcntl
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa

from alert_rules.delivery import Delivery
from alert_rules.notifier import AppriseNotifier
from alert_rules.pack_format import load_packs
from alert_rules.pack_model import Pack
from alert_rules.ports import Notifier
from ingest_service.alert_cycle import ROWS_AT_ONCE, AlertCycle
from ingest_service.cases.outbox import NoticeOutbox
from ingest_service.cases.schema import CASES, NOTICES
from ingest_service.catching_up import CatchingUp
from ingest_service.clock import Clock, clock_from
from ingest_service.heartbeat import beat
from ingest_service.metrics import CASES_OPEN
from ingest_service.metrics import NOTICES as NOTICES_METRIC
from ingest_service.register.entries import Contact
from ingest_service.register.store import Register
from ingest_service.series.port import SeriesError, SeriesReader
from ingest_service.settings import Settings
from ingest_service.stores import open_database_of, open_ledger_of, open_series_of

__all__ = ["ROWS_AT_ONCE", "AlertCycle", "deliver", "run"]

POLL_S: Final = 0.1
CLOCK_LOOK_S: Final = 0.5
BEAT_S: Final = 1.0
LOCK_NAME: Final = "alerts.lock"

_log = logging.getLogger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Judge and tell until told to stop. Raises PackError or DatabaseError when it cannot begin.

    A second runner on the same data directory waits until the first has ended: two would tell people twice.
    """
    packs = load_packs(packs_dir=settings.packs_dir)
    engine = open_database_of(settings)
    try:
        with _alone(settings, stop) as alone:
            if alone:
                _run(settings, packs, engine, stop)
    finally:
        engine.dispose()


def _run(settings: Settings, packs: Sequence[Pack], engine: sa.Engine, stop: threading.Event) -> None:
    clock = clock_from(settings)
    register = Register(engine, clock.now)
    series = _open_series(settings, stop)
    if series is None:
        return
    ledger = open_ledger_of(settings)
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
            keep_days=settings.keep_exposures_days,
            devices=ledger,
            catching_up=CatchingUp(ledger, series, clock).since,
        )
        _loop(cycle, settings, engine, stop)
    finally:
        stop.set()
        deliverer.join()
        series.close()
        ledger.close()


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


@contextmanager
def _alone(settings: Settings, stop: threading.Event) -> Iterator[bool]:
    """Wait to be the only alerts runner of a data directory; False when told to stop meanwhile."""
    with (settings.data_dir / LOCK_NAME).open("a") as lock:
        told = False
        while not stop.is_set():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not told:
                    _log.warning("another alerts runner works on %s: waiting", settings.data_dir)
                told = True
                stop.wait(BEAT_S)
                continue
            yield True
            return
        yield False


def _open_series(settings: Settings, stop: threading.Event) -> SeriesReader | None:
    """Wait for the projector to make the series store; None when told to stop meanwhile."""
    pause = POLL_S
    while not stop.is_set():
        try:
            return open_series_of(settings, read_only=True)
        except SeriesError as error:
            _log.info("waiting for the series store: %s", error)
            beat(settings.data_dir, "alerts", waiting_for="series")
        stop.wait(pause)
        pause = min(2 * pause, 5.0)
    return None
