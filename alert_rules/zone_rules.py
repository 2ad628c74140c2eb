"""A pack's rules made concrete for one zone: the limit of its people, the clearing line, the source."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from alert_rules.conditions import Condition
from alert_rules.engine import ZoneRule
from alert_rules.exposures import UNITS
from alert_rules.layers import Effective, Place, judging
from alert_rules.pack_limits import limit_value
from alert_rules.pack_model import SEVERITIES, ExposureRule, Pack, Source


@dataclass(frozen=True, slots=True)
class ZoneFacts:
    """What decides which limit holds: class of work 0-4 (ISO 8996), acclimatisation, radiant heat nearby."""

    metabolic_class: int = 2
    acclimatised: bool = False
    radiant_source: bool = False


@dataclass(frozen=True, slots=True)
class ActiveRule:
    """One rule of one pack for one zone: what the engine steps and what people are told of it.

    `effective`: the layer that decided, what it replaced, who confirmed it; None where no place was asked.
    """

    pack: Pack
    rule: ExposureRule
    engine: ZoneRule
    label: str
    source: Source
    effective: Effective | None = None

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
        return self.rule.hazard, self.rule.agent


def active_rules(
    packs: Iterable[Pack],
    zone: ZoneFacts,
    live_age_s: float = 900.0,
    *,
    place: Place = Place(),  # noqa: B008 - frozen
    day: date | None = None,
) -> tuple[ActiveRule, ...]:
    """Rules that judge a zone's exposures at a place on a day, the most severe first.

    A value that jumps far above several limits then is told as what it is and not step by step. Without a
    place only international rules hold; without a day the newest versions. UnknownLimitError: no limit for
    its class of work.
    """
    found = []
    for one in judging(packs, place, day):
        if isinstance(one.rule, ExposureRule) and one.rule.applies.acclimatised in {None, zone.acclimatised}:
            active = activate(one.pack, one.rule, zone, live_age_s)
            if active is not None:
                found.append(replace(active, effective=one))
    return tuple(sorted(found, key=lambda active: active.urgency))


def activate(pack: Pack, rule: ExposureRule, zone: ZoneFacts, live_age_s: float) -> ActiveRule | None:
    """One rule for one zone; None where its table has no number for the zone's class of work."""
    found = limit_value(rule.limit, zone.metabolic_class, acclimatised=zone.acclimatised)
    if found is None:
        return None
    offset = rule.clear.offset.value
    condition = Condition(
        limit=found.value,
        strict=rule.strict,
        clear_below=found.value - offset if rule.upward else found.value + offset,
        coverage=rule.coverage,
        unit=UNITS[rule.exposure],
        estimate=rule.estimate.method if rule.estimate else "",
        margin=rule.estimate.margin if rule.estimate else 0.0,
        radiant=zone.radiant_source,
        below=not rule.upward,
    )
    engine = ZoneRule(
        rule.id, condition, rule.raise_.after, rule.clear.for_, gap=rule.raise_.gap, live_age_s=live_age_s
    )
    return ActiveRule(pack, rule, engine, found.label or rule.title, pack.source_of(rule))
