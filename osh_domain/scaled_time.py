"""Time that runs faster than the wall clock, so that a whole demo can share one simulated day."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScaledTime:
    """Simulated time [s since 1970 UTC] as a straight line over wall time [s since 1970 UTC].

    Written as text ``rate@wall_start=time_start`` so that it travels in one setting:

    >>> ScaledTime.parse("120@1000=5000").at(1001.0)
    5120.0
    """

    rate: float
    wall_start: float
    time_start: float

    def at(self, wall: float) -> float:
        """The simulated instant at the given wall instant."""
        return self.time_start + (wall - self.wall_start) * self.rate

    def wall_of(self, time: float) -> float:
        """The wall instant at which the simulated instant comes."""
        return self.wall_start + (time - self.time_start) / self.rate

    @classmethod
    def parse(cls, text: str) -> "ScaledTime":
        """Read the text form; ValueError says what is wrong with it."""
        try:
            rate_text, starts = text.split("@")
            wall_text, time_text = starts.split("=")
            rate, wall, time = float(rate_text), float(wall_text), float(time_text)
        except ValueError:
            raise ValueError(
                f"{text!r} is not RATE@WALL=TIME, for example 120@1763800000=1776650400"
            ) from None
        if not 0 < rate < 1e6:
            raise ValueError(f"rate {rate:g} is not between 0 and 1,000,000")
        return cls(rate, wall, time)

    def __str__(self) -> str:
        return f"{self.rate!r}@{self.wall_start!r}={self.time_start!r}"
