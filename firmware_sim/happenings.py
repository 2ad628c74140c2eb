"""What happens in the simulated world itself: weather, work and releases, each a function of time alone.

A happening strikes a site (`heat-wave`, `overtime`) or one zone (`solvent-release`, `co-release`, `dust`).
It changes the physics; no sensor is at fault.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

HEAT_WAVE_RAMP_S = 6 * 3600.0  # air masses change within hours
OVERTIME_RAMP_S = 240.0
RELEASE_RAMP_S = 60.0


class Happening(StrEnum):
    """Kinds of happenings."""

    HEAT_WAVE = "heat-wave"  # the weather is warmer by `amount` K
    OVERTIME = "overtime"  # people and machines work, whatever the roster says
    SOLVENT_RELEASE = "solvent-release"  # vapour that would raise a VOC index by `amount` in the long run
    CO_RELEASE = "co-release"  # carbon monoxide that would reach `amount` ppm in the long run
    DUST = "dust"  # `amount` times the usual dust from the work


AT_SITES = frozenset({Happening.HEAT_WAVE, Happening.OVERTIME})


@dataclass(frozen=True)
class Event:
    """One happening at a site or zone in [begin, end), instants in seconds since 1970 UTC."""

    kind: Happening
    place: str
    begin: float
    end: float
    amount: float = 1.0

    def share(self, t: float) -> float:
        """How much of it there is at `t`, 0 to 1, with a ramp after its beginning and after its end."""
        ramp = _RAMP.get(self.kind, RELEASE_RAMP_S)
        # Who stays on does not leave first: overtime is full at its beginning.
        lead = ramp if self.kind is Happening.OVERTIME else 0.0
        if t < self.begin - lead or t > self.end + ramp:
            return 0.0
        return min(1.0, (t - self.begin + lead) / ramp, (self.end + ramp - t) / ramp)


_RAMP = {Happening.HEAT_WAVE: HEAT_WAVE_RAMP_S, Happening.OVERTIME: OVERTIME_RAMP_S}


class Happenings:
    """The events of one place."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._by_kind: dict[Happening, list[Event]] = {}
        for event in events:
            self._by_kind.setdefault(event.kind, []).append(event)

    @property
    def empty(self) -> bool:
        return not self._by_kind

    def share(self, kind: Happening, t: float) -> float:
        """The greatest share of a kind at `t`."""
        return max((event.share(t) for event in self._by_kind.get(kind, ())), default=0.0)

    def amount(self, kind: Happening, t: float) -> float:
        """The sum of what the events of a kind add at `t`."""
        return sum(event.amount * event.share(t) for event in self._by_kind.get(kind, ()))
