"""Every secret of the server shape, each in a file of its own: made once, kept for ever, shown to nobody.

Passwords are 32 random bytes as URL-safe text, so they may stand in a database URL as they are. A file that
is there is never replaced: another password than the one a database was made with would lock everybody out.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ingest_service.auth.server_key import ServerKey
from ingest_service.broker.grants import KEEPER, SERVICE, first_document
from oshwatch.administration.certificates import Issued, make_authority, make_server

BROKER_HOST: Final = "mosquitto"
"""What the broker is called inside the composition; gateways use the public name."""

DATABASE: Final = "oshwatch"
DATABASE_HOST: Final = "postgres:5432"

# File names are the contract with docker-compose.yml; a test compares the two.
SERVER_KEY: Final = "server.key"
STATEMENTS: Final = "server.key.statements"
"""Empty until the key is changed: a file that is not there cannot be given to a container."""
POSTGRES_OWNER: Final = "postgres_password"
OWNER_URL: Final = "database_owner_url"
SERVICE_URL: Final = "database_url"
GRAFANA_DATABASE: Final = "grafana_database_password"
INFLUX_ADMIN: Final = "influx_admin_password"
INFLUX_OPERATOR: Final = "influx_operator_token"
MQTT_SERVICE: Final = "mqtt_password"
MQTT_ACCOUNTS: Final = "mqtt_accounts_password"
BROKER_ACCOUNTS: Final = "dynamic-security.json"
GRAFANA_ADMIN: Final = "grafana_admin_password"
AUTHORITY, AUTHORITY_KEY = "ca.crt", "ca.key"
BROKER, BROKER_KEY = "broker.crt", "broker.key"

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?")


class SecretsError(Exception):
    """The folder cannot be used, or a secret in it is half-written; the message says which and what to do."""


def make_secrets(folder: Path, hosts: Sequence[str], now: dt.datetime) -> list[str]:
    """Make what is missing in the folder; the names of the files made.

    `hosts`: names and addresses by which gateways reach the broker. Files are readable by owner and group,
    because the composition's programs run as different users of one group; the two private keys that only
    we use by the owner alone. Raises SecretsError.
    """
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise SecretsError(f"{host!r} is no host name or address: give it as gateways will dial it")
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            folder.chmod(0o750)  # whatever the umask says
        return _make(_Folder(folder), hosts, now)
    except OSError as error:
        raise SecretsError(f"{error.filename or folder} cannot be written ({error.strerror})") from None


def _make(folder: _Folder, hosts: Sequence[str], now: dt.datetime) -> list[str]:
    owner = folder.word(POSTGRES_OWNER)
    folder.put(OWNER_URL, lambda: _url("postgres", owner))
    folder.put(SERVICE_URL, lambda: _url("oshwatch_service", _word()))
    for name in (GRAFANA_DATABASE, INFLUX_ADMIN, INFLUX_OPERATOR, GRAFANA_ADMIN):
        folder.word(name)
    passwords = {SERVICE: folder.word(MQTT_SERVICE), KEEPER: folder.word(MQTT_ACCOUNTS)}
    folder.put(BROKER_ACCOUNTS, lambda: json.dumps(first_document(passwords), indent=1))
    if not folder.has(SERVER_KEY):
        ServerKey.load_or_create(folder.path / SERVER_KEY)
        folder.made.append(SERVER_KEY)
    if not folder.has(STATEMENTS):
        folder.write(STATEMENTS, b"", mode=0o600)
    _certificates(folder, hosts, now)
    return folder.made


def _certificates(folder: _Folder, hosts: Sequence[str], now: dt.datetime) -> None:
    if not folder.has(AUTHORITY):
        authority = make_authority("OSHWatch", now)
        folder.write(AUTHORITY_KEY, authority.key, mode=0o600)
        folder.write(AUTHORITY, authority.certificate)
    if not folder.has(BROKER):
        authority = Issued(folder.read(AUTHORITY), folder.read(AUTHORITY_KEY))
        issued = make_server(authority, [*dict.fromkeys([*hosts, BROKER_HOST, "localhost"])], now)
        folder.write(BROKER_KEY, issued.key)
        folder.write(BROKER, issued.certificate)


class _Folder:
    """Files that are written whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.made: list[str] = []

    def has(self, name: str) -> bool:
        return (self.path / name).is_file()

    def read(self, name: str) -> bytes:
        found = (self.path / name).read_bytes()
        if not found.strip():
            raise SecretsError(
                f"{self.path / name} is empty: half-written or emptied by hand. Put its content back from a "
                "backup; remove it only if nothing was made with it yet, then run this again."
            )
        return found

    def word(self, name: str) -> str:
        """The password in the file, made if it is not there."""
        self.put(name, _word)
        return self.read(name).decode().strip()

    def put(self, name: str, text: Callable[[], str]) -> None:
        if self.has(name):
            self.read(name)
        else:
            self.write(name, text().encode())

    def write(self, name: str, content: bytes, mode: int = 0o640) -> None:
        fresh = self.path / f".{name}.new"
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), mode)
        fresh.replace(self.path / name)
        self.made.append(name)


def _word() -> str:
    return secrets.token_urlsafe(32)


def _url(role: str, password: str) -> str:
    return f"postgresql+psycopg://{role}:{password}@{DATABASE_HOST}/{DATABASE}"
