"""What a page shows and the JSON API answers: facts only, in words a program can read.

Instants are float seconds since 1970 UTC. Every number travels as a `Measured`: with its unit, its
instant, its grade and the share of the expected data behind it. Sentences for people are made from these
facts by the pages, in the reader's language.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

State = Literal["danger", "warning", "silent", "cannot_tell", "notice", "idle", "within"]
"""How a zone, a site or a channel stands; the order is the order of urgency.

`idle`: it is measured, but judged over a shift, and no shift is on. It says neither good nor bad."""

Hazard = Literal["heat", "noise", "air"]
Side = Literal["worker", "management"]
GradeLetter = Literal["A", "B", "C"]

URGENCY: tuple[State, ...] = ("danger", "warning", "silent", "cannot_tell", "notice", "idle", "within")


def worst(states: list[State]) -> State:
    """The most urgent of several states; "cannot_tell" when there is nothing to judge."""
    return min(states, key=URGENCY.index, default="cannot_tell")


class Facts(BaseModel):
    """Base of every answer: immutable, and a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RevisionLine(Facts):
    """One replacement of a stored number: what it was, what it became (None: cannot tell), when and why."""

    number: int
    old: float | None
    new: float | None
    at: float
    cause: str


class Measured(Facts):
    """One number and all that must travel with it to the screen; `value` None means "cannot tell".

    `time` is the end of what was measured; older than `stale_after_s` it is drawn as stale; None is never.
    `expected` and `received` are minutes of the window (hours of a day of hourly means), `uncertainty` is the
    half-width that the method states and `bias` the way it errs. `revision` counts how often it was replaced.
    """

    kind: str
    value: float | None
    unit: str
    decimals: int
    time: float | None
    stale_after_s: float | None
    stale: bool
    grade: GradeLetter | None = None
    coverage: float | None = None
    method: str = ""
    expected: int | None = None
    received: int | None = None
    worst_gap_s: float | None = None
    uncertainty: float | None = None
    bias: str = ""
    calculation: str = ""
    revision: int = 0
    revisions: tuple[RevisionLine, ...] = ()


class LimitLine(Facts):
    """The limit that a rule compares with, and where the law or standard says so.

    `strict`: the value itself is still allowed. `at_least`: too little is the hazard, not too much.
    """

    kind: str
    value: float
    strict: bool
    unit: str
    decimals: int
    label: str
    instrument: str
    clause: str
    confidence: str
    severity: str
    rule: str
    pack: str
    layer: str = "international"
    at_least: bool = False
    band: tuple[float, float] | None = None


class Reason(Facts):
    """Why something is said: a code, and the numbers that make its sentence."""

    code: str
    number: float | None = None
    since: float | None = None
    text: str = ""


class SiteName(Facts):
    id: str
    name: str
    district: str
    country: str
    timezone: str


class CaseLine(Facts):
    """One line in a list of cases."""

    id: int
    site: str
    site_name: str
    zone: str | None
    zone_name: str
    hazard: str
    subject: str
    state: str
    severity: str
    opened_at: float
    cleared_at: float | None
    closed_at: float | None
    seen_by_worker: bool
    seen_by_management: bool
    # It ended because nobody works there now; it was not measured below its limit.
    ended_with_shift: bool


# --- overview -----------------------------------------------------------------------------------------


class Period(Facts):
    """The span a page speaks of, in whole local days, end not included."""

    id: str
    start: float
    end: float


class Split(Facts):
    """A number for women and men, as far as the headcount of the zones tells."""

    women: float
    men: float

    @property
    def both(self) -> float:
        return self.women + self.men


class MapPoint(Facts):
    """A factory on the map; of very many factories a district, with `site` empty and their number."""

    site: str
    district: str
    sites: int
    name: str
    country: str
    latitude: float
    longitude: float
    workers: int
    state: State


class FirstLook(Facts):
    """A factory to visit first, and why."""

    site: str
    name: str
    state: State
    reasons: tuple[Reason, ...]


class OverviewRow(Facts):
    """One factory over the span, which begins at `start`, a midnight of its own.

    Hours and shares are None where too little was measured to say that there were none.
    """

    site: SiteName
    sector: str
    state: State
    workers: Split
    start: float
    hours_above: float | None
    hours_above_before: float | None
    worker_hours_above: Split | None
    shift_share: float | None
    coverage: float | None
    open_cases: int
    oldest_case_at: float | None
    days_to_respond: float | None
    last_look: float | None
    silent_since: float | None


class CalendarCell(Facts):
    """One factory on one local day: `share` of working time above a limit, None for no knowledge.

    `coverage` None: nobody worked.
    """

    start: float
    share: float | None
    hours_above: float | None
    coverage: float | None


class CalendarRow(Facts):
    site: str
    name: str
    timezone: str
    cells: tuple[CalendarCell, ...]


class Choice(Facts):
    """One filter of the overview: what may be chosen and what is."""

    name: str
    options: tuple[str, ...]
    chosen: str


class Overview(Facts):
    """Sums are of all factories in view; `rows` and `calendar` are those of one page, which counts from 1.

    Counts may be some minutes old: `oldest_at` is that of the oldest, `sites_old` are older than they should
    be, `sites_uncounted` were never counted and are in no sum.
    """

    now: float
    hazard: Hazard
    period: Period
    sites_total: int
    sites_over: int
    sites_silent: int
    sites_untold: tuple[str, ...]
    sites_uncounted: int
    sites_old: int
    oldest_at: float
    coverage: float | None
    first: tuple[FirstLook, ...]
    page: int
    pages: int
    rows: tuple[OverviewRow, ...]
    points: tuple[MapPoint, ...]
    calendar: tuple[CalendarRow, ...]
    choices: tuple[Choice, ...]
