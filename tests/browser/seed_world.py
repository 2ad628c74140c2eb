"""Who and what there is in the seeded world: the site description, and what each zone went through."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

PASSWORD: Final = "try-it-out-2026"
SILENT_FROM: Final = {"kh-f0007-a": -3 * 3600.0}
"""Gateways that fell silent, and when [s before the present]."""

_DAY_SHIFT: Final = {
    "name": "day",
    "start": "07:00",
    "end": "17:00",
    "breaks": [["11:00", "12:00"]],
    "days": ["mon", "tue", "wed", "thu", "fri", "sat"],
}


def _sensors(number: int, zone: str, *, air: bool = False) -> list[dict[str, Any]]:
    sensors: list[dict[str, Any]] = [
        {"id": f"th{number}", "zone": zone, "height_m": 1.1, "channels": {"ta": 20.0, "rh": 20.0}},
        {"id": f"gl{number}", "zone": zone, "height_m": 1.1, "channels": {"tg": 20.0}},
        {"id": f"mic{number}", "zone": zone, "height_m": 1.6, "channels": {"la.eq60": 60.0}},
    ]
    if air:
        sensors.append({"id": f"pm{number}", "zone": zone, "height_m": 1.5, "channels": {"pm2_5": 60.0}})
        sensors.append({"id": f"co2-{number}", "zone": zone, "height_m": 1.5, "channels": {"co2": 60.0}})
    return sensors


def _zone(
    word: str, name: str, kind: str, women: int, men: int, work: int, *, hot: bool = False
) -> dict[str, Any]:
    return {
        "id": word, "name": name, "kind": kind, "metabolic_class": work, "acclimatised": True,
        "clothing": "work_clothing", "radiant_source": hot, "women": women, "men": men,
    }  # fmt: skip


def _person(login: str, name: str, role: str, kind: str = "email") -> dict[str, Any]:
    return {
        "login": login, "name": name, "role": role,
        "contacts": [{"kind": kind, "url": f"mailto://mail.example/?to={login}@example.org"}],
    }  # fmt: skip


DOCUMENT: Final[dict[str, Any]] = {
    "sites": [
        {
            "id": "kh-f0123", "name": "Factory 0123", "country": "kh", "district": "phnom-penh",
            "timezone": "Asia/Phnom_Penh", "sector": "garment", "latitude": 11.53, "longitude": 104.86,
            "zones": [
                _zone("pressing", "Pressing hall", "pressing", 96, 64, 2, hot=True),
                _zone("sewing-3", "Sewing line 3", "sewing", 410, 60, 1),
                _zone("sewing-4", "Sewing line 4", "sewing", 395, 71, 1),
                _zone("cutting", "Cutting room", "cutting", 79, 65, 1),
            ],
            "shifts": [_DAY_SHIFT],
            "gateways": [
                {"id": "kh-f0123-a", "sensors": _sensors(1, "pressing") + _sensors(2, "sewing-3", air=True)},
                {"id": "kh-f0123-b", "sensors": _sensors(3, "sewing-4") + _sensors(4, "cutting", air=True)},
            ],
            "people": [
                _person("dara", "Sok Dara", "committee-worker"),
                _person("vanna", "Chan Vanna", "committee-management"),
            ],
        },
        {
            "id": "kh-f0045", "name": "Factory 0045", "country": "kh", "district": "kampong-speu",
            "timezone": "Asia/Phnom_Penh", "sector": "footwear", "latitude": 11.45, "longitude": 104.52,
            "zones": [_zone("assembly", "Assembly", "assembly", 310, 142, 1)],
            "shifts": [_DAY_SHIFT],
            "gateways": [{"id": "kh-f0045-a", "sensors": _sensors(1, "assembly", air=True)}],
            "people": [],
        },
        {
            "id": "kh-f0007", "name": "Factory 0007", "country": "kh", "district": "svay-rieng",
            "timezone": "Asia/Phnom_Penh", "sector": "garment", "latitude": 11.09, "longitude": 105.8,
            "zones": [_zone("sewing-1", "Sewing line 1", "sewing", 620, 90, 1)],
            "shifts": [_DAY_SHIFT],
            "gateways": [{"id": "kh-f0007-a", "sensors": _sensors(1, "sewing-1")}],
            "people": [],
        },
        {
            "id": "jo-f0211", "name": "Factory 0211", "country": "jo", "district": "irbid",
            "timezone": "Asia/Amman", "sector": "garment", "latitude": 32.5, "longitude": 35.98,
            "zones": [
                _zone("knitting", "Knitting hall", "knitting", 205, 118, 1),
                {**_zone("store", "Fabric store", "store", 12, 31, 2), "clothing": "unknown"},
            ],
            "shifts": [{**_DAY_SHIFT, "days": ["sun", "mon", "tue", "wed", "thu", "sat"]}],
            "gateways": [
                {"id": "jo-f0211-a", "sensors": _sensors(1, "knitting")},
                {
                    "id": "jo-f0211-x", "kind": "foreign",
                    "sensors": [{"id": "th9", "zone": "store", "channels": {"ta": 60.0, "rh": 60.0}}],
                },
            ],
            "people": [_person("lina", "Lina Haddad", "committee-worker")],
        },
    ],
    "people": [
        {**_person("inspector", "Maly Inspector", "authority"), "scope": ""},
        {**_person("engineer", "Kosal Engineer", "engineer"), "scope": "kh"},
        {**_person("admin", "Ada Administrator", "administrator"), "scope": ""},
    ],
}  # fmt: skip


def _risen(into: float) -> float:
    """How far a shift of ten hours has warmed, 0 to 1, at a share of it."""
    return math.sin(math.pi * min(1.0, max(0.0, into) * 1.05))


@dataclass(frozen=True, slots=True)
class ZoneStory:
    """What a zone went through: WBGT at its morning and its hottest, sound level in work, dust, gaps."""

    zone: str
    cool: float
    hottest: float
    loud: float
    pm: float | None = None
    method: str = "measured_globe"
    grade: int = 1
    gaps_before_s: tuple[tuple[float, float], ...] = ()
    ends_before_s: float = 0.0
    clothing_known: bool = True

    def kinds(
        self, t: float, into: float, *, working: bool, whole: bool
    ) -> Iterator[tuple[str, float | None, float]]:
        """(kind, value, coverage) of one minute; `into` is the share of the shift that has gone."""
        day = _risen(into) if working else 0.0
        hour = sum(_risen(into - back / 60.0) for back in range(6)) / 6.0 if working else 0.0
        season = 0.35 * math.sin(t / 86400.0 * 1.9)
        ripple = 0.18 * math.sin(t / 211.0) + 0.11 * math.sin(t / 67.0 + 1.0)
        wbgt = self.cool + (self.hottest - self.cool) * day + season
        yield "wbgt.minute", wbgt + ripple, 1.0
        mean = self.cool + (self.hottest - self.cool) * hour + season
        yield "wbgt_eff.twa60", mean if self.clothing_known else None, 1.0
        level = self.loud if working else 52.0
        lex = level + 10 * math.log10(max(0.02, into * 10 / 8)) if working else level
        yield "la.lex8h", lex, 1.0
        if not whole:
            return
        yield "ta.mean60", wbgt + 4.4, 1.0
        yield "rh.mean60", 74.0 - 1.1 * (wbgt - 24.0), 1.0
        yield "heat_index.minute", wbgt + 8.1 + ripple, 1.0
        yield "la.leq1", level + 2.2 * math.sin(t / 173.0) + 1.3 * math.sin(t / 41.0), 1.0
        yield "la.leq60", level + 0.3 * math.sin(t / 900.0), 1.0
        if working:
            yield "la.projected_lex8h", level + 1.0, 1.0
            yield "la.niosh_dose", 100 * into * 1.25 * 2 ** ((level - 85.0) / 3), 1.0
        if self.pm is not None:
            yield "pm2_5.mean60", self.pm * (1 + 0.3 * day) + 4 * ripple, 1.0
            yield "pm2_5.mean24h", self.pm, 0.96
            yield "co2.minute", 520.0 + 700 * day + 40 * ripple, 1.0
            yield "co2.twa8h", 450.0 + 420 * into, 1.0


ZONES: Final = (
    ZoneStory("kh-f0123/pressing", 25.6, 30.4, 81.0),
    ZoneStory("kh-f0123/sewing-3", 25.1, 29.8, 83.6, pm=38.0, gaps_before_s=((21000.0, 15600.0),)),
    ZoneStory("kh-f0123/sewing-4", 24.9, 28.9, 82.1),
    ZoneStory("kh-f0123/cutting", 24.2, 27.6, 76.4, pm=22.0),
    ZoneStory("kh-f0045/assembly", 24.6, 28.4, 79.2, pm=12.0),
    ZoneStory("kh-f0007/sewing-1", 25.4, 30.9, 82.4, ends_before_s=3 * 3600.0),
    ZoneStory("jo-f0211/knitting", 21.0, 29.3, 88.2),
    ZoneStory("jo-f0211/store", 18.2, 21.6, 58.0, method="assumed_tg_eq_ta", grade=2, clothing_known=False),
)
