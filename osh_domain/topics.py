"""Names of MQTT topics: ``osh/v1/{site}/{gateway}/{leaf}``."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from osh_domain.readings import GATEWAY_ID
from osh_domain.wire_error import WireError

ROOT: Final = "osh/v1"

DATA_LIVE: Final = "data/live"
DATA_BACK: Final = "data/back"
ACK: Final = "ack"
STATE: Final = "state"
BIRTH: Final = "birth"
TIME_REQ: Final = "time/req"
TIME_RES: Final = "time/res"
CMD: Final = "cmd"
CMD_RES: Final = "cmd/res"

LEAVES: Final = frozenset({DATA_LIVE, DATA_BACK, ACK, STATE, BIRTH, TIME_REQ, TIME_RES, CMD, CMD_RES})
FROM_GATEWAY: Final = frozenset({DATA_LIVE, DATA_BACK, STATE, BIRTH, TIME_REQ, CMD_RES})
"""What a gateway publishes; the rest is published by the server."""
_MAX_TOPIC: Final = 100


class TopicName(NamedTuple):
    """A topic taken apart."""

    site: str
    gateway: str
    leaf: str


@lru_cache(maxsize=16_384)
def topic(site: str, gateway: str, leaf: str) -> str:
    """The topic of a gateway; raises ``WireError`` (topic) for an id or leaf outside the protocol."""
    name = f"{ROOT}/{site}/{gateway}/{leaf}"
    parse_topic(name)
    return name


def topic_filter(leaf: str, *, site: str = "+", gateway: str = "+") -> str:
    """The subscription for one leaf of one gateway, of a site, or of all."""
    return f"{ROOT}/{site}/{gateway}/{leaf}"


def parse_topic(name: str) -> TopicName:
    """Take a topic apart; raises ``WireError`` (topic) for anything outside the protocol."""
    if len(name) > _MAX_TOPIC:  # before it could fill the cache
        raise WireError("topic", f"a topic has at most {_MAX_TOPIC} characters, this one has {len(name)}")
    return _parse(name)


@lru_cache(maxsize=16_384)
def _parse(name: str) -> TopicName:
    parts = name.split("/", 4)
    if len(parts) != 5 or f"{parts[0]}/{parts[1]}" != ROOT:
        raise WireError("topic", f"{name[:120]!r} is not {ROOT}/site/gateway/…")
    _, _, site, gateway, leaf = parts
    for what, text in (("site", site), ("gateway", gateway)):
        if GATEWAY_ID.fullmatch(text) is None:
            raise WireError("topic", f"{text[:60]!r} is no {what} id: 3 to 32 of a-z, 0-9 and '-'")
    if leaf not in LEAVES:
        raise WireError(
            "topic", f"{leaf[:60]!r} is no leaf of the protocol; known are {', '.join(sorted(LEAVES))}"
        )
    return TopicName(site, gateway, leaf)
