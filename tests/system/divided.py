"""A service in the server shape whose processes a test starts, kills and stops, and what is left of it."""

from __future__ import annotations

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from firmware_sim.description import describe
from firmware_sim.simulated import shared_fleet
from ingest_service.cases.schema import ATTEMPTS, CASE_EVENTS, CASES, NOTICES, RUNNER_CURSORS
from ingest_service.database import open_database, write
from ingest_service.lease_schema import LEASES
from ingest_service.ledger.port import Ledger
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from ingest_service.rights import grant_service
from ingest_service.series.feed import CHANGE
from ingest_service.series.influx.state import prepare
from ingest_service.series.port import SeriesReader
from ingest_service.settings import Settings, environment_of
from ingest_service.shards import SHARDS
from ingest_service.stores import open_database_of, open_ledger_of, open_series_of
from oshwatch.truth_check import Key, batch_readings, taken_readings
from tests.postgres import SERVICE

ROOT = Path(__file__).parents[2]


class Hooks(http.server.ThreadingHTTPServer):
    """Takes what is told, by the path it came to; slow, so that a process can be killed while it sends."""

    daemon_threads = True

    def __init__(self, takes_s: float) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.takes_s = takes_s
        self.told: list[tuple[str, str]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        hooks = self.server
        assert isinstance(hooks, Hooks)
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(hooks.takes_s)
        hooks.told.append((self.path.strip("/"), said["message"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Not on the test's output."""


def with_people(description: dict[str, Any], hooks: Hooks) -> dict[str, Any]:
    """Two people of each site's committee, each with a webhook of their own."""
    for site in description["sites"]:
        site["people"] = [
            {
                "login": f"{site['id']}-{side}",
                "name": f"Member of {site['id']}",
                "role": f"committee-{side}",
                "contacts": [
                    {
                        "kind": "webhook",
                        "url": f"json://127.0.0.1:{hooks.server_port}/{site['id']}-{side}",
                    }
                ],
            }
            for side in ("worker", "management")
        ]
    return description


@dataclass
class Divided:
    """Processes by name (`intake-1`); each started alone, as a container would."""

    settings: Settings
    logs: Path
    engine: sa.Engine
    ledger: Ledger
    series: SeriesReader
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, runner: str, number: int) -> str:
        name = f"{runner}-{number}"
        environment = {**os.environ, **environment_of(self.settings), "PYTHONUNBUFFERED": "1"}
        with (self.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "oshwatch.main", "run", runner],
                env=environment, stdout=log, stderr=log, cwd=ROOT,
            )  # fmt: skip
        return name

    def send(self, name: str, what: signal.Signals) -> None:
        self.processes[name].send_signal(what)
        if what is signal.SIGKILL:
            self.processes.pop(name).wait(10)

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    def shards(self, kind: str, name: str) -> set[int]:
        """The shards that a process has, by its process id in the holder's name."""
        mark = f"-{self.processes[name].pid}-"
        return {shard for shard, holder in self.holders(kind).items() if holder and mark in holder}

    def holders(self, kind: str) -> dict[int, str | None]:
        query = sa.select(LEASES.c.shard, LEASES.c.holder).where(LEASES.c.kind == kind)
        with self.engine.connect() as connection:
            return {row.shard: row.holder for row in connection.execute(query)}

    def cursors(self) -> Mapping[int | None, int]:
        """How far each shard is projected."""
        return self.series.cursors("ledger")

    def changes(self) -> dict[int | None, int]:
        """The newest change of the exposures of each shard that has any."""
        return {shard: value for shard, value in self.series.cursors(CHANGE).items() if value}

    def judged(self) -> dict[int | None, int]:
        """How far each shard is judged."""
        query = sa.select(RUNNER_CURSORS).where(RUNNER_CURSORS.c.name.like("exposures.%"))
        with self.engine.connect() as connection:
            return {int(row.name.partition(".")[2]): row.value for row in connection.execute(query)}

    def last_rows(self) -> dict[int, int]:
        """The last row of each shard in the ledger."""
        found: dict[int, int] = {}
        for shard in range(SHARDS):
            while rows := self.ledger.rows(found.get(shard, 0), 500, shard):
                found[shard] = rows[-1].row
        return found

    def notices_waiting(self) -> int:
        query = sa.select(sa.func.count()).select_from(NOTICES).where(NOTICES.c.state == "waiting")
        with self.engine.connect() as connection:
            return connection.execute(query).scalar_one()

    def last_words(self) -> str:
        """The end of each log that has an error in it, for a test that failed."""
        return "\n".join(
            f"{path.name}: {line}" for path in sorted(self.logs.glob("*.log"))
            for line in path.read_text("utf-8", "replace").splitlines()[-5:]
        )  # fmt: skip


def _prepare_series(settings: Settings) -> None:
    assert settings.database_owner_url is not None
    owner = open_database(settings.database_owner_url.get_secret_value())
    try:
        prepare(owner)
        with write(owner) as connection:
            grant_service(connection, SERVICE)
    finally:
        owner.dispose()


@contextmanager
def divided(settings: Settings, fleet: str, seed: int, period_s: float, hooks: Hooks) -> Iterator[Divided]:
    """The service with the fleet registered, without processes yet."""
    _prepare_series(settings)
    engine = open_database_of(settings)
    document = with_people(describe(shared_fleet(fleet, seed, period_s)), hooks)
    import_description(Register(engine, lambda: 0.0), document, "test")
    logs = settings.data_dir / "logs"
    logs.mkdir(parents=True)
    ledger = open_ledger_of(settings, read_only=True)
    series = open_series_of(settings, read_only=True)
    service = Divided(settings, logs, engine, ledger, series)
    try:
        yield service
    finally:
        service.stop()
        series.close()
        ledger.close()
        engine.dispose()


@dataclass(frozen=True)
class Left:
    """What is left when all is over; `problems` is empty when nothing is lost, doubled or told again."""

    readings: int
    points: int
    notices: int
    told: int
    interrupted: int
    cases: int
    problems: tuple[str, ...]


def audit(settings: Settings, engine: sa.Engine, truth: Path, hooks: Hooks) -> Left:
    """Truth = ledger = series, each reading once; each notice once, or an attempt says it may be twice."""
    taken = taken_readings(truth)
    ledger = open_ledger_of(settings, read_only=True)
    held: Counter[Key] = Counter()
    after = 0
    try:
        problems = [f"ledger row {row} is broken" for row in ledger.broken_rows()]
        while rows := ledger.rows(after, 500):
            after = rows[-1].row
            for row in rows:
                held.update(batch_readings(row.payload))
    finally:
        ledger.close()
    for what, found in (("lost", taken - held), ("twice or never taken", held - taken)):
        problems += [f"{what}: {key}" for key in list(found.elements())[:3]]
    points = _points(settings, {key[0].partition("/")[0] for key in taken})
    wanted = Counter((channel, ms, value) for channel, ms, value, _ in held.elements())
    for what, missing in (("not in the series", wanted - points), ("only in the series", points - wanted)):
        problems += [f"{what}: {point}" for point in list(missing.elements())[:3]]
    with engine.connect() as connection:
        notices, interrupted = _notices(connection, hooks, problems)
        cases = _cases(connection, problems)
    return Left(held.total(), points.total(), notices, len(hooks.told), interrupted, cases, tuple(problems))


def _points(settings: Settings, gateways: set[str]) -> Counter[tuple[str, int, float]]:
    series = open_series_of(settings, read_only=True)
    found: Counter[tuple[str, int, float]] = Counter()
    try:
        for entry in series.channels():
            if entry.gateway in gateways and entry.sensor != "sys":
                name = f"{entry.gateway}/{entry.sensor}/{entry.quantity}"
                for point in series.points_between(entry.id, 0.0, 1e11):
                    found[name, round(point.time * 1000), point.value] += 1
    finally:
        series.close()
    return found


def _notices(connection: sa.Connection, hooks: Hooks, problems: list[str]) -> tuple[int, int]:
    rows = connection.execute(sa.select(NOTICES)).mappings().all()
    told = Counter(hooks.told)
    unknown = sa.select(ATTEMPTS.c.notice_id).where(ATTEMPTS.c.detail.like("the service ended while%"))
    doubtful = set(connection.execute(unknown).scalars())
    people = {row["id"]: f"{row['event']['site']}" for row in connection.execute(sa.select(CASES)).mappings()}
    for row in rows:
        who = f"{people[row['case_id']]}-{row['side']}"
        if row["contact_id"] is None:
            continue
        times = told[who, row["body"]]
        most = 2 if row["id"] in doubtful else 1
        if row["state"] != "sent" or not 1 <= times <= most:
            problems.append(f"notice {row['key']} is {row['state']} and came {times} times")
    keys = Counter((row["case_id"], row["kind"], row["person"], row["body"]) for row in rows)
    problems += [f"{count} notices alike: {key[:3]}" for key, count in keys.items() if count > 1]
    return len(rows), len(doubtful)


def _cases(connection: sa.Connection, problems: list[str]) -> int:
    opened = sa.select(CASE_EVENTS.c.case_id).where(CASE_EVENTS.c.kind == "opened")
    times = Counter(connection.execute(opened).scalars())
    problems += [f"case {case} was opened {count} times" for case, count in times.items() if count > 1]
    rows = connection.execute(sa.select(CASES).order_by(CASES.c.opened_at)).mappings().all()
    running = Counter(
        (row["site"], row["zone"], row["hazard"], row["subject"]) for row in rows if row["state"] == "open"
    )
    problems += [f"{count} open cases of {key}" for key, count in running.items() if count > 1]
    return len(rows)
