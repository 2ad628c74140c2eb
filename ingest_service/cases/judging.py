"""Judges exposures zone by zone and remembers where every rule stands. No database: rows in, outcome out."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import itemgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from alert_rules.alerts import CaseChange, Standing
from alert_rules.conditions import Observation, judge
from alert_rules.engine import Change, Phase, Recent, RuleState, Transition, is_late, retrospect, shift_over
from alert_rules.pack_model import Pack, Severity
from alert_rules.zone_rules import ActiveRule, ZoneFacts, active_rules
from ingest_service.cases.events import exposure_event, told_severity
from ingest_service.register.entries import Site, Zone
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.series.port import ExposureRow

SHIFT_END_GRACE_S = 300.0
"""Exposures of a shift's last minutes may come this long after it; only then is the shift over for a rule."""

Key = tuple[str, str]
"""Zone and rule."""


class Finding(NamedTuple):
    """A rule whose hold was met in the past; `key` makes it one per zone, rule and shift."""

    event: dict[str, Any]
    key: str
    reason: str


@dataclass(slots=True)
class Outcome:
    """What one look at new exposures leads to, to be written in one transaction."""

    judgements: dict[tuple[str, str, int], str] = field(default_factory=dict)
    moved: set[Key] = field(default_factory=set)
    changes: list[tuple[CaseChange, dict[str, Any]]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.judgements or self.moved)


@dataclass(slots=True)
class _Tracked:
    live: RuleState = field(default_factory=RuleState)
    late: RuleState = field(default_factory=RuleState)
    recent: Recent = field(default_factory=Recent)


class Judge:
    """Where every rule stands in every zone. When writing an outcome fails, throw the judge away and make a
    new one from what is stored."""

    def __init__(self, packs: Sequence[Pack], live_age_s: float, stored: Mapping[Key, str]) -> None:
        self._packs, self._live_age_s = tuple(packs), live_age_s
        self._tracked = {key: _read_state(text) for key, text in stored.items()}
        self._standings: dict[tuple[str, str, str], Standing] = {}
        self._version = -1
        self._rules: dict[str, dict[str, list[ActiveRule]]] = {}
        self._moments: dict[tuple[str, int], tuple[bool, date]] = {}

    def state_rows(self, keys: Iterable[Key]) -> list[dict[str, Any]]:
        """Rows for the table of rule states."""
        return [
            {
                "zone": zone,
                "rule": rule,
                "state": {"live": list(one.live), "late": list(one.late)},
                "judged_to": max(one.live.minute, one.late.minute),
            }
            for zone, rule in sorted(keys)
            for one in [self._tracked[zone, rule]]
        ]

    def take(self, rows: Iterable[ExposureRow], register: RegisterSnapshot, now: float) -> Outcome:
        """Judge new and revised exposures, in ascending minutes, the most severe rules of a minute first."""
        self._follow(register)
        outcome = Outcome()
        for _, _, _, active, site, zone, row in sorted(self._due(rows, register), key=itemgetter(0, 1, 2)):
            self._one(outcome, active, site, zone, row, register, now)
        return outcome

    def _due(
        self, rows: Iterable[ExposureRow], register: RegisterSnapshot
    ) -> Iterator[tuple[int, int, int, ActiveRule, Site, Zone, ExposureRow]]:
        """What is to be judged, with what it is ordered by."""
        for row in rows:
            zone = register.zone(row.zone)
            site = register.site(zone.site) if zone else None
            if zone is None or site is None:
                continue
            for active in self._rules_of(zone).get(row.kind, ()):
                if self._holds(active, site, row.minute, register):
                    yield row.minute, active.urgency, row.change, active, site, zone, row

    def end_shifts(self, register: RegisterSnapshot, now: float) -> Outcome:
        """What the clock alone ends: rules of a shift that is over."""
        self._follow(register)
        outcome = Outcome()
        for (zone_id, rule_id), tracked in self._tracked.items():
            zone = register.zone(zone_id)
            if tracked.live.phase is Phase.QUIET or zone is None:
                continue
            active = self._active(zone, rule_id)
            site = register.site(zone.site)
            if active is None or site is None or active.rule.judge != "shift":
                continue
            end = _shift_end(register, zone.site, tracked.live.minute, now)
            if end is None:
                continue
            tracked.live, made = shift_over(tracked.live, end)
            outcome.moved.add((zone_id, rule_id))
            self._transitions(outcome, active, site, zone, None, made)
        return outcome

    def _one(
        self,
        outcome: Outcome,
        active: ActiveRule,
        site: Site,
        zone: Zone,
        row: ExposureRow,
        register: RegisterSnapshot,
        now: float,
    ) -> None:
        observation = Observation(row.minute, row.value, row.coverage, row.method)
        verdict = judge(observation, active.engine.condition).verdict
        outcome.judgements[zone.id, active.id, row.minute] = verdict.value
        key = (zone.id, active.id)
        tracked = self._tracked.setdefault(key, _Tracked())
        outcome.moved.add(key)
        self._end_earlier_shift(outcome, active, site, zone, tracked, row.minute, register)
        if is_late(row.minute, now, self._live_age_s):
            tracked.late, made = retrospect(tracked.late, observation, active.engine)
            for transition in made:
                if transition.change is Change.RAISED:
                    outcome.findings.append(_finding(active, site, zone, row, transition, register))
            return
        tracked.live, made = tracked.recent.take(tracked.live, observation, active.engine, now)
        self._transitions(outcome, active, site, zone, row, made)

    def _end_earlier_shift(
        self,
        outcome: Outcome,
        active: ActiveRule,
        site: Site,
        zone: Zone,
        tracked: _Tracked,
        minute: int,
        register: RegisterSnapshot,
    ) -> None:
        """What held in a shift that ended before this minute's began is over, also when the clock could not
        say so: the service was down at the time, or the readings come in afterwards."""
        if active.rule.judge != "shift":
            return
        at = 60.0 * minute - 30.0
        if tracked.late.phase is not Phase.QUIET:
            end = _shift_end(register, site.id, tracked.late.minute, at)
            tracked.late = tracked.late if end is None else shift_over(tracked.late, end)[0]
        if tracked.live.phase is not Phase.QUIET:
            end = _shift_end(register, site.id, tracked.live.minute, at)
            if end is not None:
                tracked.live, made = shift_over(tracked.live, end)
                self._transitions(outcome, active, site, zone, None, made)

    def _transitions(
        self,
        outcome: Outcome,
        active: ActiveRule,
        site: Site,
        zone: Zone,
        row: ExposureRow | None,
        made: Iterable[Transition],
    ) -> None:
        for transition in made:
            if transition.change in (Change.RAISED, Change.CLEARED):
                standing = self._standing(zone, active, transition)
                change = standing.take(active.id, active.rule.severity, transition)
                if change is not None:
                    severity = told_severity(change, active)
                    event = exposure_event(active, site, zone, row, transition, severity)
                    outcome.changes.append((change, event))

    def _standing(self, zone: Zone, active: ActiveRule, transition: Transition) -> Standing:
        """The standing before this transition; made from the rules' stored states when it is first needed."""
        hazard, agent = active.group
        found = self._standings.get((zone.id, hazard, agent))
        if found is None:
            raised: dict[str, Severity] = {}
            for rules in self._rules_of(zone).values():
                for one in rules:
                    tracked = self._tracked.get((zone.id, one.id))
                    if one.group == active.group and tracked and tracked.live.phase is Phase.RAISED:
                        raised[one.id] = one.rule.severity
            # The states already stand after this transition.
            if transition.change is Change.RAISED:
                raised.pop(active.id, None)
            else:
                raised[active.id] = active.rule.severity
            found = self._standings[zone.id, hazard, agent] = Standing(raised)
        return found

    def _follow(self, register: RegisterSnapshot) -> None:
        """A changed register may change shifts, classes of work and so limits."""
        if register.version != self._version:
            self._version = register.version
            self._rules.clear()
            self._moments.clear()
            self._standings.clear()
        if len(self._moments) > 20_000:
            self._moments.clear()

    def _rules_of(self, zone: Zone) -> dict[str, list[ActiveRule]]:
        found = self._rules.get(zone.id)
        if found is None:
            facts = ZoneFacts(zone.metabolic_class, zone.acclimatised, zone.radiant_source)
            found = defaultdict(list)
            for active in active_rules(self._packs, facts, self._live_age_s):
                found[active.rule.exposure].append(active)
            self._rules[zone.id] = found
        return found

    def _active(self, zone: Zone, rule_id: str) -> ActiveRule | None:
        for rules in self._rules_of(zone).values():
            for one in rules:
                if one.id == rule_id:
                    return one
        return None

    def _holds(self, active: ActiveRule, site: Site, minute: int, register: RegisterSnapshot) -> bool:
        moment = self._moments.get((site.id, minute))
        if moment is None:
            calendar = register.calendar(site.id)
            # A site without a calendar is always at work: not knowing the shifts must not look safe.
            on = not calendar.shifts or calendar.shift_of_minute(minute) is not None
            day = datetime.fromtimestamp(60.0 * minute - 30.0, ZoneInfo(site.timezone)).date()
            moment = self._moments[site.id, minute] = (on, day)
        on, day = moment
        return (on or active.rule.judge == "always") and active.pack.in_force(day)


def _finding(
    active: ActiveRule,
    site: Site,
    zone: Zone,
    row: ExposureRow,
    transition: Transition,
    register: RegisterSnapshot,
) -> Finding:
    shift = register.calendar(site.id).shift_of_minute(row.minute)
    day = datetime.fromtimestamp(60.0 * row.minute - 30.0, ZoneInfo(site.timezone)).date()
    when = f"{shift.start:.0f}" if shift else day.isoformat()
    event = exposure_event(active, site, zone, row, transition, active.rule.severity)
    return Finding(event, f"{zone.id}|{active.id}|found|{when}", transition.reason)


def _shift_end(register: RegisterSnapshot, site: str, minute: int, now: float) -> int | None:
    """The minute in which the shift of `minute` ended; None while it, or one that followed at once, is on."""
    calendar = register.calendar(site)
    if not calendar.shifts:
        return None
    shift = calendar.shift_of_minute(minute)
    end = shift.end if shift else 60.0 * minute
    present = calendar.shift_at(now)
    if present is not None and present.start - end < SHIFT_END_GRACE_S:
        return None
    return int(end // 60) if now - end >= SHIFT_END_GRACE_S else None


def _read_state(text: str) -> _Tracked:
    raw = json.loads(text) if isinstance(text, str) else text
    return _Tracked(_state(raw["live"]), _state(raw["late"]))


def _state(raw: Sequence[Any]) -> RuleState:
    return RuleState(Phase(raw[0]), *map(int, raw[1:]))
