"""What `oshwatch admin resend` says; tests/delivery/test_twins.py shows that it closes holes."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest_service.intake import Intake
from ingest_service.ledger.sqlite import open_ledger
from oshwatch.commands.admin import app
from tests.ingest_service.gateways import NOW, SIGNED, Device, arrival, snapshot
from tests.servers import Broker, free_port


@pytest.fixture
def ledger_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger with batches 1 and 4 of one gateway."""
    ledger = open_ledger(tmp_path)
    device = Device()
    frames = [device.batch() for _ in range(4)]
    Intake(ledger, snapshot).take([arrival(frames[0]), arrival(frames[3])], NOW)
    ledger.close()
    monkeypatch.setenv("OSHWATCH_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("ledger_of_one")
def test_gateways_that_do_not_answer_are_named(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSHWATCH_MQTT_PORT", str(broker.port))
    done = CliRunner().invoke(app, ["resend", SIGNED.id, "kh-f0123-z", "--within", "0.5"])
    assert done.exit_code == 1
    assert f"{SIGNED.id}: it does not answer; ask again" in done.output
    assert "kh-f0123-z: the ledger has nothing of it" in done.output


@pytest.mark.usefixtures("ledger_of_one")
def test_without_a_broker_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSHWATCH_MQTT_PORT", str(free_port()))
    done = CliRunner().invoke(app, ["resend"])
    assert done.exit_code == 2
    assert "oshwatch admin: " in done.output
