"""A real intake that a crash point ends: `python -m tests.delivery.crashing_intake FOLDER PORT`."""

from __future__ import annotations

import sys
from pathlib import Path

from edge_agent.identity import GatewaySigner
from ingest_service.clock import WallClock
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.settings import Settings
from ingest_service.subscriber import Subscriber
from tests.edge_agent.scripted import SERVER_KEY
from tests.ingest_service.gateways import snapshot


def main() -> None:
    data_dir, port = Path(sys.argv[1]), int(sys.argv[2])
    settings = Settings(data_dir=data_dir, mqtt_port=port)
    signer = GatewaySigner.from_bytes(SERVER_KEY)
    subscriber = Subscriber(settings, open_ledger(data_dir), snapshot, signer, WallClock())
    while True:
        subscriber.step()


if __name__ == "__main__":
    main()
