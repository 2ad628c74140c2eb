"""Watches that expected channels report: the silence rules over register and series. No database here.

Each site knows when its next look is due, so that a look at the clock reads nothing of sites that report.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, NamedTuple

from alert_rules.engine import Change
from alert_rules.pack_model import Pack, SilenceRule
from alert_rules.silence import Channel, Open, SilenceChange, SilenceState, next_look, step
from ingest_service.cases.events import silence_event
from ingest_service.cases.rulebook import Rulebook
from ingest_service.register.entries import ExpectedChannel, Site, Zone
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.series.port import ChannelEntry

RULE: Final = "silence"
"""The name of a site's row in the table of rule states."""
LONGEST_LOOK_S: Final = 300.0
"""Every site is looked at this often at least: channels begin and end to be expected, days begin."""

Entries = Callable[[str], Sequence[ChannelEntry]]
"""Reads the channels of a site with their newest readings."""


class Silence(NamedTuple):
    """A silence that began or ended, with its event."""

    raised: bool
    event: dict[str, Any]
    reason: str


class Watch:
    """What is silent at every site. `started_at`: nothing is said for a while after a start."""

    def __init__(self, packs: Sequence[Pack], started_at: float, stored: Mapping[str, Any]) -> None:
        self._book, self._started_at = Rulebook(packs, 0.0), started_at
        self._states = {site: _read_state(raw) for site, raw in stored.items()}
        self._version = -1
        self._expected: dict[str, list[ExpectedChannel]] = {}
        self._due: list[tuple[float, str]] = []

    def look(
        self, register: RegisterSnapshot, entries: Entries, now: float
    ) -> tuple[list[Silence], list[dict[str, Any]]]:
        """Look at the sites that are due: what changed, and the rows of the states that did."""
        self._follow(register)
        changes: list[Silence] = []
        rows: list[dict[str, Any]] = []
        due: list[str] = []
        while self._due and self._due[0][0] <= now:
            due.append(heapq.heappop(self._due)[1])
        for site_id in due:
            site = register.site(site_id)
            if site is not None:
                found = self._at_site(register, site, entries, now)
                changes += found[0]
                rows += found[1]
        return changes, rows

    def _at_site(
        self, register: RegisterSnapshot, site: Site, entries: Entries, now: float
    ) -> tuple[list[Silence], list[dict[str, Any]]]:
        rules = self._book.silences(site, self._book.day_at(site, now))
        expected = [
            one
            for one in self._expected.get(site.id, ())
            if one.valid_at(now) and _working(register, one.gateway, now)
        ]
        before = self._states.get(site.id, SilenceState())
        if not expected and not before.open:
            heapq.heappush(self._due, (now + LONGEST_LOOK_S, site.id))
            return [], []
        heard = {(one.gateway, one.sensor, one.quantity): _heard(one) for one in entries(site.id)}
        channels = [
            Channel(
                one.gateway,
                f"{one.gateway}/{one.sensor}/{one.quantity}",
                one.period_s,
                one.valid_from,
                heard.get((one.gateway, one.sensor, one.quantity)),
            )
            for one in expected
        ]
        by_cause = {cause: rule.silence for cause, (_, rule) in rules.items()}
        after, made = step(before, site.id, channels, by_cause, now, self._started_at)
        again = min(next_look(after, channels, by_cause, now, self._started_at), now + LONGEST_LOOK_S)
        heapq.heappush(self._due, (again, site.id))
        self._states[site.id] = after
        if after == before:
            return [], []
        silences = [_silence(rules, register, site, change, now) for change in made]
        row = {"zone": site.id, "rule": RULE, "state": asdict(after), "judged_to": int(now // 60)}
        return silences, [row]

    def _follow(self, register: RegisterSnapshot) -> None:
        if register.version == self._version:
            return
        self._version = register.version
        self._expected = defaultdict(list)
        for one in register.expected:
            gateway = register.gateway(one.gateway)
            if gateway is not None:
                self._expected[gateway.site].append(one)
        self._due = [(float("-inf"), site.id) for site in register.sites]


def _heard(entry: ChannelEntry) -> float | None:
    """The newest reading's time; a clock that runs ahead does not make a silent sensor sound alive."""
    if entry.last_time is None or entry.last_received is None:
        return entry.last_time
    return min(entry.last_time, entry.last_received)


def _working(register: RegisterSnapshot, gateway_id: str, now: float) -> bool:
    gateway = register.gateway(gateway_id)
    return gateway is not None and (gateway.revoked_at is None or now < gateway.revoked_at)


def _silence(
    rules: Mapping[str, tuple[Pack, SilenceRule]],
    register: RegisterSnapshot,
    site: Site,
    change: SilenceChange,
    now: float,
) -> Silence:
    event = silence_event(rules.get(change.cause), site, _zone(register, change, now), change, now)
    return Silence(change.change is Change.RAISED, event, change.reason)


def _zone(register: RegisterSnapshot, change: SilenceChange, now: float) -> Zone | None:
    if change.cause != "channel":
        return None
    gateway, sensor, _ = change.subject.split("/", 2)
    zone_id = register.zone_at(gateway, sensor, now)
    return register.zone(zone_id) if zone_id else None


def _read_state(raw: Mapping[str, Any]) -> SilenceState:
    opened = {subject: Open(**one) for subject, one in raw["open"].items()}
    return SilenceState(opened, dict(raw["excused"]))
