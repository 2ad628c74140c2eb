"""Fixtures every test may ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Broker, free_port


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
