"""What had to be told, from the true values: each limit's stretches of truth above it, as far as anybody
could see them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from firmware_sim.faults import FaultKind
from firmware_sim.scenario_files import Course
from oshwatch.scoring.limits import NO_GLOBE_MARGIN, TrueLimit, limits_of, margin
from oshwatch.scoring.oracle import Mask, ZoneTruth, stretches

APART_MIN = 30  # a shorter dip does not end a hazard
# A gateway with a wrong clock is not blind: it gets the time from the server, or from the clock of its boot.
_NO_DATA = frozenset({FaultKind.SILENCE, FaultKind.POWER_CUT})


@dataclass(frozen=True)
class Need:
    """Something that must be told at a place, of at least a severity, by `deadline`; it is over at `end`.

    `onset` is when it became true. `why` says it in words.
    """

    place: str
    hazard: str
    subject: str
    severity: str
    onset: float
    deadline: float
    end: float
    why: str


@dataclass(frozen=True)
class Needs:
    """The needs of a run, and for how many minutes truth was above a limit and could not be told."""

    needs: tuple[Need, ...]
    cannot_tell_min: int


Seen = Callable[[str, str, int, int], set[int]]
"""Zone, kind, first and last minute -> the minutes for which the server had a value."""


def needs_of(course: Course, truths: Iterable[ZoneTruth], seen: Seen) -> Needs:
    """What the true values require, where the server had values in time."""
    needs: list[Need] = []
    hidden = 0
    for truth in truths:
        blind = _blind(course, truth)
        for limit in limits_of(truth):
            found, unseen = _of_limit(truth, limit, blind, seen)
            needs += found
            hidden += unseen
    return Needs(tuple(needs), hidden)


def _of_limit(truth: ZoneTruth, limit: TrueLimit, blind: Mask, seen: Seen) -> tuple[list[Need], int]:
    values = truth.exposure(limit.kind)
    if values is None:
        raise ValueError(f"no truth is known of {limit.kind}")
    room = margin(limit.kind, limit.value)
    if limit.hazard == "heat" and not truth.plan.globe:
        room = NO_GLOBE_MARGIN
    present = truth.at_work if limit.at_work else np.ones(len(values), dtype=bool)
    above = present & (np.nan_to_num(values, nan=-np.inf) > limit.value + room)
    if not above.any():
        return [], 0
    minutes = seen(truth.zone, limit.kind, truth.first, truth.last)
    visible = np.array([truth.first + i in minutes for i in range(len(values))]) & ~blind
    least = limit.hold_min if limit.hold_min == 1 else limit.hold_min + 5
    needs: list[Need] = []
    for begin, last in _joined(stretches(above & visible)):
        runs = [run for run in stretches(above & visible) if begin <= run[0] <= last]
        first = next((run for run in runs if run[1] - run[0] + 1 >= least), None)
        if first is not None:
            needs.append(_need(truth, limit, present, visible, values, first[0], last))
    return needs, int((above & ~visible).sum())


def _need(
    truth: ZoneTruth, limit: TrueLimit, present: Mask, visible: Mask, values: object, begin: int, last: int
) -> Need:
    course = np.asarray(values)
    onset = begin
    while onset > 0 and present[onset - 1] and visible[onset - 1] and course[onset - 1] > limit.value:
        onset -= 1
    what = f"{limit.kind} {course[begin : last + 1].max():.1f}, limit {limit.value:.1f}"
    return Need(
        truth.zone,
        limit.hazard,
        limit.subject,
        limit.severity,
        truth.instant(onset - 1),
        truth.instant(begin) + 60.0 * (limit.hold_min + limit.slack_min),
        truth.instant(last),
        what,
    )


def _joined(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for begin, last in runs:
        if found and begin - found[-1][1] <= APART_MIN:
            found[-1] = found[-1][0], last
        else:
            found.append((begin, last))
    return found


def _blind(course: Course, truth: ZoneTruth) -> Mask:
    """Minutes whose readings of a zone did not reach the server in time, or at a wrong time."""
    gateways = {sensor.gateway for sensor in course.fleet.sensors if sensor.zone == truth.zone}
    blind = np.zeros(len(truth.level), dtype=bool)
    for fault in course.faults:
        # Whole gateways only: what a silent sensor leaves out is seen in the store itself.
        if fault.kind in _NO_DATA and fault.target in gateways:
            blind[truth.index(fault.begin) : truth.index(fault.end) + 1] = True
    return blind
