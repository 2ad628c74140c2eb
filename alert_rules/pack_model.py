"""What a rule pack holds, once it has been read. `pack_format` reads one and reports every mistake in it."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from alert_rules.durations import Minutes, Seconds, amount
from alert_rules.pack_limits import Limit, Offset, Part, Text, read_offset
from alert_rules.pack_limits import NamedLimit as NamedLimit  # noqa: PLC0414 - others take it from here
from alert_rules.pack_limits import OwnLimit as OwnLimit  # noqa: PLC0414 - others take it from here
from alert_rules.pack_limits import TableLimit as TableLimit  # noqa: PLC0414 - others take it from here

FORMAT: Final = 2
"""The version of the format; a pack says which one it is in. Format 1 knew no layers; it is read still."""

Hazard = Literal["heat", "noise", "air", "silence", "device"]
Severity = Literal["notice", "warning", "danger"]
SEVERITIES: Final[tuple[Severity, ...]] = ("notice", "warning", "danger")
Recipient = Literal["committee.worker", "committee.management", "adviser", "engineer", "authority"]
Unless = Literal["acknowledged_by_both", "action_recorded", "cleared"]
Compare = Literal["above", "at_or_above", "below", "at_or_below"]
Layer = Literal["international", "country", "sector", "site"]
LAYERS: Final[tuple[Layer, ...]] = ("international", "country", "sector", "site")
"""From the broadest to the narrowest; a narrower layer may only be stricter."""
Confidence = Literal["verified", "secondary", "instrument_verified", "unverified", "none_found"]
CONFIRMED: Final = frozenset({"verified", "secondary"})
"""The confidences of numbers that were read somewhere; others wait for somebody's confirmation."""
Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)]
Country = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]


class Source(Part):
    """Where a number comes from and how surely we know it.

    verified: the number was read in a text found for it; secondary: in one secondary source;
    instrument_verified: the legal text and its topic were confirmed, its number was not; unverified: general
    knowledge; none_found: a search gave no number, which proves nothing.
    """

    instrument: Text
    clause: Text
    confidence: Confidence


class Raise(Part):
    """`after`: every minute of this long was above. `gap`: steps of up to this do not interrupt it."""

    after: Minutes
    gap: Minutes = 2


class Clear(Part):
    """Every minute of `for` was below `below`; `above`, for rules that ask for at least their limit."""

    below: Annotated[Offset | None, BeforeValidator(read_offset)] = None
    above: Annotated[Offset | None, BeforeValidator(read_offset)] = None
    for_: Minutes = Field(alias="for")

    @property
    def offset(self) -> Offset:
        """How far on the safe side of the limit the clearing line lies."""
        return self.below or self.above or Offset(value=0.0)


class Estimate(Part):
    """How to read a method that can only be too low: within `margin` of the limit nothing is said."""

    method: Text
    margin: float = Field(ge=0.0)


class Escalation(Part):
    """Who else is told, how long after a case was raised, unless something was done by then."""

    after: Seconds
    unless: Unless
    to: tuple[Recipient, ...] = Field(min_length=1, strict=False)


class Applies(Part):
    """The zones a rule is for; a key that is left out leaves no zone out."""

    acclimatised: bool | None = None


class Looser(Part):
    """Why a rule may be less strict than the one it replaces."""

    reason: Text


class _Rule(Part):
    id: Id
    title: Text
    hazard: Hazard
    severity: Severity
    source: Source | None = None
    replaces: Id | None = None
    looser: Looser | None = None
    advice: tuple[str, ...] = Field(default=(), strict=False)
    tell: tuple[Recipient, ...] = Field(default=(), strict=False)
    escalate: tuple[Escalation, ...] = Field(default=(), strict=False)


class ExposureRule(_Rule):
    """Judges one exposure kind against one limit."""

    exposure: Text
    limit: Limit
    compare: Compare = "above"
    judge: Literal["shift", "always"]
    coverage: float = Field(gt=0.0, le=1.0)
    applies: Applies = Applies()
    estimate: Estimate | None = None
    raise_: Raise = Field(alias="raise")
    clear: Clear

    @property
    def upward(self) -> bool:
        """Whether too much is the hazard (`above`), not too little (`below`)."""
        return self.compare in ("above", "at_or_above")

    @property
    def agent(self) -> str:
        """The agent of an air rule (`co`, `pm2_5`); an empty text for hazards that have only one."""
        return self.exposure.partition(".")[0] if self.hazard == "air" else ""

    @property
    def strict(self) -> bool:
        """Whether the limit itself is still allowed."""
        return self.compare in ("above", "below")


class Silence(Part):
    """When expected channels count as silent and how they are grouped by probable cause.

    A channel is silent `after` this long without a reading, but never before `periods` of its own periods.
    `together`: what fell silent within this time has one cause; also how long a cause is waited for.
    `grace`: nothing is said this long after a start. `back`: readings flow again this long before it clears.
    """

    cause: Literal["channel", "gateway", "site"]
    after: Seconds
    periods: float = Field(gt=0.0)
    together: Seconds
    grace: Seconds
    back: Seconds


class SilenceRule(_Rule):
    """Judges that what the register expects does report."""

    silence: Silence


Doubted = Literal[
    "stuck", "calibration", "moved", "clock", "backlog", "disk", "lost", "refused", "chain", "clone"
]
MEASURED: Final[Mapping[str, str]] = {"backlog": "6 h", "disk": "90 %", "refused": "10"}
"""What there can be more or less of, and how a pack says how much is too much."""


class Watch(Part):
    """What is wrong with a sensor that does report, or with what a gateway delivers.

    `what`: its value is stuck, its calibration lapsed, it is not where (or what) the register says, or the
    clock that stamps its readings is wrong. Of a gateway: readings wait too long, its disk is nearly full,
    readings were lost, batches are refused, its chain of batches is broken, it seems to exist twice.
    `over`: so much of it is too much, of what `MEASURED` names: an age, a share, a number.
    `after`: told when it was so for this long; `back`: over when it was right again for this long.
    """

    what: Doubted
    after: Seconds
    back: Seconds
    over: Annotated[float | None, BeforeValidator(amount)] = None

    @model_validator(mode="after")
    def _measured(self) -> "Watch":
        if (self.over is None) == (self.what in MEASURED):
            asked = f"write how much is too much: over: {MEASURED[self.what]}" if self.over is None else (
                f"there is no more or less of it; take `over` away, it is for {', '.join(MEASURED)}"
            )  # fmt: skip
            raise ValueError(f"{self.what}: {asked}")
        return self


class WatchRule(_Rule):
    """Judges that a sensor that reports may be believed."""

    watch: Watch


Rule = ExposureRule | SilenceRule | WatchRule


class Gap(Part):
    """What the law of the pack's layer does not say, or says in a number that nobody could confirm.

    `falls_back_to` names the rule or the pack that judges instead. `filled_by`: the pack's own rule that
    fills the gap where it judges, once somebody confirmed its number.
    """

    hazard: Hazard
    what: Text
    falls_back_to: Id
    filled_by: Id | None = None
    note: Text
    source: Source | None = None


class Confirmation(Part):
    """Somebody read the number of a rule in its legal text and stands for it."""

    rule: Id
    by: Text
    on: date
    reference: Text


class Pack(Part):
    """One dated set of rules of one layer. `source` holds for rules and gaps that name none of their own.

    `optional` packs judge only where an installation's pack `selects` them.
    """

    format: Literal[1, 2]
    pack: Id
    version: Text
    title: Text
    source: Source
    valid_from: date
    valid_to: date | None = None
    layer: Layer = "international"
    country: Country | None = None
    sector: Text | None = None
    site: Text | None = None
    optional: bool = False
    selects: tuple[Id, ...] = Field(default=(), strict=False)
    confirmations: tuple[Confirmation, ...] = Field(default=(), strict=False)
    gaps: tuple[Gap, ...] = Field(default=(), strict=False)
    rules: tuple[Rule, ...] = ()

    def in_force(self, day: date) -> bool:
        """Whether the pack holds on a local day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    def source_of(self, rule: Rule) -> Source:
        """Where a rule's number comes from."""
        return rule.source or self.source

    def rule(self, rule_id: str) -> Rule | None:
        """The rule of this id."""
        return next((one for one in self.rules if one.id == rule_id), None)
