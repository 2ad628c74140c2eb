"""Each runner writes down about once a second that it lives, and what it last did.

With SQLite it is a file of the data directory, `run/<runner>.json`; with a database on a server a row of a
table there, one for each process, since runners may be several and on several machines.
"""

import json
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import sqlalchemy as sa

from ingest_service.cases.writing import upsert
from ingest_service.database import write
from ingest_service.lease_schema import RUNNER_BEATS, database_time

Fact: TypeAlias = str | int | float | bool | None

RUNNERS: Final = ("intake", "projector", "alerts", "web")
STALE_AFTER_S: Final = 10.0
FORGOTTEN_AFTER_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The last sign of life of a process; `at` is wall-clock time [s since 1970 UTC], never simulated.

    `instance` tells processes of one runner apart; empty where there is only one.
    """

    runner: str
    at: float
    pid: int
    facts: dict[str, Fact]
    instance: str = ""

    def fresh(self, wall: float) -> bool:
        """Whether the sign is young enough to say that the runner lives."""
        return wall - self.at <= STALE_AFTER_S


class Beats(Protocol):
    """Where signs of life are kept. Both raise OSError when that place cannot be reached."""

    def beat(self, runner: str, **facts: Fact) -> None: ...

    def end(self, runner: str) -> None:
        """An orderly end: nobody need wait for the last sign to grow old."""
        ...


def beats_of(engine: sa.Engine, data_dir: Path) -> Beats:
    """Where this process writes its signs of life."""
    return FileBeats(data_dir) if engine.dialect.name == "sqlite" else _TableBeats(engine)


def signs_of_life(engine: sa.Engine, data_dir: Path) -> list[Heartbeat]:
    """The last sign of life of each process, by runner. Raises OSError."""
    if engine.dialect.name == "sqlite":
        return list(read_all(data_dir).values())
    return _read_table(engine)


def beat(data_dir: Path, runner: str, **facts: Fact) -> None:
    """Replace the runner's sign of life. Raises OSError when the data directory cannot be written."""
    folder = data_dir / "run"
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".{runner}.{os.getpid()}"
    fresh.write_text(json.dumps({"at": time.time(), "pid": os.getpid(), "facts": facts}), "utf-8")
    fresh.replace(folder / f"{runner}.json")


def read_all(data_dir: Path) -> dict[str, Heartbeat]:
    """The last sign of life of each runner that ever gave one; unreadable files count as none."""
    found: dict[str, Heartbeat] = {}
    for path in sorted((data_dir / "run").glob("*.json")):
        try:
            content = json.loads(path.read_text("utf-8"))
            found[path.stem] = Heartbeat(
                path.stem, float(content["at"]), int(content["pid"]), dict(content["facts"])
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


class FileBeats:
    """`run/<runner>.json` in the data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def beat(self, runner: str, **facts: Fact) -> None:
        beat(self._data_dir, runner, **facts)

    def end(self, runner: str) -> None:
        """The file stays: its age is what the page of the fleet shows."""


class _TableBeats:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._instance = f"{socket.gethostname()}-{os.getpid()}"
        self._tidied = False

    def beat(self, runner: str, **facts: Fact) -> None:
        try:
            with write(self._engine, alone=False) as connection:
                now = database_time(connection)
                row = {"runner": runner, "instance": self._instance, "at": now}
                upsert(connection, RUNNER_BEATS, [{**row, "facts": {**facts, "pid": os.getpid()}}])
                if not self._tidied:
                    old = RUNNER_BEATS.c.at < now - FORGOTTEN_AFTER_S
                    connection.execute(sa.delete(RUNNER_BEATS).where(old))
                    self._tidied = True
        except sa.exc.SQLAlchemyError as error:
            raise OSError(f"the database does not take the sign of life ({type(error).__name__})") from error

    def end(self, runner: str) -> None:
        mine = (RUNNER_BEATS.c.runner == runner, RUNNER_BEATS.c.instance == self._instance)
        try:
            with write(self._engine, alone=False) as connection:
                connection.execute(sa.delete(RUNNER_BEATS).where(*mine))
        except sa.exc.SQLAlchemyError as error:
            raise OSError(f"the database does not answer ({type(error).__name__})") from error


def _read_table(engine: sa.Engine) -> list[Heartbeat]:
    query = sa.select(RUNNER_BEATS).order_by(RUNNER_BEATS.c.runner, RUNNER_BEATS.c.instance)
    try:
        with engine.connect() as connection:
            ahead = database_time(connection) - time.time()  # its clock and ours may differ
            rows = list(connection.execute(query))
    except sa.exc.SQLAlchemyError as error:
        raise OSError(f"the database does not answer ({type(error).__name__})") from error
    return [_read_row(row.runner, row.instance, row.at - ahead, dict(row.facts)) for row in rows]


def _read_row(runner: str, instance: str, at: float, facts: dict[str, Fact]) -> Heartbeat:
    pid = facts.pop("pid", None)
    return Heartbeat(runner, at, pid if isinstance(pid, int) else 0, facts, instance)
