"""A national register and a year of what is kept of it, made and not measured, for the benchmark of reading.

Every zone has its shifts judged and summed up for the whole year; minutes of the last day and hours of the
year belong to a few zones only (`sampled`), because a page reads those of one zone and the other 9,980 would
only fill the disk.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ingest_service.rollup.kinds import KINDS
from ingest_service.series.port import ExposureRow, Summary
from osh_domain.exposure import CALCULATION
from osh_domain.exposure.heat_stress import MEASURED_GLOBE
from osh_domain.quality import Grade

NOW: Final = datetime(2026, 6, 10, 6, 30, tzinfo=UTC).timestamp()
"""A Wednesday in the shift of every country below."""
MINUTE: Final = int(NOW // 60)
DAY: Final = 1440
SUMMED: Final = ("wbgt_eff.twa60", "la.lex8h", "pm2_5.mean24h")
_METHODS: Final = {kind.name: kind.method or MEASURED_GLOBE for kind in KINDS}
_USUAL: Final = {"wbgt_eff.twa60": 28.0, "la.lex8h": 82.0, "pm2_5.mean24h": 30.0}
# (code, time zone, minutes east of UTC, latitude, longitude)
COUNTRIES: Final = (
    ("kh", "Asia/Phnom_Penh", 420, 11.56, 104.92),
    ("vn", "Asia/Ho_Chi_Minh", 420, 10.78, 106.70),
    ("bd", "Asia/Dhaka", 360, 23.81, 90.41),
    ("id", "Asia/Jakarta", 420, -6.2, 106.82),
)
_BEGINS, _ENDS = 7 * 60, 16 * 60


@dataclass(frozen=True, slots=True)
class Nation:
    """Factories, zones of each, days of history; `sampled` zones also have minutes and hours."""

    factories: int
    zones: int
    days: int
    sampled: int = 20

    def zone_ids(self) -> Iterator[str]:
        for number in range(self.factories):
            for zone in range(self.zones):
                yield f"{site_id(number)}/zone-{zone}"

    def sampled_ids(self) -> list[str]:
        return [zone for _, zone in zip(range(self.sampled), self.zone_ids(), strict=False)]


def site_id(number: int) -> str:
    return f"{COUNTRIES[number % len(COUNTRIES)][0]}-year-{number}"


def gateway_id(number: int) -> str:
    return f"{site_id(number)}-a"


def description(nation: Nation) -> dict[str, Any]:
    """The register's description, with an inspector who may see all of it."""
    return {
        "version": 1,
        "sites": [site(number, nation.zones) for number in range(nation.factories)],
        "people": [{"login": "inspector", "name": "Inspector", "role": "authority", "scope": ""}],
    }


def site(number: int, zones: int) -> dict[str, Any]:
    """One factory of the description."""
    code, timezone, _, latitude, longitude = COUNTRIES[number % len(COUNTRIES)]
    drawn = random.Random(number)  # noqa: S311 - places, not keys
    return {
        "id": site_id(number),
        "name": f"Factory {number:04}",
        "country": code,
        "district": f"district-{number // len(COUNTRIES) % 25}",
        "timezone": timezone,
        "latitude": round(latitude + drawn.uniform(-1, 1), 4),
        "longitude": round(longitude + drawn.uniform(-0.4, 0.4), 4),
        "zones": [
            {
                "id": f"zone-{zone}",
                "name": f"Line {zone}",
                "kind": "sewing",
                "metabolic_class": 1 + zone % 3,
                "acclimatised": True,
                "clothing": "work_clothing",
                "women": 160,
                "men": 40,
            }
            for zone in range(zones)
        ],
        "shifts": [{"name": "day", "start": "07:00", "end": "16:00"}],
        "gateways": [
            {
                "id": gateway_id(number),
                "kind": "foreign",
                "sensors": [
                    {
                        "id": f"st{zone}",
                        "zone": f"zone-{zone}",
                        "from": NOW - 400 * 86400.0,
                        "channels": {"ta": 60, "rh": 60, "tg": 60, "la.eq60": 60, "pm2_5": 60},
                    }
                    for zone in range(zones)
                ],
            }
        ],
    }


def shifts(nation: Nation, number: int) -> Iterator[tuple[int, int]]:
    """Begin and end [minutes since 1970] of the shifts of a site that are over, oldest first; no Sundays."""
    east = COUNTRIES[number % len(COUNTRIES)][2]
    today = (MINUTE + east) // DAY * DAY - east
    for days in range(nation.days, 0, -1):
        midnight = today - days * DAY
        if datetime.fromtimestamp(60 * (midnight + east), UTC).weekday() != 6:
            yield midnight + _BEGINS, midnight + _ENDS


def minutes_above(zone: int, begin: int) -> tuple[int, int]:
    """Minutes of a shift above the limit and within it: more in hot months, and some were not measured."""
    drawn = random.Random(f"{zone}:{begin}")  # noqa: S311 - values, not keys
    known = _ENDS - _BEGINS - (drawn.randrange(200) if drawn.random() < 0.1 else 0)
    heat = max(0.0, math.sin(2 * math.pi * (begin / DAY - 100) / 365))
    above = min(known, int(known * heat * drawn.random() * 0.5)) if drawn.random() < 0.5 else 0
    return above, known - above


def summaries(nation: Nation) -> Iterator[Summary]:
    """Shifts and days of every zone, hours of the sampled ones."""
    number = -1
    for index, zone in enumerate(nation.zone_ids()):
        if index % nation.zones == 0:
            number += 1
        for begin, end in shifts(nation, number):
            for kind in SUMMED:
                yield _summary(zone, kind, "shift", begin + 1, end)
                yield _summary(zone, kind, "day", begin - _BEGINS + 1, begin - _BEGINS + DAY)
    first = MINUTE - nation.days * DAY
    for zone in nation.sampled_ids():
        for kind in (*SUMMED, "wbgt.minute"):
            for hour in range(first // 60, MINUTE // 60):
                yield _summary(zone, kind, "hour", 60 * hour - 59, 60 * hour)


def _summary(zone: str, kind: str, period: Any, first: int, last: int) -> Summary:
    value = _USUAL.get(kind, 27.0) + 2.0 * math.sin(last / 700.0)
    known = last - first + 1
    return Summary(
        zone, kind, period, first, last, value, value - 0.5, value + 1.0, last, value - 2.0, known, known,
        int(Grade.B),
    )  # fmt: skip


def newest_exposures(nation: Nation) -> Iterator[ExposureRow]:
    """The minute that is over now of every zone, and the last day of the sampled ones."""
    sampled = set(nation.sampled_ids())
    for zone in nation.zone_ids():
        begin = MINUTE - DAY if zone in sampled else MINUTE - 1
        for kind in (*SUMMED, "wbgt.minute", "la.leq1", "la.leq60", "pm2_5.mean60"):
            usual = _USUAL.get(kind, 27.0)
            for minute in range(begin, MINUTE):
                value = usual + math.sin(minute / 90.0)
                yield ExposureRow(
                    zone, kind, minute, value, 1.0, 60, 60, 0.0, _METHODS[kind], int(Grade.B), CALCULATION
                )
