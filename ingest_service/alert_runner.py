"""The alerts runner: judging by turns, and the delivery of notices in a thread of its own."""

import contextlib
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
from ingest_service.cases.day_lines import DayLines, tell_days
from ingest_service.cases.outbox import LIVING, NoticeOutbox
from ingest_service.cases.schema import CASES, NOTICES
from ingest_service.catching_up import CatchingUp
from ingest_service.clock import Clock, clock_from
from ingest_service.heartbeat import Beats, beats_of
from ingest_service.leases import Fence, Leases
from ingest_service.ledger.port import Ledger
from ingest_service.metrics import CASES_OPEN
from ingest_service.metrics import NOTICES as NOTICES_METRIC
from ingest_service.overview_keeping import keep_overview
from ingest_service.passing import Complaint
from ingest_service.register.entries import Contact
from ingest_service.register.of_shard import RegisterOfShard
from ingest_service.register.store import Register
from ingest_service.series.port import SeriesError, SeriesReader
from ingest_service.settings import Settings
from ingest_service.shard_work import Part, is_divided, kept, leases_of, work
from ingest_service.stores import open_database_of, open_ledger_of, open_series_of
from ingest_service.views.keeping import ViewKeeper

__all__ = ["ROWS_AT_ONCE", "AlertCycle", "deliver", "run"]

POLL_S: Final = 0.1
CLOCK_LOOK_S: Final = 0.5
BEAT_S: Final = 1.0
VIEWS_S: Final = 60.0
RECOVER_S: Final = 2.0
LOCK_NAME: Final = "alerts.lock"

_log = logging.getLogger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Judge and tell until told to stop: everything, or the shards that the leases give to this process.

    A second runner on the same data directory waits until the first has ended: two would tell people twice.
    Raises PackError or DatabaseError when it cannot begin.
    """
    packs = load_packs(packs_dir=settings.packs_dir)
    engine = open_database_of(settings)
    try:
        with _alone(settings, engine, stop) as alone:
            if alone:
                _run(settings, packs, engine, stop)
    finally:
        engine.dispose()


def _run(settings: Settings, packs: Sequence[Pack], engine: sa.Engine, stop: threading.Event) -> None:
    clock = clock_from(settings)
    register = Register(engine, clock.now)
    ledger = open_ledger_of(settings)
    beats = beats_of(engine, settings.data_dir)
    leases = leases_of(settings, engine, LIVING)
    views = ViewKeeper(engine, packs, settings.link_base)
    notifier = AppriseNotifier(settings.webhook_allow)
    deliverer = threading.Thread(
        target=deliver, args=(engine, register, notifier, clock, stop, leases), name="delivery"
    )

    def open_part(shard: int | None, fence: Fence) -> Part:
        return _Judging(settings, packs, engine, register, ledger, clock, views, shard, fence)

    lines = DayLines(engine, register, ledger, settings.link_base)
    days = threading.Thread(target=tell_days, args=(lines, clock, stop), name="day lines")
    overview = threading.Thread(
        target=keep_overview, args=(settings, engine, register, ledger, packs, stop), name="overview"
    )
    try:
        if is_divided(settings) or _wait_for_series(settings, beats, stop):
            with kept(leases):  # until nothing is being sent any more
                deliverer.start()
                overview.start()
                if settings.mail_day_lines:
                    days.start()
                try:
                    work(settings, open_part, stop, _Signs(engine, beats).beat, leases)
                finally:
                    stop.set()
                    deliverer.join()
                    overview.join()
                    if days.ident is not None:
                        days.join()
    finally:
        with contextlib.suppress(OSError):
            beats.end(LIVING)
        ledger.close()


class _Judging:
    """The judging of one shard (None: of everything) with its own view of the series."""

    def __init__(
        self,
        settings: Settings,
        packs: Sequence[Pack],
        engine: sa.Engine,
        register: Register,
        ledger: Ledger,
        clock: Clock,
        views: ViewKeeper,
        shard: int | None,
        fence: Fence,
    ) -> None:
        self.pause_s = 0.0
        self._register, self._shard = RegisterOfShard(register, shard), shard
        self._views, self._clock = views, clock
        self._looked = self._viewed = float("-inf")
        self._series: SeriesReader = open_series_of(settings, read_only=True, shard=shard)
        try:
            self.cycle = AlertCycle(
                engine,
                self._register,
                self._series,
                packs,
                clock=clock,
                link_base=settings.link_base,
                live_age_s=settings.live_age_s,
                keep_days=settings.keep_exposures_days,
                devices=ledger,
                catching_up=CatchingUp(ledger, self._series, clock, shards=(shard,)).since,
                shard=shard,
                fence=fence,
            )
        except BaseException:
            self._series.close()
            raise

    def step(self) -> None:
        judged = self.cycle.judge_new()
        if time.monotonic() - self._looked >= CLOCK_LOOK_S:
            self._looked = time.monotonic()
            self.cycle.look_at_clock()
        if time.monotonic() - self._viewed >= VIEWS_S:
            self._viewed = time.monotonic()
            self._views.keep(self._register.snapshot(), self._clock.now(), self._shard)
        self.pause_s = 0.0 if judged >= ROWS_AT_ONCE else POLL_S

    def close(self) -> None:
        self._series.close()


class _Signs:
    """The signs of life of the process, at most one a second."""

    def __init__(self, engine: sa.Engine, beats: Beats) -> None:
        self._engine, self._beats = engine, beats
        self._next = float("-inf")

    def beat(self, parts: dict[int, Part]) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + BEAT_S
        judging = [part for part in parts.values() if isinstance(part, _Judging)]
        try:
            running, waiting = self._counts()
            CASES_OPEN.set(running)
            told = {"cases": running, "notices_waiting": waiting, "shards": len(judging)}
            cursor = max((part.cycle.cursor for part in judging), default=0)
            self._beats.beat(LIVING, cursor=cursor, **told)
        except (OSError, sa.exc.SQLAlchemyError) as error:
            _log.warning("the sign of life cannot be written: %s", type(error).__name__)

    def _counts(self) -> tuple[int, int]:
        """Cases that are not closed, and notices that wait: of the whole installation."""
        cases = sa.select(sa.func.count()).select_from(CASES).where(CASES.c.state.in_(("open", "cleared")))
        notices = sa.select(sa.func.count()).select_from(NOTICES).where(NOTICES.c.state == "waiting")
        with self._engine.connect() as connection:
            return connection.execute(cases).scalar_one(), connection.execute(notices).scalar_one()


def deliver(
    engine: sa.Engine,
    register: Register,
    notifier: Notifier,
    clock: Clock,
    stop: threading.Event,
    leases: Leases | None = None,
) -> None:
    """Deliver due notices until told to stop; a thread's body. `leases`: those of this process, where several
    deliver."""

    def contacts(person: str) -> tuple[Contact, ...]:
        return register.snapshot().contacts(int(person))

    outbox = NoticeOutbox(engine, contacts, holder=leases.holder if leases else None)
    delivery = Delivery(outbox, notifier, clock.now)

    def stopped() -> bool:
        # Of whom the others do not know that it lives they take over what it begins to send.
        return stop.is_set() or (leases is not None and not leases.lives())

    recovered, complaint = float("-inf"), Complaint(_log, "the delivery of notices")
    while not stop.is_set():
        try:
            # Alone, only what an earlier process left can have been interrupted.
            if time.monotonic() - recovered >= (RECOVER_S if leases else float("inf")):
                delivery.recover()
                recovered = time.monotonic()
            for outcome in delivery.pass_once(stopped=stopped):
                NOTICES_METRIC.labels(outcome).inc()
            complaint.over()
        except Exception as error:  # noqa: BLE001 - outermost loop of the thread: nothing must end it
            complaint.about(error)
            stop.wait(1.0)
        stop.wait(POLL_S)


@contextmanager
def _alone(settings: Settings, engine: sa.Engine, stop: threading.Event) -> Iterator[bool]:
    """Wait to be the only alerts runner of a data directory; False when told to stop meanwhile.

    With a database on a server the leases see to it that nothing is told twice.
    """
    if engine.dialect.name != "sqlite":
        yield True
        return
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


def _wait_for_series(settings: Settings, beats: Beats, stop: threading.Event) -> bool:
    """Wait for the projector to make the series store; False when told to stop meanwhile."""
    pause = POLL_S
    while not stop.is_set():
        try:
            open_series_of(settings, read_only=True).close()
        except SeriesError as error:
            _log.info("waiting for the series store: %s", error)
            with contextlib.suppress(OSError):
                beats.beat(LIVING, waiting_for="series")
        else:
            return True
        stop.wait(pause)
        pause = min(2 * pause, 5.0)
    return False
