"""Gateways as an engineer wants to see them: who speaks, who is late, what waits to be sent."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, Final

from ingest_service import heartbeat
from ingest_service.auth.access import Action
from ingest_service.clone_suspicion import suspicions
from ingest_service.ledger.port import GatewayStatus
from ingest_service.queries.fleet_delivery import Known, delivery_of, unsettled
from ingest_service.queries.keys import key_lines
from ingest_service.queries.measured import MINUTE_S, of_channel
from ingest_service.queries.models import Measured
from ingest_service.queries.records import (
    ChannelLine,
    Fleet,
    Gateway,
    GatewayLine,
    RunnerLine,
)
from ingest_service.queries.view import NotHere, View, site_name
from ingest_service.register.entries import Gateway as Entry
from ingest_service.register.entries import Site
from ingest_service.series.port import ChannelEntry
from osh_domain.quantities import UnknownQuantity, quantity
from osh_domain.readings import SYSTEM_SENSOR

DAY_MINUTES: Final = 1440
MOST_QUARANTINED: Final = 1000
_USUAL_PERIOD_S: Final = 60.0
# What a gateway says by itself, without the register asking for it.
_OF_THE_GATEWAY: Final = frozenset({"status", "gap", "key"})
# Of a birth, what the page says elsewhere or nobody reads.
_NOT_SHOWN: Final = frozenset({"v", "t", "mono", "gw", "site", "oldest", "next_seq"})


def fleet(view: View) -> Fleet:
    """Every gateway of the sites whose fleet the person may read, those in trouble first."""
    sites = view.sites(Action.READ_FLEET)
    statuses = {one.gateway: one for one in view.ledger.statuses([site.id for site in sites])}
    hidden = [site.id for site in sites if view.may(Action.READ_QUARANTINE, site.scope)]
    held = view.ledger.quarantine(sites=hidden, limit=MOST_QUARANTINED) if hidden else []
    known = Known(suspicions(view.engine, view.now), unsettled(held))
    lines = [
        _line(view, site, entry, statuses.get(entry.id), known)
        for site in sites
        for entry in view.register.gateways_of(site.id)
    ]
    lines.sort(key=_trouble)
    return Fleet(
        now=view.now,
        gateways=tuple(lines),
        runners=_runners(view),
        quarantined=sum(not one.settled for one in held),
        may_see_quarantine=bool(hidden),
    )


def gateway(view: View, gateway_id: str) -> Gateway:
    """One gateway with its channels, its keys and what it said about itself. Raises NotHere."""
    entry = view.register.gateway(gateway_id)
    if entry is None:
        raise NotHere(f"There is no gateway {gateway_id!r} here.")
    site = view.site(entry.site, Action.READ_FLEET)
    status = view.ledger.status(entry.id)
    birth = _birth(status)
    return Gateway(
        now=view.now,
        site=site_name(site),
        line=_line(view, site, entry, status, _known_of(view, site, entry)),
        channels=tuple(_channels(view, entry)),
        keys=key_lines(view, entry.id),
        configuration=str(birth.get("cfg", "")),
        birth=tuple(_said(birth)),
        birth_at=status.birth_at if status else None,
    )


def _known_of(view: View, site: Site, entry: Entry) -> Known:
    may = view.may(Action.READ_QUARANTINE, site.scope)
    held = view.ledger.quarantine(gateway=entry.id, limit=MOST_QUARANTINED) if may else []
    return Known(suspicions(view.engine, view.now), unsettled(held))


def _trouble(line: GatewayLine) -> tuple[bool, bool, bool, str, str]:
    return line.revoked_at is not None, not line.silent, not line.troubles, line.site_name, line.id


def _line(view: View, site: Site, entry: Entry, status: GatewayStatus | None, known: Known) -> GatewayLine:
    birth = _birth(status)
    system = {one.quantity: one for one in view.series.latest(entry.id) if one.sensor == SYSTEM_SENSOR}
    last = status.last_batch_at if status else None
    delivery = delivery_of(view, entry, system, known, str(birth.get("cfg", "")))
    return GatewayLine(
        id=entry.id,
        site=site.id,
        site_name=site.name,
        kind=entry.kind,
        state=(status.state or "unknown") if status else "unknown",
        state_at=status.state_at if status else None,
        last_batch_at=last,
        backlog=waiting_batches(status, system.get("outbox")),
        clock=status.clk if status else None,
        clock_error_s=status.err if status else None,
        disk_free_share=_last(system, "disk_free"),
        cpu_celsius=_last(system, "temp"),
        version=_version(birth),
        coverage_24h=_coverage(view, entry),
        rejected=status.rejected if status else 0,
        conflicts=status.conflicts if status else 0,
        drops=status.drops if status else 0,
        chain_breaks=status.chain_breaks if status else 0,
        revoked_at=entry.revoked_at,
        silent=last is None or view.now - last > view.silent_after_s(_USUAL_PERIOD_S),
        **delivery._asdict(),
    )


def waiting_batches(status: GatewayStatus | None, waiting: ChannelEntry | None) -> int | None:
    """Batches that wait on the gateway: what its birth said, or its own count where that is newer."""
    told_at = status.birth_at if status else None
    if waiting is None or waiting.last_value is None or waiting.last_time is None:
        return status.backlog if status else None
    if status is not None and told_at is not None and told_at > waiting.last_time:
        return status.backlog
    return int(waiting.last_value)


def _last(system: dict[str, ChannelEntry], name: str) -> float | None:
    entry = system.get(name)
    return entry.last_value if entry else None


def _coverage(view: View, entry: Entry) -> float | None:
    """Share of the minutes of the last day in which the expected channels gave a reading."""
    last = int(view.now // MINUTE_S)
    shares = []
    for channel in view.series.latest(entry.id):
        due = [
            one
            for one in view.register.expected_of(entry.id, channel.sensor)
            if one.quantity == channel.quantity
        ]
        if not due or not any(one.valid_at(view.now) for one in due):
            continue
        since = max(entry.added_at, min(one.valid_from for one in due))
        first = max(last - DAY_MINUTES, int(since // MINUTE_S))
        stored = len(view.series.minutes_between([channel.id], first + 1, last))
        shares.append(min(1.0, stored / max(1, last - first)))
    return sum(shares) / len(shares) if shares else None


def _channels(view: View, entry: Entry) -> list[ChannelLine]:
    known = {(one.sensor, one.quantity): one for one in view.series.latest(entry.id)}
    expected = {
        (one.sensor, one.quantity): one
        for one in view.register.expected
        if one.gateway == entry.id and one.valid_at(view.now)
    }
    found = []
    for sensor, name in sorted({*known, *expected}):
        due, heard = expected.get((sensor, name)), known.get((sensor, name))
        period = due.period_s if due else _USUAL_PERIOD_S
        zone = view.register.zone(view.register.zone_at(entry.id, sensor, view.now) or "")
        last = of_channel(name, heard, period, view)
        found.append(
            ChannelLine(
                sensor=sensor,
                quantity=name,
                title=_title(name),
                zone=zone.id if zone else None,
                zone_name=zone.name if zone else "",
                last=last,
                text=heard.last_text if heard else None,
                flags=(heard.last_flags or 0) if heard else 0,
                expected=due is not None or sensor == SYSTEM_SENSOR or name in _OF_THE_GATEWAY,
                silent=due is not None and _quiet(view, last, period),
            )
        )
    return found


def _quiet(view: View, last: Measured, period_s: float) -> bool:
    return last.time is None or view.now - last.time > view.silent_after_s(period_s)


def _title(name: str) -> str:
    try:
        return quantity(name).title
    except UnknownQuantity:
        return name


def _birth(status: GatewayStatus | None) -> dict[str, Any]:
    if status is None or not status.birth:
        return {}
    try:
        found = json.loads(status.birth)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _said(birth: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a gateway says of itself, one level deep; lists (its channels) stand elsewhere."""
    for key, value in birth.items():
        if isinstance(value, dict):
            yield from (
                (inner, _shown(one)) for inner, one in value.items() if not isinstance(one, dict | list)
            )
        elif key not in _NOT_SHOWN and not isinstance(value, list):
            yield key, _shown(value)


def _version(birth: dict[str, Any]) -> str:
    software = birth.get("sw")
    return _shown(software.get("agent") if isinstance(software, dict) else birth.get("version"))


def _shown(value: object) -> str:
    return "" if value is None else str(value)


def _runners(view: View) -> tuple[RunnerLine, ...]:
    wall = time.time()
    try:
        beats = heartbeat.signs_of_life(view.engine, view.data_dir)
    except OSError:
        beats = []
    return tuple(
        RunnerLine(
            name=f"{beat.runner} {beat.instance}".strip(),
            age_s=max(0.0, wall - beat.at),
            alive=beat.fresh(wall),
            facts=tuple((key, _shown(value)) for key, value in beat.facts.items()),
        )
        for beat in beats
    )
