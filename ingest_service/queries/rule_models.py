"""What the page of rules shows: rules as they hold, the numbers they compare with, and gaps in law."""

from __future__ import annotations

from ingest_service.queries.models import Facts


class ClassLimit(Facts):
    """A limit for one class of work (`number` None: for all); None where there is no number for it."""

    number: int | None
    title: str
    low_w: float | None
    high_w: float | None
    acclimatised: float | None
    not_acclimatised: float | None
    band: tuple[float, float] | None = None


class RuleLine(Facts):
    """One rule as it stands at a place: what it compares, by which text, and whether and why it judges."""

    rule: str
    pack: str
    version: str
    title: str
    hazard: str
    severity: str
    layer: str
    judged: bool
    why: str
    optional: bool
    kind: str
    unit: str
    decimals: int
    compare: str
    limits: tuple[ClassLimit, ...]
    instrument: str
    clause: str
    confidence: str
    valid_from: str
    valid_to: str
    looser: str
    country: str
    sector: str
    replaces: tuple[str, ...] = ()
    confirmed_by: str = ""
    confirmed_reference: str = ""


class GapLine(Facts):
    """What the law of a layer does not say. It is no pass: `filled_by` judges instead, if anything does."""

    hazard: str
    what: str
    note: str
    layer: str
    pack: str
    falls_back_to: str
    filled_by: tuple[RuleLine, ...]
    instrument: str
    clause: str
    confidence: str


class ProfileLine(Facts):
    """An optional set of rules, which judges only where an installation selects it."""

    pack: str
    title: str
    selected: bool
    instrument: str
    confidence: str
    rules: tuple[RuleLine, ...]


class PlaceChoice(Facts):
    id: str
    name: str


class RulesInForce(Facts):
    """The rules at a place on a local day. `shown` are known but do not judge, each with its reason."""

    now: float
    day: str
    site: str
    site_name: str
    country: str
    sector: str
    judged: tuple[RuleLine, ...]
    shown: tuple[RuleLine, ...]
    gaps: tuple[GapLine, ...]
    profiles: tuple[ProfileLine, ...]
    sites: tuple[PlaceChoice, ...]
    countries: tuple[str, ...]


class RuleExplained(Facts):
    """One rule, and the limit of each class of work where it goes by class."""

    line: RuleLine
    table: tuple[ClassLimit, ...]
