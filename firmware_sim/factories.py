"""The simulated factories as data: the four of the demo, and any number drawn from a seed."""

from dataclasses import dataclass, field
from datetime import time

from firmware_sim.air import Emissions
from firmware_sim.building import Shell
from firmware_sim.kinds import KINDS
from firmware_sim.seeded import Seeded
from firmware_sim.shifts import Roster


@dataclass(frozen=True)
class ZonePlan:
    """One zone: `word` is its part of the id (`sewing-3`), `gateway` the letter of its gateway."""

    word: str
    name: str
    kind: str
    gateway: str
    women: int
    men: int
    shell: Shell = field(default_factory=Shell)
    emissions: Emissions = field(default_factory=Emissions)
    globe: bool = True
    acclimatised: bool = True


@dataclass(frozen=True)
class FactoryPlan:
    """One factory. `pm2_5` is the usual fine dust outside in ug/m3."""

    site: str
    name: str
    country: str
    district: str
    sector: str
    latitude: float
    longitude: float
    roster: Roster
    pm2_5: float
    zones: tuple[ZonePlan, ...]


CAMBODIAN_DAY = Roster("Asia/Phnom_Penh", time(7), time(16), ((time(11), time(12)),))
BANGLADESHI_DAY = Roster(
    "Asia/Dhaka", time(8), time(17), ((time(13), time(14)),), frozenset({0, 1, 2, 3, 5, 6})
)
# Sheet-metal roof without insulation, few fans; the hall the demo is about.
HOT_HALL = Shell(roof_u=4.2, ventilation=0.6, mass_j_m2k=85e3)
COOLED_HALL = Shell(roof_u=1.2, ventilation=1.1, cooling_w_m2=190.0)


def demo_factories() -> tuple[FactoryPlan, ...]:
    """Two factories in Cambodia and two in Bangladesh: twelve zones, six gateways."""
    return (
        FactoryPlan(
            "kh-f0123",
            "Mekong Garment 0123",
            "kh",
            "phnom-penh",
            "garment",
            11.53,
            104.85,
            CAMBODIAN_DAY,
            24,
            (
                ZonePlan("sewing-1", "Sewing line 1", "sewing", "a", 180, 20, Shell(roof_u=1.8)),
                ZonePlan("sewing-3", "Sewing line 3", "sewing", "a", 210, 15, HOT_HALL, Emissions(dust=1.3)),
                ZonePlan("pressing-1", "Pressing", "pressing", "b", 60, 25),
                ZonePlan("cutting-1", "Cutting", "cutting", "b", 20, 45, Shell(roof_u=1.8)),
            ),
        ),
        FactoryPlan(
            "kh-f0207",
            "Kampong Speu Footwear 0207",
            "kh",
            "kampong-speu",
            "footwear",
            11.46,
            104.52,
            CAMBODIAN_DAY,
            21,
            (
                ZonePlan(
                    "sole-press-1", "Sole press", "sole-press", "a", 40, 70, emissions=Emissions(boiler=0.1)
                ),
                ZonePlan("packing-1", "Packing", "packing", "a", 90, 10, COOLED_HALL, globe=False),
            ),
        ),
        FactoryPlan(
            "bd-f0031",
            "Turag Knitwear 0031",
            "bd",
            "gazipur",
            "garment",
            23.99,
            90.42,
            BANGLADESHI_DAY,
            62,
            (
                ZonePlan(
                    "sewing-1", "Sewing floor 1", "sewing", "a", 240, 60, Shell(roof_u=2.2, ventilation=0.8)
                ),
                ZonePlan("cutting-1", "Cutting", "cutting", "a", 15, 55),
                ZonePlan("pressing-1", "Pressing and finishing", "pressing", "b", 45, 40),
                ZonePlan("packing-1", "Packing", "packing", "b", 70, 20, COOLED_HALL),
            ),
        ),
        FactoryPlan(
            "bd-f0044",
            "Shitalakshya Washing 0044",
            "bd",
            "narayanganj",
            "garment",
            23.62,
            90.50,
            BANGLADESHI_DAY,
            68,
            (
                ZonePlan(
                    "boiler-1",
                    "Beside the boiler",
                    "boiler-side",
                    "a",
                    4,
                    22,
                    emissions=Emissions(boiler=1.0),
                ),
                ZonePlan("sewing-1", "Sewing floor 1", "sewing", "a", 150, 40, COOLED_HALL),
            ),
        ),
    )


_TOWNS = (
    ("kh", "phnom-penh", 11.56, 104.92, CAMBODIAN_DAY, 24.0),
    ("kh", "kandal", 11.45, 104.98, CAMBODIAN_DAY, 21.0),
    ("kh", "svay-rieng", 11.09, 105.80, CAMBODIAN_DAY, 20.0),
    ("bd", "gazipur", 23.99, 90.42, BANGLADESHI_DAY, 62.0),
    ("bd", "narayanganj", 23.62, 90.50, BANGLADESHI_DAY, 68.0),
    ("bd", "chattogram", 22.34, 91.82, BANGLADESHI_DAY, 50.0),
)


def random_factories(seed: int, count: int) -> tuple[FactoryPlan, ...]:
    """`count` factories drawn from the seed, each with one to three gateways and two zones a gateway."""
    return tuple(_random_factory(Seeded(seed, "factory", number), number) for number in range(1, count + 1))


def _random_factory(seeded: Seeded, number: int) -> FactoryPlan:
    country, district, latitude, longitude, roster, dust = _TOWNS[int(seeded.uniform(0) * len(_TOWNS))]
    kinds = list(KINDS)
    zones = []
    for place in range(2 * (1 + int(seeded.uniform(1) * 3))):
        kind = kinds[int(seeded.uniform(10 + place) * len(kinds))]
        shell = Shell(
            roof_u=seeded.between(1.0, 4.5, 100 + place), ventilation=seeded.between(0.5, 1.2, 200 + place)
        )
        emissions = Emissions(
            seeded.between(0.5, 1.6, 300 + place), max(0.0, seeded.between(-1.0, 1.0, 400 + place))
        )
        zones.append(
            ZonePlan(
                word=f"{kind}-{place + 1}",
                name=f"{kind.replace('-', ' ').capitalize()} {place + 1}",
                kind=kind,
                gateway="abc"[place // 2],
                women=int(seeded.between(10, 220, 500 + place)),
                men=int(seeded.between(5, 60, 600 + place)),
                shell=shell,
                emissions=emissions,
                globe=seeded.uniform(700 + place) < 0.8,
            )
        )
    return FactoryPlan(
        site=f"{country}-s{number:04d}",
        name=f"Simulated factory {number:04d}",
        country=country,
        district=district,
        sector="footwear" if seeded.uniform(2) < 0.3 else "garment",
        latitude=latitude + seeded.between(-0.15, 0.15, 3),
        longitude=longitude + seeded.between(-0.15, 0.15, 4),
        roster=roster,
        pm2_5=dust * seeded.between(0.8, 1.2, 5),
        zones=tuple(zones),
    )
