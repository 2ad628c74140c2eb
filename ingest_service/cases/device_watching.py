"""Watches that sensors which report may be believed: the watch rules over register, series and gateways."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from alert_rules.pack_model import Pack, WatchRule
from alert_rules.watches import Doubt, Sensors, Told, WatchChange, WatchState, step
from ingest_service.cases.delivery_doubts import Broken, Clones, Deliveries
from ingest_service.cases.doubting import (
    DeviceBook,
    Devices,
    Reported,
    clocks,
    lapsed,
    misplaced,
    moved,
    silent_sensors,
    stuck,
)
from ingest_service.cases.events import device_event
from ingest_service.cases.rulebook import Rulebook
from ingest_service.register.entries import ExpectedChannel, Gateway, Site
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.series.port import ChannelEntry, SeriesReader
from osh_domain.readings import SYSTEM_SENSOR

RULE: Final = "device"
"""The name of a site's row in the table of rule states."""
LOOK_S: Final = 60.0
"""Doubts last for a quarter of an hour at least before anybody is told, so a look a minute is soon enough."""


class DeviceDoubt(NamedTuple):
    """A cause of doubt that began, grew or ended, with its event."""

    told: Told
    event: dict[str, Any]
    reason: str


class DeviceWatch:
    """What is doubted at every site. `devices` None: nothing is known of what gateways report."""

    def __init__(
        self,
        packs: Sequence[Pack],
        stored: Mapping[str, Any],
        devices: Devices | None,
        clones: Clones | None = None,
    ) -> None:
        self._book = Rulebook(packs, 0.0)
        self._states = {site: WatchState.read(raw) for site, raw in stored.items()}
        self._devices = DeviceBook(devices) if devices is not None else None
        self._deliveries = Deliveries(devices, clones)
        self._stored_breaks = {site: dict(raw.get("breaks", {})) for site, raw in stored.items()}
        for held in self._stored_breaks.values():
            self._deliveries.breaks.update({name: Broken(*one) for name, one in held.items()})
        self._due = float("-inf")

    def look(
        self, register: RegisterSnapshot, series: SeriesReader, now: float
    ) -> tuple[list[DeviceDoubt], list[dict[str, Any]]]:
        """Look at every site once a minute: what changed, and the rows of the states that did."""
        if now < self._due:
            return [], []
        self._due = now + LOOK_S
        entries = series.channels()
        reported = self._devices.reported() if self._devices else {}
        wrong = series.wrong_clocks()
        delivering = self._deliveries.look(entries, now)
        expected, by_sensor, found = _by_site(register, entries, now)
        for one in stuck(series.quality_latest(), {entry.id: entry for entry in entries}, now):
            found[by_sensor.get(one.sensor, "")].append(one)
        for one in misplaced(entries):
            found[by_sensor.get(one.sensor, "")].append(one)
        heard = {(one.gateway, one.sensor, one.quantity): one for one in entries}
        changes: list[DeviceDoubt] = []
        rows: list[dict[str, Any]] = []
        for site in register.sites:
            due = expected.get(site.id, [])
            said = [*self._reported(register, site, due, reported, now), *clocks(due, wrong)]
            named = {one.key for one in said}  # a serial number says more than the mark it led to
            doubts = [*said, *(one for one in found.get(site.id, ()) if one.key not in named)]
            gateways = {one.id for one in register.gateways_of(site.id) if not _revoked(one, now)}
            doubts += [one for name in sorted(gateways) for one in delivering.get(name, ())]
            before = self._states.get(site.id, WatchState())
            # Written down also when nothing is wrong: after a restart it tells what is new.
            grown = self._stored_breaks.get(site.id, {}) != self._breaks(register, site)
            if not doubts and not before.open and not before.seen and not grown:
                continue
            every = {f"{one.gateway}/{one.sensor}" for one in due}
            every |= {f"{name}/{SYSTEM_SENSOR}" for name in gateways}
            sensors = Sensors(every, silent_sensors(due, heard, now))
            made, row = self._at_site(register, site, before, doubts, sensors, now)
            changes += made
            rows += row
        return changes, rows

    def _reported(
        self,
        register: RegisterSnapshot,
        site: Site,
        expected: Sequence[ExpectedChannel],
        reported: Mapping[str, Reported],
        now: float,
    ) -> list[Doubt]:
        if self._devices is None:
            return []
        return [*lapsed(expected, reported, self._devices, now), *moved(register, site, reported, now)]

    def _at_site(
        self,
        register: RegisterSnapshot,
        site: Site,
        before: WatchState,
        doubts: Sequence[Doubt],
        sensors: Sensors,
        now: float,
    ) -> tuple[list[DeviceDoubt], list[dict[str, Any]]]:
        rules = self._book.watches(site, self._book.day_at(site, now))
        after, made = step(
            before, doubts, sensors, {what: rule.watch for what, (_, rule) in rules.items()}, now
        )
        self._states[site.id] = after
        breaks = self._breaks(register, site)
        if after == before and breaks == self._stored_breaks.get(site.id, {}):
            return [], []
        self._stored_breaks[site.id] = breaks
        state = {**after.stored(), "breaks": breaks}
        row = {"zone": site.id, "rule": RULE, "state": state, "judged_to": int(now // 60)}
        changes = [_doubt(register, site, rules.get(one.what), one, now) for one in made]
        return changes, [row]

    def _breaks(self, register: RegisterSnapshot, site: Site) -> dict[str, Any]:
        known = self._deliveries.breaks
        return {one.id: list(known[one.id]) for one in register.gateways_of(site.id) if one.id in known}


def _by_site(
    register: RegisterSnapshot, entries: Sequence[ChannelEntry], now: float
) -> tuple[dict[str, list[ExpectedChannel]], dict[str, str], dict[str, list[Doubt]]]:
    """The channels that are expected now by site, and the site of each sensor."""
    expected: dict[str, list[ExpectedChannel]] = defaultdict(list)
    for one in register.expected:
        gateway = register.gateway(one.gateway)
        if gateway is not None and not _revoked(gateway, now) and one.valid_at(now):
            expected[gateway.site].append(one)
    sites = {f"{entry.gateway}/{entry.sensor}": entry.site for entry in entries}
    return expected, sites, defaultdict(list)


def _revoked(gateway: Gateway, now: float) -> bool:
    return gateway.revoked_at is not None and gateway.revoked_at <= now


def _doubt(
    register: RegisterSnapshot,
    site: Site,
    found: tuple[Pack, WatchRule] | None,
    change: WatchChange,
    now: float,
) -> DeviceDoubt:
    zones = set()
    for sensor in change.sensors:
        gateway, _, name = sensor.partition("/")
        zones.add(register.zone_at(gateway, name, now))
    zone_id = next(iter(zones)) if len(zones) == 1 else None
    zone = register.zone(zone_id) if zone_id else None
    return DeviceDoubt(change.told, device_event(found, site, zone, change, now), change.reason)
