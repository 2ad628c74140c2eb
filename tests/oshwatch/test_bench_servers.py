"""The ingest benchmark finds its servers, refuses what is not its own, and divides its load."""

import os
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from ingest_service.series.influx.link import Link
from ingest_service.settings import Settings
from ingest_service.stores import influx_of, open_database_of
from oshwatch.bench.fleet import Load, description, planned
from oshwatch.bench.ingest import register_fleet
from oshwatch.bench.ingest_report import by_part, readings_per_cpu_second
from oshwatch.bench.places import prepare, settings_of, times_of
from oshwatch.bench.processes import family_cpu_seconds, listener, store_pids
from oshwatch.bench.servers import BenchError, allow_open_files
from tests.influx_server import InfluxServer
from tests.postgres import OWNER, Postgres, PostgresServer
from tests.servers import wait_for

LOAD = Load("test", 7, 7.0, 2.0, 3, 0, 1_700_000_000.0)
ADDRESS = "postgresql+psycopg://a:b@127.0.0.1:1/c"


def test_files_are_used_whatever_servers_the_environment_names(tmp_path: Path) -> None:
    told = settings_of("sqlite", tmp_path, 1883, {"OSHWATCH_DATABASE_URL": ADDRESS})
    assert told.database_url is None


def test_servers_have_to_be_named_all(tmp_path: Path) -> None:
    given = {"OSHWATCH_DATABASE_URL": ADDRESS}
    with pytest.raises(BenchError, match="needs OSHWATCH_INFLUX_URL"):
        settings_of("influx", tmp_path, 1883, given)
    with pytest.raises(BenchError, match="needs OSHWATCH_INFLUX_TOKEN"):
        settings_of("influx", tmp_path, 1883, given | {"OSHWATCH_INFLUX_URL": "http://127.0.0.1:1"})


def test_one_run_fills_a_servers_database() -> None:
    assert times_of("sqlite", None) == 3
    assert times_of("influx", None) == 1
    with pytest.raises(BenchError, match="one run for each"):
        times_of("influx", 3)


def test_a_database_that_holds_factories_is_refused(postgres: Postgres, tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path, database_url=SecretStr(postgres.url), influx_url="http://127.0.0.1:1"
    )
    engine = open_database_of(settings)
    import_description(Register(engine), description(LOAD), who="test")
    engine.dispose()
    with pytest.raises(BenchError, match="holds factories already"):
        prepare(settings)


def test_a_bucket_that_holds_anything_is_refused_and_an_empty_one_is_not(
    postgres: Postgres, influx: InfluxServer, tmp_path: Path
) -> None:
    settings = Settings(
        data_dir=tmp_path,
        database_url=SecretStr(postgres.url),
        database_owner_url=SecretStr(postgres.owner_url),
        influx_url=influx.url,
        influx_bucket=influx.new_bucket(),
        influx_token=SecretStr(influx.token or "none"),
        influx_org=influx.org,
    )
    prepare(settings)
    with closing(Link(influx_of(settings))) as link:
        link.write(["strange value=1.0 1700000000000000000"])
    with pytest.raises(BenchError, match=r"is not empty \(strange\)"):
        prepare(settings)


def test_the_server_behind_an_address_is_found_with_all_its_processes(
    postgres: Postgres, tmp_path: Path
) -> None:
    server: PostgresServer = postgres.server
    assert server.process is not None
    pid = server.process.pid
    settings = Settings(data_dir=tmp_path, database_url=SecretStr(server.url(OWNER, postgres.name)))
    found = store_pids(settings)
    assert found == {"postgresql": pid}
    before = family_cpu_seconds(pid)
    with postgres.as_superuser() as connection:
        connection.execute("SELECT count(*) FROM generate_series(1, 5000000)")
    # The connection's process is over; its time is still in the sum.
    wait_for(lambda: family_cpu_seconds(pid) > before + 0.05, within_s=10, what="its time")


def test_a_listening_socket_leads_to_its_process() -> None:
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        port = own.getsockname()[1]
        assert listener(port) is None
        own.listen()
        assert listener(port) == os.getpid()


def test_the_parts_of_a_load_are_the_whole_of_it() -> None:
    whole = [(plan.after, plan.gateway, plan.seq) for plan in planned(LOAD)]
    parts = [(plan.after, plan.gateway, plan.seq) for part in range(3) for plan in planned(LOAD, part, 3)]
    assert sorted(parts) == whole


def test_more_open_files_than_may_be_are_refused() -> None:
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (50, 100))\n"
        "from oshwatch.bench.servers import BenchError, allow_open_files\n"
        "allow_open_files(80); print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
        "try: allow_open_files(101)\n"
        "except BenchError as error: print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[0] == "80"
    assert "101 connections have to be open at once and 100 may be" in said
    allow_open_files(1)


def test_processor_time_is_told_by_part() -> None:
    used = {"broker": 1.0, "intake": 2.0, "intake-2": 2.5, "load generator": 1.0, "load generator-2": 1.0}
    parts = by_part(used)
    assert parts == {"broker": 1.0, "intake": 4.5, "load generator": 2.0}
    assert readings_per_cpu_second(11_000, parts) == 2000
    assert readings_per_cpu_second(11_000, {"load generator": 1.0}) == 0


def test_a_fleet_registered_by_copying_is_the_one_described(tmp_path: Path) -> None:
    load = replace(LOAD, gateways=23, batches_per_second=7.0)
    snapshots = []
    for name in ("copied", "described"):
        settings = Settings(data_dir=tmp_path / name)
        settings.data_dir.mkdir()
        engine = open_database_of(settings)
        if name == "copied":
            register_fleet(settings, load)
        else:
            import_description(Register(engine), description(load), who="test")
        snapshots.append(Register(engine).snapshot())
        engine.dispose()
    copied, described = snapshots
    assert (copied.sites, copied.zones) == (described.sites, described.zones)
    assert {*copied.placements} == {*described.placements}
    assert {*copied.expected} == {*described.expected}
    assert [(one.login, one.scope) for one in copied.people] == [
        (one.login, one.scope) for one in described.people
    ]
    for gateway in described.gateways:
        assert copied.keys_of(gateway.id) == described.keys_of(gateway.id)
    site = described.sites[-1].id
    assert copied.shifts(site) == described.shifts(site)
