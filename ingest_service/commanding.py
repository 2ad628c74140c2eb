"""One command to one gateway, signed by the server, and its answer."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any, Final

import paho.mqtt.client as paho

from ingest_service.broker_link import BrokerLink
from ingest_service.settings import Settings
from osh_domain import strict_json
from osh_domain.acknowledgement import speak
from osh_domain.signing import Signer
from osh_domain.topics import CMD, CMD_RES, topic, topic_filter
from osh_domain.wire_error import WireError

LIVES_S: Final = 300.0  # by the gateway's own clock
ON_THE_WAY_S: Final = 60


class NoAnswerError(Exception):
    """The gateway did not answer: it is not connected, or it does not believe this server's key."""


def command(
    settings: Settings,
    signer: Signer,
    place: tuple[str, str],
    operation: str,
    arguments: Mapping[str, object],
    *,
    now: float,
    within_s: float,
) -> dict[str, Any]:
    """What the gateway (`place`: site and id) answers. Raises NoAnswerError; OSError without a broker."""
    site, gateway = place
    name = secrets.token_hex(8)
    answers: list[dict[str, Any]] = []

    def hear(message: paho.MQTTMessage) -> None:
        try:
            said = strict_json.read_object(bytes(message.payload))
        except WireError:
            return
        if said.get("id") == name:
            answers.append(said)

    link = BrokerLink(settings, [topic_filter(CMD_RES, site=site, gateway=gateway)], hear)
    if not link.ready():
        raise ConnectionError(link.trouble or "the broker does not answer")
    expires = round(now + LIVES_S, 3)
    said = {"id": name, "gw": gateway, "op": operation, "args": dict(arguments), "exp": expires}
    link.publish(topic(site, gateway, CMD), speak(said, signer), expiry_s=ON_THE_WAY_S)
    deadline = time.monotonic() + within_s
    while not answers and time.monotonic() < deadline and link.ready():
        link.read(100, 0.1)
    link.close()
    if not answers:
        raise NoAnswerError(f"{gateway} does not answer; try again when it is connected")
    return answers[0]
