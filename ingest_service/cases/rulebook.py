"""Which rules judge a zone in a minute: by its facts then, its place, and the site's local day.

Answers are remembered: thousands of zones share a few sets of facts, and every minute of a day has one set of
rules.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from alert_rules.engine import ZoneRule
from alert_rules.layers import Effective, Place, effective, gaps_of, judging
from alert_rules.pack_model import ExposureRule, Pack, Severity, SilenceRule, WatchRule
from alert_rules.zone_rules import ActiveRule, ZoneFacts, active_rules
from ingest_service.register.entries import Site, Zone
from ingest_service.register.snapshot import RegisterSnapshot
from osh_domain.shifts import ShiftCalendar

_MOST_MOMENTS: Final = 50_000
_MOST_SETS: Final = 5_000


class Judged(NamedTuple):
    """A rule of a set, with what is asked of it in every minute at hand."""

    id: str
    kind: str
    shift_only: bool
    engine: ZoneRule
    active: ActiveRule


class RuleSet(NamedTuple):
    """The rules of a zone on a day, the most severe first, and the same by their ids."""

    ordered: tuple[Judged, ...]
    by_id: dict[str, Judged]


class Moment(NamedTuple):
    """A minute at a site: whether a shift is on, and the local day it belongs to."""

    on: bool
    day: date


class Piece(NamedTuple):
    """A shift, or what is left of a local day outside shifts: its minutes are `start` < m <= `end`.

    `key` names it in findings: the shift's beginning [s], or the local day.
    """

    start: int
    end: int
    key: str


class Ended(NamedTuple):
    """Why a rule does not judge any more: a word for programs and a sentence for people."""

    word: str
    reason: str


class Raised(NamedTuple):
    """What has to be known of a raised rule when it is gone."""

    severity: Severity
    hazard: str
    agent: str


class Rulebook:
    """Rules, shifts and facts of zones, following one register after another."""

    def __init__(self, packs: Iterable[Pack], live_age_s: float) -> None:
        self.packs = tuple(packs)
        self._live_age_s = live_age_s
        self._words = tuple(
            frozenset(found) - {None}
            for found in (
                {pack.country for pack in self.packs},
                {pack.sector for pack in self.packs},
                {pack.site for pack in self.packs},
            )
        )
        self._sets: dict[tuple[ZoneFacts, Place, date], RuleSet] = {}
        self._at_places: dict[tuple[Place, date], tuple[Effective, ...]] = {}
        self._register = RegisterSnapshot()
        self._moments: dict[tuple[str, int], Moment] = {}
        self._zones: dict[str, ZoneInfo] = {}

    def follow(self, register: RegisterSnapshot) -> bool:
        """Take up a register; True when it is another version than before."""
        if register is self._register:
            return False
        self._register = register
        self._moments.clear()
        return True

    def moment(self, site: Site, minute: int) -> Moment:
        """Whether a shift is on, and the day."""
        found = self._moments.get((site.id, minute))
        if found is None:
            if len(self._moments) > _MOST_MOMENTS:
                self._moments.clear()
            calendar = self._register.calendar(site.id)
            # A site without a calendar is always at work: not knowing the shifts must not look safe.
            on = not calendar.shifts or calendar.shift_of_minute(minute) is not None
            found = self._moments[site.id, minute] = Moment(on, self.day(site, minute))
        return found

    def day(self, site: Site, minute: int) -> date:
        """The local day of a minute, by its middle."""
        zone = self._zones.get(site.timezone)
        if zone is None:
            zone = self._zones[site.timezone] = ZoneInfo(site.timezone)
        return datetime.fromtimestamp(60.0 * minute - 30.0, zone).date()

    def site(self, site_id: str) -> Site | None:
        """A site of the register."""
        return self._register.site(site_id)

    def calendar(self, site_id: str) -> ShiftCalendar:
        """The shifts of a site."""
        return self._register.calendar(site_id)

    def zone(self, zone_id: str, minute: int) -> Zone | None:
        """A zone with the facts that held in the minute; before the first ones, with those."""
        found = self._register.zone_as_of(zone_id, 60.0 * minute - 30.0)
        if found is not None:
            return found
        history = self._register.zone_history(zone_id)
        return history[0][1] if history else None

    def rules(self, site: Site, zone: Zone, day: date) -> RuleSet:
        """The rules that judge a zone on a day."""
        facts = ZoneFacts(zone.metabolic_class, zone.acclimatised, zone.radiant_source)
        key = (facts, self.place(site), day)
        found = self._sets.get(key)
        if found is None:
            if len(self._sets) > _MOST_SETS:
                self._sets.clear()
            active = active_rules(self.packs, facts, self._live_age_s, place=key[1], day=day)
            judged = [
                Judged(one.id, one.rule.exposure, one.rule.judge == "shift", one.engine, one)
                for one in active
            ]
            found = self._sets[key] = RuleSet(tuple(judged), {one.id: one for one in judged})
        return found

    def silences(self, site: Site, day: date) -> dict[str, tuple[Pack, SilenceRule]]:
        """The rules of silence of a site on a day, by the cause they look for; the narrowest layer's."""
        return {
            one.rule.silence.cause: (one.pack, one.rule)
            for one in self._judging(site, day)
            if isinstance(one.rule, SilenceRule)
        }

    def watches(self, site: Site, day: date) -> dict[str, tuple[Pack, WatchRule]]:
        """The rules on sensors that report, by what they watch; the narrowest layer's."""
        return {
            one.rule.watch.what: (one.pack, one.rule)
            for one in self._judging(site, day)
            if isinstance(one.rule, WatchRule)
        }

    def _judging(self, site: Site, day: date) -> tuple[Effective, ...]:
        key = (self.place(site), day)
        found = self._at_places.get(key)
        if found is None:
            if len(self._at_places) > _MOST_SETS:
                self._at_places.clear()
            found = self._at_places[key] = judging(self.packs, *key)
        return found

    def day_at(self, site: Site, now: float) -> date:
        """The local day of an instant."""
        return self.day(site, int(now // 60) + 1)

    def place(self, site: Site) -> Place:
        """The place as far as any pack speaks of it, so that places with the same rules are one."""
        parts = (site.country, site.sector, site.id)
        return Place(*(part if part in known else "" for part, known in zip(parts, self._words, strict=True)))

    def gap(self, site: Site, active: ActiveRule, day: date) -> dict[str, str] | None:
        """What the law of the place does not say, where this rule stands in for it."""
        names = {active.rule.id, active.pack.pack}
        for one in gaps_of(self.packs, self.place(site), day):
            if one.gap.falls_back_to in names and one.gap.hazard == active.rule.hazard:
                return {"what": one.gap.what, "note": one.gap.note, "pack": one.pack.pack}
        return None

    def why_not(self, rule_id: str, site: Site, day: date) -> Ended:
        """Why a rule that is not in a zone's set does not judge it."""
        found = [one for one in effective(self.packs, self.place(site), day) if one.rule.id == rule_id]
        if not found:
            return Ended("pack_ended", "its rule pack is not in force any more")
        if any(one.judged for one in found):
            return Ended("reclassified", "the zone's class of work or its people changed; other rules hold")
        return Ended("not_judged", f"the rule does not judge here any more: {found[0].why}")

    def raised(self, rule_id: str) -> Raised | None:
        """What is known of a rule by its name alone."""
        for pack in self.packs:
            for rule in pack.rules:
                if rule.id == rule_id and isinstance(rule, ExposureRule):
                    return Raised(rule.severity, rule.hazard, rule.agent)
        return None

    def piece(self, site: Site, minute: int) -> Piece:
        """The shift of a minute; outside shifts what is left of its local day between them."""
        calendar = self._register.calendar(site.id)
        t = 60.0 * minute - 30.0
        shift = calendar.shift_at(t)
        if shift is not None:
            return Piece(int(shift.start // 60), int(shift.end // 60), f"{shift.start:.0f}")
        start, end = calendar.local_day(t)
        for one in calendar.instances(start, end):
            if one.end <= t:
                start = max(start, one.end)
            if one.start > t:
                end = min(end, one.start)
        return Piece(int(start // 60), int(end // 60), self.day(site, minute).isoformat())
