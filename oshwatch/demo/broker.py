"""The demo's own broker on loopback: Mosquitto with our configuration, else iotcore with bounded memory."""

import getpass
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from oshwatch.demo.folder import DemoError, DemoFolder, write_private
from oshwatch.demo.mosquitto import ACL, configuration, password_lines

_PATH = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin"
_UP_WITHIN_S = 5.0
# iotcore keeps a log of all that is subscribed; eight segments of 1 MiB bound it. The gateways' own
# acknowledgements make up for what it drops.
_IOTCORE = """\
id = 0
[router]
id = 0
max_connections = 2000
max_outgoing_packet_count = 200
max_segment_size = 1048576
max_segment_count = 8
[v5.1]
name = "demo"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 500
dynamic_filters = true
[v5.1.connections.auth]
{auth}
"""


class DemoBroker:
    """A broker process of ours, from `start()` to `stop()`."""

    def __init__(self, folder: DemoFolder, passwords: Mapping[str, str]) -> None:
        self._folder, self._passwords = folder, passwords
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.kind = ""

    def start(self) -> None:
        """Begin to start it; `wait()` says when it listens. Raises DemoError if there is none to start."""
        self.port = self.port or free_port()
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:{_PATH}")
        if program is not None:
            self.kind = "mosquitto"
            command = [program, "-c", str(self._write_mosquitto())]
        elif importlib.util.find_spec("iotcore") is not None:
            self.kind = "iotcore"
            options = json.dumps({"config_path": str(self._write_iotcore())})
            # Its child ends when our end of the pipe closes, also if we are killed.
            command = [sys.executable, "-c", "from iotcore._serve import main; main()", options]
        else:
            raise DemoError(
                "there is no MQTT broker on this machine. Install one (apt-get install mosquitto), "
                "or the demo's own: pip install 'oshwatch[demo]'."
            )
        with (self._folder.logs / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self) -> None:
        """Return when it listens. Raises DemoError."""
        deadline = time.monotonic() + _UP_WITHIN_S
        while time.monotonic() < deadline and self.alive():
            with socket.socket() as probe:
                probe.settimeout(0.2)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise DemoError(
            f"the broker ({self.kind}) did not start; {self._folder.logs / 'broker.log'} says why."
        )

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return None if self._process is None else self._process.pid

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it; safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def _write_mosquitto(self) -> Path:
        folder = self._folder.broker
        write_private(folder / "passwords", password_lines(self._passwords))
        write_private(folder / "acl", ACL)
        text = configuration(
            f"{self.port} 127.0.0.1",
            str((folder / "passwords").resolve()),
            str((folder / "acl").resolve()),
            user=getpass.getuser() if os.geteuid() == 0 else None,
        )
        write_private(folder / "mosquitto.conf", text)
        return folder / "mosquitto.conf"

    def _write_iotcore(self) -> Path:
        auth = "\n".join(f'"{name}" = "{password}"' for name, password in self._passwords.items())
        write_private(self._folder.broker / "iotcore.toml", _IOTCORE.format(port=self.port, auth=auth))
        return self._folder.broker / "iotcore.toml"


def free_port() -> int:
    """A port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
