"""Metabolic rate of work: task classes, mixed tasks, and how far a rate taken from a table may be wrong.

The assignment of garment and footwear tasks to the classes of ISO 7243:2017 is this project's proposal, to be
confirmed by the factory's OSH committee; ISO 7243 itself lists sewing and writing as light work of the hands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from osh_domain.limits import METABOLIC_CLASSES, MetabolicClass, niosh_ral_c, niosh_rel_c

from . import CALCULATION
from .methods import Bias
from .time_weighted import time_weighted_mean
from .validity import within

TABLE_ERROR: Final = 0.30
"""NIOSH 2016-106: a rate taken from a table may be up to 30 % wrong."""

DEFAULT_CLASS: Final = 2
"""Class of work where nobody has said one; together with *not acclimatised*."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task with the lowest and highest class of ISO 7243:2017 it belongs to, and its rates [W]."""

    title: str
    classes: tuple[int, int]
    watts: tuple[float, float]


TASKS: Final[dict[str, Task]] = {
    "seated_rest": Task("waiting, seated rest", (0, 0), (115.0, 115.0)),
    "seated_sewing": Task(
        "seated sewing, overlock, bar-tack, inspection at a table, packing light items",
        (1, 1),
        (180.0, 180.0),
    ),
    "standing_light": Task(
        "standing quality control, trimming, spreading by machine, embroidery tending, hand-iron touch-up",
        (1, 2),
        (180.0, 240.0),
    ),
    "pressing_and_cutting": Task(
        "continuous ironing or utility press, manual spreading, straight-knife cutting, lasting, "
        "sole press tending",
        (2, 2),
        (300.0, 300.0),
    ),
    "carrying": Task(
        "bundle carrying, cart pushing, rubber-mill feeding, loading of washing and dyeing machines",
        (2, 3),
        (300.0, 415.0),
    ),
    "loading_by_hand": Task(
        "roll or bale handling, container and truck loading by hand", (3, 3), (415.0, 415.0)
    ),
    "shovelling": Task("sustained shovelling or stair carrying", (4, 4), (520.0, 520.0)),
}
"""Task id -> task. Proposals, unverified."""


def task_class(task: str) -> MetabolicClass:
    """Return the class to judge a task by: the higher of its range; ValueError for an unknown task.

    >>> task_class("standing_light").number
    2
    """
    if task not in TASKS:
        raise ValueError(f"task {task!r} is unknown; known: {', '.join(TASKS)}. Ask, do not guess")
    return METABOLIC_CLASSES[TASKS[task].classes[1]]


def hourly_rate(parts: Iterable[tuple[float, float]]) -> float:
    """Return the time-weighted metabolic rate [W] of (rate [W], minutes) pairs of one hour.

    NIOSH 2016-106 section 1.1, ISO 8996: mixed tasks and rest count with their share of the hour. ValueError
    for rates outside 50 to 1200 W, no time, or more than 60 minutes.

    >>> hourly_rate([(300.0, 45.0), (115.0, 15.0)])
    253.75
    """
    pairs = [(within("metabolic rate", rate, 50.0, 1200.0, "W"), minutes) for rate, minutes in parts]
    within("time of all tasks", sum(minutes for _, minutes in pairs), 0.0, 60.0, "min")
    return time_weighted_mean(pairs)


@dataclass(frozen=True, slots=True)
class LimitBand:
    """A limit [C WBGT] with what it is for the lowest and the highest rate that may be meant."""

    value: float
    strictest: float
    loosest: float
    method: str
    bias: Bias = "either"
    calculation: str = CALCULATION


def niosh_band(rate: float, *, acclimatised: bool, error: float = TABLE_ERROR) -> LimitBand:
    """Return the NIOSH limit [C WBGT, 1 h] at a rate [W] with its band for a rate that is `error` wrong.

    NIOSH 2016-106 section 8.1: REL (acclimatised) or RAL. `error` is a share, 0.3 for a rate from a table.
    The equations are drawn for 116 to 580 W; ValueError for a rate outside 50 to 1200 W or an error outside
    0 to 0.9. Across the moderate class the band is about 2 C wide.

    >>> band = niosh_band(300.0, acclimatised=True)
    >>> round(band.value, 2), round(band.strictest, 2), round(band.loosest, 2)
    (28.21, 26.9, 29.99)
    """
    watts = within("metabolic rate", rate, 50.0, 1200.0, "W")
    share = within("error of the rate", error, 0.0, 0.9, "")
    formula = niosh_rel_c if acclimatised else niosh_ral_c
    name = "niosh_rel" if acclimatised else "niosh_ral"
    return LimitBand(formula(watts), formula(watts * (1.0 + share)), formula(watts * (1.0 - share)), name)
