"""A real web process's server in a thread, on a free port, with signed-in clients.

Use: ``with serving(data_dir) as server: server.client("dara").get("/api/v1/me")``.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from ingest_service import app
from ingest_service.auth.sessions import COOKIE, Sessions
from ingest_service.database import open_database
from ingest_service.heartbeat import read_all
from ingest_service.register.store import Register
from ingest_service.settings import Settings
from tests.servers import wait_for


@dataclass
class Serving:
    """The address, and clients that are closed at the end."""

    url: str
    data_dir: Path
    stop: threading.Event
    thread: threading.Thread
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, login: str | None = None, token: str | None = None) -> httpx.Client:
        """Somebody's client: signed in by cookie (with its CSRF word), by token, or nobody's."""
        client = httpx.Client(base_url=self.url, timeout=20)
        self.clients.append(client)
        if token is not None:
            client.headers["Authorization"] = f"Bearer {token}"
        if login is not None:
            engine = open_database(self.data_dir)
            person = Register(engine).snapshot().people_by_login[login]
            session = Sessions(engine).begin(person.id)
            engine.dispose()
            client.cookies.set(COOKIE, session.token)
            client.headers["X-CSRF-Token"] = session.csrf
        return client


@contextmanager
def serving(data_dir: Path, **settings: object) -> Iterator[Serving]:
    """Start the server; stop it, and wait for it, at the end."""
    chosen = Settings.model_validate({"data_dir": data_dir, "http_port": 0, **settings})
    stop = threading.Event()
    thread = threading.Thread(target=app.run, args=(chosen, stop))
    thread.start()
    server = Serving("", data_dir, stop, thread)
    try:
        wait_for(lambda: "web" in read_all(data_dir) or not thread.is_alive(), what="the server")
        server.url = f"http://127.0.0.1:{read_all(data_dir)['web'].facts['port']}"
        yield server
    finally:
        for client in server.clients:
            client.close()
        stop.set()
        thread.join(20)
