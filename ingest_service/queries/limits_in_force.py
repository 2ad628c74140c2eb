"""Which limits hold in a zone on a day, as the rules that judge name them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from alert_rules.conditions import Observation, Verdict, judge
from alert_rules.exposures import decimals
from alert_rules.layers import Effective, Place, PlacedGap, effective, gaps_of
from alert_rules.pack_model import ExposureRule, Pack, Rule, SilenceRule
from alert_rules.zone_rules import ActiveRule, ZoneFacts, activate, active_rules
from ingest_service.queries.models import LimitLine
from ingest_service.register.entries import Site, Zone
from ingest_service.series.port import ExposureRow
from osh_domain.limits import UnknownLimitError, limit

_URGENCY: Final = ("danger", "warning", "notice")
_LIVE_AGE_S: Final = 900.0
_REMEMBERED: Final = 4096
"""Sets of rules kept: one for each kind of place and of zone, and each time that they held."""


class LimitsInForce:
    """The limits of the rule packs that the alert runner judges with."""

    def __init__(self, packs: Iterable[Pack]) -> None:
        self.packs = tuple(packs)
        self._speaks_of = tuple(
            frozenset(part) for part in zip(*((p.country, p.sector, p.site) for p in self.packs), strict=True)
        ) or (frozenset(), frozenset(), frozenset())
        self._turns = sorted({day for pack in self.packs for day in _turning_days(pack)})
        self._sets: dict[tuple[Place, int, ZoneFacts], tuple[ActiveRule, ...]] = {}

    def active(self, site: Site, zone: Zone, kinds: Iterable[str], now: float) -> list[ActiveRule]:
        """The rules that judge these exposure kinds in a zone, the most severe first, then the lowest."""
        wanted = frozenset(kinds)
        known = [one for one in self._set(site, zone, now) if one.rule.exposure in wanted]
        return sorted(known, key=lambda one: (_URGENCY.index(one.rule.severity), one.engine.condition.limit))

    def of_zone(self, site: Site, zone: Zone, kinds: Iterable[str], now: float) -> list[LimitLine]:
        """Every limit on these exposure kinds in a zone, the most severe first, then the lowest."""
        return [line_of(one, zone) for one in self.active(site, zone, kinds, now)]

    def place(self, site: Site) -> Place:
        """The place as far as any pack speaks of it, so that places with the same rules are one."""
        parts = (site.country, site.sector, site.id)
        return Place(
            *(part if part in known else "" for part, known in zip(parts, self._speaks_of, strict=True))
        )

    def rules_at(self, place: Place, day: date) -> tuple[Effective, ...]:
        """Every rule at a place on a day, judged or not, the broadest layer first."""
        return effective(self.packs, place, day)

    def gaps_at(self, place: Place, day: date) -> tuple[PlacedGap, ...]:
        """What the law of a place does not say, and what judges instead."""
        return gaps_of(self.packs, place, day)

    def countries(self) -> tuple[str, ...]:
        """The countries of which a pack speaks."""
        return tuple(sorted({pack.country for pack in self.packs if pack.country}))

    def rule(self, pack_id: str, rule_id: str) -> tuple[Pack, Rule] | None:
        """A rule by its names, whether or not its pack is in force; of several versions the newest."""
        found = [
            (pack, rule)
            for pack in self.packs
            for rule in pack.rules
            if rule.id == rule_id and pack_id in {"", pack.pack}
        ]
        return max(found, key=lambda one: one[0].valid_from, default=None)

    def line(self, pack_id: str, rule_id: str, zone: Zone) -> LimitLine | None:
        """The limit that a rule compares with in a zone; None for a rule that compares nothing."""
        found = self.rule(pack_id, rule_id)
        if found is None or not isinstance(found[1], ExposureRule):
            return None
        try:
            active = activate(found[0], found[1], _facts(zone), _LIVE_AGE_S)
        except UnknownLimitError:
            return None
        return None if active is None else line_of(active, zone)

    def subject(self, pack_id: str, rule_id: str, hazard: str) -> str:
        """What a case of the rule is about: `heat`, `air.co`, `silence.gateway`, `device.stuck`."""
        found = self.rule(pack_id, rule_id)
        if found is None:
            return hazard
        rule = found[1]
        if isinstance(rule, ExposureRule):
            return f"air.{rule.agent}" if rule.agent else hazard
        if isinstance(rule, SilenceRule):
            return f"silence.{rule.silence.cause}"
        return f"device.{rule.watch.what}"

    def _set(self, site: Site, zone: Zone, now: float) -> tuple[ActiveRule, ...]:
        day = datetime.fromtimestamp(now, ZoneInfo(site.timezone)).date()
        # Between two days on which anything begins or ends, every day has the same rules.
        key = (self.place(site), bisect_right(self._turns, day), _facts(zone))
        found = self._sets.get(key)
        if found is None:
            if len(self._sets) >= _REMEMBERED:
                self._sets.clear()
            try:
                found = active_rules(self.packs, key[2], _LIVE_AGE_S, place=key[0], day=day)
            except UnknownLimitError:
                found = ()
            self._sets[key] = found
        return found


def _turning_days(pack: Pack) -> Iterator[date]:
    """The days from which on a pack may judge otherwise than the day before."""
    yield pack.valid_from
    if pack.valid_to is not None and pack.valid_to < date.max:
        yield pack.valid_to + timedelta(days=1)
    for one in pack.confirmations:
        yield one.on


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
        people = getattr(rule.limit, "people", "zone")
        acclimatised = zone.acclimatised if people == "zone" else people == "acclimatised"
        band = limit(name, metabolic_class=zone.metabolic_class, acclimatised=acclimatised).band
    return LimitLine(
        kind=rule.exposure,
        value=active.engine.condition.limit,
        strict=active.engine.condition.strict,
        at_least=not rule.upward,
        unit=active.engine.condition.unit,
        decimals=decimals(rule.exposure),
        label=active.label,
        instrument=active.source.instrument,
        clause=active.source.clause,
        confidence=active.source.confidence,
        severity=rule.severity,
        rule=rule.id,
        pack=active.pack.pack,
        layer=active.pack.layer,
        band=band,
    )


def _facts(zone: Zone) -> ZoneFacts:
    return ZoneFacts(zone.metabolic_class, zone.acclimatised, zone.radiant_source)
