"""Which limits hold in a zone on a day, as the rules that judge name them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from alert_rules.exposures import UNITS, decimals
from alert_rules.pack_model import ExposureRule, OwnLimit, Pack, Rule
from ingest_service.queries.models import LimitLine
from ingest_service.register.entries import Site, Zone
from osh_domain.limits import limit

_URGENCY: Final = ("danger", "warning", "notice")


class LimitsInForce:
    """The limits of the rule packs that the alert runner judges with."""

    def __init__(self, packs: Iterable[Pack]) -> None:
        self.packs = tuple(packs)

    def of_zone(self, site: Site, zone: Zone, kind: str, now: float) -> list[LimitLine]:
        """Every limit on an exposure kind in a zone, the most severe first, then the lowest."""
        day = datetime.fromtimestamp(now, ZoneInfo(site.timezone)).date()
        lines = [
            _line(pack, rule, zone)
            for pack in self.packs
            if pack.in_force(day)
            for rule in pack.rules
            if isinstance(rule, ExposureRule) and rule.exposure == kind and _applies(rule, zone)
        ]
        return sorted(lines, key=lambda line: (_URGENCY.index(line.severity), line.value))

    def rule(self, pack_id: str, rule_id: str) -> tuple[Pack, Rule] | None:
        """A rule by its names, whether or not its pack is in force."""
        for pack in self.packs:
            for rule in pack.rules:
                if rule.id == rule_id and pack_id in {"", pack.pack}:
                    return pack, rule
        return None

    def line_of(self, pack_id: str, rule_id: str, zone: Zone) -> LimitLine | None:
        """The limit that a rule compares with in a zone; None for a rule that compares nothing."""
        found = self.rule(pack_id, rule_id)
        if found is None or not isinstance(found[1], ExposureRule):
            return None
        return _line(found[0], found[1], zone)


def _applies(rule: ExposureRule, zone: Zone) -> bool:
    return rule.applies.acclimatised in {None, zone.acclimatised}


def _line(pack: Pack, rule: ExposureRule, zone: Zone) -> LimitLine:
    source = pack.source_of(rule)
    value, band, label, unit = 0.0, None, rule.title, UNITS[rule.exposure]
    if isinstance(rule.limit, OwnLimit):
        value, unit = rule.limit.value, rule.limit.unit
    else:
        people = rule.limit.people
        acclimatised = zone.acclimatised if people == "zone" else people == "acclimatised"
        known = limit(rule.limit.name, metabolic_class=zone.metabolic_class, acclimatised=acclimatised)
        value, band, label, unit = known.value, known.band, known.label, known.unit
    return LimitLine(
        kind=rule.exposure,
        value=value,
        unit=unit,
        decimals=decimals(rule.exposure),
        label=label,
        instrument=source.instrument,
        clause=source.clause,
        confidence=source.confidence,
        severity=rule.severity,
        rule=rule.id,
        pack=pack.pack,
        band=band,
    )
