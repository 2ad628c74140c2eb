"""Waiting for the servers before a runner begins: everything may be started in any order."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Final

import structlog
import uvicorn
from pydantic import SecretStr, ValidationError

from ingest_service.database import DatabaseError
from ingest_service.ledger.port import LedgerError
from ingest_service.secret_settings import SUFFIX, read_secret
from ingest_service.series.port import SeriesError
from ingest_service.settings import Settings
from ingest_service.stores import open_database_of, open_series_of
from osh_domain.settings_report import SettingsError, SettingsMistake

ASK_S: Final = 1.0
LONGEST_S: Final = 5.0
log = structlog.get_logger(__name__)

Message = MutableMapping[str, Any]


class Waiting:
    """Asks the servers until they answer as this program needs them; `reason` says what is missing."""

    def __init__(self, settings: Settings) -> None:
        self.reason: str | None = "not asked yet"
        self.settings = settings

    def ask(self) -> str | None:
        """What keeps a runner from beginning, None for nothing; then `settings` are whole."""
        try:
            self.settings = complete(self.settings)
            open_database_of(self.settings).dispose()
            if self.settings.influx_url is not None:
                open_series_of(self.settings, read_only=True).close()
        except SettingsError as error:
            return "; ".join(f"{one.key}: {one.problem}. {one.way_out}" for one in error.mistakes)
        except (DatabaseError, LedgerError, SeriesError) as error:
            return str(error)
        return None

    def wait(self, stop: threading.Event) -> bool:
        """Until there is nothing to wait for; False when told to stop meanwhile. Says each reason once."""
        told, pause = None, ASK_S
        while not stop.is_set():
            self.reason = self.ask()
            if self.reason is None:
                return True
            if self.reason != told:
                log.warning("waiting for the servers", reason=self.reason)
                told = self.reason
            stop.wait(pause)
            pause = min(2 * pause, LONGEST_S)
        return False


def complete(settings: Settings) -> Settings:
    """The settings with the secrets whose files were not there yet. Raises SettingsError while one is not."""
    if not settings.awaited:
        return settings
    values = {key: getattr(settings, key) for key in Settings.model_fields}
    mistakes: list[SettingsMistake] = []
    for key, path in settings.awaited.items():
        if not path.exists():
            way_out = "In the server shape `oshwatch admin influx-setup` makes it; else mend the path."
            mistakes.append(SettingsMistake("environment", key + SUFFIX, f"{path} is not there", way_out))
            continue
        read = read_secret(key + SUFFIX, path, "environment")
        if isinstance(read, SettingsMistake):
            mistakes.append(read)
        else:
            values[key] = SecretStr(read)
    if mistakes:
        raise SettingsError(mistakes)
    try:
        whole = Settings(**values)
    except ValidationError as error:
        told = [str(detail["msg"]).removeprefix("Value error, ") for detail in error.errors()]
        keys = ", ".join(settings.awaited)
        mistake = SettingsMistake("environment", keys, "; ".join(told), "Write the file again.")
        raise SettingsError([mistake]) from None
    whole.secret_files.update(settings.secret_files | settings.awaited)
    return whole


def _has_servers(settings: Settings) -> bool:
    """On one box nobody else makes files: one that is not there is a mistake there."""
    return settings.database_url is not None or "database_url" in settings.awaited


def wait_for_servers(settings: Settings, stop: threading.Event) -> Settings | None:
    """Wait where the settings name servers; the whole settings, None when told to stop meanwhile."""
    if not _has_servers(settings):
        return complete(settings)
    waiting = Waiting(settings)
    return waiting.settings if waiting.wait(stop) else None


def serve_until_ready(settings: Settings, listener: socket.socket, stop: threading.Event) -> Settings | None:
    """The same for the web runner, which says meanwhile on `/readyz` what it waits for."""
    if not _has_servers(settings):
        return complete(settings)
    waiting = Waiting(settings)
    waiting.reason = waiting.ask()
    if waiting.reason is None:
        return waiting.settings
    config = uvicorn.Config(
        _answering(waiting),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = QuietServer(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener.dup()]}, name="waiting")
    thread.start()
    try:
        return waiting.settings if waiting.wait(stop) else None
    finally:
        server.should_exit = True
        thread.join()


def _answering(
    waiting: Waiting,
) -> Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]:
    async def answer(
        scope: Message, _receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        if scope["type"] != "http":
            return
        status, kind, body = page(str(scope["path"]), waiting.reason or "nothing any more")
        headers = [(b"content-type", kind), (b"retry-after", b"5"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


def page(path: str, reason: str) -> tuple[int, bytes, bytes]:
    """Status, media type and body of every answer while waiting."""
    json_type = b"application/json"
    if path == "/healthz":
        return 200, json_type, b'{"alive":true}'
    if path == "/readyz":
        check = {"name": "database", "ready": False, "detail": reason}
        found = {"ready": False, "not_ready": ["database"], "checks": [check]}
        return 503, json_type, json.dumps(found).encode()
    if path.startswith("/api/"):
        facts = {"code": "store", "message": "The data cannot be read or written at the moment."}
        facts["way_out"] = "Try again in a minute; /readyz says what is missing."
        return 503, json_type, json.dumps({"error": facts}).encode()
    text = "OSHWatch has started and waits for its database. Try again in a minute; /readyz says more.\n"
    return 503, b"text/plain; charset=utf-8", text.encode()


class QuietServer(uvicorn.Server):
    """Leaves signals to whoever set `stop`."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
