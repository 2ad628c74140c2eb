"""A process that looks after some of the shards, by turns, as the leases have it.

Where there is one process for everything (SQLite) the same loop runs one part that nobody can take away.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import sqlalchemy as sa
import structlog

from ingest_service.database import DatabaseError
from ingest_service.leases import Fence, LeaseLostError, Leases, no_fence
from ingest_service.leasing import Lease
from ingest_service.ledger.port import LedgerError
from ingest_service.series.port import SeriesError
from ingest_service.settings import Settings
from ingest_service.shards import SHARDS

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 15.0
LONGEST_WAIT_S: Final = 0.25
"""How soon after a change of the leases the work changes."""
log = structlog.get_logger(__name__)


class Part(Protocol):
    """The work on one shard. `pause_s`: how long to wait after a step before the next."""

    @property
    def pause_s(self) -> float: ...

    def step(self) -> None: ...

    def close(self) -> None: ...


OpenPart = Callable[[int | None, Fence], Part]
"""Opens the work on a shard (None: on everything); each writing transaction begins with the fence."""


@dataclass(slots=True)
class _Slot:
    lease: Lease
    part: Part | None = None
    due: float = float("-inf")
    pause_s: float = 0.0


class Troubles:
    """Stores that do not answer, as they are told: once for all shards that have the same trouble."""

    def __init__(self) -> None:
        self._of: dict[int, str] = {}

    def tell(self, shard: int, error: Exception) -> bool:
        """Say what the work waits for, if it is not said; False for an error that is none of a store."""
        reason = store_trouble(error)
        if reason is None:
            return False
        if reason not in self._of.values():
            log.error("the work waits for a store; nothing is lost", reason=reason)
        self._of[shard] = reason
        return True

    def over(self, shard: int) -> None:
        if self._of.pop(shard, None) is not None and not self._of:
            log.info("the work goes on")


def store_trouble(error: Exception) -> str | None:
    """The sentence of an error that only means that a store does not answer now; None for any other."""
    if isinstance(error, SeriesError | LedgerError | DatabaseError):
        return str(error)
    if isinstance(error, sa.exc.OperationalError):  # the message is the server's own, without the address
        return f"The database does not answer as it should: {str(error.orig).strip().partition(chr(10))[0]}"
    return None


class ShardWork:
    """The parts of the shards that this process holds. `round` gives each that is due its turn."""

    def __init__(
        self,
        leases: Leases,
        open_part: OpenPart,
        *,
        divided: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`divided` False: there is one lease, on everything."""
        self._leases, self._open, self._divided, self._monotonic = leases, open_part, divided, monotonic
        self._slots: dict[int, _Slot] = {}
        self._troubles = Troubles()

    @property
    def parts(self) -> dict[int, Part]:
        """The parts that are open, by shard."""
        return {shard: slot.part for shard, slot in self._slots.items() if slot.part is not None}

    def round(self, between: Callable[[], None] = lambda: None) -> float:
        """One turn for every part that is due; returns how long to wait [s]. `between`: called after each."""
        self._follow()
        now = self._monotonic()
        for shard in list(self._slots):
            slot = self._slots.get(shard)
            if slot is not None and slot.due <= now:
                self._step(shard, slot)
                between()
                self._follow()  # who newly joined need not wait for the whole round
        now = self._monotonic()
        wait = min((slot.due - now for slot in self._slots.values()), default=LONGEST_WAIT_S)
        return max(0.0, min(wait, LONGEST_WAIT_S))

    def close(self) -> None:
        """End every part, so that the leases may be left."""
        for shard in list(self._slots):
            self._drop(shard)

    def _follow(self) -> None:
        held = self._leases.held()
        for shard, slot in list(self._slots.items()):
            if shard not in held or held[shard].term != slot.lease.term:
                self._drop(shard)
        for shard in self._leases.surplus:
            if shard in held:
                self._drop(shard)
                self._leases.give_up(shard)
                del held[shard]
        for shard, lease in held.items():
            if shard not in self._slots:
                self._slots[shard] = _Slot(lease)

    def _step(self, shard: int, slot: _Slot) -> None:
        try:
            if slot.part is None:
                slot.part = self._open(shard if self._divided else None, self._leases.fence(slot.lease))
            slot.part.step()
            slot.due, slot.pause_s = self._monotonic() + slot.part.pause_s, 0.0
            self._troubles.over(shard)
        except LeaseLostError as lost:
            log.warning("another process took over", reason=str(lost))
            self._drop(shard)
            self._leases.forget(shard)
        except Exception as error:  # outermost loop: one shard's trouble must not keep the others waiting
            if not self._troubles.tell(shard, error) and not slot.pause_s:
                log.exception("the work on a shard failed; it is begun anew", shard=shard)
            slot.pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, 2 * slot.pause_s))
            slot.due = self._monotonic() + slot.pause_s
            _close(slot)

    def _drop(self, shard: int) -> None:
        slot = self._slots.pop(shard, None)
        if slot is not None:
            self._troubles.over(shard)
            _close(slot)


def is_divided(settings: Settings) -> bool:
    """Whether the sites are divided among processes: with a database and a series that are both servers."""
    return settings.database_url is not None and settings.influx_url is not None


def shards_of(settings: Settings) -> tuple[int | None, ...]:
    """The shards of an installation; (None,) where it is in one piece."""
    return tuple(range(SHARDS)) if is_divided(settings) else (None,)


def leases_of(settings: Settings, engine: sa.Engine, kind: str) -> Leases | None:
    """The leases of a kind of runners as this process has them; None where one process does everything."""
    if engine.dialect.name == "sqlite":
        return None
    return Leases(engine, kind, shards=range(SHARDS) if is_divided(settings) else (0,))


def work(
    settings: Settings,
    open_part: OpenPart,
    stop: threading.Event,
    beat: Callable[[dict[int, Part]], None],
    leases: Leases | None,
) -> None:
    """Look after what is to be looked after until the event is set.

    Without leases that is everything, always, and an error while it is first opened comes out, unless a
    server may be what is missing. Else it is what they say; they are `kept` meanwhile. `beat` is called
    between steps with the parts that are open.
    """
    if leases is None:
        _work_alone(open_part, stop, beat, patient=settings.influx_url is not None)
        return
    shards = ShardWork(leases, open_part, divided=is_divided(settings))
    try:
        while not stop.is_set():
            wait = shards.round(lambda: beat(shards.parts))
            beat(shards.parts)
            stop.wait(wait)
    finally:
        shards.close()


def _work_alone(
    open_part: OpenPart, stop: threading.Event, beat: Callable[[dict[int, Part]], None], *, patient: bool
) -> None:
    slot = _Slot(Lease(0, None, 0.0, 0), None if patient else open_part(None, no_fence))
    troubles = Troubles()
    try:
        while not stop.is_set():
            try:
                slot.part = slot.part or open_part(None, no_fence)
                slot.part.step()
                slot.pause_s = slot.part.pause_s
                troubles.over(0)
            except Exception as error:  # outermost loop: nothing is lost, everything is tried again
                if not troubles.tell(0, error):
                    log.exception("the work failed; it is begun anew")
                slot.pause_s = FIRST_PAUSE_S
                _close(slot)
            beat({0: slot.part} if slot.part is not None else {})
            stop.wait(slot.pause_s)
    finally:
        _close(slot)


def _close(slot: _Slot) -> None:
    part, slot.part = slot.part, None
    if part is None:
        return
    try:
        part.close()
    except Exception:  # whatever is wrong with its stores, it is given up
        log.exception("the work on a shard did not end in order")


@contextmanager
def kept(leases: Leases | None) -> Iterator[None]:
    """Renew the leases in a thread of its own while the block runs; give them up at its end."""
    if leases is None:
        yield
        return
    ended = threading.Event()
    keeper = threading.Thread(target=leases.keep, args=(ended,), name="leases", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()
        try:
            leases.leave()
        except sa.exc.SQLAlchemyError as error:
            log.warning("the leases run out by themselves", reason=type(error).__name__)


class _Turn(threading.Event):
    """Looks like the event that ends the service, but lets only the holder of the lease past its `wait`."""

    def __init__(self, stop: threading.Event, leases: Leases) -> None:
        super().__init__()
        self._stop, self._leases = stop, leases

    def is_set(self) -> bool:
        return self._stop.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        if self._stop.wait(timeout):
            return True
        while 0 not in self._leases.held():
            if self._stop.wait(LONGEST_WAIT_S):
                return True
        return False


@contextmanager
def one_of_many(engine: sa.Engine, what: str, stop: threading.Event) -> Iterator[threading.Event]:
    """For what exactly one of several processes is to do: an event to be waited for in place of `stop`.

    Its `wait` returns True at the end, and False when the time is over and it is this process that does it.
    """
    if engine.dialect.name == "sqlite":
        yield stop
        return
    leases = Leases(engine, what, shards=(0,))
    with kept(leases):
        yield _Turn(stop, leases)
