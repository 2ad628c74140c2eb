"""Reads a site description and reports every mistake in it at once."""

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from ingest_service.register.description_calendar import CalendarDescription, read_calendar
from ingest_service.register.description_format import (
    GatewayItem,
    NameItem,
    PersonItem,
    SensorItem,
    SiteItem,
    ZoneItem,
)
from ingest_service.register.description_reading import (
    GATEWAY_LISTS,
    SITE_LISTS,
    DescriptionError,
    DocumentReader,
    Mistake,
    get,
    items,
)
from ingest_service.register.entries import ForeignName
from ingest_service.register.snapshot import covers

__all__ = [
    "Description",
    "DescriptionError",
    "GatewayDescription",
    "Mistake",
    "SiteDescription",
    "check_description",
]


@dataclass(frozen=True)
class GatewayDescription:
    """A gateway with what hangs on it."""

    item: GatewayItem
    sensors: list[SensorItem]
    names: list[ForeignName]


@dataclass(frozen=True)
class SiteDescription:
    """A site with everything in it."""

    item: SiteItem
    calendar: CalendarDescription
    zones: list[ZoneItem] = field(default_factory=list)
    gateways: list[GatewayDescription] = field(default_factory=list)


@dataclass(frozen=True)
class Description:
    """A whole document without a mistake; every person has a scope."""

    sites: list[SiteDescription]
    people: list[tuple[PersonItem, str]]


def check_description(document: Any, known_scopes: frozenset[str], now: float = 0.0) -> Description:
    """Read a document; `known_scopes` are the nodes that exist already. Raises `DescriptionError`.

    Overtime is judged against the roster from the instant `now` on: what is over had another roster.
    """
    reader = _Reader(now)
    description = reader.document(document, known_scopes)
    if reader.mistakes:
        raise DescriptionError(reader.mistakes)
    return description


class _Reader(DocumentReader):
    """Walks a document and collects what it finds and what is wrong."""

    def __init__(self, now: float) -> None:
        super().__init__()
        self._now = now
        self._people: list[tuple[str, PersonItem | None, str | None]] = []

    def document(self, document: Any, known_scopes: frozenset[str]) -> Description:
        top = self.mapping("the document", document)
        for key in top.keys() - {"version", "sites", "people"}:
            self.unknown("the document", key, ("version", "sites", "people"))
        if top.get("version", 1) != 1:
            self.mistake("version", f"{top['version']!r} is not known", "Write version: 1.")
        raw_sites = list(self.entries("sites", top.get("sites")))
        sites = [found for where, raw in raw_sites if (found := self._site(where, raw)) is not None]
        self.doubles("sites", [str(get(raw, "id")) for _, raw in raw_sites])
        self.doubles(
            "gateways", [str(get(gw, "id")) for _, raw in raw_sites for gw in items(raw, "gateways")]
        )
        self._persons("people", top.get("people"), None)
        described = {site.item.id: site.item.scope for site in sites}
        scopes = {node for node in known_scopes if _still_there(node, described)} | {
            node for site in sites for node in _nodes(site.item.scope, [zone.id for zone in site.zones])
        }
        return Description(sites, self._scoped_people(scopes))

    def _site(self, where: str, raw: Any) -> SiteDescription | None:
        raw = self.mapping(where, raw)
        own = {key: value for key, value in raw.items() if key not in SITE_LISTS}
        item = self.item(SiteItem, where, own)
        zones = self.all(ZoneItem, f"{where}.zones", raw.get("zones"))
        for place, zone in self.entries(f"{where}.zones", raw.get("zones")):
            self._clothing(place, zone)
        zone_words = [str(get(zone, "id")) for zone in items(raw, "zones")]
        self.doubles(f"{where}.zones", zone_words)
        calendar = read_calendar(self, where, raw, item.timezone if item else "UTC", self._now)
        gateways = [
            found
            for place, gateway in self.entries(f"{where}.gateways", raw.get("gateways"))
            if (found := self._gateway(place, gateway, zone_words)) is not None
        ]
        self._persons(f"{where}.people", raw.get("people"), item.scope if item else "")
        return None if item is None else SiteDescription(item, calendar, zones, gateways)

    def _clothing(self, where: str, zone: Any) -> None:
        given = [key for key in ("clothing", "clothing_caf") if get(zone, key) is not None]
        if len(given) != 1:
            problem = "is there twice, as a name and as a number" if given else "is missing"
            way_out = "Write clothing: work_clothing, another ensemble or unknown; or clothing_caf in degC."
            self.mistake(f"{where}.clothing", problem, way_out)

    def _gateway(self, where: str, raw: Any, zones: list[str]) -> GatewayDescription | None:
        raw = self.mapping(where, raw)
        own = {key: value for key, value in raw.items() if key not in GATEWAY_LISTS}
        item = self.item(GatewayItem, where, own)
        sensors = self.all(SensorItem, f"{where}.sensors", raw.get("sensors"))
        self.doubles(f"{where}.sensors", [sensor.id for sensor in sensors])
        for sensor in sensors:
            if sensor.zone is not None and sensor.zone not in zones:
                near = get_close_matches(sensor.zone, zones, n=1)
                hint = f"Did you mean {near[0]}?" if near else "Add the zone to the site's zones."
                self.mistake(f"{where}.sensors {sensor.id}.zone", f"unknown zone {sensor.zone!r}", hint)
        names = self._names(f"{where}.names", str(raw.get("id")), raw.get("names"))
        if item is None:
            return None
        if item.kind == "foreign" and item.key is not None:
            self.mistake(f"{where}.key", "a foreign device signs nothing", "Remove the key.")
        if item.kind == "signed" and names:
            self.mistake(f"{where}.names", "a signed gateway uses its own names", "Remove them.")
        return GatewayDescription(item, sensors, names)

    def _names(self, where: str, gateway: str, raw: Any) -> list[ForeignName]:
        if raw is None:
            return []
        items = (
            (name, self.item(NameItem, f"{where} {name}", entry))
            for name, entry in self.mapping(where, raw).items()
        )
        return [ForeignName(gateway, str(name), item.sensor, item.quantity) for name, item in items if item]

    def _persons(self, where: str, raw: Any, site_scope: str | None) -> None:
        for place, entry in self.entries(where, raw):
            item = self.item(PersonItem, place, entry)
            scope = get(entry, "scope") if get(entry, "scope") is not None else site_scope
            if scope is None:
                self.mistake(place, "scope is missing", 'Write a node like kh/phnom-penh, or "" for all.')
            self._people.append((place, item, scope))

    def _scoped_people(self, scopes: set[str]) -> list[tuple[PersonItem, str]]:
        self.doubles("people", [item.login for _, item, _ in self._people if item is not None])
        for place, _, scope in self._people:
            if isinstance(scope, str) and scope and scope not in scopes:
                near = get_close_matches(scope, sorted(scopes), n=1)
                hint = f"Did you mean {near[0]}?" if near else "Scopes are country/district/site/zone."
                self.mistake(f"{place}.scope", f"there is no place {scope!r}", hint)
        return [(item, scope or "") for _, item, scope in self._people if item is not None]


def _still_there(node: str, described: dict[str, str]) -> bool:
    """Whether a node that was registered is one yet: a site may be described in another district."""
    scope = described.get("".join(node.split("/")[2:3]))
    return scope is None or covers(scope, node)


def _nodes(scope: str, zones: list[str]) -> set[str]:
    country, district, _ = scope.split("/")
    return {country, f"{country}/{district}", scope, *(f"{scope}/{zone}" for zone in zones)}
