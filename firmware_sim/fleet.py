"""A fleet: simulated factories under one seed, their devices, their keys and the truth in their zones."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from firmware_sim.factories import FactoryPlan, demo_factories, random_factories
from firmware_sim.happenings import Event, Happenings
from firmware_sim.instruments import INSTRUMENTS, Instrument
from firmware_sim.kinds import KINDS
from firmware_sim.outdoor import Outdoor, climate_at
from firmware_sim.seeded import Seeded
from firmware_sim.zones import Surroundings, Zone

DEFAULT_PERIOD_S = 60.0


@dataclass(frozen=True)
class SensorPlan:
    """One device: `gateway/sensor` stands in `zone`."""

    gateway: str
    sensor: str
    site: str
    zone: str
    instrument: Instrument
    period_s: float


class Fleet:
    """Factories under one seed: their devices, their keys and the truth in their zones."""

    def __init__(
        self,
        seed: int,
        factories: tuple[FactoryPlan, ...],
        *,
        period_s: float = DEFAULT_PERIOD_S,
        events: Iterable[Event] = (),
    ) -> None:
        self.seed, self.factories, self.period_s = seed, factories, period_s
        self.events = tuple(events)
        self._zones: dict[str, Zone] = {}
        self._around: dict[str, Surroundings] = {}
        self.sensors = tuple(sensor for factory in factories for sensor in _sensors(factory, period_s))
        self.site_of = {sensor.gateway: sensor.site for sensor in self.sensors}

    @property
    def gateways(self) -> tuple[str, ...]:
        return tuple(self.site_of)

    def with_events(self, events: Iterable[Event]) -> "Fleet":
        """The same fleet in a world in which these happen; itself where there are none."""
        found = tuple(events)
        if found == self.events:
            return self
        return Fleet(self.seed, self.factories, period_s=self.period_s, events=found)

    def only(self, sites: Iterable[str]) -> "Fleet":
        """Some factories of the fleet; nothing in them is different for it. KeyError names an unknown one."""
        chosen = tuple(self.factory(site) for site in sites)
        return Fleet(self.seed, chosen, period_s=self.period_s, events=self.events)

    def factory(self, site: str) -> FactoryPlan:
        """The plan of one factory. KeyError if there is none."""
        for factory in self.factories:
            if factory.site == site:
                return factory
        raise KeyError(site)

    def sensors_of(self, gateway: str) -> tuple[SensorPlan, ...]:
        return tuple(sensor for sensor in self.sensors if sensor.gateway == gateway)

    def device(self, gateway: str, sensor: str) -> Seeded:
        """The seed of one device's own errors."""
        return Seeded(self.seed, gateway, sensor)

    def zone(self, zone_id: str) -> Zone:
        """The physics of a zone (`kh-f0123/sewing-3`), made when first asked for."""
        if zone_id not in self._zones:
            site, _, word = zone_id.partition("/")
            factory = self.factory(site)
            plan = next(zone for zone in factory.zones if zone.word == word)
            self._zones[zone_id] = Zone(
                KINDS[plan.kind],
                plan.shell,
                plan.emissions,
                self._surroundings(factory),
                Seeded(self.seed, site, word),
                self._happenings(zone_id),
            )
        return self._zones[zone_id]

    def private_key(self, gateway: str) -> bytes:
        """The gateway's Ed25519 key (32 raw bytes), derived from the seed: for simulated gateways only."""
        return sha256(f"oshwatch simulated gateway key:{self.seed}:{gateway}".encode()).digest()

    def _surroundings(self, factory: FactoryPlan) -> Surroundings:
        if factory.site not in self._around:
            seeded = Seeded(self.seed, factory.site)
            # Factories of one district share its sky.
            sky = Seeded(self.seed, factory.country, factory.district)
            happenings = self._happenings(factory.site)
            outdoor = Outdoor(climate_at(factory.latitude, factory.longitude), sky, happenings)
            self._around[factory.site] = Surroundings(
                outdoor, factory.roster, factory.pm2_5, seeded, happenings
            )
        return self._around[factory.site]

    def _happenings(self, place: str) -> Happenings:
        return Happenings(event for event in self.events if event.place == place)


def _sensors(factory: FactoryPlan, period_s: float) -> list[SensorPlan]:
    found = []
    counts: dict[tuple[str, str], int] = {}
    for zone in factory.zones:
        gateway = f"{factory.site}-{zone.gateway}"
        kinds = ["station" if zone.globe else "station-no-globe", "microphone", "air"]
        if KINDS[zone.kind].boiler_share > 0.0:
            kinds.append("carbon-monoxide")
        if KINDS[zone.kind].adhesives > 0.0:
            kinds.append("vapour")
        for kind in kinds:
            instrument = INSTRUMENTS[kind]
            number = counts[gateway, instrument.sensor] = counts.get((gateway, instrument.sensor), 0) + 1
            found.append(
                SensorPlan(
                    gateway,
                    f"{instrument.sensor}{number}",
                    factory.site,
                    f"{factory.site}/{zone.word}",
                    instrument,
                    period_s,
                )
            )
    return found


def fleet_named(name: str, seed: int, *, period_s: float = DEFAULT_PERIOD_S) -> Fleet:
    """The fleet `demo`, or a number of factories drawn from the seed. ValueError says what is possible."""
    if name == "demo":
        return Fleet(seed, demo_factories(), period_s=period_s)
    if name.isdecimal() and 1 <= int(name) <= 2000:
        return Fleet(seed, random_factories(seed, int(name)), period_s=period_s)
    raise ValueError(f"{name!r} is no fleet: write demo, or a number of factories from 1 to 2000")
