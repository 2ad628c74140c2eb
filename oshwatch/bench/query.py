"""What pages and endpoints cost a reader of a whole nation: the real web process over a made-up year."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from alert_rules.pack_format import load_packs
from ingest_service.auth.passwords import Passwords
from ingest_service.overview_keeping import OverviewKeeper
from ingest_service.queries.limits_in_force import LimitsInForce
from ingest_service.queries.view import View
from ingest_service.register.store import Register
from ingest_service.settings import Settings
from ingest_service.stores import open_database_of, open_ledger_of, open_series_of
from oshwatch.bench.figures import machine, spread_ms
from oshwatch.bench.servers import BenchError, free_port, resident_mb
from oshwatch.bench.year import NOW, Nation
from oshwatch.bench.year_stores import Tell, fill
from oshwatch.supervisor import Supervisor

LOGIN: Final = "inspector"
RUNNERS: Final = ("web",)
OK: Final = 200
WAIT_S: Final = 60.0
AIMS_MS: Final = {
    "overview": 300.0,
    "overview API": 300.0,
    "zone, one year": 150.0,
    "zone's chart, one year": 150.0,
}


def measured(
    settings: Settings, nation: Nation, requests: int, tell: Tell, *, filled: bool
) -> dict[str, Any]:
    """Fill the stores unless they are `filled` already, start the pages, ask `requests` times each."""
    begun = time.monotonic()
    rows = {} if filled else fill(settings, nation, tell)
    filling = time.monotonic() - begun
    counted = _count(settings, nation, tell)
    password = _password(settings)
    with _serving(settings, nation, password, tell) as (client, pid):
        figures = {}
        for name, path in _paths(nation).items():
            tell(f"asking for {name}")
            figures[name] = _asked(client, path, requests)
        memory = resident_mb(pid)
    return {
        "benchmark": "query",
        "nation": {"factories": nation.factories, "zones": nation.zones, "days": nation.days},
        "series": "sqlite" if settings.influx_url is None else "influx",
        "database": "sqlite" if settings.database_url is None else "postgresql",
        "rows": rows,
        "filled_in_s": round(filling, 1),
        "counting_all_factories_s": counted,
        "web_memory_mb": memory,
        "aims_p95_ms": AIMS_MS,
        "asked": figures,
        "machine": machine(),
    }


def report(document: dict[str, Any]) -> list[str]:
    """The figures as lines for people."""
    nation = document["nation"]
    size = f"{nation['factories']} factories x {nation['zones']} zones x {nation['days']} days"
    lines = [
        f"{size}, series in {document['series']}, register in {document['database']}",
        f"{'':<26}{'p50':>9}{'p95':>9}{'aim p95':>9}{'kB':>9}",
    ]
    for name, found in document["asked"].items():
        aim = document["aims_p95_ms"].get(name)
        shown = "" if aim is None else f"{aim:.0f} ms"
        lines.append(f"{name:<26}{found['p50']:>6.0f} ms{found['p95']:>6.0f} ms{shown:>9}{found['kb']:>9.0f}")
    lines.append(f"counting every factory once: {document['counting_all_factories_s']:.0f} s of one core")
    lines.append(f"memory of the pages' process: {document['web_memory_mb']:.0f} MB")
    return lines


def _paths(nation: Nation) -> dict[str, str]:
    zone = nation.sampled_ids()[-1]
    site, _, word = zone.partition("/")
    return {
        "overview": "/overview",
        "overview, month": "/overview?period=month",
        "overview, one country": "/overview?country=kh&hazard=noise",
        "overview API": "/api/v1/overview",
        "factory": f"/factories/{site}",
        "zone, now": f"/factories/{site}/zones/{word}/heat",
        "zone, one year": f"/factories/{site}/zones/{word}/heat?range=year",
        "zone's chart, one year": f"/factories/{site}/zones/{word}/wbgt/chart.json?range=year",
        "cases": "/cases",
        "fleet": "/fleet",
    }


def _asked(client: httpx.Client, path: str, requests: int) -> dict[str, float]:
    client.get(path).raise_for_status()  # what is made once, like templates, is not what is asked about
    took = []
    size = 0
    for _ in range(requests):
        begun = time.perf_counter()
        answer = client.get(path)
        took.append(time.perf_counter() - begun)
        answer.raise_for_status()
        size = int(answer.headers.get("content-length", len(answer.content)))
    found = spread_ms(took) or {}
    ordered = sorted(took)
    p95 = ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
    return {**found, "p95": round(p95 * 1e3, 1), "kb": round(size / 1000, 1)}


def _count(settings: Settings, nation: Nation, tell: Tell) -> float:
    """Count every factory once for the overview, as the alerts runner does; processor time [s]."""
    tell("counting every factory for the overview")
    engine = open_database_of(settings)
    with (
        closing(open_series_of(settings, read_only=True)) as series,
        closing(open_ledger_of(settings)) as ledger,
    ):
        view = View(
            now=NOW, rate=1.0, person=None, register=Register(engine).snapshot(), engine=engine,
            series=series, ledger=ledger, limits=LimitsInForce(load_packs()), data_dir=settings.data_dir,
        )  # fmt: skip
        keeper = OverviewKeeper(engine, lambda: view)
        begun = time.process_time()
        for _ in range(nation.factories):
            keeper.step()
        took = time.process_time() - begun
    engine.dispose()
    return round(took, 1)


def _password(settings: Settings) -> str:
    """A password for the inspector of the made-up register."""
    engine = open_database_of(settings)
    try:
        register = Register(engine)
        person = next((one for one in register.snapshot().people if one.login == LOGIN), None)
        if person is None:
            raise BenchError(f"{settings.data_dir} holds no register of this benchmark")
        word = "not a secret: only this benchmark's"
        Passwords(register).set(person.id, word, "bench")
        return word
    finally:
        engine.dispose()


@contextmanager
def _serving(
    settings: Settings, nation: Nation, password: str, tell: Tell
) -> Iterator[tuple[httpx.Client, int]]:
    """Pages on a free port, at the instant at which the year ends: client and process id."""
    clock = f"1@{time.time()}={NOW}"
    port = free_port()
    told = settings.model_copy(update={"http_port": port, "clock": clock})
    supervisor = Supervisor(told, RUNNERS, log_dir=settings.data_dir / "logs")
    supervisor.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60.0, follow_redirects=True) as client:
            tell("waiting for the pages")
            _wait_for_pages(client, nation, password, settings.data_dir / "logs")
            yield client, supervisor.pids()["web"]
    finally:
        supervisor.stop()


def _wait_for_pages(client: httpx.Client, nation: Nation, password: str, logs: Path) -> None:
    """Until somebody can sign in and every factory was counted for the overview."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        try:
            client.post("/sign-in", data={"login": LOGIN, "password": password})
            found = client.get("/api/v1/overview")
            if found.status_code == OK and found.json()["sites_total"] == nation.factories:
                return
        except httpx.TransportError:
            pass
        time.sleep(1.0)
    raise BenchError(f"the pages do not show {nation.factories} factories after {WAIT_S:.0f} s; see {logs}")
