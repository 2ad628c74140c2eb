"""What a rule pack holds, once it has been read. `pack_format` reads one and reports every mistake in it."""

import re
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from alert_rules.durations import Minutes, Seconds

FORMAT: Final = 1
"""The version of the format; a pack says which one it is written in."""

Hazard = Literal["heat", "noise", "air", "silence"]
Severity = Literal["notice", "warning", "danger"]
SEVERITIES: Final[tuple[Severity, ...]] = ("notice", "warning", "danger")
Recipient = Literal["committee.worker", "committee.management", "adviser", "engineer", "authority"]
Unless = Literal["acknowledged_by_both", "action_recorded", "cleared"]
RuleId = Annotated[str, StringConstraints(pattern=r"[a-z][a-z0-9]*(-[a-z0-9]+)*", max_length=60)]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]

_NUMBER_AND_UNIT: Final = re.compile(r"\s*(-?[0-9]+(?:\.[0-9]+)?)\s*([^\s0-9]\S*)\s*")
_OFFSET: Final = re.compile(r"\s*limit(?:\s*-\s*([0-9]+(?:\.[0-9]+)?)\s*(\S*))?\s*")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Source(_Part):
    """Where a number comes from and how surely we know it."""

    instrument: Text
    clause: Text
    confidence: Literal["verified", "secondary", "unverified"]


class NamedLimit(_Part):
    """A limit of `osh_domain.limits` by name. `people` chooses whose, where it depends on acclimatisation."""

    name: Text
    people: Literal["zone", "acclimatised", "not_acclimatised"] = "zone"


class OwnLimit(_Part):
    """A number that stands in the pack itself."""

    value: float
    unit: Text


def _limit(raw: Any) -> Any:
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        raise ValueError(f"{raw} has no unit; write it like '35 ppm'")  # noqa: TRY004 - pydantic collects it
    if not isinstance(raw, str):
        return raw
    own = _NUMBER_AND_UNIT.fullmatch(raw)
    if own:
        return OwnLimit(value=float(own[1]), unit=own[2])
    if re.fullmatch(r"\s*-?[0-9.]+\s*", raw):
        raise ValueError(f"{raw!r} has no unit; write it like '35 ppm'")
    return NamedLimit(name=raw)


class Offset(_Part):
    """How far below the limit a raised rule clears."""

    value: float = Field(ge=0.0)
    unit: str = ""


def _offset(raw: Any) -> Any:
    form = _OFFSET.fullmatch(raw) if isinstance(raw, str) else None
    if form is None:
        raise ValueError(f"{raw!r} is not 'limit' or 'limit - NUMBER'; write it like 'limit - 0.5'")
    return Offset(value=float(form[1] or 0.0), unit=form[2] or "")


class Raise(_Part):
    """`after`: every minute of this long was above. `gap`: steps of up to this do not interrupt it."""

    after: Minutes
    gap: Minutes = 2


class Clear(_Part):
    """Every minute of `for` was below `below`."""

    below: Annotated[Offset, BeforeValidator(_offset)]
    for_: Minutes = Field(alias="for")


class Estimate(_Part):
    """How to read a method that can only be too low: within `margin` of the limit nothing is said."""

    method: Text
    margin: float = Field(ge=0.0)


class Escalation(_Part):
    """Who else is told, how long after a case was raised, unless something was done by then."""

    after: Seconds
    unless: Unless
    to: tuple[Recipient, ...] = Field(min_length=1, strict=False)


class Applies(_Part):
    """The zones a rule is for; a key that is left out leaves no zone out."""

    acclimatised: bool | None = None


class _Rule(_Part):
    id: RuleId
    title: Text
    hazard: Hazard
    severity: Severity
    source: Source | None = None
    advice: tuple[str, ...] = Field(default=(), strict=False)
    tell: tuple[Recipient, ...] = Field(default=(), strict=False)
    escalate: tuple[Escalation, ...] = Field(default=(), strict=False)


class ExposureRule(_Rule):
    """Judges one exposure kind against one limit."""

    exposure: Text
    limit: Annotated[NamedLimit | OwnLimit, BeforeValidator(_limit)]
    compare: Literal["above", "at_or_above"] = "above"
    judge: Literal["shift", "always"]
    coverage: float = Field(gt=0.0, le=1.0)
    applies: Applies = Applies()
    estimate: Estimate | None = None
    raise_: Raise = Field(alias="raise")
    clear: Clear


class Silence(_Part):
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


Rule = ExposureRule | SilenceRule


class Pack(_Part):
    """One dated set of rules of one jurisdiction. `source` holds for rules that name none of their own."""

    format: Literal[1]
    pack: RuleId
    version: Text
    title: Text
    source: Source
    valid_from: date
    valid_to: date | None = None
    rules: tuple[Rule, ...] = ()

    def in_force(self, day: date) -> bool:
        """Whether the pack holds on a local day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    def source_of(self, rule: Rule) -> Source:
        """Where a rule's number comes from."""
        return rule.source or self.source
