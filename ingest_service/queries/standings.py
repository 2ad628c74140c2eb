"""How each hazard stands in a zone now, and why: the one place where a state is decided for the screen.

The order of the questions matters. Silence comes first, because a number that nobody measured any more is
not a number; then what the rules have opened a case for; then the newest exposure against its limit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import sqlalchemy as sa

from alert_rules.conditions import Verdict
from alert_rules.zone_rules import ActiveRule
from ingest_service.cases.schema import CASES
from ingest_service.queries.ahead import work_rest
from ingest_service.queries.limits_in_force import line_of, verdict
from ingest_service.queries.measured import MINUTE_S, of_exposure, thinned
from ingest_service.queries.models import URGENCY, Measured, Reason, State, worst
from ingest_service.queries.outlook import WorkRest
from ingest_service.queries.panels import HAZARDS, Panel, feeds, panels_of
from ingest_service.queries.places import HazardStanding
from ingest_service.queries.view import View
from ingest_service.register.entries import ExpectedChannel, Site, Zone
from ingest_service.series.port import ChannelEntry, ExposureRow

SPARK_POINTS: Final = 96
SPARK_S: Final = 8 * 3600.0
# An average that ended longer ago than this says nothing about now, however it stood then.
_FORGOTTEN_S: Final = 1800.0

_STATE_OF: Final[dict[str, State]] = {"danger": "danger", "warning": "warning", "notice": "notice"}

ChannelKey = tuple[str, str, str]


class Standings:
    """Standings of the zones of some sites, read in a few queries."""

    def __init__(self, view: View, sites: Iterable[Site]) -> None:
        self._view = view
        self._sites = {site.id: site for site in sites}
        zones = [zone for site in self._sites for zone in view.register.zones_of(site)]
        self._at_work: dict[str, bool] = {}
        self._latest: dict[str, dict[str, ExposureRow]] = defaultdict(dict)
        for row in view.series.latest_exposures([zone.id for zone in zones]):
            self._latest[row.zone][row.kind] = row
        self._channels: dict[ChannelKey, ChannelEntry] = {}
        for site_id in self._sites:
            for entry in view.series.channels(site_id):
                self._channels[entry.gateway, entry.sensor, entry.quantity] = entry
        self._cases = self._open_cases()

    def channel(self, expected: ExpectedChannel) -> ChannelEntry | None:
        """The newest reading of an expected channel."""
        return self._channels.get((expected.gateway, expected.sensor, expected.quantity))

    def latest(self, zone_id: str, kind: str) -> Measured | None:
        """The newest exposure of a kind in a zone."""
        row = self._latest[zone_id].get(kind)
        return None if row is None else of_exposure(row, self._view)

    def of_zone(self, zone: Zone) -> tuple[HazardStanding, ...]:
        """One standing for each hazard that is watched in the zone, the most urgent first."""
        found = [self.of_hazard(zone, hazard) for hazard in HAZARDS]
        known = [one for one in found if one is not None]
        return tuple(sorted(known, key=lambda one: URGENCY.index(one.state)))

    def of_hazard(self, zone: Zone, hazard: str) -> HazardStanding | None:
        """The standing of the panel that is worst off; None where nothing of it is or was measured."""
        standings = [
            self.of_panel(zone, panel)
            for panel in panels_of(hazard)  # type: ignore[arg-type]
            if self.watched(zone, panel)
        ]
        return min(standings, key=_urgency, default=None)

    def watched(self, zone: Zone, panel: Panel) -> bool:
        """Whether the register expects this in the zone, or the series holds some of it."""
        return bool(self._expected(zone, panel)) or any(k in self._latest[zone.id] for k in panel.kinds)

    def of_panel(self, zone: Zone, panel: Panel) -> HazardStanding:
        """How one panel stands: its state, the value that decides it and the limit it is held against."""
        rules = self._view.limits.active(self._sites[zone.site], zone, panel.limited, self._view.now)
        case = self._case_of(zone, panel)
        state, reason, rule = self._decide(zone, panel, rules, case)
        kind = rule.rule.exposure if rule else panel.judged
        return HazardStanding(
            hazard=panel.hazard,
            panel=panel.id,
            state=state,
            reason=reason,
            judged=final(self.latest(zone.id, kind)) if state == "idle" else self.latest(zone.id, kind),
            momentary=self.latest(zone.id, panel.thin),
            limit=line_of(rule, zone) if rule else None,
            since=above_since(case) if case else reason.since,
            case=case["id"] if case else None,
        )

    def work_rest(self, zone: Zone) -> WorkRest:
        """Work and rest at the zone's newest hour of WBGT."""
        row = self._latest[zone.id].get("wbgt_eff.twa60")
        forgotten = row is not None and self._forgotten(row)
        return work_rest(zone, self.latest(zone.id, "wbgt_eff.twa60"), forgotten=forgotten)

    def at_work(self, site_id: str) -> bool:
        """Whether a shift is on; a site without shifts is always at work."""
        if site_id not in self._at_work:
            calendar = self._view.register.calendar(site_id)
            on = not calendar.shifts or calendar.shift_at(self._view.now) is not None
            self._at_work[site_id] = on
        return self._at_work[site_id]

    def spark(self, zone: Zone, kind: str) -> tuple[tuple[float, float | None], ...]:
        """The last hours of a kind for a small drawing, gaps as None."""
        last = int(self._view.now // MINUTE_S)
        first = last - int(SPARK_S // MINUTE_S)
        rows = {row.minute: row.value for row in self._view.series.exposures(zone.id, kind, first, last)}
        points = [(minute * MINUTE_S, rows.get(minute)) for minute in range(first, last + 1)]
        return thinned(points, SPARK_POINTS)

    def _decide(
        self, zone: Zone, panel: Panel, rules: list[ActiveRule], case: sa.RowMapping | None
    ) -> tuple[State, Reason, ActiveRule | None]:
        """The state, why, and the rule that decides it."""
        first = next((one for one in rules if one.rule.exposure == panel.judged), None)
        silent = self._silent_since(zone, panel)
        if silent is not None:
            return "silent", Reason(code="silent", since=silent or None), first
        if case is not None:
            judging = next((one for one in rules if one.id == case["rule"]), first)
            return _STATE_OF[case["severity"]], Reason(code="case", since=above_since(case)), judging
        row = self._latest[zone.id].get(panel.judged)
        between = self._between_shifts(zone, panel)
        above = self._above(zone, _of_now(rules, panel) if between else rules)
        if above is not None:
            idle = above.rule.judge == "shift" and not self.at_work(zone.site)
            return (
                _above_state(above),
                Reason(code="above_idle" if idle else "above", text=above.label),
                above,
            )
        if between:
            return "idle", Reason(code="idle"), first
        if row is None or row.value is None:
            if panel.hazard == "heat" and zone.clothing_caf is None:
                return "cannot_tell", Reason(code="clothing"), first
            return "cannot_tell", Reason(code="coverage", number=row.coverage if row else None), first
        if self._forgotten(row):
            return "cannot_tell", Reason(code="old", since=row.minute * MINUTE_S), first
        if first is None:
            return "cannot_tell", Reason(code="no_limit"), None
        if verdict(first, row) is Verdict.CANNOT_TELL:
            return "cannot_tell", Reason(code="estimate" if row.method else "coverage"), first
        return "within", Reason(code="within"), first

    def _above(self, zone: Zone, rules: list[ActiveRule]) -> ActiveRule | None:
        """The most severe rule whose newest exposure is above its limit."""
        for one in rules:
            row = self._latest[zone.id].get(one.rule.exposure)
            if row is not None and not self._forgotten(row) and verdict(one, row) is Verdict.ABOVE:
                return one
        return None

    def _between_shifts(self, zone: Zone, panel: Panel) -> bool:
        """Whether the panel's sensors are heard, but what it is judged by waits for the next shift."""
        if not panel.by_shift or self.at_work(zone.site):
            return False
        heard = self._latest[zone.id].get(panel.thin)
        return heard is not None and heard.value is not None and not self._forgotten(heard)

    def _forgotten(self, row: ExposureRow) -> bool:
        return self._view.now - row.minute * MINUTE_S > self._view.stale_after_s(MINUTE_S) + _FORGOTTEN_S

    def _silent_since(self, zone: Zone, panel: Panel) -> float | None:
        """Since when nothing was heard that the panel needs; 0 for never, None while something speaks, or
        while what it said may still wait to be projected."""
        if self._view.caught_up_to is not None:
            return None
        expected = self._expected(zone, panel)
        heard: list[float] = []
        for channel in expected:
            entry = self.channel(channel)
            last = entry.last_time if entry and entry.last_time is not None else 0.0
            if self._view.now - last <= self._view.silent_after_s(channel.period_s):
                return None
            heard.append(last)
        return max(heard, default=None)

    def _expected(self, zone: Zone, panel: Panel) -> list[ExpectedChannel]:
        return [
            channel
            for channel in self._view.register.expected_in(zone.id, self._view.now)
            if feeds(channel.quantity, panel)
        ]

    def _case_of(self, zone: Zone, panel: Panel) -> sa.RowMapping | None:
        """The open case of the panel. Panels of air are told apart: a case on gas says nothing of dust."""
        subject = f"air.{panel.id}" if panel.hazard == "air" else panel.hazard
        return self._cases.get((zone.id, subject))

    def _open_cases(self) -> dict[tuple[str, str], sa.RowMapping]:
        severity = sa.case({"danger": 2, "warning": 1}, value=CASES.c.severity, else_=0)
        query = (
            sa.select(CASES)
            .where(CASES.c.state == "open", CASES.c.site.in_(list(self._sites)), CASES.c.zone.is_not(None))
            .order_by(severity, CASES.c.opened_at.desc())
        )
        with self._view.engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        # Later rows win: the more severe, and of two alike the one that has been open longer.
        return {
            (row["zone"], self._view.limits.subject(row["pack"], row["rule"], row["hazard"])): row
            for row in rows
        }


def above_since(case: Mapping[str, Any] | sa.RowMapping) -> float:
    """Since when the limit that the case speaks of was passed: a case may have begun under a milder rule."""
    since = case["event"].get("since")
    return float(since) if isinstance(since, (int, float)) else float(case["opened_at"])


def state_of(standings: Iterable[HazardStanding]) -> State:
    """The most urgent state; what is merely not measured does not hide what is."""
    states = [one.state for one in standings]
    return worst(states)


def _above_state(rule: ActiveRule) -> State:
    """Above a limit, but nobody was told yet: a warning; above a mere guideline: a notice."""
    return "notice" if rule.rule.severity == "notice" else "warning"


def _of_now(rules: list[ActiveRule], panel: Panel) -> list[ActiveRule]:
    """The rules on what is measured this minute, as a ceiling; the others wait for a shift."""
    return [one for one in rules if one.rule.exposure == panel.thin]


def final(shown: Measured | None) -> Measured | None:
    """The last value of a shift that is over: it will not be replaced by a newer one, so it is not stale."""
    return shown and shown.model_copy(update={"stale": False, "stale_after_s": None})


def _urgency(one: HazardStanding) -> tuple[int, float]:
    over = 0.0
    if one.judged and one.judged.value is not None and one.limit and one.limit.value:
        over = one.judged.value / one.limit.value
    return URGENCY.index(one.state), -over
