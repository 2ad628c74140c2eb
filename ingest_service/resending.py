"""Closing holes of the ledger: finds which numbers are missing, and asks the gateways for them again.

Holes come from a ledger that was restored from an older backup: gateways keep what they delivered for thirty
days if there is room, and send it again on the command ``resend``. What the ledger has is not stored twice.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import paho.mqtt.client as paho

from ingest_service.broker_link import BrokerLink
from ingest_service.ledger.port import Ledger
from ingest_service.settings import Settings
from osh_domain import strict_json
from osh_domain.acknowledgement import speak
from osh_domain.signing import Signer
from osh_domain.topics import CMD, CMD_RES, topic, topic_filter
from osh_domain.wire_error import WireError

HIGHEST = 2**53 - 1
LIVES_S = 300.0  # by the gateway's own clock
ON_THE_WAY_S = 60
NO_ANSWER = "it does not answer; ask again when it is connected"


class Hole(NamedTuple):
    """Numbers of an epoch that the ledger lacks; ``last`` is `HIGHEST` behind the newest one it has."""

    site: str
    gateway: str
    epoch: str
    first: int
    last: int


class Answer(NamedTuple):
    """What a gateway said: how many batches it sends again, or why not (None: it said nothing)."""

    hole: Hole
    batches: int
    error: str | None


def holes(ledger: Ledger, gateways: Collection[str] = ()) -> list[Hole]:
    """What is missing of these gateways (of all when none is named), the open end of each epoch included."""
    found: list[Hole] = []
    for site, gateway, epoch in ledger.epochs():
        if gateways and gateway not in gateways:
            continue
        standing = ledger.standing(gateway, epoch)
        last = standing.cum
        for first, end in standing.sel:
            found.append(Hole(site, gateway, epoch, last + 1, first - 1))
            last = end
        found.append(Hole(site, gateway, epoch, last + 1, HIGHEST))
    return found


def resend(
    settings: Settings, wanted: Sequence[Hole], signer: Signer, now: Callable[[], float], *, within_s: float
) -> list[Answer]:
    """Ask for each hole and wait for the answers, so long at most. Raises OSError without a broker."""
    open_: dict[str, Hole] = {secrets.token_hex(8): hole for hole in wanted}
    answers: list[Answer] = []

    def hear(message: paho.MQTTMessage) -> None:
        try:
            said = strict_json.read_object(bytes(message.payload))
        except WireError:
            return
        hole = open_.pop(str(said.get("id")), None)
        if hole is not None:
            batches = said.get("batches")
            error = None if said.get("ok") is True else str(said.get("error"))
            answers.append(Answer(hole, batches if isinstance(batches, int) else 0, error))

    link = BrokerLink(settings, [topic_filter(CMD_RES)], hear)
    deadline = time.monotonic() + within_s
    if not link.ready():
        raise ConnectionError(link.trouble or "the broker does not answer")
    for name, hole in open_.items():
        said: dict[str, object] = {
            "id": name,
            "gw": hole.gateway,
            "op": "resend",
            "args": {"ep": hole.epoch, "from": hole.first, "to": hole.last},
            "exp": round(now() + LIVES_S, 3),
        }
        link.publish(topic(hole.site, hole.gateway, CMD), speak(said, signer), expiry_s=ON_THE_WAY_S)
    while open_ and time.monotonic() < deadline and link.ready():
        link.read(100, 0.1)
    link.close()
    return [*answers, *(Answer(hole, 0, NO_ANSWER) for hole in open_.values())]
