"""Numbers that depend on a seed, a label and a place on a line, and on nothing else.

Nothing here keeps a state, so a run gives the same values at any speed, in any order and after a restart.
"""

from hashlib import blake2b
from math import cos, floor, log, pi, sqrt

_MASK = (1 << 64) - 1


def _mixed(x: int) -> int:
    """The finaliser of splitmix64: neighbouring integers in, unrelated 64-bit integers out."""
    x = (x + 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


class Seeded:
    """A family of random numbers named by its parts, for example `Seeded(7, "kh-f0123", "cloud")`."""

    __slots__ = ("_key", "_name")

    def __init__(self, *parts: object) -> None:
        self._name = parts
        text = "\x1f".join(str(part) for part in parts)
        self._key = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")

    def child(self, *parts: object) -> "Seeded":
        """An independent family under this one."""
        return Seeded(*self._name, *parts)

    def uniform(self, place: int = 0) -> float:
        """A number in [0, 1) that belongs to the integer `place`."""
        return (_mixed(self._key ^ _mixed(place & _MASK)) >> 11) * 2.0**-53

    def between(self, low: float, high: float, place: int = 0) -> float:
        return low + (high - low) * self.uniform(place)

    def normal(self, place: int = 0) -> float:
        """A number of mean 0 and standard deviation 1 (Box and Muller)."""
        radius = sqrt(-2.0 * log(1.0 - self.uniform(2 * place)))
        return radius * cos(2.0 * pi * self.uniform(2 * place + 1))

    def smooth(self, t: float, period_s: float) -> float:
        """A continuous course within [-1, 1] that turns about once in `period_s` seconds."""
        at = t / period_s
        left = floor(at)
        share = at - left
        share = share * share * share * (share * (share * 6.0 - 15.0) + 10.0)
        a, b = self.uniform(left), self.uniform(left + 1)
        return 2.0 * (a + (b - a) * share) - 1.0
