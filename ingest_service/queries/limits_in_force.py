"""Which limits hold in a zone on a day, as the rules that judge name them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from alert_rules.conditions import Observation, Verdict, judge
from alert_rules.exposures import decimals
from alert_rules.pack_model import ExposureRule, Pack, Rule
from alert_rules.zone_rules import ActiveRule, ZoneFacts, activate
from ingest_service.queries.models import LimitLine
from ingest_service.register.entries import Site, Zone
from ingest_service.series.port import ExposureRow
from osh_domain.limits import UnknownLimitError, limit

_URGENCY: Final = ("danger", "warning", "notice")
_LIVE_AGE_S: Final = 900.0


class LimitsInForce:
    """The limits of the rule packs that the alert runner judges with."""

    def __init__(self, packs: Iterable[Pack]) -> None:
        self.packs = tuple(packs)

    def active(self, site: Site, zone: Zone, kinds: Iterable[str], now: float) -> list[ActiveRule]:
        """The rules that judge these exposure kinds in a zone, the most severe first, then the lowest."""
        wanted = frozenset(kinds)
        day = datetime.fromtimestamp(now, ZoneInfo(site.timezone)).date()
        rules = [
            _activate(pack, rule, zone)
            for pack in self.packs
            if pack.in_force(day)
            for rule in pack.rules
            if isinstance(rule, ExposureRule) and rule.exposure in wanted and _applies(rule, zone)
        ]
        known = [rule for rule in rules if rule is not None]
        return sorted(known, key=lambda one: (_URGENCY.index(one.rule.severity), one.engine.condition.limit))

    def of_zone(self, site: Site, zone: Zone, kinds: Iterable[str], now: float) -> list[LimitLine]:
        """Every limit on these exposure kinds in a zone, the most severe first, then the lowest."""
        return [line_of(one, zone) for one in self.active(site, zone, kinds, now)]

    def rule(self, pack_id: str, rule_id: str) -> tuple[Pack, Rule] | None:
        """A rule by its names, whether or not its pack is in force."""
        for pack in self.packs:
            for rule in pack.rules:
                if rule.id == rule_id and pack_id in {"", pack.pack}:
                    return pack, rule
        return None

    def line(self, pack_id: str, rule_id: str, zone: Zone) -> LimitLine | None:
        """The limit that a rule compares with in a zone; None for a rule that compares nothing."""
        found = self.rule(pack_id, rule_id)
        if found is None or not isinstance(found[1], ExposureRule):
            return None
        active = _activate(found[0], found[1], zone)
        return None if active is None else line_of(active, zone)

    def subject(self, pack_id: str, rule_id: str, hazard: str) -> str:
        """What a case of the rule is about: `heat`, `air.co`, `silence.gateway`."""
        found = self.rule(pack_id, rule_id)
        if found is None:
            return hazard
        rule = found[1]
        if isinstance(rule, ExposureRule):
            return f"air.{rule.exposure.partition('.')[0]}" if hazard == "air" else hazard
        return f"silence.{rule.silence.cause}"


def verdict(active: ActiveRule, row: ExposureRow) -> Verdict:
    """What the rule says about one exposure: the same comparison that the alert runner makes."""
    seen = Observation(row.minute, row.value, row.coverage, row.method)
    return judge(seen, active.engine.condition).verdict


def line_of(active: ActiveRule, zone: Zone) -> LimitLine:
    """The rule's limit as pages show it."""
    rule = active.rule
    name = getattr(rule.limit, "name", None)
    band = None
    if name is not None:
        band = limit(name, metabolic_class=zone.metabolic_class, acclimatised=zone.acclimatised).band
    return LimitLine(
        kind=rule.exposure,
        value=active.engine.condition.limit,
        strict=active.engine.condition.strict,
        unit=active.engine.condition.unit,
        decimals=decimals(rule.exposure),
        label=active.label,
        instrument=active.source.instrument,
        clause=active.source.clause,
        confidence=active.source.confidence,
        severity=rule.severity,
        rule=rule.id,
        pack=active.pack.pack,
        band=band,
    )


def _activate(pack: Pack, rule: ExposureRule, zone: Zone) -> ActiveRule | None:
    facts = ZoneFacts(zone.metabolic_class, zone.acclimatised, zone.radiant_source)
    try:
        return activate(pack, rule, facts, _LIVE_AGE_S)
    except UnknownLimitError:
        return None


def _applies(rule: ExposureRule, zone: Zone) -> bool:
    return rule.applies.acclimatised in {None, zone.acclimatised}
