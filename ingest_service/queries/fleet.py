"""Gateways as an engineer wants to see them: who speaks, who is late, what waits to be sent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

from ingest_service import heartbeat
from ingest_service.auth.access import Action
from ingest_service.clone_suspicion import suspicions
from ingest_service.ledger.port import GatewayStatus
from ingest_service.queries.births import birth_of, said, shown, version
from ingest_service.queries.fleet_delivery import Delivery, Known, delivery_of, unsettled
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
PAGE_ROWS: Final = 100
ASKED_SINGLY: Final = 50
"""Of more gateways all channels are read at once."""
_USUAL_PERIOD_S: Final = 60.0
# What a gateway says by itself, without the register asking for it.
_OF_THE_GATEWAY: Final = frozenset({"status", "gap", "key"})


class _Seen(NamedTuple):
    """What is known of one gateway without reading what it measured."""

    site: Site
    entry: Entry
    status: GatewayStatus | None
    system: Mapping[str, ChannelEntry]
    birth: dict[str, Any]
    delivery: Delivery
    silent: bool

    @property
    def needs_look(self) -> bool:
        return bool(self.delivery.troubles) and not self.silent


def fleet(view: View, page: int = 1) -> Fleet:
    """The gateways of the sites whose fleet the person may read, those in trouble first, a page of them.

    `page` counts from 1; 0 is all of them. The counts are of all, whatever the page.
    """
    sites = view.sites(Action.READ_FLEET)
    hidden = [site.id for site in sites if view.may(Action.READ_QUARANTINE, site.scope)]
    held = view.ledger.quarantine(sites=hidden, limit=MOST_QUARANTINED) if hidden else []
    seen = sorted(_all(view, sites, Known(suspicions(view.engine, view.now), unsettled(held))), key=_trouble)
    running = [one for one in seen if one.entry.revoked_at is None]
    of_page, number, pages = _page(seen, page)
    return Fleet(
        now=view.now,
        gateways_total=len(running),
        gateways_silent=sum(one.silent for one in running),
        gateways_look=sum(one.needs_look for one in running),
        page=number,
        pages=pages,
        gateways=tuple(_line(view, one) for one in of_page),
        runners=_runners(view),
        quarantined=sum(not one.settled for one in held),
        may_see_quarantine=bool(hidden),
    )


def _all(view: View, sites: Sequence[Site], known: Known) -> list[_Seen]:
    statuses = {one.gateway: one for one in view.ledger.statuses([site.id for site in sites])}
    entries = [(site, entry) for site in sites for entry in view.register.gateways_of(site.id)]
    system = _system(view, [entry.id for _, entry in entries])
    return [
        _seen(view, site, entry, statuses.get(entry.id), system.get(entry.id, {}), known)
        for site, entry in entries
    ]


def _system(view: View, gateways: Sequence[str]) -> dict[str, dict[str, ChannelEntry]]:
    """What gateways say of themselves, by gateway and quantity; of many it is one question."""
    many = len(gateways) > ASKED_SINGLY
    entries = view.series.latest() if many else chain.from_iterable(map(view.series.latest, gateways))
    found: dict[str, dict[str, ChannelEntry]] = {}
    for one in entries:
        if one.sensor == SYSTEM_SENSOR:
            found.setdefault(one.gateway, {})[one.quantity] = one
    return found


def _page(seen: list[_Seen], asked: int) -> tuple[list[_Seen], int, int]:
    """The gateways of the page, its number, and how many pages there are."""
    if asked == 0:
        return seen, 1, 1
    pages = max(1, -(-len(seen) // PAGE_ROWS))
    number = min(max(1, asked), pages)
    return seen[(number - 1) * PAGE_ROWS : number * PAGE_ROWS], number, pages


def gateway(view: View, gateway_id: str) -> Gateway:
    """One gateway with its channels, its keys and what it said about itself. Raises NotHere."""
    entry = view.register.gateway(gateway_id)
    if entry is None:
        raise NotHere(f"There is no gateway {gateway_id!r} here.")
    site = view.site(entry.site, Action.READ_FLEET)
    status = view.ledger.status(entry.id)
    birth = birth_of(status)
    system = _system(view, [entry.id]).get(entry.id, {})
    return Gateway(
        now=view.now,
        site=site_name(site),
        line=_line(view, _seen(view, site, entry, status, system, _known_of(view, site, entry))),
        channels=tuple(_channels(view, entry)),
        keys=key_lines(view, entry.id),
        configuration=str(birth.get("cfg", "")),
        birth=tuple(said(birth)),
        birth_at=status.birth_at if status else None,
    )


def _known_of(view: View, site: Site, entry: Entry) -> Known:
    may = view.may(Action.READ_QUARANTINE, site.scope)
    held = view.ledger.quarantine(gateway=entry.id, limit=MOST_QUARANTINED) if may else []
    return Known(suspicions(view.engine, view.now), unsettled(held))


def _trouble(seen: _Seen) -> tuple[bool, bool, bool, str, str]:
    revoked = seen.entry.revoked_at is not None
    return revoked, not seen.silent, not seen.delivery.troubles, seen.site.name, seen.entry.id


def _seen(
    view: View,
    site: Site,
    entry: Entry,
    status: GatewayStatus | None,
    system: Mapping[str, ChannelEntry],
    known: Known,
) -> _Seen:
    birth = birth_of(status)
    last = status.last_batch_at if status else None
    return _Seen(
        site, entry, status, system, birth,
        delivery_of(view, entry, system, known, str(birth.get("cfg", ""))),
        silent=last is None or view.now - last > view.silent_after_s(_USUAL_PERIOD_S),
    )  # fmt: skip


def _line(view: View, seen: _Seen) -> GatewayLine:
    site, entry, status, system = seen.site, seen.entry, seen.status, seen.system
    return GatewayLine(
        id=entry.id,
        site=site.id,
        site_name=site.name,
        kind=entry.kind,
        state=(status.state or "unknown") if status else "unknown",
        state_at=status.state_at if status else None,
        last_batch_at=status.last_batch_at if status else None,
        backlog=waiting_batches(status, system.get("outbox")),
        clock=status.clk if status else None,
        clock_error_s=status.err if status else None,
        disk_free_share=_last(system, "disk_free"),
        cpu_celsius=_last(system, "temp"),
        version=version(seen.birth),
        coverage_24h=_coverage(view, entry),
        rejected=status.rejected if status else 0,
        conflicts=status.conflicts if status else 0,
        drops=status.drops if status else 0,
        chain_breaks=status.chain_breaks if status else 0,
        revoked_at=entry.revoked_at,
        silent=seen.silent,
        **seen.delivery._asdict(),
    )


def waiting_batches(status: GatewayStatus | None, waiting: ChannelEntry | None) -> int | None:
    """Batches that wait on the gateway: what its birth said, or its own count where that is newer."""
    told_at = status.birth_at if status else None
    if waiting is None or waiting.last_value is None or waiting.last_time is None:
        return status.backlog if status else None
    if status is not None and told_at is not None and told_at > waiting.last_time:
        return status.backlog
    return int(waiting.last_value)


def _last(system: Mapping[str, ChannelEntry], name: str) -> float | None:
    entry = system.get(name)
    return entry.last_value if entry else None


def _coverage(view: View, entry: Entry) -> float | None:
    """Share of the minutes of the last day in which the expected channels gave a reading."""
    last = int(view.now // MINUTE_S)
    begins: dict[int, int] = {}
    for channel in view.series.latest(entry.id):
        due = [
            one
            for one in view.register.expected_of(entry.id, channel.sensor)
            if one.quantity == channel.quantity
        ]
        if not due or not any(one.valid_at(view.now) for one in due):
            continue
        since = max(entry.added_at, min(one.valid_from for one in due))
        begins[channel.id] = max(last - DAY_MINUTES, int(since // MINUTE_S))
    # Asked for together: a gateway has dozens of channels and a page a hundred gateways.
    spans = view.series.minutes_between(list(begins), min(begins.values(), default=last) + 1, last)
    stored = Counter(one.channel for one in spans if one.end > begins[one.channel])
    shares = [min(1.0, stored[channel] / max(1, last - first)) for channel, first in begins.items()]
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
            facts=tuple((key, shown(value)) for key, value in beat.facts.items()),
        )
        for beat in beats
    )
