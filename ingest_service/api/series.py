"""Stored numbers: readings of a channel, exposures of a zone. Instants are s since 1970 UTC."""

from difflib import get_close_matches
from math import floor
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query

from alert_rules.exposures import UNITS
from ingest_service.api.errors import ApiError
from ingest_service.api.series_answers import (
    Exposure,
    Exposures,
    PeriodSummary,
    Readings,
    Replacement,
    Revisions,
    Summaries,
)
from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import Caller, PersonDependency, caller_of, require
from ingest_service.queries.view import NotHere
from ingest_service.series.port import Kept, Period, Resolution

router = APIRouter(prefix="/api/v1", tags=["series"])

LONGEST_DAYS: Final[dict[Resolution, int]] = {
    "raw": 2,
    "minute": 32,
    "quarter": 370,
    "hour": 1830,
    "day": 36_600,
}
LONGEST_SUMMARY_DAYS: Final[dict[Period, int]] = {"hour": 370, "shift": 3660, "day": 3660, "week": 36_600}
AUTO_DAYS: Final[tuple[tuple[float, Resolution], ...]] = (
    (0.1, "raw"),
    (3.0, "minute"),
    (32.0, "quarter"),
    (370.0, "hour"),
)
"""Up to so many days a reader who leaves the choice to us gets this resolution."""
Begin = Annotated[float, Query(alias="from", ge=0, le=32_503_680_000, allow_inf_nan=False)]
End = Annotated[float, Query(alias="to", ge=0, le=32_503_680_000, allow_inf_nan=False)]


@router.get("/channels/{gateway}/{sensor}/{quantity}", summary="Readings of one channel")
def get_readings(
    gateway: str,
    sensor: str,
    quantity: str,
    begin: Begin,
    end: End,
    _person: PersonDependency,
    caller: Annotated[Caller, Depends(caller_of)],
    resolution: Resolution | Literal["auto"] = "raw",
) -> Readings:
    device = caller.context.register.snapshot().gateway(gateway)
    if device is None:
        raise NotHere(gateway)
    caller.must(Action.READ_SITE, device.site)
    chosen = _chosen(begin, end) if resolution == "auto" else resolution
    _check_span(begin, end, LONGEST_DAYS[chosen], f"at resolution {chosen}")
    channel = caller.context.series.channel(gateway, sensor, quantity)
    if channel is None:
        raise NotHere(f"{gateway}/{sensor}/{quantity}")
    return Readings(
        channel=f"{gateway}/{sensor}/{quantity}",
        site=device.site,
        unit=channel.unit or "",
        resolution=chosen,
        samples=caller.context.series.read(channel.id, begin, end, chosen),
        kept_from=_kept_from(caller, "readings" if chosen == "raw" else "minutes", str(channel.id))
        if chosen in {"raw", "minute"}
        else None,
    )


@router.get("/sites/{site}/zones/{zone}/exposures/{kind}", summary="Exposures of one kind in one zone")
def get_exposures(
    site: str,
    zone: str,
    kind: str,
    begin: Begin,
    end: End,
    caller: Annotated[Caller, Depends(require(Action.READ_SITE))],
) -> Exposures:
    _check_kind(kind)
    _check_span(begin, end, LONGEST_DAYS["minute"], "of minutes; longer ones as summaries")
    rows = caller.context.series.exposures(f"{site}/{zone}", kind, floor(begin / 60) + 1, floor(end / 60))
    return Exposures(
        zone=f"{site}/{zone}",
        kind=kind,
        unit=UNITS[kind],
        exposures=[
            Exposure(
                time=60.0 * row.minute,
                value=row.value,
                coverage=row.coverage,
                expected=row.expected,
                received=row.received,
                worst_gap_s=row.worst_gap_s,
                method=row.method,
                grade=row.grade,
                revision=row.revision,
                calc=row.calc,
            )
            for row in rows
        ],
        kept_from=_kept_from(caller, "exposures", f"{site}/{zone}"),
    )


@router.get(
    "/sites/{site}/zones/{zone}/exposures/{kind}/summaries",
    summary="Hours, shifts, days or weeks of one kind",
)
def get_summaries(
    site: str,
    zone: str,
    kind: str,
    begin: Begin,
    end: End,
    caller: Annotated[Caller, Depends(require(Action.READ_SITE))],
    period: Period = "day",
) -> Summaries:
    _check_kind(kind)
    _check_span(begin, end, LONGEST_SUMMARY_DAYS[period], f"by the {period}")
    place = f"{site}/{zone}"
    rows = caller.context.series.summaries(place, kind, period, floor(begin / 60) + 1, floor(end / 60))
    return Summaries(
        zone=place,
        kind=kind,
        unit=UNITS[kind],
        period=period,
        summaries=[
            PeriodSummary(
                start=60.0 * (row.first - 1),
                end=60.0 * row.last,
                value=row.value,
                mean=row.mean,
                high=row.high,
                high_time=None if row.high_minute is None else 60.0 * row.high_minute,
                low=row.low,
                known=row.known,
                expected=row.expected,
                grade=row.grade,
                revision=row.revision,
            )
            for row in rows
        ],
    )


@router.get(
    "/sites/{site}/zones/{zone}/exposures/{kind}/revisions", summary="Which exposures were replaced, and why"
)
def get_revisions(
    site: str,
    zone: str,
    kind: str,
    begin: Begin,
    end: End,
    caller: Annotated[Caller, Depends(require(Action.READ_SITE))],
) -> Revisions:
    _check_kind(kind)
    _check_span(begin, end, LONGEST_DAYS["minute"], "of minutes")
    place = f"{site}/{zone}"
    rows = caller.context.series.revisions(place, kind, floor(begin / 60) + 1, floor(end / 60))
    return Revisions(
        zone=place,
        kind=kind,
        unit=UNITS[kind],
        revisions=[
            Replacement(
                time=60.0 * row.minute,
                revision=row.revision,
                old=row.old,
                new=row.new,
                at=row.at,
                cause=row.cause,
            )
            for row in rows
        ],
    )


def _chosen(begin: float, end: float) -> Resolution:
    """The finest resolution that keeps an answer short."""
    days = (end - begin) / 86_400
    return next((resolution for longest, resolution in AUTO_DAYS if days <= longest), "day")


def _kept_from(caller: Caller, what: Kept, name: str) -> float | None:
    minute = caller.context.series.kept_from(what, name)
    return 60.0 * (minute - 1) if minute else None


def _check_kind(kind: str) -> None:
    if kind not in UNITS:
        near = get_close_matches(kind, UNITS, n=3) or sorted(UNITS)
        raise ApiError(404, "not_found", f"There is no exposure {kind!r}.", way_out=f"Try {', '.join(near)}.")


def _check_span(begin: float, end: float, days: int, what: str) -> None:
    if end <= begin:
        raise ApiError(422, "invalid", "`to` is not later than `from`.", where="query.to")
    if end - begin > days * 86_400:
        raise ApiError(
            422,
            "invalid",
            f"The range is longer than {days} days.",
            where="query.to",
            way_out=f"Ask for at most {days} days {what} at once.",
        )
