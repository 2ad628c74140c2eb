"""What the pages for cases, gateways and quarantine show: records more than measurements."""

from __future__ import annotations

from ingest_service.queries.models import CaseLine, Facts, LimitLine, Measured, Side, SiteName
from ingest_service.queries.outlook import Ahead, WorkRest

# --- case ---------------------------------------------------------------------------------------------


class Seen(Facts):
    """Whether one side of the committee has said that it saw the case."""

    side: Side
    person: str | None
    at: float | None
    told_at: tuple[float, ...]
    agreed_at: float | None


class CaseAction(Facts):
    id: int
    text: str
    person: str
    side: str
    at: float
    due_at: float | None
    done_at: float | None


class AttemptLine(Facts):
    """One try to deliver one notice, with what the other end answered."""

    started_at: float
    finished_at: float | None
    outcome: str
    detail: str


class NoticeLine(Facts):
    id: int
    kind: str
    person: str
    side: str
    channel: str
    language: str
    subject: str
    body: str
    reason: str
    created_at: float
    due_at: float
    state: str
    attempts: tuple[AttemptLine, ...]


class HistoryLine(Facts):
    """One event of a case. `rule`: the title of the rule that it speaks of, as it was then; "" for none."""

    at: float
    kind: str
    who: str
    side: str
    text: str
    rule: str = ""


class Case(Facts):
    now: float
    line: CaseLine
    site: SiteName
    zone_path: str | None
    rule: str
    pack: str
    pack_version: str
    title: str
    advice: tuple[str, ...]
    at_opening: Measured | None
    current: Measured | None
    worst: Measured | None
    limit: LimitLine | None
    seen: tuple[Seen, ...]
    actions: tuple[CaseAction, ...]
    notices: tuple[NoticeLine, ...]
    history: tuple[HistoryLine, ...]
    course: tuple[tuple[float, float | None], ...]
    ahead: Ahead | None
    work_rest: WorkRest | None
    may_acknowledge: bool
    may_add_action: bool
    may_close: bool


class CaseList(Facts):
    now: float
    open: tuple[CaseLine, ...]
    ended: tuple[CaseLine, ...]


# --- fleet --------------------------------------------------------------------------------------------


class GatewayLine(Facts):
    """One gateway as an engineer wants to see it; None means the gateway never said.

    `backlog_age_s`: how long the oldest waiting batch waits. `lost`: what its newest signed gap of the last
    day says. `clone`: why two machines seem to use its name. `refused_now`: entries in quarantine that nobody
    settled. `calibration_due`: the earliest of its sensors'. `troubles`: words for what to look at.
    """

    id: str
    site: str
    site_name: str
    kind: str
    state: str
    state_at: float | None
    last_batch_at: float | None
    backlog: int | None
    clock: str | None
    clock_error_s: float | None
    disk_free_share: float | None
    cpu_celsius: float | None
    version: str
    coverage_24h: float | None
    rejected: int
    conflicts: int
    drops: int
    chain_breaks: int
    revoked_at: float | None
    silent: bool
    backlog_age_s: float | None = None
    lost: str = ""
    clone: tuple[str, ...] = ()
    refused_now: int = 0
    calibration_due: float | None = None
    troubles: tuple[str, ...] = ()


class ChannelLine(Facts):
    sensor: str
    quantity: str
    title: str
    zone: str | None
    zone_name: str
    last: Measured
    text: str | None
    flags: int
    expected: bool
    silent: bool


class KeyLine(Facts):
    """A key of a gateway. `good_up_to`: what it vouches for after its end; `proposals`: numbers of
    revocations that wait for a second person."""

    kid: str
    valid_from: float
    revoked_at: float | None
    valid_to: float | None
    replaces: str | None
    good_up_to: str
    in_force: bool
    proposals: tuple[int, ...]


class Gateway(Facts):
    now: float
    site: SiteName
    line: GatewayLine
    channels: tuple[ChannelLine, ...]
    keys: tuple[KeyLine, ...]
    configuration: str
    birth: tuple[tuple[str, str], ...]
    birth_at: float | None


class RunnerLine(Facts):
    """A process of the server and how long ago [s of the wall clock] it was last heard."""

    name: str
    age_s: float
    alive: bool
    facts: tuple[tuple[str, str], ...]


class Fleet(Facts):
    """`gateways_total`, `gateways_silent`, `gateways_look`: of all that are not revoked."""

    now: float
    gateways_total: int
    gateways_silent: int
    gateways_look: int
    page: int
    pages: int
    gateways: tuple[GatewayLine, ...]
    runners: tuple[RunnerLine, ...]
    quarantined: int
    may_see_quarantine: bool


# --- quarantine ---------------------------------------------------------------------------------------


class QuarantineLine(Facts):
    id: int
    received_at: float
    last_at: float
    times: int
    source: str
    topic: str
    site: str
    gateway: str
    known: bool
    code: str
    detail: str
    size: int
    settled: bool


class QuarantineEvent(Facts):
    at: float
    who: str
    action: str
    text: str


class QuarantineList(Facts):
    now: float
    lines: tuple[QuarantineLine, ...]
    codes: tuple[str, ...]
    code: str
    older: int | None
    gateway: str = ""
    may_replay: bool = False


class QuarantineItem(Facts):
    now: float
    line: QuarantineLine
    payload_hash: str
    text: str
    hex: str
    shown: int
    events: tuple[QuarantineEvent, ...]
    may_replay: bool
