"""The fleet of a benchmark: gateways with keys, one zone each, and their batches, signed beforehand."""

from __future__ import annotations

import base64
import hashlib
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from osh_domain.batch import Header, compress, genesis, open_frame, seal
from osh_domain.quantities import quantity
from osh_domain.readings import Channel, Reading
from osh_domain.senml import write_pack
from osh_domain.signing import key_id

ZONES_OF_A_SITE: Final = 10
CO_BREACH_PPM: Final = 260.0
"""Above the NIOSH ceiling of 200 ppm."""
BREACH_RULE: Final = "air-co-ceiling"
BREACH_LASTS_S: Final = 3.0

# sensor, quantity, a value below every limit. A breach needs `co`, so it comes first.
_CHANNELS: Final = (
    ("gas", "co", 3.0),
    ("th1", "ta", 26.4),
    ("th1", "rh", 51.0),
    ("globe", "tg", 27.1),
    ("globe", "va", 0.21),
    ("mic1", "la.eq1", 71.3),
    ("dust", "pm2_5", 9.2),
    ("dust", "pm10", 21.5),
    ("gas", "co2", 712.0),
    ("th2", "ta", 26.9),
    ("th2", "rh", 50.0),
    ("baro", "p", 100_812.0),
    ("mic1", "laf.max1", 78.4),
    ("mic1", "lc.peak1", 97.2),
    ("dust", "pm1", 6.1),
    ("dust", "pm4", 14.8),
    ("gas", "hcho", 12.0),
    ("gas", "no2", 18.0),
    ("gas", "voc_index", 101.0),
    ("gas", "nox_index", 2.0),
    ("lux", "light", 412.0),
    ("sys", "temp", 48.2),
    ("sys", "volt", 5.06),
    ("sys", "disk_free", 0.71),
)


def channels(readings: int) -> list[tuple[str, str, float]]:
    """Sensor, quantity and usual value of each reading of a batch; beyond the table, more thermometers."""
    more = [(f"t{number}", "ta", 26.0) for number in range(max(0, readings - len(_CHANNELS)))]
    return [*_CHANNELS[:readings], *more]


@dataclass(frozen=True, slots=True)
class Load:
    """What is published: all times in s, ``starts_at`` as wall time."""

    seed: str
    gateways: int
    batches_per_second: float
    seconds: float
    readings: int
    breaches: int
    starts_at: float

    @property
    def batches(self) -> int:
        return int(self.batches_per_second * self.seconds)

    @property
    def period_s(self) -> float:
        """From one batch of a gateway to its next."""
        return self.gateways / self.batches_per_second

    @property
    def minute_ends_at(self) -> float:
        """The end of a minute near the middle of the load."""
        return round((self.starts_at + self.seconds / 2) / 60.0) * 60.0


def next_start(seconds: float, earliest: float) -> float:
    """When a load of that length has to start so that a minute ends in its middle."""
    middle = math.ceil((earliest + seconds / 2) / 60.0) * 60.0
    return middle - seconds / 2 + 0.0137  # off the whole ms: no reading falls on the end of the minute


class Planned(NamedTuple):
    """One batch of a gateway, due ``after`` s from the start; a ``breach`` must lead to a notice."""

    after: float
    gateway: int
    seq: int
    breach: bool
    payload: bytes


class Member:
    """One gateway with a key of its own, derived from the seed of the benchmark."""

    def __init__(self, seed: str, number: int) -> None:
        self.site = f"bench-site-{number // ZONES_OF_A_SITE}"
        self.id = f"bench-gateway-{number}"
        self.zone = f"{self.site}/zone-{number % ZONES_OF_A_SITE}"
        material = hashlib.sha256(f"{seed}:{self.id}".encode()).digest()
        self._key = Ed25519PrivateKey.from_private_bytes(material)
        self.public_key = self._key.public_key().public_bytes_raw()
        self.epoch = material.hex()[:16]
        self.kid = key_id(self.public_key)
        self.head = genesis(self.id, self.epoch)

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)

    def sealed(self, seq: int, time: float, values: list[tuple[str, str, float]]) -> bytes:
        """The next batch, deflated as the agent sends it."""
        at = round(time, 3)
        readings = [
            Reading(Channel(self.id, sensor, name), at, value, quantity(name).unit, 0)
            for sensor, name, value in values
        ]
        header = Header(
            v=1,
            gw=self.id,
            ep=self.epoch,
            seq=seq,
            prev=self.head,
            kid=self.kid,
            cfg="0" * 32,
            boot=self.epoch,
            off=0.0,
            mono=(at, at),
            clk="ntp",
            err=0.004,
            n=len(readings),
        )
        frame = seal(header, write_pack(self.id, readings), self)
        self.head = open_frame(frame).batch_hash
        return compress(frame)


def members(load: Load) -> list[Member]:
    """The gateways of a load, always the same for a seed."""
    return [Member(load.seed, number) for number in range(load.gateways)]


def planned(load: Load, part: int = 0, parts: int = 1) -> Iterator[Planned]:
    """Every batch in the order of its time, evenly spread over the seconds and the gateways.

    With several `parts` only those of the gateways `part`, `part + parts`, and so on.

    Readings carry the moment their batch is due. Gateways with a breach report too much carbon monoxide in
    the last seconds of the minute that ends half way; of each, the last batch of that minute is the one that
    makes the minute whole, so from its publishing on nothing is waited for but the machine.
    """
    fleet = members(load)
    usual = channels(load.readings)
    jitter = random.Random(load.seed)  # noqa: S311 - values, not keys
    every = max(1, load.gateways // max(1, load.breaches))
    for number in range(load.batches):
        gateway, before = number % load.gateways, number // load.gateways
        if gateway % parts != part:
            continue
        after = number / load.batches_per_second
        values = [
            (sensor, name, round(value * jitter.uniform(0.98, 1.02), 2)) for sensor, name, value in usual
        ]
        left = load.minute_ends_at - load.starts_at - after
        breaks = gateway % every == 0 and gateway // every < load.breaches
        if breaks and 0.0 <= left < BREACH_LASTS_S:
            values[0] = (*usual[0][:2], CO_BREACH_PPM)
        payload = fleet[gateway].sealed(before + 1, load.starts_at + after, values)
        yield Planned(after, gateway, before + 1, breaks and 0.0 <= left < load.period_s, payload)


def description(load: Load) -> dict[str, Any]:
    """The register's site description of the fleet."""
    fleet = members(load)
    names = sorted({member.site for member in fleet})
    sites = [_site(name, [member for member in fleet if member.site == name], load) for name in names]
    return {"version": 1, "sites": sites}


def _site(name: str, fleet: list[Member], load: Load) -> dict[str, Any]:
    people = [
        {"login": f"{name}-{side}", "name": f"Committee of {name}", "role": f"committee-{side}"}
        for side in ("worker", "management")
    ]
    return {
        "id": name,
        "name": name,
        "country": "kh",
        "district": "phnom-penh",
        "timezone": "Asia/Phnom_Penh",
        "zones": [
            {
                "id": member.zone.partition("/")[2],
                "name": member.zone,
                "kind": "sewing",
                "metabolic_class": 1,
                "acclimatised": True,
                "clothing": "work_clothing",
                "women": 40,
                "men": 5,
            }
            for member in fleet
        ],
        "shifts": [
            {
                "name": "all day",
                "start": "00:00",
                "end": "23:59",
                "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
            }
        ],
        "gateways": [_gateway(member, load) for member in fleet],
        "people": people,
    }


def _gateway(member: Member, load: Load) -> dict[str, Any]:
    sensors: dict[str, dict[str, float]] = {}
    for sensor, name, _ in channels(load.readings):
        if sensor != "sys":
            sensors.setdefault(sensor, {})[name] = load.period_s
    return {
        "id": member.id,
        "kind": "signed",
        "key": base64.urlsafe_b64encode(member.public_key).rstrip(b"=").decode(),
        "sensors": [
            {"id": sensor, "zone": member.zone.partition("/")[2], "channels": expected}
            for sensor, expected in sensors.items()
        ],
    }
