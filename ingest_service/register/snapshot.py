"""The register at one version, immutable and indexed, for everybody who reads it."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from ingest_service.register.entries import (
    Contact,
    ExpectedChannel,
    ForeignName,
    Gateway,
    GatewayKey,
    Person,
    Placement,
    Role,
    Site,
    Zone,
)
from ingest_service.shards import shard_of
from osh_domain.calendar_exceptions import NO_EXCEPTIONS
from osh_domain.shifts import CalendarExceptions, ShiftCalendar

if TYPE_CHECKING:
    from osh_domain.shifts import Shift

_Key = TypeVar("_Key", bound=Hashable)
_Entry = TypeVar("_Entry")


class RegisterSnapshot:
    """Answers questions about places, devices and people as the register had them at `version`.

    What is asked by name and is not there gives None or an empty answer, never an error: what arrives
    from outside may name anything.
    """

    def __init__(
        self,
        *,
        version: int = 0,
        sites: Iterable[Site] = (),
        zones: Iterable[Zone] = (),
        zone_history: Iterable[tuple[float, Zone]] = (),
        gateways: Iterable[Gateway] = (),
        keys: Iterable[GatewayKey] = (),
        placements: Iterable[Placement] = (),
        expected: Iterable[ExpectedChannel] = (),
        foreign_names: Iterable[ForeignName] = (),
        shifts: Iterable[tuple[str, "Shift"]] = (),
        exceptions: Mapping[str, CalendarExceptions] | None = None,
        people: Iterable[Person] = (),
        contacts: Iterable[Contact] = (),
    ) -> None:
        self.version = version
        self.sites: tuple[Site, ...] = tuple(sorted(sites, key=lambda site: site.id))
        self.zones: tuple[Zone, ...] = tuple(sorted(zones, key=lambda zone: zone.id))
        self.gateways: tuple[Gateway, ...] = tuple(sorted(gateways, key=lambda gateway: gateway.id))
        self.people: tuple[Person, ...] = tuple(sorted(people, key=lambda person: person.id))
        self.placements: tuple[Placement, ...] = tuple(sorted(placements, key=lambda p: p.valid_from))
        self.expected: tuple[ExpectedChannel, ...] = tuple(expected)
        self._sites = {site.id: site for site in self.sites}
        self._zones = {zone.id: zone for zone in self.zones}
        self._gateways = {gateway.id: gateway for gateway in self.gateways}
        self._people = {person.id: person for person in self.people}
        self._people_at = _grouped(((p.role, p.scope), p) for p in self.people if p.active)
        self._keys = {key.kid: key for key in keys}
        self._keys_of = _grouped((key.gateway, key) for key in self._keys.values())
        self._zone_history = _grouped(
            (zone.id, (since, zone)) for since, zone in sorted(zone_history, key=lambda dated: dated[0])
        )
        self._zones_of = _grouped((zone.site, zone) for zone in self.zones)
        self._gateways_of = _grouped((gateway.site, gateway) for gateway in self.gateways)
        self._placements_of = _grouped(((p.gateway, p.sensor), p) for p in self.placements)
        self._placements_in = _grouped((p.zone, p) for p in self.placements)
        self._expected_of = _grouped(((e.gateway, e.sensor), e) for e in self.expected)
        self._contacts = _grouped((contact.person, contact) for contact in contacts)
        self._shifts = _grouped(shifts)
        self._exceptions = dict(exceptions or {})
        foreign: dict[str, dict[str, ForeignName]] = defaultdict(dict)
        for entry in foreign_names:
            foreign[entry.gateway][entry.name] = entry
        self._foreign = dict(foreign)
        self._calendars: dict[str, ShiftCalendar] = {}
        self._shards: dict[int, RegisterSnapshot] = {}

    def of_shard(self, shard: int | None) -> "RegisterSnapshot":
        """The same with the sites of one shard only and what belongs to them; people stay, they may be told.

        None: everything. The same object each time it is asked of this snapshot.
        """
        if shard is None:
            return self
        found = self._shards.get(shard)
        if found is None:
            found = self._shards[shard] = self._part(shard)
        return found

    def _part(self, shard: int) -> "RegisterSnapshot":
        sites = {site for site in self._sites if shard_of(site) == shard}
        zones = {zone.id for zone in self.zones if zone.site in sites}
        gateways = {gateway.id for gateway in self.gateways if gateway.site in sites}
        return RegisterSnapshot(
            version=self.version,
            sites=[site for site in self.sites if site.id in sites],
            zones=[zone for zone in self.zones if zone.id in zones],
            zone_history=[dated for zone in zones for dated in self._zone_history.get(zone, ())],
            gateways=[gateway for gateway in self.gateways if gateway.id in gateways],
            keys=[key for key in self._keys.values() if key.gateway in gateways],
            placements=[placement for placement in self.placements if placement.zone in zones],
            expected=[one for one in self.expected if one.gateway in gateways],
            foreign_names=[e for gateway in gateways for e in self.foreign_names(gateway).values()],
            shifts=[(site, shift) for site in sites for shift in self.shifts(site)],
            exceptions={site: found for site, found in self._exceptions.items() if site in sites},
            people=self.people,
            contacts=[contact for every in self._contacts.values() for contact in every],
        )

    def site(self, site_id: str) -> Site | None:
        return self._sites.get(site_id)

    def zone(self, zone_id: str) -> Zone | None:
        """The zone with its newest facts."""
        return self._zones.get(zone_id)

    def zone_as_of(self, zone_id: str, t: float) -> Zone | None:
        """The zone with the facts that held at an instant; None where none were known for it yet."""
        history = self.zone_history(zone_id)
        number = bisect_right(history, t, key=lambda dated: dated[0])
        return history[number - 1][1] if number else None

    def zone_history(self, zone_id: str) -> tuple[tuple[float, Zone], ...]:
        """Since when which facts held, oldest first; the last are those of `zone`."""
        zone = self._zones.get(zone_id)
        return self._zone_history.get(zone_id, ((0.0, zone),) if zone is not None else ())

    def zones_of(self, site_id: str) -> tuple[Zone, ...]:
        return self._zones_of.get(site_id, ())

    def scope_of(self, place_id: str) -> str | None:
        """The node of a site (`kh-f0123`) or a zone (`kh-f0123/sewing-3`) in the tree of scopes."""
        site_id, _, word = place_id.partition("/")
        site = self._sites.get(site_id)
        if site is None or (word and place_id not in self._zones):
            return None
        return f"{site.scope}/{word}" if word else site.scope

    def gateway(self, gateway_id: str) -> Gateway | None:
        return self._gateways.get(gateway_id)

    def gateways_of(self, site_id: str) -> tuple[Gateway, ...]:
        return self._gateways_of.get(site_id, ())

    def key(self, kid: str) -> GatewayKey | None:
        return self._keys.get(kid)

    def keys_of(self, gateway_id: str) -> tuple[GatewayKey, ...]:
        return self._keys_of.get(gateway_id, ())

    def zone_at(self, gateway: str, sensor: str, t: float) -> str | None:
        """The zone where the sensor stood at that instant."""
        for placement in self._placements_of.get((gateway, sensor), ()):
            if placement.valid_at(t):
                return placement.zone
        return None

    def placements_of(self, gateway: str, sensor: str) -> tuple[Placement, ...]:
        """Where the sensor stood, oldest first."""
        return self._placements_of.get((gateway, sensor), ())

    def placements_in(self, zone: str) -> tuple[Placement, ...]:
        """Every sensor that ever stood in the zone, oldest first."""
        return self._placements_in.get(zone, ())

    def sensors_in(self, zone: str, t: float) -> list[tuple[str, str]]:
        """(gateway, sensor) of the sensors that stood in the zone at that instant."""
        return [(p.gateway, p.sensor) for p in self._placements_in.get(zone, ()) if p.valid_at(t)]

    def expected_in(self, zone: str, t: float) -> list[ExpectedChannel]:
        """The channels that were due readings in the zone at that instant."""
        return [
            channel
            for place in self.sensors_in(zone, t)
            for channel in self._expected_of.get(place, ())
            if channel.valid_at(t)
        ]

    def expected_of(self, gateway: str, sensor: str) -> tuple[ExpectedChannel, ...]:
        """Every channel of the sensor that is or was due readings."""
        return self._expected_of.get((gateway, sensor), ())

    def shifts(self, site_id: str) -> tuple["Shift", ...]:
        return self._shifts.get(site_id, ())

    def calendar(self, site_id: str) -> ShiftCalendar:
        """The site's shifts in its own time zone; KeyError for a site that is not registered."""
        if site_id not in self._calendars:
            self._calendars[site_id] = ShiftCalendar(
                self._sites[site_id].timezone,
                self.shifts(site_id),
                exceptions=self._exceptions.get(site_id, NO_EXCEPTIONS),
                checked=False,  # it was when it was registered
            )
        return self._calendars[site_id]

    def person(self, person_id: int) -> Person | None:
        return self._people.get(person_id)

    def people_with(self, role: Role, site_id: str) -> list[Person]:
        """The active people of that role whose scope holds the site."""
        site = self._sites.get(site_id)
        if site is None:
            return []
        nodes = ("", site.country, f"{site.country}/{site.district}", site.scope)
        found = (person for node in nodes for person in self._people_at.get((role, node), ()))
        return sorted(found, key=lambda person: person.id)

    def committee(self, site_id: str) -> list[Person]:
        """The active members of the factory's committee, both sides."""
        worker_side = self.people_with(Role.COMMITTEE_WORKER, site_id)
        return worker_side + self.people_with(Role.COMMITTEE_MANAGEMENT, site_id)

    def contacts(self, person_id: int) -> tuple[Contact, ...]:
        return self._contacts.get(person_id, ())

    def foreign_names(self, gateway: str) -> Mapping[str, ForeignName]:
        """What the names in a foreign device's packs mean, by name."""
        return self._foreign.get(gateway, {})

    @cached_property
    def people_by_login(self) -> Mapping[str, Person]:
        return {person.login: person for person in self.people}


def covers(outer: str, inner: str) -> bool:
    """Whether a node of the tree of scopes holds another: itself, one below it, or "" everything."""
    return not outer or inner == outer or inner.startswith(outer + "/")


def _grouped(pairs: Iterable[tuple[_Key, _Entry]]) -> dict[_Key, tuple[_Entry, ...]]:
    groups: dict[_Key, list[_Entry]] = defaultdict(list)
    for key, entry in pairs:
        groups[key].append(entry)
    return {key: tuple(entries) for key, entries in groups.items()}
