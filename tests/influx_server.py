"""A real InfluxDB for the tests: Debian's 1.x with a small adapter for the v2 write path, or a given one.

Debian's 1.6 has no ``/api/v2/write``, which the client library speaks, so a few lines here pass such requests
on to ``/write``. Everything else is the server's own: line protocol, types, overwriting, InfluxQL, deleting.
With ``OSHWATCH_TEST_INFLUX_URL`` (and ``_TOKEN``, ``_ORG``) the same tests run against that server; each test
then has buckets of its own there, which go afterwards.
"""

import http.client
import http.server
import os
import shutil
import signal
import subprocess
import threading
import urllib.parse
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.servers import free_port, wait_for

CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:{http}"
  log-enabled = false
[monitor]
  store-enabled = false
[logging]
  level = "error"
"""


@dataclass
class InfluxServer:
    """Where to write and ask; `url` speaks the v2 write path and InfluxQL, `token` may be empty (1.x)."""

    url: str
    token: str
    org: str
    process: subprocess.Popen[bytes] | None = None
    adapter: "Adapter | None" = None
    config: Path | None = None
    buckets: list[str] = field(default_factory=list)

    @property
    def is_given(self) -> bool:
        """Whether it is a server outside the suite, which no test may stop."""
        return self.process is None and self.config is None

    def new_bucket(self) -> str:
        """An empty bucket that InfluxQL finds as a database of the same name."""
        name = f"t{uuid.uuid4().hex[:12]}"
        if self.is_given:
            with httpx.Client(base_url=self.url, headers={"Authorization": f"Token {self.token}"}) as http:
                org = (
                    http.get("/api/v2/orgs", params={"org": self.org})
                    .raise_for_status()
                    .json()["orgs"][0]["id"]
                )
                body = {"orgID": org, "name": name, "retentionRules": []}
                bucket = http.post("/api/v2/buckets", json=body).raise_for_status().json()["id"]
                self.buckets.append(bucket)
        else:
            httpx.post(f"{self.url}/query", data={"q": f'CREATE DATABASE "{name}"'}).raise_for_status()
        return name

    def drop_buckets(self) -> None:
        if self.is_given:
            with httpx.Client(base_url=self.url, headers={"Authorization": f"Token {self.token}"}) as http:
                for bucket in self.buckets:
                    http.delete(f"/api/v2/buckets/{bucket}")
        self.buckets.clear()

    def start(self) -> None:
        """Start Debian's server (again)."""
        assert self.config is not None
        assert self.adapter is not None
        self.process = subprocess.Popen(
            [influxd(), "-config", str(self.config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(lambda: answers(self.adapter.behind if self.adapter else ""), within_s=30, what="InfluxDB")

    def restore(self) -> None:
        """After a test: running, and refusing nothing."""
        if self.adapter is not None:
            self.adapter.refuse = None
            if self.process is None:
                self.start()
        self.drop_buckets()

    def pause(self) -> None:
        """It hangs: connections are taken, nothing is answered."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


def influxd() -> str:
    found = shutil.which("influxd", path="/usr/bin:/usr/local/bin:/usr/sbin")
    if found is None:
        pytest.skip("needs the influxdb package: apt-get install influxdb")
    return found


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ping", timeout=1).status_code == 204
    except httpx.HTTPError:
        return False


class Adapter(http.server.ThreadingHTTPServer):
    """Turns ``/api/v2/write`` into 1.x's ``/write`` and passes the rest on as it is.

    `refuse`: (status, message) given to every write instead, to play a full disk or a wrong token.
    """

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", free_port()), _Handler)
        self.behind = behind
        self.refuse: tuple[int, str] | None = None
        self.writes = 0
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *_: object) -> None:
        """A client that went away is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Adapter

    def do_GET(self) -> None:
        self._pass_on(self.path)

    def do_POST(self) -> None:
        path = urllib.parse.urlsplit(self.path)
        if path.path != "/api/v2/write":
            self._pass_on(self.path)
            return
        self.server.writes += 1
        asked = dict(urllib.parse.parse_qsl(path.query))
        database, _, policy = asked["bucket"].partition("/")
        wanted = {
            "db": database,
            "precision": {"ns": "n", "us": "u"}.get(asked["precision"], asked["precision"]),
        }
        if policy:
            wanted["rp"] = policy
        self._pass_on("/write?" + urllib.parse.urlencode(wanted))

    def _pass_on(self, path: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.refuse is not None and path.startswith("/write"):
            status, message = self.server.refuse
            self._answer(status, {}, b'{"code":"internal error","message":"%s"}' % message.encode())
            return
        kept = ("Content-Type", "Content-Encoding", "Accept")
        headers = {name: self.headers[name] for name in kept if self.headers[name]}
        to = http.client.HTTPConnection(self.server.behind.removeprefix("http://"), timeout=60)
        try:
            to.request(self.command, path, body, headers)
            answer = to.getresponse()
            content = answer.read()
        except OSError:
            self.close_connection = True  # as if nobody listened here
            return
        finally:
            to.close()
        found = {n: v for n, v in answer.getheaders() if n in {"Content-Type", "X-Influxdb-Version", "Date"}}
        if answer.status >= 400 and path.startswith("/write"):
            content = content.replace(b'{"error":', b'{"code":"invalid","message":')
        self._answer(answer.status, found, content)

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status != 204:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def influx_server(folder: Path) -> Iterator[InfluxServer]:
    """The server of a test session: the one that is given, or Debian's, started and ended here."""
    url = os.environ.get("OSHWATCH_TEST_INFLUX_URL")
    if url:
        token, org = (
            os.environ.get("OSHWATCH_TEST_INFLUX_TOKEN", ""),
            os.environ.get("OSHWATCH_TEST_INFLUX_ORG", ""),
        )
        given = InfluxServer(url.rstrip("/"), token, org or "oshwatch")
        yield given
        given.drop_buckets()
        return
    port = free_port()
    config = folder / "influxdb.conf"
    config.write_text(CONFIG.format(rpc=free_port(), http=port, folder=folder))
    influxd()
    adapter = Adapter(f"http://127.0.0.1:{port}")
    server = InfluxServer(
        f"http://127.0.0.1:{adapter.server_address[1]}", "", "oshwatch", None, adapter, config
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()
        adapter.shutdown()
        adapter.server_close()
