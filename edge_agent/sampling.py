"""When each sensor is read, and what becomes of a failed read.

One `SensorRun` is one sensor: due at grid instants of wall time, opened late, closed after three failures in
a row and tried again with growing pauses. It blocks only as long as its own driver; sensors of one bus are
read one after the other, buses do not know of each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from edge_agent.driver import DeviceInfo, Driver, DriverError, Fault, Sample
from edge_agent.journal import Journal
from edge_agent.timekeeping import Timekeeper

FAILURES_TO_CLOSE = 3
log = Journal(__name__)


@dataclass(frozen=True)
class Backoff:
    """Pauses between attempts to open a sensor again, in s: `first` times 2^k, at most `longest`."""

    first: float = 5.0
    longest: float = 300.0

    def pause(self, k: int) -> float:
        return min(self.longest, self.first * 2.0 ** min(k, 30))


class Opened(NamedTuple):
    """A sensor answered who it is."""

    sensor: str
    device: DeviceInfo


class Taken(NamedTuple):
    """One read: at boot time `mono`, either samples or the word for what went wrong."""

    sensor: str
    mono: float
    samples: Sequence[Sample]
    fault: Fault | None
    detail: str


Event = Opened | Taken


class SensorRun:
    """The life of one sensor. `run(now)` is called by exactly one thread."""

    def __init__(
        self,
        sensor: str,
        driver: Driver,
        period_s: float,
        timekeeper: Timekeeper,
        *,
        backoff: Backoff = Backoff(),
    ) -> None:
        self.sensor = sensor
        self._driver = driver
        self._period_s = period_s
        self._timekeeper = timekeeper
        self._backoff = backoff
        self._open = False
        self._failures = 0
        self._reopenings = 0
        self._dead = False
        self._not_before = -math.inf  # boot time before which a closed sensor is left alone
        self._due = self._grid(timekeeper.wall() - 1e-6)

    def due(self) -> float:
        """The next wall instant at which this sensor has something to do; infinite when it never will."""
        if self._dead:
            return math.inf
        if self._open:
            return self._due
        waiting = self._not_before + self._timekeeper.state.off
        return max(self._due, self._grid(waiting)) if waiting > self._due else self._due

    def run(self, now: float) -> list[Event]:
        """Do what is due at wall instant `now`: open if closed, then read once."""
        if self._due - now > self._period_s:
            self._due = self._grid(now)  # the clock was set back: do not stay silent until it has caught up
        if now < self.due():
            return []
        self._due = self._grid(now)
        mono = self._timekeeper.clock.boot_time()
        try:
            events: list[Event] = [] if self._open else [Opened(self.sensor, self._driver.open())]
            self._open = True
            samples = self._driver.read()
        except DriverError as error:
            return [self._failed(error, mono)]
        except Exception as error:
            log.exception("a driver failed in a way it should not", sensor=self.sensor)
            return [self._failed(DriverError("fault", f"{type(error).__name__}: {error}"), mono)]
        self._failures = self._reopenings = 0
        if samples:
            events.append(Taken(self.sensor, mono, samples, None, ""))
        return events

    def close(self) -> None:
        """Leave the device safe; may be called twice."""
        self._open = False
        self._driver.close()

    def _failed(self, error: DriverError, mono: float) -> Taken:
        self._failures += 1
        if error.permanent:
            self._dead = True
            self.close()
        elif not self._open or self._failures >= FAILURES_TO_CLOSE:
            self.close()
            pause = self._backoff.pause(self._reopenings)
            self._not_before = mono + pause
            self._reopenings += 1
            self._failures = 0
            log.warning(
                "sensor closed", sensor=self.sensor, code=error.code, reason=str(error), pause_s=pause
            )
        return Taken(self.sensor, mono, (), error.code, str(error))

    def _grid(self, after: float) -> float:
        """The first multiple of the period later than a wall instant."""
        return (math.floor(after / self._period_s + 1e-9) + 1) * self._period_s


class Sampler:
    """All sensors of a gateway, in steps: for the simulator, and for a bus thread with its own few."""

    def __init__(self, runs: Sequence[SensorRun]) -> None:
        self.runs = tuple(runs)

    def next_due(self) -> float:
        return min((run.due() for run in self.runs), default=math.inf)

    def run_due(self, now: float, hand_over: Callable[[Event], None]) -> int:
        """Read every sensor that is due; answers how many reads were made."""
        reads = 0
        for run in self.runs:
            for event in run.run(now):
                reads += isinstance(event, Taken)
                hand_over(event)
        return reads

    def close(self) -> None:
        for run in self.runs:
            run.close()
