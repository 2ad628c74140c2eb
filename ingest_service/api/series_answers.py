"""What the API answers about stored numbers. Instants are s since 1970 UTC."""

from pydantic import BaseModel, ConfigDict

from ingest_service.series.port import Cause, Period, Resolution, Sample


class Readings(BaseModel):
    """Samples with from < time <= to, each as the list that `columns` names; aggregates carry their end.

    `kept_from`: single readings or minutes before this instant were deleted after the time for which the
    installation keeps them; longer averages are there. None: nothing was deleted.
    """

    model_config = ConfigDict(frozen=True)

    channel: str
    site: str
    unit: str
    resolution: Resolution
    columns: tuple[str, ...] = Sample._fields
    samples: list[Sample]
    kept_from: float | None = None


class Exposure(BaseModel):
    """One exposure; `value` null means that coverage was too low to tell."""

    model_config = ConfigDict(frozen=True)

    time: float
    value: float | None
    coverage: float
    expected: int
    received: int
    worst_gap_s: float
    method: str
    grade: int
    revision: int
    calc: str


class Exposures(BaseModel):
    """Exposures of one kind in one zone, oldest first; `time` is the end of the window.

    `kept_from`: of the time before, only summaries are kept. None: nothing was deleted.
    """

    model_config = ConfigDict(frozen=True)

    zone: str
    kind: str
    unit: str
    exposures: list[Exposure]
    kept_from: float | None = None


class PeriodSummary(BaseModel):
    """Exposures of a period that is over: `value` at its end, mean (of the energy for decibels), extremes.

    `known` of `expected` minutes had a value; null where nothing can be told.
    """

    model_config = ConfigDict(frozen=True)

    start: float
    end: float
    value: float | None
    mean: float | None
    high: float | None
    high_time: float | None
    low: float | None
    known: int
    expected: int
    grade: int
    revision: int


class Summaries(BaseModel):
    """Summaries of one kind in one zone that end in the range, oldest first."""

    model_config = ConfigDict(frozen=True)

    zone: str
    kind: str
    unit: str
    period: Period
    summaries: list[PeriodSummary]


class Replacement(BaseModel):
    """One stored exposure that was replaced: when, why, and what it was; null is "cannot tell"."""

    model_config = ConfigDict(frozen=True)

    time: float
    revision: int
    old: float | None
    new: float | None
    at: float
    cause: Cause


class Revisions(BaseModel):
    """Replacements of one kind in one zone, in the order in which they happened."""

    model_config = ConfigDict(frozen=True)

    zone: str
    kind: str
    unit: str
    revisions: list[Replacement]
