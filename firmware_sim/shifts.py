"""When a simulated factory works: shifts, breaks and the weekly day off, in the site's own time zone."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cached_property
from zoneinfo import ZoneInfo

RAMP_S = 240.0  # people take about four minutes to settle at their places or to leave them


@dataclass(frozen=True)
class Roster:
    """One shift a day that does not cross midnight. `days` are weekdays, 0 = Monday."""

    timezone: str
    start: time
    end: time
    breaks: tuple[tuple[time, time], ...]
    days: frozenset[int] = frozenset({0, 1, 2, 3, 4, 5})

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def local_seconds(self, t: float) -> tuple[int, float]:
        """(weekday, 0 = Monday; seconds since local midnight by the wall clock)."""
        local = datetime.fromtimestamp(t, UTC).astimezone(self.zone)
        return (
            local.weekday(),
            local.hour * 3600 + local.minute * 60 + local.second + local.microsecond * 1e-6,
        )

    def presence(self, t: float) -> float:
        """Share of the people who are in the building: 1 in the shift, a quarter stays inside in a break."""
        return max(self._inside(t), 0.25 * self._on_shift(t))

    def work(self, t: float) -> float:
        """Share of the machines that may run: 0 outside the shift and in breaks."""
        return self._inside(t)

    def fans(self, t: float) -> float:
        """1 while the hall is ventilated: the whole shift with its breaks."""
        return self._on_shift(t)

    def _on_shift(self, t: float) -> float:
        day, now = self.local_seconds(t)
        if day not in self.days:
            return 0.0
        return _within(now, _seconds(self.start), _seconds(self.end))

    def _inside(self, t: float) -> float:
        day, now = self.local_seconds(t)
        if day not in self.days:
            return 0.0
        share = _within(now, _seconds(self.start), _seconds(self.end))
        for begin, end in self.breaks:
            share = min(share, 1.0 - _within(now, _seconds(begin), _seconds(end)))
        return share


def _seconds(clock: time) -> float:
    return clock.hour * 3600.0 + clock.minute * 60.0


def _within(now: float, begin: float, end: float) -> float:
    """1 inside [begin, end], 0 outside, with a ramp that begins at each end."""
    if now < begin or now > end + RAMP_S:
        return 0.0
    return min(1.0, (now - begin) / RAMP_S, (end + RAMP_S - now) / RAMP_S)
