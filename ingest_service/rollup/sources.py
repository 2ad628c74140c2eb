"""Which channels speak for a zone, from when to when, and how often they should."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ingest_service.register.entries import ExpectedChannel, Placement, Zone
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.series.port import ChannelEntry
from osh_domain.exposure.globe import STANDARD_DIAMETER_M
from osh_domain.shifts import ShiftCalendar

HEAT_INPUTS = frozenset({"ta", "rh", "tg", "va", "p", "tnw", "wbgt", "solar"})
HIGHEST_INPUTS = frozenset({"la", "pm2_5", "pm10", "co", "co2", "hcho", "no2"})
_NAME = re.compile(r"([a-z][a-z0-9_]*)(?:\.(?:avg|eq)[0-9]+)?")
DEFAULT_PERIOD_S = 60.0
_FOREVER = 2**62

Minutes = tuple[int, int]
"""First and last minute, both included."""


def input_of(quantity: str) -> str | None:
    """The input a quantity feeds ("la.eq60" feeds "la"), None for maxima, counts, bands and the rest."""
    found = _NAME.fullmatch(quantity)
    if found is None or found[1] not in HEAT_INPUTS | HIGHEST_INPUTS:
        return None
    return found[1]


def valid_minutes(valid_from: float, valid_to: float | None) -> Minutes:
    """The minutes whose middle lies in [valid_from, valid_to)."""
    last = _FOREVER if valid_to is None else math.ceil((valid_to + 30.0) / 60.0) - 1
    return math.ceil((valid_from + 30.0) / 60.0), last


@dataclass(slots=True)
class Source:
    """One channel during one placement. `channel` is None while an expected channel has never delivered.

    `hold` is how many minutes one reading speaks for: 1, or more where readings are further apart.
    """

    channel: int | None
    input: str
    placed: Minutes
    period_s: float
    due: tuple[Minutes, ...]
    gateway: str = ""
    diameter_m: float = STANDARD_DIAMETER_M
    """Of the globe, where it is one."""

    @property
    def hold(self) -> int:
        return max(1, math.ceil(self.period_s / 60.0))

    def stands_at(self, minute: int) -> bool:
        return self.placed[0] <= minute <= self.placed[1]

    def due_at(self, minute: int) -> bool:
        return self.stands_at(minute) and any(first <= minute <= last for first, last in self.due)


@dataclass(slots=True)
class ZoneSources:
    """The sources of a zone by input, with its calendar, its dated facts and where on earth it is.

    `facts` are pairs of the first minute for which facts hold and the zone with them, oldest first.
    """

    zone: Zone
    calendar: ShiftCalendar
    by_input: dict[str, list[Source]] = field(default_factory=dict)
    facts: tuple[tuple[int, Zone], ...] = ()
    position: tuple[float, float] | None = None
    """Latitude north and longitude east in degrees."""

    def facts_in(self, first: int, last: int) -> list[tuple[int, int, Zone | None]]:
        """The stretches of the minutes `first` to `last` with what was known of the zone in each."""
        found: list[tuple[int, int, Zone | None]] = []
        begin, known = first, None
        for since, zone in self.facts:
            if since > last:
                break
            if since > begin:
                found.append((begin, since - 1, known))
                begin = since
            known = zone
        return [*found, (begin, last, known)]

    def channels(self) -> list[int]:
        """The channels that have ever delivered, each once."""
        ids = {s.channel for sources in self.by_input.values() for s in sources if s.channel is not None}
        return sorted(ids)

    def all(self) -> Iterable[Source]:
        return (source for sources in self.by_input.values() for source in sources)

    def longest_hold(self) -> int:
        return max((source.hold for source in self.all()), default=1)

    def due_at(self, name: str, minute: int) -> bool:
        """Whether the zone should have this input in that minute."""
        return any(source.due_at(minute) for source in self.by_input.get(name, ()))


def sources_of(
    zone: Zone, register: RegisterSnapshot, known: dict[tuple[str, str], list[ChannelEntry]]
) -> ZoneSources:
    """Collect a zone's sources from its placements, what is expected of them and what has delivered.

    `known` are the channels of the store by (gateway, sensor).
    """
    site = register.site(zone.site)
    position = None
    if site is not None and site.latitude is not None and site.longitude is not None:
        position = site.latitude, site.longitude
    facts = tuple((valid_minutes(since, None)[0], dated) for since, dated in register.zone_history(zone.id))
    found = ZoneSources(zone, register.calendar(zone.site), facts=facts, position=position)
    for placement in register.placements_in(zone.id):
        place = (placement.gateway, placement.sensor)
        expected = register.expected_of(*place)
        ids = {entry.quantity: entry.id for entry in known.get(place, ())}
        for name in sorted({*ids, *(entry.quantity for entry in expected)}):
            source = _source(name, ids.get(name), placement, expected)
            if source is not None:
                found.by_input.setdefault(source.input, []).append(source)
    return found


def _source(
    name: str, channel: int | None, placement: Placement, expected: Iterable[ExpectedChannel]
) -> Source | None:
    feeds = input_of(name)
    if feeds is None:
        return None
    rows = [entry for entry in expected if entry.quantity == name]
    return Source(
        channel=channel,
        input=feeds,
        placed=valid_minutes(placement.valid_from, placement.valid_to),
        period_s=max((entry.period_s for entry in rows), default=DEFAULT_PERIOD_S),
        due=tuple(valid_minutes(entry.valid_from, entry.valid_to) for entry in rows),
        gateway=placement.gateway,
        diameter_m=placement.globe_diameter_m or STANDARD_DIAMETER_M,
    )
