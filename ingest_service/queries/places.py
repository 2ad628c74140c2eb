"""What the pages for one factory and one zone show, and the columns of a chart."""

from __future__ import annotations

from typing import Literal

from ingest_service.queries.models import (
    CaseLine,
    Facts,
    GradeLetter,
    Hazard,
    LimitLine,
    Measured,
    Reason,
    SiteName,
    Split,
    State,
)
from ingest_service.queries.outlook import Ahead, WorkRest

# --- factory ------------------------------------------------------------------------------------------


class HazardStanding(Facts):
    """How one hazard stands in one zone now: the judged value, its limit and why the state is so."""

    hazard: Hazard
    panel: str
    state: State
    reason: Reason
    judged: Measured | None
    momentary: Measured | None
    limit: LimitLine | None
    since: float | None
    case: int | None
    spark: tuple[tuple[float, float | None], ...] = ()


class ZoneCard(Facts):
    id: str
    path: str
    name: str
    state: State
    workers: Split
    hazards: tuple[HazardStanding, ...]
    ahead: tuple[Ahead, ...]


class ShiftCell(Facts):
    """One shift in one zone: hours above the limit; None when coverage is too low to say."""

    shift: str
    start: float
    end: float
    hours_above: float | None
    coverage: float | None


class MatrixRow(Facts):
    zone: str
    path: str
    name: str
    cells: tuple[ShiftCell, ...]


class Change(Facts):
    """What somebody changed at one moment in the site's register: kinds of change, counted."""

    at: float
    who: str
    text: str


class Look(Facts):
    """Someone from outside the factory looked at it."""

    at: float
    who: str
    role: str


class Factory(Facts):
    now: float
    site: SiteName
    sector: str
    workers: Split
    state: State
    zones_over: int
    zones_cannot_tell: int
    zones_silent: int
    coverage: float | None
    zones: tuple[ZoneCard, ...]
    cases: tuple[CaseLine, ...]
    hazard: Hazard
    matrix: tuple[MatrixRow, ...]
    changes: tuple[Change, ...]
    looks: tuple[Look, ...]


# --- zone ---------------------------------------------------------------------------------------------


class ShiftLine(Facts):
    """One row of the zone's table of shifts.

    `known` of `expected` minutes could be judged; `revision` counts how often its numbers were replaced.
    """

    shift: str
    start: float
    end: float
    hours_above: float | None
    worst: float | None
    worst_at: float | None
    coverage: float | None
    grade: GradeLetter | None
    known: int = 0
    expected: int = 0
    revision: int = 0


class Source(Facts):
    """One channel behind a zone's values: where it hangs, what it last said."""

    gateway: str
    sensor: str
    quantity: str
    title: str
    last: Measured
    period_s: float
    height_m: float | None
    placed_since: float | None
    flags: int
    suspect_minutes: int = 0
    failed_minutes: int = 0
    tests: tuple[str, ...] = ()


class PanelName(Facts):
    """One chart of a hazard: sound, WBGT, one kind of dust or gas."""

    id: str
    title: str
    unit: str


class Past(Facts):
    """A zone over a span that ended with the local day `day`; nothing in it is a claim about now.

    `hours_above` None: cannot tell; `coverage` None: nobody worked, or no rule was in force.
    """

    day: str
    start: float
    end: float
    kind: str
    unit: str
    decimals: int
    highest: float | None
    highest_at: float | None
    hours_above: float | None
    coverage: float | None


class Zone(Facts):
    """One zone and one hazard. With `past`, limits and shifts are of that time, `standing` is of now.

    `kept_from`: before this instant minutes are no longer kept, only hours, shifts and days; None: all are.
    """

    now: float
    past: Past | None
    site: SiteName
    id: str
    path: str
    name: str
    kind: str
    workers: Split
    metabolic_class: int
    acclimatised: bool
    radiant_source: bool
    outdoors: bool
    clothing_caf: float | None
    hazard: Hazard
    range: str
    standing: HazardStanding
    kept_from: float | None
    ahead: Ahead | None
    work_rest: WorkRest | None
    others: tuple[HazardStanding, ...]
    facts: tuple[Measured, ...]
    panels: tuple[PanelName, ...]
    limits: tuple[LimitLine, ...]
    shifts: tuple[ShiftLine, ...]
    sources: tuple[Source, ...]


class ChartLine(Facts):
    """One line of a chart; `values` stand beside the chart's `times`, None where nothing is known."""

    kind: str
    unit: str
    decimals: int
    weight: Literal["thin", "thick", "dashed"]
    values: tuple[float | None, ...]


class Band(Facts):
    """A span of the time axis: a shift, a break, a gap with its cause when known, minutes that tests doubt.

    `thinned`: minutes that old are kept as summaries only.
    """

    kind: Literal["shift", "break", "gap", "suspect", "failed", "thinned"]
    start: float
    end: float
    text: str


class Chart(Facts):
    now: float
    start: float
    end: float
    timezone: str
    unit: str
    resolution: Literal["raw", "minute", "hour"]
    times: tuple[float, ...]
    lines: tuple[ChartLine, ...]
    limits: tuple[LimitLine, ...]
    bands: tuple[Band, ...]
