"""What time the service thinks it is: the wall clock, or simulated time in demo and training."""

import time
from typing import Protocol

from ingest_service.settings import Settings
from osh_domain.scaled_time import ScaledTime


class Clock(Protocol):
    """Tells the instant [s since 1970 UTC]; ``rate``: how much faster it runs than real time."""

    @property
    def rate(self) -> float: ...

    def now(self) -> float: ...


class WallClock:
    """The machine's own clock."""

    rate = 1.0

    def now(self) -> float:
        return time.time()


class ScaledClock:
    """Simulated time that runs along the wall clock at a fixed rate."""

    def __init__(self, scale: ScaledTime) -> None:
        self._scale = scale
        self.rate = scale.rate

    def now(self) -> float:
        return self._scale.at(time.time())


def clock_from(settings: Settings) -> Clock:
    """The clock the settings ask for."""
    return WallClock() if settings.clock is None else ScaledClock(ScaledTime.parse(settings.clock))
