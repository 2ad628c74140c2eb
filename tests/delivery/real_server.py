"""The real intake over a real ledger, in a thread of the test."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_agent.identity import GatewaySigner
from ingest_service.clock import Clock, WallClock
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.settings import Settings
from ingest_service.subscriber import Subscriber
from osh_domain.batch import open_frame
from osh_domain.senml import Record, read_pack
from tests.edge_agent.scripted import SERVER_KEY, T0
from tests.ingest_service.gateways import snapshot
from tests.servers import Broker


class RealServer:
    """Use as a context manager, as often as the test wants the server to come and go."""

    def __init__(self, folder: Path, broker: Broker, clock: Clock | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.settings = Settings(data_dir=folder, mqtt_port=broker.port, back_rate=500.0)
        self.signer = GatewaySigner.from_bytes(SERVER_KEY)
        self._clock = clock or WallClock()

    def __enter__(self) -> Self:
        self.ledger = open_ledger(self.folder)
        self._subscriber = Subscriber(self.settings, self.ledger, snapshot, self.signer, self._clock)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._subscriber.close()
        self.ledger.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._subscriber.step()
            self._stop.wait(min(self._subscriber.pause_s, 0.1))

    def hears(self) -> bool:
        """Whether it is connected to the broker now."""
        return self._subscriber._link.connected

    def records(self) -> list[Record]:
        """Everything that is in the ledger."""
        rows = self.ledger.rows(0, 100_000)
        return [record for row in rows for record in read_pack(open_frame(row.payload).pack, T0)]

    def words(self, name: str) -> list[str]:
        """What gateways said about themselves: `status` or `gap`."""
        return [str(record.value) for record in self.records() if record.name.endswith(f"sys/{name}")]
