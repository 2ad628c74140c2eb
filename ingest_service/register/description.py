"""Brings the register to what a site description says (YAML or JSON; the shape is in `description_format`).

What a description names is brought to its values; a gateway, a roster or another list of the calendar is
described whole, so what it no longer has ends now. Sites, zones, people and lists of the calendar that are
not named stay as they are. Importing the same
description twice changes nothing the second time.
"""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ingest_service.register.changes import Change
from ingest_service.register.description_check import (
    Description,
    DescriptionError,
    GatewayDescription,
    Mistake,
    SiteDescription,
    check_description,
)
from ingest_service.register.description_format import PersonItem, SiteItem, ZoneItem
from ingest_service.register.description_plan import takes_down
from ingest_service.register.description_values import instant_of
from ingest_service.register.entries import Site, Zone
from ingest_service.register.recorder import ChangeRefused, Recorded
from ingest_service.register.snapshot import RegisterSnapshot, covers
from ingest_service.register.store import Register
from osh_domain.wall_clock import wall_clock


class Imported(NamedTuple):
    """What an import did."""

    sites: int
    gateways: int
    people: int
    changes: int


def import_description(
    register: Register, document: Any, who: str, agreed: Collection[Recorded] | None = None
) -> Imported:
    """Check the document and bring the register to it in one transaction, or raise `DescriptionError`.

    `agreed` are the changes that take something down which somebody agreed to; more of them, because the
    register changed since it was asked, raise `ChangeRefused`. None is all.
    """
    description = _checked(register, document)
    with register.change(who) as change:
        _apply(change, description, register.snapshot())
        if agreed is not None and any(entry not in agreed for entry in takes_down(change.entries)):
            raise ChangeRefused("the register changed meanwhile; nothing was imported, so try again")
    return Imported(
        sites=len(description.sites),
        gateways=sum(len(site.gateways) for site in description.sites),
        people=len(description.people),
        changes=change.made,
    )


def plan_description(register: Register, document: Any) -> list[Recorded]:
    """What an import of the document would change now; changes nothing. Raises `DescriptionError`."""
    description = _checked(register, document)
    with register.rehearse() as change:
        _apply(change, description, register.snapshot())
    return change.entries


def _checked(register: Register, document: Any) -> Description:
    return check_description(document, known_scopes(register.snapshot()), register.now())


def _apply(change: Change, description: Description, held: RegisterSnapshot) -> None:
    mistakes: list[Mistake] = []
    for site in description.sites:
        _put_site(change, site, mistakes)
    for item, scope in description.people:
        ends = None
        if item.valid_until is not None:
            ends = _last_moment(item.valid_until, _timezone(description, held, scope))
        _put_person(change, item, scope, ends)
    if mistakes:
        raise DescriptionError(mistakes)


def known_scopes(snapshot: RegisterSnapshot) -> frozenset[str]:
    """Every node of the tree of scopes that the register has, but for the root."""
    nodes: set[str] = set()
    places = [site.id for site in snapshot.sites] + [zone.id for zone in snapshot.zones]
    for place in places:
        words = (snapshot.scope_of(place) or "").split("/")
        nodes.update("/".join(words[:count]) for count in range(1, len(words) + 1))
    return frozenset(nodes)


def _put_site(change: Change, site: SiteDescription, mistakes: list[Mistake]) -> None:
    where = f"sites {site.item.id}"
    change.put_site(Site(**site.item.model_dump()))
    for zone in site.zones:
        try:
            _put_zone(change, site.item, zone)
        except ChangeRefused as refusal:
            mistakes.append(Mistake(f"{where}.zones {zone.id}.from", str(refusal), ""))
    _put_calendar(change, site, mistakes)
    for gateway in site.gateways:
        try:
            _put_gateway(change, site.item, gateway)
        except ChangeRefused as refusal:
            mistakes.append(Mistake(f"{where}.gateways {gateway.item.id}", str(refusal), ""))


def _put_zone(change: Change, site: SiteItem, item: ZoneItem) -> None:
    zone = Zone(
        id=f"{site.id}/{item.id}",
        site=site.id,
        name=item.name,
        kind=item.kind,
        metabolic_class=item.metabolic_class,
        acclimatised=item.acclimatised,
        clothing_caf=item.adjustment,
        radiant_source=item.radiant_source,
        women=item.women,
        men=item.men,
        outdoors=item.outdoors,
    )
    change.put_zone(zone, _instant(item.valid_from, site))


def _put_calendar(change: Change, site: SiteDescription, mistakes: list[Mistake]) -> None:
    calendar = site.calendar
    today = wall_clock(site.item.timezone).local_date(change.at)
    try:
        if calendar.shifts is not None:
            change.put_shifts(site.item.id, calendar.shifts, today)
        change.put_exceptions(
            site.item.id,
            today,
            days_off=calendar.days_off,
            overtime=calendar.overtime,
            seasons=calendar.seasons,
        )
        change.check_calendar(site.item.id, today)
    except ChangeRefused as refusal:
        mistakes += [Mistake(f"sites {site.item.id}", line, "") for line in str(refusal).splitlines()]


def _instant(when: float | date | None, site: SiteItem) -> float | None:
    return None if when is None else instant_of(when, site.timezone)


def _put_gateway(change: Change, site: SiteItem, gateway: GatewayDescription) -> None:
    gateway_id = gateway.item.id
    change.put_gateway(gateway_id, site.id, gateway.item.kind)
    if gateway.item.key is not None:
        change.put_key(gateway_id, gateway.item.key)
    for name in gateway.names:
        change.put_foreign_name(name)
    channels: set[tuple[str, str]] = set()
    for sensor in gateway.sensors:
        if sensor.zone is not None:
            change.place(
                gateway_id,
                sensor.id,
                f"{site.id}/{sensor.zone}",
                sensor.height_m,
                _instant(sensor.valid_from, site),
                sensor.globe_diameter_m,
                sensor.serial,
            )
        for quantity, period_s in sensor.channels.items():
            change.expect(gateway_id, sensor.id, quantity, period_s)
            channels.add((sensor.id, quantity))
    placed = {sensor.id for sensor in gateway.sensors if sensor.zone is not None}
    change.end_missing(gateway_id, placed, channels)


def _put_person(change: Change, item: PersonItem, scope: str, valid_until: float | None) -> None:
    person = change.put_person(item.login, item.name, item.role, scope, item.language, valid_until)
    change.put_contacts(person, [(contact.kind, contact.url) for contact in item.contacts])


def _last_moment(day: date, timezone: str) -> float:
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=ZoneInfo(timezone)).timestamp()


def _timezone(description: Description, snapshot: RegisterSnapshot, scope: str) -> str:
    """Of the site the scope is in, so that a day ends when it ends there; else UTC."""
    places = [(site.item.scope, site.item.timezone) for site in description.sites]
    places += [(site.scope, site.timezone) for site in snapshot.sites]
    return next((timezone for node, timezone in places if covers(node, scope)), "UTC")
