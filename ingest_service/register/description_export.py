"""The register as a site description: importing it again changes nothing.

People are left out, for a description names all ways to reach a person, and those may hold passwords. So is
what has ended, and since when facts and placements hold: a description without `from` leaves that as it is.
"""

import base64
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, time
from typing import Any

from ingest_service.register.description_values import DAYS, UNKNOWN
from ingest_service.register.entries import ExpectedChannel, Gateway, Placement, Site, Zone
from ingest_service.register.snapshot import RegisterSnapshot
from osh_domain.calendar_exceptions import CalendarExceptions
from osh_domain.roster import Breaks, Shift

Json = dict[str, Any]


def export_description(register: RegisterSnapshot, sites: Iterable[Site], now: float) -> Json:
    """The document of these sites as they are at an instant; its dates are `date`, times of day are text."""
    hung = _Hung(register)
    return {"version": 1, "sites": [_site(register, site, now, hung) for site in sites]}


class _Hung:
    """What hangs on each gateway and has not ended."""

    def __init__(self, register: RegisterSnapshot) -> None:
        self.placed: dict[str, dict[str, Placement]] = defaultdict(dict)
        self.expected: dict[str, dict[str, list[ExpectedChannel]]] = defaultdict(lambda: defaultdict(list))
        for placement in register.placements:
            if placement.valid_to is None:
                self.placed[placement.gateway][placement.sensor] = placement
        for channel in register.expected:
            if channel.valid_to is None:
                self.expected[channel.gateway][channel.sensor].append(channel)


def _site(register: RegisterSnapshot, site: Site, now: float, hung: _Hung) -> Json:
    calendar = register.calendar(site.id)
    today = calendar.local_date(now)
    roster = [shift for shift in calendar.roster if shift.valid_to is None or shift.valid_to >= today]
    return {
        "id": site.id,
        "name": site.name,
        "country": site.country,
        "district": site.district,
        "timezone": site.timezone,
        "sector": site.sector,
        **_known(latitude=site.latitude, longitude=site.longitude),
        "zones": [_zone(zone) for zone in register.zones_of(site.id)],
        "shifts": [_shift(shift) for shift in roster],
        **_exceptions(calendar.exceptions, today),
        "gateways": [
            _gateway(register, gateway, now, hung)
            for gateway in register.gateways_of(site.id)
            if gateway.revoked_at is None
        ],
    }


def _zone(zone: Zone) -> Json:
    clothing: Json = {"clothing": UNKNOWN}
    if zone.clothing_caf is not None:
        clothing = {"clothing_caf": zone.clothing_caf}
    return {
        "id": zone.word,
        "name": zone.name,
        "kind": zone.kind,
        "metabolic_class": zone.metabolic_class,
        "acclimatised": zone.acclimatised,
        **clothing,
        "radiant_source": zone.radiant_source,
        "outdoors": zone.outdoors,
        "women": zone.women,
        "men": zone.men,
    }


def _shift(shift: Shift) -> Json:
    return {
        "name": shift.name,
        "start": _clock(shift.start),
        "end": _clock(shift.end),
        "days": [DAYS[day] for day in sorted(shift.days)],
        "breaks": _breaks(shift.breaks),
        **({"from": shift.valid_from} if shift.valid_from != date.min else {}),
        **({"to": shift.valid_to} if shift.valid_to is not None else {}),
    }


def _exceptions(exceptions: CalendarExceptions, today: date) -> Json:
    """Those that are not over: the roster of what is over may be gone."""
    return {
        "days_off": [{"date": one.day, "name": one.name} for one in exceptions.days_off if one.day >= today],
        "overtime": [
            {
                "shift": one.shift,
                "date": one.day,
                "until": _clock(one.until),
                **({"breaks": _breaks(one.breaks)} if one.breaks else {}),
            }
            for one in exceptions.overtime
            if one.day >= today
        ],
        "seasons": [
            {"name": one.name, "from": one.first, "to": one.last, "shifts": [_shift(s) for s in one.shifts]}
            for one in exceptions.seasons
            if one.last >= today
        ],
    }


def _gateway(register: RegisterSnapshot, gateway: Gateway, now: float, hung: _Hung) -> Json:
    keys = [key for key in register.keys_of(gateway.id) if key.valid_at(now)]
    newest = max(keys, key=lambda key: key.valid_from, default=None)
    names = {
        name: {"sensor": entry.sensor, "quantity": entry.quantity}
        for name, entry in register.foreign_names(gateway.id).items()
    }
    expected, placed = hung.expected[gateway.id], hung.placed[gateway.id]
    return {
        "id": gateway.id,
        "kind": gateway.kind,
        **_known(key=_text(newest.public_key) if newest is not None else None),
        **_known(names=names or None),
        "sensors": [
            _sensor(sensor, placed.get(sensor), expected.get(sensor, []))
            for sensor in sorted({*placed, *expected})
        ],
    }


def _sensor(sensor: str, placement: Placement | None, channels: list[ExpectedChannel]) -> Json:
    place: Json = {"zone": None}
    if placement is not None:
        place = {"zone": placement.zone.partition("/")[2]} | _known(
            height_m=placement.height_m,
            globe_diameter_m=placement.globe_diameter_m,
            serial=placement.serial,
        )
    periods = {channel.quantity: channel.period_s for channel in channels}
    return {"id": sensor, **place, "channels": dict(sorted(periods.items()))}


def _known(**values: Any) -> Json:
    return {key: value for key, value in values.items() if value is not None}


def _clock(wall: time) -> str:
    return wall.isoformat("minutes" if not wall.second and not wall.microsecond else "auto")


def _breaks(breaks: Breaks) -> list[list[str]]:
    return [[_clock(begin), _clock(end)] for begin, end in breaks]


def _text(public_key: bytes) -> str:
    return base64.urlsafe_b64encode(public_key).decode().rstrip("=")
