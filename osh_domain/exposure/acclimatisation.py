"""Acclimatisation to heat: who counts as acclimatised, and how exposure is built up; NIOSH 2016-106.

General knowledge of the document, to be confirmed before it stands in a legal report. Who is on a site is
not known here: a zone shows both limits, the one for people who are not acclimatised first.
"""

from __future__ import annotations

from typing import Final, Literal

from .validity import within

Worker = Literal["new", "experienced"]

BUILD_UP_DAYS: Final = (7, 14)
"""It takes 7 to 14 days of exposure to acclimatise."""

LONGEST_ABSENCE_DAYS: Final = 7
"""Away from the heat for this many days or more, a person starts again."""

_SHARES: Final[dict[Worker, tuple[float, ...]]] = {
    "new": (0.2, 0.4, 0.6, 0.8, 1.0),
    "experienced": (0.5, 0.6, 0.8, 1.0),
}


def acclimatised(days_in_heat: int, days_away: int) -> bool:
    """Say whether somebody counts as acclimatised: 14 days of exposure, and less than a week away since.

    NIOSH 2016-106. The upper end of the 7 to 14 days is taken: the limit for people who are not acclimatised
    is the protective one. ValueError for negative days.

    >>> acclimatised(20, days_away=2), acclimatised(20, days_away=7), acclimatised(10, days_away=0)
    (True, False, False)
    """
    within("days in the heat", days_in_heat, 0, 36500, "days")
    within("days away", days_away, 0, 36500, "days")
    return days_in_heat >= BUILD_UP_DAYS[1] and days_away < LONGEST_ABSENCE_DAYS


def exposure_share(day: int, worker: Worker) -> float:
    """Return the share of the usual exposure that is advised on the day back or new in the heat (1, 2, ...).

    NIOSH schedule: new workers 20 % on the first day and 20 % more each day; experienced ones 50, 60, 80 and
    100 %. ValueError for a day below 1 or another word for the worker.

    >>> [exposure_share(day, "new") for day in (1, 3, 9)]
    [0.2, 0.6, 1.0]
    """
    if worker not in _SHARES:
        raise ValueError(f"worker must be 'new' or 'experienced', not {worker!r}")
    within("day", day, 1, 36500, "")
    return _SHARES[worker][min(int(day), len(_SHARES[worker])) - 1]
