"""Watches that expected channels report: the silence rules over register and series. No database here."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from alert_rules.engine import Change
from alert_rules.pack_model import Pack, SilenceRule
from alert_rules.silence import Channel, Open, SilenceChange, SilenceState, step
from ingest_service.cases.events import silence_event
from ingest_service.register.entries import ExpectedChannel, Site, Zone
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.series.port import ChannelEntry

RULE: Final = "silence"
"""The name of a site's row in the table of rule states."""


class Silence(NamedTuple):
    """A silence that began or ended, with its event."""

    raised: bool
    event: dict[str, Any]
    reason: str


class Watch:
    """What is silent at every site. `started_at`: nothing is said for a while after a start."""

    def __init__(self, packs: Sequence[Pack], started_at: float, stored: Mapping[str, Any]) -> None:
        self._packs, self._started_at = tuple(packs), started_at
        self._states = {site: _read_state(raw) for site, raw in stored.items()}
        self._version = -1
        self._expected: dict[str, list[ExpectedChannel]] = {}

    def look(
        self, register: RegisterSnapshot, entries: Iterable[ChannelEntry], now: float
    ) -> tuple[list[Silence], list[dict[str, Any]]]:
        """Look at all sites: what changed, and the rows of the states that did."""
        self._follow(register)
        heard = {(one.gateway, one.sensor, one.quantity): _heard(one) for one in entries}
        changes: list[Silence] = []
        rows: list[dict[str, Any]] = []
        for site in register.sites:
            found = self._at_site(register, site, heard, now)
            changes += found[0]
            rows += found[1]
        return changes, rows

    def _at_site(
        self,
        register: RegisterSnapshot,
        site: Site,
        heard: Mapping[tuple[str, str, str], float | None],
        now: float,
    ) -> tuple[list[Silence], list[dict[str, Any]]]:
        rules = self._in_force(site, now)
        channels = [
            Channel(
                one.gateway,
                f"{one.gateway}/{one.sensor}/{one.quantity}",
                one.period_s,
                one.valid_from,
                heard.get((one.gateway, one.sensor, one.quantity)),
            )
            for one in self._expected.get(site.id, ())
            if one.valid_at(now) and _working(register, one.gateway, now)
        ]
        before = self._states.get(site.id, SilenceState())
        by_cause = {cause: rule.silence for cause, (_, rule) in rules.items()}
        after, made = step(before, site.id, channels, by_cause, now, self._started_at)
        self._states[site.id] = after
        if after == before:
            return [], []
        silences = [_silence(rules, register, site, change, now) for change in made if change.cause in rules]
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

    def _in_force(self, site: Site, now: float) -> dict[str, tuple[Pack, SilenceRule]]:
        day = datetime.fromtimestamp(now, ZoneInfo(site.timezone)).date()
        return {
            rule.silence.cause: (pack, rule)
            for pack in self._packs
            if pack.in_force(day)
            for rule in pack.rules
            if isinstance(rule, SilenceRule)
        }


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
    pack, rule = rules[change.cause]
    event = silence_event(pack, rule, site, _zone(register, change, now), change, now)
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
