"""A real projector that a crash point ends: `python -m tests.delivery.crashing_projector LEDGER SERIES`."""

from __future__ import annotations

import sys
from pathlib import Path

from ingest_service.ledger.sqlite import open_ledger
from ingest_service.projection import Projector
from ingest_service.series.sqlite import open_series
from tests.ingest_service.gateways import snapshot


def main() -> None:
    projector = Projector(
        open_ledger(Path(sys.argv[1]), read_only=True), open_series(Path(sys.argv[2])), snapshot
    )
    while projector.step(2):
        pass


if __name__ == "__main__":
    main()
