"""The projector runner: ledger rows become points of the series, then the rollup is given its turn."""

from __future__ import annotations

import contextlib
import threading
import time

import sqlalchemy as sa
import structlog

from ingest_service import heartbeat, metrics
from ingest_service.clock import Clock, clock_from
from ingest_service.exposure_rollup import Rollup
from ingest_service.leases import Fence
from ingest_service.ledger.port import Ledger, LedgerError
from ingest_service.projection import Projector, stands_on
from ingest_service.register.of_shard import RegisterOfShard
from ingest_service.register.store import Register
from ingest_service.retention import Keep, Retention, protected_zones
from ingest_service.rollup.zone_roll import GRACE_S
from ingest_service.row_guard import RowGuard
from ingest_service.series.port import SeriesError, SeriesStore
from ingest_service.set_aside import SetAside
from ingest_service.settings import Settings
from ingest_service.shard_work import Part, is_divided, kept, leases_of, shards_of, work
from ingest_service.stores import open_database_of, open_ledger_of, open_series_of
from ingest_service.trials import FOLDER, Trials

KIND = "projector"
PORTION = 500
IDLE_S = 0.1
ROLLUP_EVERY_S = 0.25
BEAT_S = 1.0
LONGEST_PAUSE_S = 15.0
# In simulated time a minute may pass in half a second; a batch still needs this long to get here.
REAL_GRACE_S = 5.0
log = structlog.get_logger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Project until the event is set: everything, or the shards that the leases give to this process.

    Raises DatabaseError, LedgerError or SeriesError when a store cannot be opened.
    """
    clock = clock_from(settings)
    with contextlib.ExitStack() as owned:
        ledger = open_ledger_of(settings, read_only=True)
        owned.callback(ledger.close)
        engine = open_database_of(settings)
        owned.callback(engine.dispose)
        register = Register(engine)
        signs = _Signs(heartbeat.beats_of(engine, settings.data_dir), ledger, divided=is_divided(settings))
        owned.callback(signs.end)

        def open_part(shard: int | None, fence: Fence) -> Part:
            return _Projecting(settings, clock, ledger, engine, register, shard, fence)

        leases = leases_of(settings, engine, KIND)
        with kept(leases):
            work(settings, open_part, stop, signs.beat, leases)


class _Projecting:
    """The loop of one shard (None: of everything) with its own view of the series."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        ledger: Ledger,
        engine: sa.Engine,
        register: Register,
        shard: int | None,
        fence: Fence,
    ) -> None:
        self._clock = clock
        self._series = series = open_series_of(settings, shard=shard, fence=fence)
        try:
            _start_anew_behind(ledger, series)
            of_shard = RegisterOfShard(register, shard)
            self._trials = Trials(settings.data_dir / FOLDER / _trials_name(shard))
            guard = RowGuard(
                self._trials, SetAside(ledger, lambda: open_ledger_of(settings), clock.now, shard)
            )
            projector = Projector(ledger, series, of_shard.snapshot, shard, guard)
            rollup = Rollup(series, of_shard, grace_s=max(GRACE_S, REAL_GRACE_S * clock.rate))
            keep = Keep.of(settings)
            retention = Retention(series, of_shard.snapshot, protected_zones(engine), keep)
            self.loop = Loop(projector, rollup, retention)
        except BaseException:
            series.close()
            raise

    @property
    def pause_s(self) -> float:
        return self.loop.pause_s

    def step(self) -> None:
        self.loop.step(self._clock.now())

    def close(self) -> None:
        self._trials.close()
        self._series.close()


def _trials_name(shard: int | None) -> str:
    return KIND if shard is None else f"{KIND}-{shard}"


def _start_anew_behind(ledger: Ledger, series: SeriesStore) -> None:
    """A series that was made from rows of a ledger that is no more, because an older backup was restored, is
    made again: what comes now would be passed over."""
    if not stands_on(series, ledger):
        log.warning("the series is not this ledger's: it is made again", ledger_rows=ledger.last_row())
        series.wipe()


def rebuild(settings: Settings) -> None:
    """Empty the series: the projector builds it again from the first ledger row.

    For use while the service is stopped, after the register was mended (a foreign name, a key).
    """
    for shard in shards_of(settings):
        series = open_series_of(settings, shard=shard)
        try:
            series.wipe()
        finally:
            series.close()


class Loop:
    """Projector, rollup and retention by turns; ``pause_s``: how long to wait before the next step."""

    def __init__(self, projector: Projector, rollup: Rollup, retention: Retention | None = None) -> None:
        self.pause_s = 0.0
        self.trouble: str | None = None
        self.caught_up = False
        self._projector = projector
        self._rollup = rollup
        self._retention = retention
        self._rolled_at = 0.0
        self._trouble_pause_s = 0.0

    @property
    def cursor(self) -> int:
        """The last ledger row that is projected. SeriesError."""
        return self._projector.cursor

    def step(self, now: float) -> None:
        """Project one portion, and roll up when it is due."""
        try:
            taken = self._projector.step(PORTION)
            metrics.PROJECTED_ROWS.inc(taken)
            self.caught_up = taken < PORTION
            more = self._roll_up(now, caught_up=self.caught_up)
            if not taken and not more:
                self._thin_out(now)
            self.pause_s = 0.0 if taken == PORTION or more else IDLE_S
            self._tell_trouble(None)
        except (LedgerError, SeriesError) as error:
            self._tell_trouble(str(error))
            self._trouble_pause_s = min(LONGEST_PAUSE_S, max(1.0, self._trouble_pause_s * 2))
            self.pause_s = self._trouble_pause_s

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
            if self.trouble is not None:
                log.info("projecting again")
            self._trouble_pause_s = 0.0
        elif trouble != self.trouble:
            log.error("the projection waits; nothing is lost, the ledger has it", reason=trouble)
        self.trouble = trouble


class _Signs:
    """The signs of life of the process, at most one a second."""

    def __init__(self, beats: heartbeat.Beats, ledger: Ledger, *, divided: bool) -> None:
        self._beats, self._ledger, self._divided = beats, ledger, divided
        self._next = 0.0

    def beat(self, parts: dict[int, Part]) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + BEAT_S
        loops = [part.loop for part in parts.values() if isinstance(part, _Projecting)]
        try:
            last = self._ledger.last_row()
            # Of a shard that is caught up the rows beyond its cursor are those of others.
            behind = [loop for loop in loops if not (self._divided and loop.caught_up)]
            lag = max((last - loop.cursor for loop in behind), default=0)
            trouble = next((loop.trouble for loop in loops if loop.trouble), None)
            metrics.PROJECTOR_LAG.set(lag)
            done = {"shards": len(loops)} if self._divided else {"cursor": last - lag}
            self._beats.beat(KIND, **done, lag=lag, trouble=trouble)
        except (OSError, LedgerError, SeriesError) as error:
            log.warning("the sign of life cannot be written", reason=str(error))

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._beats.end(KIND)
