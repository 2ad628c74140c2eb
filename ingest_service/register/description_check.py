"""Reads a site description and reports every mistake in it at once."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from ingest_service.register.description_format import (
    GatewayItem,
    Item,
    NameItem,
    PersonItem,
    SensorItem,
    ShiftItem,
    SiteItem,
    ZoneItem,
)
from ingest_service.register.entries import ForeignName
from osh_domain.shifts import Shift, ShiftCalendar

_Kind = TypeVar("_Kind", bound=Item)
_SITE_LISTS = ("zones", "shifts", "gateways", "people")
_GATEWAY_LISTS = ("sensors", "names")
_LISTS: dict[type[Item], tuple[str, ...]] = {SiteItem: _SITE_LISTS, GatewayItem: _GATEWAY_LISTS}
_SECRET = ("url", "key")  # contact addresses may hold a password: never shown


class Mistake(NamedTuple):
    """One mistake: where in the document, what is wrong, what to do."""

    where: str
    problem: str
    way_out: str

    def __str__(self) -> str:
        stop = "" if self.problem.endswith((".", "?")) else "."
        return f"{self.where}: {self.problem}{stop} {self.way_out}".rstrip()


class DescriptionError(Exception):
    """The description cannot be used; `mistakes` holds every reason."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = len(mistakes)
        heading = f"{count} mistake{'s' if count != 1 else ''} in the site description:"
        super().__init__("\n  ".join([heading, *map(str, mistakes)]))


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
    zones: list[ZoneItem] = field(default_factory=list)
    shifts: list[Shift] = field(default_factory=list)
    gateways: list[GatewayDescription] = field(default_factory=list)


@dataclass(frozen=True)
class Description:
    """A whole document without a mistake; every person has a scope."""

    sites: list[SiteDescription]
    people: list[tuple[PersonItem, str]]


def check_description(document: Any, known_scopes: frozenset[str]) -> Description:
    """Read a document; `known_scopes` are the nodes that exist already. Raises `DescriptionError`."""
    reader = _Reader()
    description = reader.document(document, known_scopes)
    if reader.mistakes:
        raise DescriptionError(reader.mistakes)
    return description


class _Reader:
    """Walks a document and collects what it finds and what is wrong."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []
        self._people: list[tuple[str, PersonItem | None, str | None]] = []

    def mistake(self, where: str, problem: str, way_out: str = "") -> None:
        self.mistakes.append(Mistake(where, problem, way_out))

    def document(self, document: Any, known_scopes: frozenset[str]) -> Description:
        top = self._mapping("the document", document)
        for key in top.keys() - {"version", "sites", "people"}:
            self._unknown("the document", key, ("version", "sites", "people"))
        if top.get("version", 1) != 1:
            self.mistake("version", f"{top['version']!r} is not known", "Write version: 1.")
        raw_sites = list(self._list("sites", top.get("sites")))
        sites = [found for where, raw in raw_sites if (found := self._site(where, raw)) is not None]
        self._doubles("sites", [str(_get(raw, "id")) for _, raw in raw_sites])
        self._doubles(
            "gateways", [str(_get(gw, "id")) for _, raw in raw_sites for gw in _items(raw, "gateways")]
        )
        self._persons("people", top.get("people"), None)
        scopes = known_scopes | {
            node for site in sites for node in _nodes(site.item.scope, [zone.id for zone in site.zones])
        }
        return Description(sites, self._scoped_people(scopes))

    def _site(self, where: str, raw: Any) -> SiteDescription | None:
        raw = self._mapping(where, raw)
        own = {key: value for key, value in raw.items() if key not in _SITE_LISTS}
        item = self._item(SiteItem, where, own)
        zones = self._all(ZoneItem, f"{where}.zones", raw.get("zones"))
        zone_words = [str(_get(zone, "id")) for zone in _items(raw, "zones")]
        self._doubles(f"{where}.zones", zone_words)
        shifts = self._shifts(f"{where}.shifts", raw.get("shifts"), item)
        gateways = [
            found
            for place, gateway in self._list(f"{where}.gateways", raw.get("gateways"))
            if (found := self._gateway(place, gateway, zone_words)) is not None
        ]
        self._persons(f"{where}.people", raw.get("people"), item.scope if item else "")
        return None if item is None else SiteDescription(item, zones, shifts, gateways)

    def _shifts(self, where: str, raw: Any, site: SiteItem | None) -> list[Shift]:
        shifts: list[Shift] = []
        for place, entry in self._list(where, raw):
            item = self._item(ShiftItem, place, entry)
            if item is None:
                continue
            try:
                shifts.append(_shift(item))
            except ValueError as error:
                self.mistake(place, str(error))
        try:
            ShiftCalendar(site.timezone if site else "UTC", tuple(shifts))
        except ValueError as error:
            self.mistake(where, str(error))
        return shifts

    def _gateway(self, where: str, raw: Any, zones: list[str]) -> GatewayDescription | None:
        raw = self._mapping(where, raw)
        own = {key: value for key, value in raw.items() if key not in _GATEWAY_LISTS}
        item = self._item(GatewayItem, where, own)
        sensors = self._all(SensorItem, f"{where}.sensors", raw.get("sensors"))
        self._doubles(f"{where}.sensors", [sensor.id for sensor in sensors])
        for sensor in sensors:
            if sensor.zone not in zones:
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
            (name, self._item(NameItem, f"{where} {name}", entry))
            for name, entry in self._mapping(where, raw).items()
        )
        return [ForeignName(gateway, str(name), item.sensor, item.quantity) for name, item in items if item]

    def _persons(self, where: str, raw: Any, site_scope: str | None) -> None:
        for place, entry in self._list(where, raw):
            item = self._item(PersonItem, place, entry)
            scope = _get(entry, "scope") if _get(entry, "scope") is not None else site_scope
            if scope is None:
                self.mistake(place, "scope is missing", 'Write a node like kh/phnom-penh, or "" for all.')
            self._people.append((place, item, scope))

    def _scoped_people(self, scopes: frozenset[str]) -> list[tuple[PersonItem, str]]:
        self._doubles("people", [item.login for _, item, _ in self._people if item is not None])
        for place, _, scope in self._people:
            if isinstance(scope, str) and scope and scope not in scopes:
                near = get_close_matches(scope, sorted(scopes), n=1)
                hint = f"Did you mean {near[0]}?" if near else "Scopes are country/district/site/zone."
                self.mistake(f"{place}.scope", f"there is no place {scope!r}", hint)
        return [(item, scope or "") for _, item, scope in self._people if item is not None]

    def _all(self, kind: type[_Kind], where: str, raw: Any) -> list[_Kind]:
        found = (self._item(kind, place, entry) for place, entry in self._list(where, raw))
        return [item for item in found if item is not None]

    def _item(self, kind: type[_Kind], where: str, raw: Any) -> _Kind | None:
        try:
            return kind.model_validate(raw)
        except ValidationError as error:
            keys = [info.alias or name for name, info in kind.model_fields.items()]
            keys += _LISTS.get(kind, ())
            for detail in error.errors():
                self._detail(where, detail, keys)
            return None

    def _detail(self, where: str, detail: Any, keys: list[str]) -> None:
        place = ".".join([where, *(str(part) for part in detail["loc"] if part != "[key]")])
        secret = bool(detail["loc"]) and detail["loc"][-1] in _SECRET
        given = "what is given" if secret else f"{detail['input']!r:.80}"
        if detail["type"] == "extra_forbidden":
            self._unknown(where, str(detail["loc"][-1]), keys)
        elif detail["type"] == "missing":
            self.mistake(place, "is missing", "Add it.")
        elif detail["type"] == "string_pattern_mismatch":
            rule = detail["ctx"]["pattern"].strip("^$")
            self.mistake(place, f"{given} has another form", f"It is {rule}.")
        else:
            problem = detail["msg"].removeprefix("Value error, ")
            shown = "" if detail["type"] == "value_error" else f" (got {given})"
            self.mistake(place, problem + shown, "")

    def _unknown(self, where: str, key: object, known: list[str] | tuple[str, ...]) -> None:
        near = get_close_matches(str(key), known, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(known)}."
        self.mistake(where, f"unknown key {key!r}", hint)

    def _mapping(self, where: str, raw: Any) -> dict[Any, Any]:
        if isinstance(raw, dict):
            return raw
        self.mistake(where, f"is {_noun(raw)}, not a mapping of keys", "See the sample description.")
        return {}

    def _list(self, where: str, raw: Any) -> Iterator[tuple[str, Any]]:
        if raw is None:
            return
        if not isinstance(raw, list):
            self.mistake(where, f"is {_noun(raw)}, not a list", "Begin each entry with '- '.")
            return
        for number, entry in enumerate(raw):
            name = _get(entry, "id") or _get(entry, "login") or _get(entry, "name") or number + 1
            yield f"{where} {name}", entry

    def _doubles(self, where: str, ids: list[str]) -> None:
        for double, count in Counter(ids).items():
            if count > 1 and double != "None":
                self.mistake(where, f"{double!r} is there {count} times", "Give each an id of its own.")


def _shift(item: ShiftItem) -> Shift:
    return Shift(
        name=item.name,
        start=item.start,
        end=item.end,
        days=frozenset(item.days),
        breaks=tuple((begin, end) for begin, end in item.breaks),
        valid_from=item.valid_from if item.valid_from else date.min,
        valid_to=item.valid_to,
    )


def _nodes(scope: str, zones: list[str]) -> set[str]:
    country, district, _ = scope.split("/")
    return {country, f"{country}/{district}", scope, *(f"{scope}/{zone}" for zone in zones)}


def _get(raw: Any, key: str) -> Any:
    return raw.get(key) if isinstance(raw, dict) else None


def _items(raw: Any, key: str) -> list[Any]:
    found = _get(raw, key)
    return found if isinstance(found, list) else []


def _noun(raw: Any) -> str:
    return "empty" if raw is None else f"a {type(raw).__name__}"
