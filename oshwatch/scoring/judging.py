"""Judges a run that was played: truth against what was told, and every reading against the ledger."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from firmware_sim.scenario_files import Course
from ingest_service.database import open_database
from ingest_service.series.port import SeriesReader
from ingest_service.series.sqlite import open_series
from oshwatch.scoring.comparing import Score, compare
from oshwatch.scoring.limits import margin
from oshwatch.scoring.oracle import ZoneTruth
from oshwatch.scoring.playing import FLEET_DIR, SERVER_DIR, TRUTH_FILE, Played
from oshwatch.scoring.tellings import Telling, read_told
from oshwatch.scoring.truth_needs import needs_of
from oshwatch.truth_check import TruthReport, check

GRACE_MIN = 15  # a hold may have begun, and a mean may lag, so long before and after the truth


@dataclass(frozen=True)
class Result:
    """A scored scenario. `cannot_tell_h`: hours truly above a limit that nobody could see."""

    name: str
    title: str
    days: float
    score: Score
    readings: TruthReport
    cannot_tell_h: float
    took_s: float

    @property
    def good(self) -> bool:
        return self.score.good and self.readings.exact


def judge(played: Played) -> Result:
    """Score a run from its folder. Raises what the stores raise."""
    course = played.course
    truths = {
        zone: ZoneTruth(course, zone) for zone in sorted({sensor.zone for sensor in course.fleet.sensors})
    }
    engine = open_database(played.folder / SERVER_DIR, must_exist=True)
    series = open_series(played.folder / SERVER_DIR, read_only=True)
    try:
        told = read_told(engine, course.end)
        needs = needs_of(course, truths.values(), lambda *window: _seen(series, *window))
    finally:
        series.close()
        engine.dispose()
    judgement = _Judgement(truths)
    score = compare(
        told,
        needs.needs,
        course.expect,
        course.allowed,
        course.unseen,
        judgement.justified,
        judgement.same_stretch,
        lambda t: _local(course, t),
    )
    readings = check(played.folder / TRUTH_FILE, played.folder / SERVER_DIR, played.folder / FLEET_DIR)
    return Result(
        course.scenario.name,
        course.scenario.title,
        (course.end - course.start) / 86400.0,
        score,
        readings,
        needs.cannot_tell_min / 60.0,
        played.took_s,
    )


def _local(course: Course, t: float) -> str:
    zone = course.fleet.factories[0].roster.zone
    return datetime.fromtimestamp(t, UTC).astimezone(zone).strftime("%d %b %H:%M")


def _seen(series: SeriesReader, zone: str, kind: str, first: int, last: int) -> set[int]:
    return {row.minute for row in series.exposures(zone, kind, first, last) if row.value is not None}


class _Judgement:
    """Whether the truth bears out what was told of a limit."""

    def __init__(self, truths: dict[str, ZoneTruth]) -> None:
        self._truths = truths

    def justified(self, telling: Telling) -> bool:
        """The true exposure came near or above the limit that was named, in the hold that led to it."""
        truth = self._truths.get(telling.place)
        near = None if truth is None else self._near(truth, telling)
        if truth is None or near is None:
            return False
        begin = truth.index(telling.since - 60.0 * GRACE_MIN)
        return bool(near[begin : truth.index(telling.event_at) + 1].any())

    def same_stretch(self, before: Telling, after: Telling) -> bool:
        """Nothing was over between the two: the truth stayed near the limit, and people at work."""
        truth = self._truths.get(after.place)
        near = None if truth is None else self._near(truth, after)
        if truth is None or near is None:
            return False
        # Without the first minutes: a case may begin while the truth still climbs.
        between = slice(truth.index(before.at), truth.index(after.since) + 1)
        return bool(near[between].all() and truth.at_work[between].all())

    @staticmethod
    def _near(truth: ZoneTruth, telling: Telling) -> "np.ndarray[tuple[int], np.dtype[np.bool_]] | None":
        values = truth.exposure(telling.exposure)
        if values is None or telling.limit is None:
            return None
        room = margin(telling.exposure, telling.limit)
        known = np.isfinite(values)
        filled = np.where(known, values, 0.0)
        if telling.below:
            return np.asarray(known & (filled < telling.limit + room))
        return np.asarray(known & (filled > telling.limit - room))
