"""Fixtures every test may ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests import postgres as database_server
from tests.influx_server import InfluxServer, influx_server
from tests.servers import Broker, free_port

# As the service has them (oshwatch/logs.py): the pretty tracebacks take seconds each.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A running Mosquitto that lets everybody in, for this test alone."""
    port = free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n"
        "max_queued_messages 20000\nmax_packet_size 1048576\n"
    )
    broker = Broker(port, config)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[database_server.PostgresServer]:
    """A running PostgreSQL of this test process, with a template database of the newest schema."""
    with database_server.running_server(database_server.FAST) as server:
        server.create(database_server.TEMPLATE)
        database_server.migrate(server, database_server.TEMPLATE)
        yield server


@pytest.fixture
def postgres(postgres_server: database_server.PostgresServer) -> Iterator[database_server.Postgres]:
    """An empty database of the newest schema, for this test alone; the server runs whatever it did."""
    name = f"test_{next(postgres_server.numbers)}"
    postgres_server.create(name, database_server.TEMPLATE)
    yield database_server.Postgres(postgres_server, name)
    if postgres_server.process is None:
        postgres_server.start()
    postgres_server.drop(name)


@pytest.fixture(scope="session")
def influx_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxServer]:
    """A running InfluxDB of this test process; tests take buckets of their own in it."""
    with influx_server(tmp_path_factory.mktemp("influx")) as server:
        yield server


@pytest.fixture
def influx(influx_session: InfluxServer) -> Iterator[InfluxServer]:
    """The same; it runs and refuses nothing again, whatever the test did."""
    yield influx_session
    influx_session.restore()
