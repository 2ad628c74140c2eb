"""A pack's rules made concrete for one zone: the limit of its people, the clearing line, the source."""

from collections.abc import Iterable
from dataclasses import dataclass

from alert_rules.conditions import Condition
from alert_rules.engine import ZoneRule
from alert_rules.exposures import UNITS
from alert_rules.pack_model import SEVERITIES, ExposureRule, OwnLimit, Pack, Source
from osh_domain.limits import limit


@dataclass(frozen=True, slots=True)
class ZoneFacts:
    """What decides which limit holds: class of work 0-4 (ISO 8996), acclimatisation, radiant heat nearby."""

    metabolic_class: int = 2
    acclimatised: bool = False
    radiant_source: bool = False


@dataclass(frozen=True, slots=True)
class ActiveRule:
    """One rule of one pack for one zone: what the engine steps and what people are told of it."""

    pack: Pack
    rule: ExposureRule
    engine: ZoneRule
    label: str
    source: Source

    @property
    def id(self) -> str:
        return self.rule.id

    @property
    def urgency(self) -> int:
        """Smallest for the most severe rules; the order in which the rules of one minute are judged."""
        return -SEVERITIES.index(self.rule.severity)

    @property
    def group(self) -> tuple[str, str]:
        """Rules of one group share a case: one hazard, and in air one agent (CO is not dust)."""
        return self.rule.hazard, agent(self.rule)


def agent(rule: ExposureRule) -> str:
    """The agent of an air rule (`co`, `pm2_5`); an empty text for hazards that have only one."""
    return rule.exposure.partition(".")[0] if rule.hazard == "air" else ""


def active_rules(packs: Iterable[Pack], zone: ZoneFacts, live_age_s: float = 900.0) -> tuple[ActiveRule, ...]:
    """The rules that judge exposures in a zone, the most severe first, so that what begins at once begins as
    what it is and not step by step. UnknownLimitError: no limit for its class of work."""
    found = [
        activate(pack, rule, zone, live_age_s)
        for pack in packs
        for rule in pack.rules
        if isinstance(rule, ExposureRule) and rule.applies.acclimatised in {None, zone.acclimatised}
    ]
    return tuple(sorted(found, key=lambda active: active.urgency))


def activate(pack: Pack, rule: ExposureRule, zone: ZoneFacts, live_age_s: float) -> ActiveRule:
    """One rule for one zone."""
    value, strict, label = _limit(rule, zone)
    condition = Condition(
        limit=value,
        strict=strict,
        clear_below=value - rule.clear.below.value,
        coverage=rule.coverage,
        unit=UNITS[rule.exposure],
        estimate=rule.estimate.method if rule.estimate else "",
        margin=rule.estimate.margin if rule.estimate else 0.0,
        radiant=zone.radiant_source,
    )
    engine = ZoneRule(
        rule.id, condition, rule.raise_.after, rule.clear.for_, gap=rule.raise_.gap, live_age_s=live_age_s
    )
    return ActiveRule(pack, rule, engine, label, pack.source_of(rule))


def _limit(rule: ExposureRule, zone: ZoneFacts) -> tuple[float, bool, str]:
    """Value in the exposure's unit, whether it is exceeded only above, and its name for people."""
    if isinstance(rule.limit, OwnLimit):
        return rule.limit.value, rule.compare == "above", rule.title
    people = rule.limit.people
    acclimatised = zone.acclimatised if people == "zone" else people == "acclimatised"
    entry = limit(rule.limit.name, metabolic_class=zone.metabolic_class, acclimatised=acclimatised)
    return entry.value, entry.strict, entry.label
