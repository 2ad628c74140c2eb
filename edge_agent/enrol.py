"""What the server has to know before it accepts this gateway's batches."""

from __future__ import annotations

from collections.abc import Iterable

from edge_agent.identity import Identity, encode_public_key
from edge_agent.settings import SensorSettings


def registration(identity: Identity, sensors: Iterable[SensorSettings] = ()) -> dict[str, object]:
    """The document for `oshwatch admin gateway add`: public key, and which channels to expect how often."""
    return {
        "gateway": identity.gateway,
        "site": identity.site,
        "public_key": encode_public_key(identity.signer.public_key),
        "kid": identity.kid,
        "serial": identity.serial,
        "channels": [
            {"sensor": sensor.id, "quantity": channel.quantity, "period_s": sensor.period_s}
            for sensor in sensors
            for channel in sensor.channels
        ],
    }
