"""A real PostgreSQL for the tests: one server of this test process, a fresh database for each test.

Use: the fixture ``postgres``; ``postgres.settings(tmp_path)`` are the settings of a service in it. Durability
is off (nothing of it outlives the tests), rights and locks are as in earnest.
"""

import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from ingest_service.database import open_database
from ingest_service.settings import Settings
from oshwatch.administration.migrating import Roles, bring_up_to_date
from tests.servers import free_port, wait_for

SUPERUSER = "tester"
OWNER = "oshwatch_owner"
SERVICE = "oshwatch_service"
GRAFANA = "oshwatch_grafana"
TEMPLATE = "template_oshwatch"
FAST = {"fsync": "off", "full_page_writes": "off"}
EARNEST = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


@dataclass
class PostgresServer:
    """A server on loopback that can be stopped and started again on the same port."""

    folder: Path
    programs: Path
    port: int
    passwords: dict[str, str]
    options: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    numbers: Iterator[int] = field(default_factory=count)

    def start(self) -> None:
        options = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": ""}
        options |= {"max_connections": "200", "shared_buffers": "64MB", "log_min_messages": "fatal"}
        given = [part for key, value in (options | self.options).items() for part in ("-c", f"{key}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *_as_nobody_special(),
                    str(self.programs / "postgres"),
                    "-D",
                    str(self.folder / "data"),
                    *given,
                ],
                stdout=log,
                stderr=log,
                cwd="/",
            )
        wait_for(self._answers, within_s=30, what="the PostgreSQL server")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Fast shutdown; SIGQUIT ends it as a power cut would."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None

    def url(self, role: str, database: str, password: str | None = None) -> str:
        secret = self.passwords[role] if password is None else password
        return f"postgresql+psycopg://{role}:{secret}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def administering(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """A superuser's connection that commits each statement."""
        with psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=SUPERUSER,
            password=self.passwords[SUPERUSER],
            dbname=database,
            autocommit=True,
        ) as connection:
            yield connection

    def create(self, name: str, template: str = "template1") -> None:
        """A database that belongs to the owner's role and lets nobody else in unasked."""
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}")
        closed = sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC")
        with self.administering() as connection:
            connection.execute(made.format(*map(sql.Identifier, (name, template, OWNER))))
            connection.execute(closed.format(sql.Identifier(name)))
            connection.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {} TO {}, {}").format(
                    *map(sql.Identifier, (name, SERVICE, GRAFANA))
                )
            )

    def drop(self, name: str) -> None:
        with self.administering() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def _answers(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            pytest.fail(f"PostgreSQL does not start: {(self.folder / 'log').read_text()[-2000:]}")
        try:
            with self.administering():
                return True
        except psycopg.OperationalError:
            return False


@dataclass
class Postgres:
    """One database of the server, for one test."""

    server: PostgresServer
    name: str

    @property
    def url(self) -> str:
        """As the service's role."""
        return self.server.url(SERVICE, self.name)

    @property
    def owner_url(self) -> str:
        return self.server.url(OWNER, self.name)

    @property
    def grafana_url(self) -> str:
        """As the role that may only read the views of schema `grafana`."""
        return self.server.url(GRAFANA, self.name)

    def settings(self, data_dir: Path, **more: Any) -> Settings:
        """A service in the server shape; its series, unless told otherwise, in a file of `data_dir`."""
        data_dir.mkdir(parents=True, exist_ok=True)
        given = {"database_url": SecretStr(self.url), "database_owner_url": SecretStr(self.owner_url)}
        return Settings(data_dir=data_dir, **(given | more))

    @contextmanager
    def as_superuser(self) -> Iterator[psycopg.Connection]:
        with self.server.administering(self.name) as connection:
            yield connection


@contextmanager
def running_server(options: dict[str, str]) -> Iterator[PostgresServer]:
    """A new server with the roles of an installation; skips by name when the package is not there."""
    programs = _programs()
    # Not below pytest's folder, which only its own user may enter.
    folder = Path(tempfile.mkdtemp(prefix="oshwatch-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        passwords = {role: secrets.token_hex(12) for role in (SUPERUSER, OWNER, SERVICE, GRAFANA)}
        _initdb(programs, folder, passwords[SUPERUSER])
        server = PostgresServer(folder, programs, free_port(), passwords, options)
        server.start()
        try:
            with server.administering() as connection:
                for role in (OWNER, SERVICE, GRAFANA):
                    made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                    connection.execute(made.format(sql.Identifier(role), sql.Literal(passwords[role])))
            yield server
        finally:
            server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _initdb(programs: Path, folder: Path, password: str) -> None:
    secret = folder / "password"
    secret.write_text(password)
    if os.geteuid() == 0:
        shutil.chown(secret, "postgres", "postgres")
    command = [str(programs / "initdb"), "-D", str(folder / "data"), "-U", SUPERUSER, "--pwfile", str(secret)]
    command += ["-A", "scram-sha-256", "-E", "UTF8", "--locale", "C", "--no-sync"]
    done = subprocess.run(
        [*_as_nobody_special(), *command], cwd="/", capture_output=True, text=True, timeout=120, check=False
    )
    secret.unlink()
    if done.returncode:
        pytest.fail(f"initdb failed: {done.stderr[-2000:]}")


def _as_nobody_special() -> list[str]:
    """PostgreSQL refuses to run as root; then it runs as the user of its package."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv of the util-linux package to run PostgreSQL as another user than root")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]


def _programs() -> Path:
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if not found:
        where = shutil.which("postgres")
        if where is None:
            pytest.skip("needs the postgresql package: apt-get install postgresql")
        return Path(where).parent
    return max(found, key=lambda path: [int(part) for part in re.findall(r"\d+", str(path))])


def migrate(server: PostgresServer, database: str) -> None:
    """What `oshwatch admin migrate` does."""
    engine = open_database(server.url(OWNER, database))
    try:
        bring_up_to_date(engine, Roles(SERVICE, GRAFANA))
    finally:
        engine.dispose()
