"""What a page says of the rest of a shift: projections and advice on work and rest. Nothing acts on them."""

from __future__ import annotations

from ingest_service.queries.models import Facts, Hazard, LimitLine, Measured


class LimitAhead(Facts):
    """When a limit is reached by a projection: None for not in this shift; `already`: it was before.

    `earliest` and `latest` are the ends of the span that holds the time in most cases.
    """

    limit: LimitLine
    at: float | None
    earliest: float | None
    latest: float | None
    already: bool


class PastErrors(Facts):
    """What projections of this kind were off by on simulated days, in the value's unit and in minutes.

    Half of them by `half` at most, 80 % by `most`; `held` is the share of ends that lay within their span.
    """

    projections: int
    half: float
    most: float
    half_minutes: float
    most_minutes: float
    held: float


class Ahead(Facts):
    """Where an exposure will stand when the shift ends; `reason` says why nothing can be told, else empty.

    It stands on `measured` minutes up to the instant `since`. `rate`: heat, the trend of the last hour [K/h];
    noise, the level [dB] that the rest of the shift is taken at. `uncertainty` is that of the method itself.
    """

    hazard: Hazard
    kind: str
    unit: str
    decimals: int
    reason: str
    shift_end: float | None = None
    since: float | None = None
    now_value: float | None = None
    end_value: float | None = None
    end_low: float | None = None
    end_high: float | None = None
    rate: float | None = None
    measured: int = 0
    method: str = ""
    uncertainty: float | None = None
    limits: tuple[LimitAhead, ...] = ()
    record: PastErrors | None = None


class WorkRestAdvice(Facts):
    """Minutes of work in an hour for people who are, or are not, acclimatised; the others are rest.

    `work` by the ACGIH screening table, `cautious` at the upper end of the method's uncertainty;
    `niosh_least` to `niosh_most` over the range of the class of work, `niosh_limit` [Cel] at its two ends.
    """

    acclimatised: bool
    work: float
    cautious: float
    niosh_least: float
    niosh_most: float
    niosh_limit: tuple[float, float]


class WorkRest(Facts):
    """Advice on work and rest in a zone, for people new to heat first; or the `reason` why there is none."""

    reason: str
    value: Measured | None
    metabolic_class: int | None
    clothing_caf: float | None
    people: tuple[WorkRestAdvice, ...] = ()
    sources: tuple[str, ...] = ()
