"""How each hazard stands in a zone now, and why: the one place where a state is decided for the screen.

The order of the questions matters. Silence comes first, because a number that nobody measured any more is
not a number; then what the rules have opened a case for; then the newest exposure against its limit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from ingest_service.cases.schema import CASES
from ingest_service.queries.measured import MINUTE_S, of_exposure, thinned
from ingest_service.queries.models import URGENCY, LimitLine, Measured, Reason, State, worst
from ingest_service.queries.panels import HAZARDS, Panel, feeds, panels_of
from ingest_service.queries.places import HazardStanding
from ingest_service.queries.view import View
from ingest_service.register.entries import ExpectedChannel, Site, Zone
from ingest_service.series.port import ChannelEntry, ExposureRow

SPARK_POINTS: Final = 96
SPARK_S: Final = 8 * 3600.0
# An average that ended longer ago than this says nothing about now, however it stood then.
_FORGOTTEN_S: Final = 1800.0

ChannelKey = tuple[str, str, str]


class Standings:
    """Standings of the zones of some sites, read in a few queries."""

    def __init__(self, view: View, sites: Iterable[Site]) -> None:
        self._view = view
        self._sites = {site.id: site for site in sites}
        zones = [zone for site in self._sites for zone in view.register.zones_of(site)]
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
        site = self._sites[zone.site]
        limits = self._view.limits.of_zone(site, zone, panel.judged, self._view.now)
        judged = self.latest(zone.id, panel.judged)
        case = self._cases.get((zone.id, panel.hazard))
        ours = case if case and self._case_is_of(case, panel, limits) else None
        state, reason = self._decide(zone, panel, judged, limits, ours)
        return HazardStanding(
            hazard=panel.hazard,
            panel=panel.id,
            state=state,
            reason=reason,
            judged=judged,
            momentary=self.latest(zone.id, panel.thin),
            limit=limits[0] if limits else None,
            since=ours["opened_at"] if ours else reason.since,
            case=ours["id"] if ours else None,
        )

    def spark(self, zone: Zone, kind: str) -> tuple[tuple[float, float | None], ...]:
        """The last hours of a kind for a small drawing, gaps as None."""
        last = int(self._view.now // MINUTE_S)
        first = last - int(SPARK_S // MINUTE_S)
        rows = {row.minute: row.value for row in self._view.series.exposures(zone.id, kind, first, last)}
        points = [(minute * MINUTE_S, rows.get(minute)) for minute in range(first, last + 1)]
        return thinned(points, SPARK_POINTS)

    def _decide(
        self,
        zone: Zone,
        panel: Panel,
        judged: Measured | None,
        limits: list[LimitLine],
        case: sa.RowMapping | None,
    ) -> tuple[State, Reason]:
        silent = self._silent_since(zone, panel)
        if silent is not None:
            return "silent", Reason(code="silent", since=silent or None)
        if case is not None:
            state: State = "danger" if case["severity"] == "danger" else "warning"
            return state, Reason(code="case", since=case["opened_at"])
        if judged is None or judged.value is None:
            return "cannot_tell", Reason(code="coverage", number=judged.coverage if judged else None)
        if judged.time is not None and self._view.now - judged.time > judged.stale_after_s + _FORGOTTEN_S:
            return "cannot_tell", Reason(code="old", since=judged.time)
        if not limits:
            return "cannot_tell", Reason(code="no_limit")
        above = [line for line in limits if judged.value > line.value]
        if above:
            return "warning", Reason(code="above", number=judged.value - above[0].value, text=above[0].label)
        return "within", Reason(code="within", number=limits[0].value - judged.value)

    def _silent_since(self, zone: Zone, panel: Panel) -> float | None:
        """Since when nothing was heard that the panel needs; 0 for never, None while something speaks."""
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

    def _case_is_of(self, case: sa.RowMapping, panel: Panel, limits: list[LimitLine]) -> bool:
        """Several panels share a hazard: a case on carbon monoxide says nothing about dust."""
        return len(panels_of(panel.hazard)) == 1 or any(line.rule == case["rule"] for line in limits)

    def _open_cases(self) -> dict[tuple[str, str], sa.RowMapping]:
        query = (
            sa.select(
                CASES.c.id, CASES.c.zone, CASES.c.hazard, CASES.c.rule, CASES.c.severity, CASES.c.opened_at
            )
            .where(CASES.c.state == "open", CASES.c.site.in_(list(self._sites)), CASES.c.zone.is_not(None))
            .order_by(sa.case((CASES.c.severity == "danger", 1), else_=0), CASES.c.opened_at.desc())
        )
        with self._view.engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        # Later rows win: danger over warning, and of two the one that has been open longer.
        return {(row["zone"], row["hazard"]): row for row in rows}


def state_of(standings: Iterable[HazardStanding]) -> State:
    """The most urgent state; what is merely not measured does not hide what is."""
    states = [one.state for one in standings]
    return worst(states)


def _urgency(one: HazardStanding) -> tuple[int, float]:
    over = 0.0
    if one.judged and one.judged.value is not None and one.limit and one.limit.value:
        over = one.judged.value / one.limit.value
    return URGENCY.index(one.state), -over
