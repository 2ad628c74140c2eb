"""Drift of a sensor, seen in its quiet hours: the night's or the shutdown's minimum against its own history.

Acceptance values and intervals are this project's proposals, pending experience on sites. A shift beyond
twice the acceptance value makes a channel suspect until it is checked.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .validity import within


@dataclass(frozen=True, slots=True)
class Acceptance:
    """How far a sensor may be off: `absolute` [unit] and `share` of the reading, and the months between."""

    absolute: float
    share: float
    months: float

    def at(self, reading: float) -> float:
        """Return the acceptance [unit] at a reading.

        >>> ACCEPTANCE["co2"].at(1000.0)
        100.0
        """
        return self.absolute + self.share * abs(reading)


ACCEPTANCE: Final[dict[str, Acceptance]] = {
    "ta": Acceptance(0.5, 0.0, 12.0),
    "rh": Acceptance(3.0, 0.0, 12.0),
    "tg": Acceptance(0.5, 0.0, 12.0),
    "la": Acceptance(0.5, 0.0, 1.0),
    "co2": Acceptance(50.0, 0.05, 6.0),
    "co": Acceptance(0.0, 0.2, 6.0),
    "hcho": Acceptance(0.0, 0.2, 6.0),
    "no2": Acceptance(0.0, 0.2, 6.0),
}
"""Quantity -> acceptance and longest interval. In lint and steam: 6 months for air temperature and humidity.

Gas cells: a share of the span, which is given as the reading. Particles are co-located (`colocation`).
"""

_LEAST_HISTORY: Final = 7


@dataclass(frozen=True, slots=True)
class Drift:
    """Shift [unit] of the newest quiet minimum from the median of those before, allowed shift, verdict."""

    shift: float
    allowed: float
    suspect: bool


def drift(quantity: str, quiet_minima: Sequence[float], *, span: float | None = None) -> Drift:
    """Return how far the newest quiet minimum [unit] has moved from the median of the earlier ones.

    `quiet_minima`: one a night or shutdown, oldest first, at least 7 and the newest. Gas cells need the
    sensor's `span` [unit]. Suspect beyond twice the acceptance value. Outdoor air and season move minima
    too: compare neighbours as well before anything is replaced. ValueError for a quantity without an
    acceptance value, a missing span, or too short a history.

    >>> drift("co2", [420.0] * 10 + [640.0])
    Drift(shift=220.0, allowed=142.0, suspect=True)
    """
    if quantity not in ACCEPTANCE:
        raise ValueError(f"no acceptance value for {quantity!r}; known: {', '.join(ACCEPTANCE)}")
    if len(quiet_minima) < _LEAST_HISTORY + 1:
        raise ValueError(f"drift needs {_LEAST_HISTORY} quiet minima and a new one, not {len(quiet_minima)}")
    values = [within("quiet minimum", one, -1e9, 1e9, "") for one in quiet_minima]
    before = statistics.median(values[:-1])
    row = ACCEPTANCE[quantity]
    if row.absolute == 0.0 and span is None:
        raise ValueError(f"the acceptance of {quantity} is a share of the sensor's span: give it")
    allowed = 2.0 * row.at(before if span is None or row.absolute > 0.0 else span)
    shift = values[-1] - before
    return Drift(shift, allowed, abs(shift) > allowed)
