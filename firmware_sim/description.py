"""The site description of a simulated fleet: plain data that a register can import.

Passwords and private keys are not in it; each gateway's public key follows from the seed.
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import UTC, datetime, time
from typing import Any

from edge_agent.identity import GatewaySigner
from firmware_sim.factories import FactoryPlan, ZonePlan
from firmware_sim.faults import Fault, FaultKind
from firmware_sim.fleet import Fleet, SensorPlan
from firmware_sim.kinds import KINDS
from firmware_sim.shifts import Roster
from firmware_sim.simulated import serial_of

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def describe(
    fleet: Fleet, *, valid_from: float | None = None, faults: Iterable[Fault] = ()
) -> dict[str, Any]:
    """The whole fleet as a document; sensors stand in their zones from `valid_from` (instant) on.

    Of the faults of a run, overtime that was announced is in the calendar.
    """
    announced = [fault for fault in faults if fault.kind is FaultKind.OVERTIME and fault.announced]
    sites = []
    for factory in fleet.factories:
        site = _site(fleet, factory, valid_from)
        overtime = [_overtime(fault, factory.roster) for fault in announced if fault.target == factory.site]
        sites.append(site | {"overtime": overtime} if overtime else site)
    return {"version": 1, "sites": sites}


def _site(fleet: Fleet, factory: FactoryPlan, valid_from: float | None) -> dict[str, Any]:
    gateways = dict.fromkeys(sensor.gateway for sensor in fleet.sensors if sensor.site == factory.site)
    return {
        "id": factory.site,
        "name": factory.name,
        "country": factory.country,
        "district": factory.district,
        "timezone": factory.roster.timezone,
        "sector": factory.sector,
        "latitude": round(factory.latitude, 4),
        "longitude": round(factory.longitude, 4),
        "zones": [_zone(zone) for zone in factory.zones],
        "shifts": [_shift(factory.roster)],
        "gateways": [
            {
                "id": gateway,
                "kind": "signed",
                "key": _public_key(fleet.private_key(gateway)),
                "sensors": [_sensor(sensor, valid_from) for sensor in fleet.sensors_of(gateway)],
            }
            for gateway in gateways
        ],
    }


def _zone(plan: ZonePlan) -> dict[str, Any]:
    kind = KINDS[plan.kind]
    return {
        "id": plan.word,
        "name": plan.name,
        "kind": kind.name,
        "metabolic_class": kind.metabolic_class,
        "acclimatised": plan.acclimatised,
        "clothing_caf": 0.0,
        "radiant_source": kind.radiant_source,
        "women": plan.women,
        "men": plan.men,
    }


def _shift(roster: Roster) -> dict[str, Any]:
    return {
        "name": "day",
        "start": _clock(roster.start),
        "end": _clock(roster.end),
        "days": [_DAYS[day] for day in sorted(roster.days)],
        "breaks": [[_clock(begin), _clock(end)] for begin, end in roster.breaks],
    }


def _overtime(fault: Fault, roster: Roster) -> dict[str, Any]:
    begin, end = (datetime.fromtimestamp(t, UTC).astimezone(roster.zone) for t in (fault.begin, fault.end))
    return {"shift": "day", "date": begin.date().isoformat(), "until": _clock(end.time())}


def _sensor(sensor: SensorPlan, valid_from: float | None) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": sensor.sensor,
        "zone": sensor.zone.partition("/")[2],
        "height_m": 1.1,
        "channels": {measure.quantity: sensor.period_s for measure in sensor.instrument.measures},
        "serial": serial_of(sensor),
    }
    if valid_from is not None:
        entry["from"] = valid_from
    return entry


def _clock(value: time) -> str:
    return value.strftime("%H:%M")


def _public_key(private_key: bytes) -> str:
    raw = GatewaySigner.from_bytes(private_key).public_key
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
