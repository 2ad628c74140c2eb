"""The projector runner: ledger rows become points of the series, then the rollup is given its turn."""

from __future__ import annotations

import contextlib
import threading
import time

import structlog

from ingest_service import heartbeat, metrics
from ingest_service.clock import clock_from
from ingest_service.exposure_rollup import Rollup
from ingest_service.ledger.port import Ledger, LedgerError
from ingest_service.projection import CURSOR, Projector
from ingest_service.register.store import Register
from ingest_service.retention import Keep, Retention, protected_zones
from ingest_service.rollup.zone_roll import GRACE_S
from ingest_service.series.port import SeriesError, SeriesStore
from ingest_service.settings import Settings
from ingest_service.stores import open_database_of, open_ledger_of, open_series_of

PORTION = 500
IDLE_S = 0.1
ROLLUP_EVERY_S = 0.25
BEAT_S = 1.0
LONGEST_PAUSE_S = 15.0
# In simulated time a minute may pass in half a second; a batch still needs this long to get here.
REAL_GRACE_S = 5.0
log = structlog.get_logger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Project until the event is set. Raises LedgerError or SeriesError when a file cannot be opened."""
    clock = clock_from(settings)
    with contextlib.ExitStack() as owned:
        ledger = open_ledger_of(settings, read_only=True)
        owned.callback(ledger.close)
        series = open_series_of(settings)
        owned.callback(series.close)
        _start_anew_behind(ledger, series)
        engine = open_database_of(settings)
        owned.callback(engine.dispose)
        register = Register(engine)
        projector = Projector(ledger, series, register.snapshot)
        rollup = Rollup(series, register, grace_s=max(GRACE_S, REAL_GRACE_S * clock.rate))
        retention = Retention(series, register.snapshot, protected_zones(engine), Keep.of(settings))
        loop = Loop(settings, ledger, projector, rollup, retention)
        while not stop.is_set():
            loop.step(clock.now())
            stop.wait(loop.pause_s)


def _start_anew_behind(ledger: Ledger, series: SeriesStore) -> None:
    """A series that has more than the ledger stands on rows of a ledger that is no more: an older backup was
    restored. What comes now would be passed over, so the series is made again."""
    if series.cursor(CURSOR) > ledger.last_row():
        log.warning("the series is ahead of the ledger: it is made again", ledger_rows=ledger.last_row())
        series.wipe()


def rebuild(settings: Settings) -> None:
    """Empty the series: the projector builds it again from the first ledger row.

    For use while the service is stopped, after the register was mended (a foreign name, a key).
    """
    series = open_series_of(settings)
    try:
        series.wipe()
    finally:
        series.close()


class Loop:
    """Projector, rollup, retention and sign of life by turns; ``pause_s``: how long to wait before the next
    step."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        projector: Projector,
        rollup: Rollup,
        retention: Retention | None = None,
    ) -> None:
        self.pause_s = 0.0
        self._settings = settings
        self._ledger = ledger
        self._projector = projector
        self._rollup = rollup
        self._retention = retention
        self._rolled_at = 0.0
        self._next_beat = 0.0
        self._trouble: str | None = None
        self._trouble_pause_s = 0.0

    def step(self, now: float) -> None:
        """Project one portion, roll up when it is due, and tell how it goes."""
        try:
            taken = self._projector.step(PORTION)
            metrics.PROJECTED_ROWS.inc(taken)
            more = self._roll_up(now, caught_up=taken < PORTION)
            if not taken and not more:
                self._thin_out(now)
            self.pause_s = 0.0 if taken == PORTION or more else IDLE_S
            self._tell_trouble(None)
        except (LedgerError, SeriesError) as error:
            self._tell_trouble(str(error))
            self._trouble_pause_s = min(LONGEST_PAUSE_S, max(1.0, self._trouble_pause_s * 2))
            self.pause_s = self._trouble_pause_s
        self._beat()

    def _roll_up(self, now: float, *, caught_up: bool) -> bool:
        """Give the rollup its turn when it is due; whether it may have more to do at once."""
        begun = time.monotonic()
        if begun - self._rolled_at < ROLLUP_EVERY_S:
            return False
        report = self._rollup.cycle(now, caught_up=caught_up)
        self._rolled_at = time.monotonic()
        metrics.ROLLUP.observe(self._rolled_at - begun)
        return not report.idle

    def _thin_out(self, now: float) -> None:
        """With nothing else to do: delete a little of what need not be kept."""
        if self._retention is not None and self._retention.step(now):
            self._rollup.follow_thinning()

    def _tell_trouble(self, trouble: str | None) -> None:
        if trouble is None:
            if self._trouble is not None:
                log.info("projecting again")
            self._trouble_pause_s = 0.0
        elif trouble != self._trouble:
            log.error("the projection waits; nothing is lost, the ledger has it", reason=trouble)
        self._trouble = trouble

    def _beat(self) -> None:
        now = time.monotonic()
        if now < self._next_beat:
            return
        self._next_beat = now + BEAT_S
        try:
            cursor, last = self._projector.cursor, self._ledger.last_row()
            metrics.PROJECTOR_LAG.set(last - cursor)
            heartbeat.beat(
                self._settings.data_dir, "projector", cursor=cursor, lag=last - cursor, trouble=self._trouble
            )
        except (OSError, LedgerError, SeriesError) as error:
            log.warning("the sign of life cannot be written", reason=str(error))
