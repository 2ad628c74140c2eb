"""The zones of a rollup: which there are, which channel stood in which, what a register change touches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ingest_service.register.entries import Zone
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.rollup import register_changes
from ingest_service.rollup.channel_minutes import ChannelMinutes
from ingest_service.rollup.sources import Minutes, sources_of, valid_minutes
from ingest_service.rollup.zone_roll import CURSOR, ZoneRoll
from ingest_service.rollup.zone_series import LONGEST_DAY
from ingest_service.series.port import ChannelEntry, Recompute, SeriesStore

PORTION = 240
"""Minutes of a zone that are computed again at once."""
ZONES_IN_MEMORY = 2000
"""Zones whose last day stays in memory, some 300 kB each; others read it again in every turn (0.1 s)."""
_BEFORE_THINNED = 2 * 1440
_BySensor = dict[tuple[str, str], list[ChannelEntry]]


class Zones:
    """Rolls of all zones of the register, renewed only where what they depend on has changed."""

    def __init__(self, series: SeriesStore, minutes: ChannelMinutes) -> None:
        self.rolls: dict[str, ZoneRoll] = {}
        self.turn: list[str] = []
        self.resident: frozenset[str] = frozenset()
        self._series = series
        self._minutes = minutes
        self._snapshot = RegisterSnapshot()
        self._stood: dict[int, list[tuple[Minutes, str]]] = {}
        self._described: dict[str, str] = {}
        self._kept_from: dict[int, int] = {}

    def zone_of(self, channel: int, minute: int) -> str | None:
        """The zone in which a channel stood in a minute."""
        for (first, last), zone in self._stood.get(channel, ()):
            if first <= minute <= last:
                return zone
        return None

    def still_wanted(self, pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Of dirty minutes those whose neighbours are still kept; the others are too late for the series.

        A minute made of late readings alone would replace a whole one. They are in the ledger, and a rebuilt
        series has them.
        """
        kept = self._kept_from
        if not kept:
            return list(pairs)
        wanted: list[tuple[int, int]] = []
        late: list[tuple[int, int]] = []
        for pair in pairs:
            (wanted if pair[1] >= kept.get(pair[0], 0) else late).append(pair)
        if late:
            self._series.clear_dirty(late)
        return wanted

    def look(self, snapshot: RegisterSnapshot, channels: dict[int, ChannelEntry]) -> None:
        """Take a register and the channels as they are now."""
        by_sensor: _BySensor = defaultdict(list)
        for entry in channels.values():
            by_sensor[entry.gateway, entry.sensor].append(entry)
        known = self._stood.keys()
        fresh = channels.keys() - known
        changed: set[str] = set()
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._stood = {channel: self._placements(entry) for channel, entry in channels.items()}
            self.follow_thinning()
            changed = self._follow(snapshot, by_sensor)
        else:
            self._stood.update({channel: self._placements(channels[channel]) for channel in fresh})
        changed |= {zone for channel in fresh for _, zone in self._stood[channel]}
        self._renew(changed, by_sensor)

    def follow_thinning(self) -> None:
        """Take over how far old minutes were deleted."""
        thinned = self._series.thinned()
        self._kept_from = {}
        if not thinned:
            return
        for channel, placed in self._stood.items():
            marks = [thinned.get(("readings", str(channel)), 0)]
            rest = [thinned.get(("minutes", str(channel)), 0)]
            rest += [thinned.get(("exposures", zone), 0) for _, zone in placed]
            marks += [mark + _BEFORE_THINNED for mark in rest if mark]
            if max(marks):
                self._kept_from[channel] = max(marks)

    def portions(self, orders: Iterable[Recompute]) -> Iterator[Recompute]:
        """The next portion of each order whose zone is there."""
        for order in orders:
            if order.zone in self.rolls:
                yield order._replace(last=min(order.last, order.first + PORTION - 1))

    def computed(self, portion: Recompute) -> None:
        """Take a portion off what is still to be done."""
        left = [
            order if order.first != portion.first else order._replace(first=portion.last + 1)
            for order in self._series.recomputations()
            if order.zone == portion.zone
        ]
        self._series.set_recomputation(portion.zone, [one for one in left if one.first <= one.last])

    def _placements(self, entry: ChannelEntry) -> list[tuple[Minutes, str]]:
        return [
            (valid_minutes(placement.valid_from, placement.valid_to), placement.zone)
            for placement in self._snapshot.placements_of(entry.gateway, entry.sensor)
            if (zone := self._snapshot.zone(placement.zone)) and self._snapshot.site(zone.site)
        ]

    def _follow(self, snapshot: RegisterSnapshot, by_sensor: _BySensor) -> set[str]:
        """The zones whose description is another; orders the minutes of their past that this touches."""
        changed: set[str] = set()
        with self._series.transaction():
            for zone in snapshot.zones:
                if snapshot.site(zone.site) is None:
                    continue
                description = register_changes.describe(zone, snapshot)
                text = register_changes.written(description)
                if self._described.get(zone.id) == text:
                    continue
                self._described[zone.id] = text
                changed.add(zone.id)
                before = self._series.description(zone.id)
                if before != text:
                    self._series.set_description(zone.id, text)
                    known = register_changes.read(before or "{}")
                    self._order(zone, register_changes.differing(known, description), by_sensor)
        return changed

    def _order(self, zone: Zone, differing: dict[str, list[Minutes]], by_sensor: _BySensor) -> None:
        """Have the past minutes of a zone computed again for which the register said something else."""
        oldest = self._oldest(zone, differing, by_sensor)
        if oldest is None:
            return
        done = self._series.cursor(CURSOR + zone.id)
        if not done:  # readings came before anybody said that the sensor stands here
            placed = [spans[0][0] for name, spans in differing.items() if register_changes.is_placement(name)]
            begin = max(oldest, min(placed, default=oldest))
            if any(60.0 * begin <= (entry.last_time or 0.0) for some in by_sensor.values() for entry in some):
                self._series.set_cursor(CURSOR + zone.id, begin - 1)
            return
        for statement, spans in differing.items():
            for entry in by_sensor.get(register_changes.sensor_of(statement) or ("", ""), ()):
                for first, last in spans:
                    self._series.replace_quality(entry.id, first, min(last, done), ())
        touched = [
            (max(first, oldest), min(last + LONGEST_DAY, done))
            for spans in differing.values()
            for first, last in spans
            if first <= done and last >= oldest
        ]
        touched += [(one.first, one.last) for one in self._series.recomputations() if one.zone == zone.id]
        self._series.set_recomputation(
            zone.id,
            [Recompute(zone.id, *span, "register_changed") for span in register_changes.joined(touched)],
        )

    def _oldest(self, zone: Zone, differing: dict[str, list[Minutes]], by_sensor: _BySensor) -> int | None:
        """The oldest stored minute of what stood in the zone, or is now said to have stood or not."""
        sensors = {(one.gateway, one.sensor) for one in self._snapshot.placements_in(zone.id)}
        sensors |= {sensor for name in differing if (sensor := register_changes.sensor_of(name))}
        channels = [entry.id for sensor in sorted(sensors) for entry in by_sensor.get(sensor, ())]
        oldest = self._series.oldest_minute(channels)
        return oldest and max(oldest, *(self._kept_from.get(channel, 0) for channel in channels))

    def _renew(self, zones: set[str], by_sensor: _BySensor) -> None:
        """Begin anew with these zones: what they remember was read with other sources."""
        for zone_id in zones:
            zone = self._snapshot.zone(zone_id)
            if zone is not None:
                sources = sources_of(zone, self._snapshot, by_sensor)
                self.rolls[zone_id] = ZoneRoll(sources, self._series, self._minutes)
        # Zones keep their place in the turn; new ones come first.
        staying = [zone for zone in self.turn if zone in self.rolls]
        self.turn = sorted(self.rolls.keys() - set(staying)) + staying
        self.resident = frozenset(sorted(self.rolls)[:ZONES_IN_MEMORY])
