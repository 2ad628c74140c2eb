"""The factories of the rules benchmark: their register, and the exposures of all kinds of a minute."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from alert_rules.exposures import UNITS
from alert_rules.pack_model import Pack
from alert_rules.zone_rules import ZoneFacts, active_rules
from ingest_service.rollup.kinds import KINDS
from ingest_service.series.port import ExposureRow
from osh_domain.coverage import capture
from osh_domain.exposure import CALCULATION
from osh_domain.exposure.heat_stress import MEASURED_GLOBE
from osh_domain.quality import Grade

FIRST_MINUTE: Final = int(datetime(2026, 3, 4, 4, 30, tzinfo=UTC).timestamp() // 60)
"""A Wednesday; the shift of these factories is on all day, wherever they stand."""
ABOVE_SHARE: Final = 0.05
"""Of zones: how many are above a limit that has to be exceeded for some minutes before anybody is told."""
AT_ONCE_SHARE: Final = 0.002
"""Of zones: how many exceed the ceiling for carbon monoxide, which opens a case in the same minute."""
CEILING: Final = "co.minute_max"
CEILING_PPM: Final = 260.0

_COUNTRIES: Final = (
    ("bd", "Asia/Dhaka"),
    ("kh", "Asia/Phnom_Penh"),
    ("eg", "Africa/Cairo"),
    ("et", "Africa/Addis_Ababa"),
    ("ht", "America/Port-au-Prince"),
    ("id", "Asia/Jakarta"),
    ("jo", "Asia/Amman"),
    ("mg", "Indian/Antananarivo"),
    ("ni", "America/Managua"),
    ("pk", "Asia/Karachi"),
    ("lk", "Asia/Colombo"),
    ("uz", "Asia/Tashkent"),
    ("vn", "Asia/Ho_Chi_Minh"),
)
_WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many factories, zones of each, and the seed that their values come from."""

    factories: int
    zones: int
    seed: int = 3

    def zone_ids(self) -> list[str]:
        return [
            f"{factory_id(number)}/zone-{zone}"
            for number in range(self.factories)
            for zone in range(self.zones)
        ]


def factory_id(number: int) -> str:
    country, _ = _COUNTRIES[number % len(_COUNTRIES)]
    return f"{country}-bench-{number}"


def description(fleet: Fleet) -> dict[str, Any]:
    """The register's description of the factories, spread over the countries that have packs."""
    return {"version": 1, "sites": [_site(number, fleet) for number in range(fleet.factories)]}


def _site(number: int, fleet: Fleet) -> dict[str, Any]:
    country, timezone = _COUNTRIES[number % len(_COUNTRIES)]
    name = factory_id(number)
    sides = ("worker", "management")
    return {
        "id": name,
        "name": name,
        "country": country,
        "district": "bench",
        "timezone": timezone,
        "zones": [
            {
                "id": f"zone-{zone}",
                "name": f"Zone {zone}",
                "kind": "sewing",
                "metabolic_class": 1 + zone % 3,
                "acclimatised": zone % 2 == 0,
                "clothing": "work_clothing",
                "women": 40,
                "men": 5,
            }
            for zone in range(fleet.zones)
        ],
        "shifts": [{"name": "all day", "start": "00:00", "end": "23:59", "days": list(_WEEK)}],
        "gateways": [],
        "people": [
            {"login": f"{name}-{side}", "name": f"Committee of {name}", "role": f"committee-{side}"}
            for side in sides
        ],
    }


def exposures(fleet: Fleet, packs: Sequence[Pack], minute: int) -> Iterator[ExposureRow]:
    """One row of every kind for every zone; values are drawn anew each minute, the same for a seed."""
    drawn = random.Random(f"{fleet.seed}:{minute}")  # noqa: S311 - values, not keys
    usual = usual_values(packs)
    methods = {kind.name: kind.method or MEASURED_GLOBE for kind in KINDS}
    zones = fleet.zone_ids()
    every = min(round(1 / AT_ONCE_SHARE), len(zones))
    for number, zone in enumerate(zones):
        above = number % round(1 / ABOVE_SHARE) == 0
        at_once = (number + minute) % every == 0
        for kind, value in usual.items():
            drawn_value = value * (1.02 if above else 0.9) * drawn.uniform(0.995, 1.005)
            if kind == CEILING:
                drawn_value = CEILING_PPM if at_once else 3.0
            yield row_of(zone, kind, minute, drawn_value, methods.get(kind, "area_mean"))


def usual_values(packs: Sequence[Pack]) -> Mapping[str, float]:
    """For each kind the lowest limit that a pack sets it for moderate work; 1.0 where none does."""
    lowest: dict[str, float] = {}
    for active in active_rules(packs, ZoneFacts()):
        kind, value = active.rule.exposure, active.engine.condition.limit
        lowest[kind] = min(value, lowest.get(kind, value))
    return {kind: lowest.get(kind, 1.0) for kind in UNITS}


def row_of(zone: str, kind: str, minute: int, value: float | None, method: str) -> ExposureRow:
    """A row whose window was measured whole."""
    expected = max(1, capture(kind).received)
    return ExposureRow(
        zone, kind, minute, value, 1.0, expected, expected, 0.0, method, int(Grade.B), CALCULATION
    )
