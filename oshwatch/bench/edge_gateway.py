"""The gateway of the edge benchmark: registered, configured, and run as the real process."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from edge_agent.identity import KEY_FILE, Identity, encode_public_key, hardware_serial, load_or_create_key
from ingest_service.auth.server_key import FILE_NAME, ServerKey
from ingest_service.database import migrate, open_database
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from ingest_service.settings import Settings
from osh_domain.quantities import quantity
from oshwatch.bench.fleet import channels
from oshwatch.bench.servers import BenchError

SITE: Final = "bench-site"
GATEWAY: Final = "bench-gateway"
SENSOR: Final = "st1"
CHANNELS: Final = 24
_NS = 1e9


class Gateway:
    """One gateway and the server's data directory it is registered in, below a folder."""

    def __init__(self, folder: Path, readings: int = CHANNELS) -> None:
        self.folder, self.data_dir = folder / "gateway", folder / "server"
        self.readings = readings
        for made in (self.folder, self.data_dir):
            made.mkdir(parents=True)
        signer = load_or_create_key(self.folder / KEY_FILE)
        self.server_key = ServerKey.load_or_create(self.data_dir / FILE_NAME).public_key
        self.identity = Identity(GATEWAY, SITE, signer, self.server_key, hardware_serial())
        engine = open_database(self.data_dir)
        try:
            migrate(engine)
            import_description(Register(engine), self._description(), who="bench")
        finally:
            engine.dispose()

    @property
    def values(self) -> list[tuple[str, float]]:
        """Quantity and usual value of each channel; each has a name of its own."""
        named = {name: value for _, name, value in channels(CHANNELS)}
        more = (f"la.eq{seconds}" for seconds in range(2, 90))
        found = list(named.items()) + [(name, 70.0) for name in more if name not in named]
        return found[: self.readings]

    def server(self, port: int, **more: object) -> Settings:
        """What the runners are told."""
        return Settings.model_validate({"data_dir": self.data_dir, "mqtt_port": port, **more})

    def configure(self, port: int, *, period_s: float, **more: object) -> Path:
        """The agent's settings file: one sensor that plays every channel at the period."""
        recording = self.folder / "recording.csv"
        names = [name for name, _ in self.values]
        columns = [f"c{number}" for number in range(len(names))]
        rows = [
            f"2026-01-01T00:00:{second:02d}Z," + ",".join(f"{v + second / 100:.2f}" for _, v in self.values)
            for second in range(60)
        ]
        recording.write_text("\n".join(["t," + ",".join(columns), *rows]) + "\n")
        told = ", ".join(f'{column} = "{name}"' for column, name in zip(columns, names, strict=True))
        settings: Mapping[str, object] = {
            "gateway": GATEWAY,
            "site": SITE,
            "data_dir": str(self.folder),
            "mqtt_port": port,
            "server_public_key": encode_public_key(self.server_key),
            # A benchmark must not depend on how full this machine's disk is.
            "disk_tidy": 0.98,
            "disk_lean": 0.99,
            "disk_full": 1.0,
            **more,
        }
        config = self.folder / "agent.toml"
        config.write_text(
            "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
            + f'[[sensors]]\nid = "{SENSOR}"\ndriver = "replay"\nperiod_s = {period_s}\n'
            + f'options = {{file = "{recording}", time_column = "t", repeat = true, columns = {{{told}}}}}\n'
        )
        return config

    @contextmanager
    def agent(self, config: Path) -> Iterator[subprocess.Popen[bytes]]:
        """The real process (`python -m edge_agent`), ended in good order."""
        process = self.start(config)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(20)

    def start(self, config: Path) -> subprocess.Popen[bytes]:
        """The same without an end."""
        with (self.folder / "agent.log").open("ab") as log:
            return subprocess.Popen([sys.executable, "-m", "edge_agent", str(config)], stdout=log, stderr=log)

    def _description(self) -> dict[str, Any]:
        key = base64.urlsafe_b64encode(self.identity.signer.public_key).rstrip(b"=").decode()
        return {
            "version": 1,
            "sites": [
                {
                    "id": SITE,
                    "name": "Benchmark",
                    "country": "kh",
                    "district": "phnom-penh",
                    "timezone": "Asia/Phnom_Penh",
                    "zones": [{"id": "hall", "name": "Hall", "kind": "sewing", "metabolic_class": 1,
                               "acclimatised": True, "clothing": "work_clothing", "women": 40, "men": 5}],
                    "gateways": [{
                        "id": GATEWAY,
                        "kind": "signed",
                        "key": key,
                        "sensors": [{
                            "id": SENSOR,
                            "zone": "hall",
                            "channels": dict.fromkeys((name for name, _ in self.values), 60.0),
                        }],
                    }],
                }
            ],
        }  # fmt: skip


def unit_of(name: str) -> str | None:
    """The unit a quantity is measured in."""
    return quantity(name).unit


def cpu_seconds_exact(pid: int) -> float:
    """Processor time of a process and its living threads, from the scheduler's own account [s]."""
    try:
        return sum(
            int(path.read_text("utf-8").split()[0]) / _NS
            for path in Path(f"/proc/{pid}/task").glob("*/schedstat")
        )
    except OSError as error:
        raise BenchError(f"process {pid} has ended") from error


def bytes_written(pid: int | None = None) -> tuple[int, int]:
    """Bytes handed to write calls, and bytes of pages that were sent to storage, by a process so far."""
    said = Path(f"/proc/{pid or os.getpid()}/io").read_text("utf-8").splitlines()
    fields = {name: int(value) for name, _, value in (line.partition(": ") for line in said)}
    return fields["wchar"], fields["write_bytes"]
