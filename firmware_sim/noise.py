"""Sound in a zone: machines that run a changing share of each minute over a steady background."""

from math import floor, log10

from firmware_sim.kinds import ZoneKind
from firmware_sim.seeded import Seeded

QUIET_DB = 47.0  # an empty hall with its lamps and the street outside
BREAK_DB = 63.0  # people talk, radios play


class Sound:
    """Levels of one zone, a pure function of time."""

    def __init__(self, kind: ZoneKind, seeded: Seeded) -> None:
        self._kind = kind
        self._duty = seeded.child("duty")
        self._mix = seeded.child("mix")
        self._louder = seeded.between(-1.5, 1.5)

    def level(self, t: float, work: float, presence: float) -> float:
        """LAeq in dB of the minute that ends at `t`; `work` and `presence` as shares of that minute."""
        minute = floor(t / 60.0)
        least, most = self._kind.noise_duty
        duty = self._duty.between(least, most, minute) * work
        running = (
            self._kind.noise_db
            + self._louder
            + 1.2 * self._mix.smooth(t, 1800)
            + 0.5 * self._mix.normal(minute)
        )
        energy = duty * _power(running)
        energy += work * _power(self._kind.background_db)
        energy += presence * _power(BREAK_DB) + _power(QUIET_DB + 1.5 * self._mix.normal(minute + 1))
        return 10.0 * log10(energy)


def _power(level: float) -> float:
    return float(10.0 ** (level / 10.0))
