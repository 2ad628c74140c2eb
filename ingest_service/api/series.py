"""Stored numbers: readings of a channel, exposures of a zone. Instants are s since 1970 UTC."""

from difflib import get_close_matches
from math import floor
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from alert_rules.exposures import UNITS
from ingest_service.api.errors import ApiError
from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import Caller, PersonDependency, caller_of, require
from ingest_service.queries.view import NotHere
from ingest_service.series.port import Sample

router = APIRouter(prefix="/api/v1", tags=["series"])

Resolution = Literal["raw", "minute", "hour"]
LONGEST_DAYS: Final[dict[Resolution, int]] = {"raw": 2, "minute": 32, "hour": 1830}
Begin = Annotated[float, Query(alias="from", ge=0, le=32_503_680_000, allow_inf_nan=False)]
End = Annotated[float, Query(alias="to", ge=0, le=32_503_680_000, allow_inf_nan=False)]


class Readings(BaseModel):
    """Samples with from < time <= to, each as the list that `columns` names; aggregates carry their end."""

    model_config = ConfigDict(frozen=True)

    channel: str
    site: str
    unit: str
    resolution: Resolution
    columns: tuple[str, ...] = Sample._fields
    samples: list[Sample]


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
    """Exposures of one kind in one zone, oldest first; `time` is the end of the window."""

    model_config = ConfigDict(frozen=True)

    zone: str
    kind: str
    unit: str
    exposures: list[Exposure]


@router.get("/channels/{gateway}/{sensor}/{quantity}", summary="Readings of one channel")
def get_readings(
    gateway: str,
    sensor: str,
    quantity: str,
    begin: Begin,
    end: End,
    _person: PersonDependency,
    caller: Annotated[Caller, Depends(caller_of)],
    resolution: Resolution = "raw",
) -> Readings:
    device = caller.context.register.snapshot().gateway(gateway)
    if device is None:
        raise NotHere(gateway)
    caller.must(Action.READ_SITE, device.site)
    _check_span(begin, end, resolution)
    channel = caller.context.series.channel(gateway, sensor, quantity)
    if channel is None:
        raise NotHere(f"{gateway}/{sensor}/{quantity}")
    return Readings(
        channel=f"{gateway}/{sensor}/{quantity}",
        site=device.site,
        unit=channel.unit or "",
        resolution=resolution,
        samples=caller.context.series.read(channel.id, begin, end, resolution),
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
    if kind not in UNITS:
        near = get_close_matches(kind, UNITS, n=3) or sorted(UNITS)
        raise ApiError(404, "not_found", f"There is no exposure {kind!r}.", way_out=f"Try {', '.join(near)}.")
    _check_span(begin, end, "minute")
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
    )


def _check_span(begin: float, end: float, resolution: Resolution) -> None:
    if end <= begin:
        raise ApiError(422, "invalid", "`to` is not later than `from`.", where="query.to")
    days = LONGEST_DAYS[resolution]
    if end - begin > days * 86_400:
        raise ApiError(
            422,
            "invalid",
            f"The range is longer than {days} days.",
            where="query.to",
            way_out=f"Ask for at most {days} days at resolution {resolution} at once.",
        )
