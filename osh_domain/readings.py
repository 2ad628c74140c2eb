"""A reading and the channel it belongs to."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

GATEWAY_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{2,31}")
"""Sites and gateways; a gateway id is unique in a deployment and never used again."""
SENSOR_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_NAME: Final = re.compile(r"([a-z0-9][a-z0-9-]{2,31})/([a-z0-9][a-z0-9-]{0,31})/([a-z][a-z0-9_.]{0,63})")
_MAX_NAME: Final = 130

SYSTEM_SENSOR: Final = "sys"
"""The gateway itself, where a sensor id is expected."""


class Channel(NamedTuple):
    """Where a number comes from; its name on the wire is ``gateway/sensor/quantity``.

    Where the sensor stood is not in the name: that belongs to the register, with dates.
    """

    gateway: str
    sensor: str
    quantity: str

    def __str__(self) -> str:
        return f"{self.gateway}/{self.sensor}/{self.quantity}"

    @classmethod
    def parse(cls, name: str) -> Channel:
        """The channel of a name; ``ValueError`` for any other shape. The quantity need not exist."""
        if len(name) > _MAX_NAME:
            raise ValueError(f"a channel name has at most {_MAX_NAME} characters, this one has {len(name)}")
        return _parse(name)


@lru_cache(maxsize=65_536)
def _parse(name: str) -> Channel:
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r} is not gateway/sensor/quantity (small letters, digits, '-', '_' and '.')")
    return Channel(*found.groups())


class Reading(NamedTuple):
    """One measured value.

    ``time`` is in s since 1970 UTC, for an aggregate the end of its interval;
    ``flags`` holds bits of ``Flag``.
    """

    channel: Channel
    time: float
    value: float | str | bool
    unit: str | None
    flags: int
