"""The servers may come later than the runners, go and come back: each waits, says so, and nothing is lost."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from ingest_service import app
from ingest_service.auth.server_key import FILE_NAME, ServerKey
from ingest_service.database import open_database
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from ingest_service.settings import Settings
from ingest_service.stores import open_ledger_of
from ingest_service.subscriber import run
from osh_domain.topics import DATA_LIVE
from tests.ingest_service import test_subscriber
from tests.ingest_service.gateways import SIGNED, Device
from tests.postgres import Postgres
from tests.servers import Broker, free_port, wait_for

SAMPLE = Path(__file__).parents[2] / "docs" / "site-description.sample.yaml"


def asked(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except (urllib.error.URLError, OSError):
        return 0, ""


@contextmanager
def web(settings: Settings) -> Iterator[int]:
    stop = threading.Event()
    thread = threading.Thread(target=app.run, args=(settings, stop))
    thread.start()
    try:
        wait_for(lambda: asked(settings.http_port, "/healthz")[0] == 200, what="the web runner")
        yield settings.http_port
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def test_the_pages_start_before_the_database_and_say_what_they_wait_for(
    postgres: Postgres, tmp_path: Path
) -> None:
    postgres.server.stop()
    with web(postgres.settings(tmp_path, http_port=free_port())) as port:
        status, text = asked(port, "/readyz")
        assert (status, json.loads(text)["not_ready"]) == (503, ["database"])
        assert "does not answer" in text
        assert postgres.server.passwords["oshwatch_service"] not in text
        assert asked(port, "/")[0] == asked(port, "/api/v1/sites")[0] == 503
        postgres.server.start()
        wait_for(lambda: "ledger" in asked(port, "/readyz")[1], within_s=15, what="the service itself")
        checks = {check["name"]: check for check in json.loads(asked(port, "/readyz")[1])["checks"]}
        assert checks["ledger"] == {"name": "ledger", "ready": True, "detail": "row 0"}
        assert asked(port, "/sign-in")[0] == 200
        postgres.server.stop()
        status, text = asked(port, "/readyz")
        assert status == 503
        assert {"register", "ledger"} <= set(json.loads(text)["not_ready"])
        assert asked(port, "/healthz")[0] == 200
        postgres.server.start()
        wait_for(
            lambda: "register" not in json.loads(asked(port, "/readyz")[1])["not_ready"], what="recovery"
        )


def test_a_database_of_an_older_schema_is_left_alone_and_named(postgres: Postgres, tmp_path: Path) -> None:
    with postgres.as_superuser() as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0004_judging'")
    with web(postgres.settings(tmp_path, http_port=free_port())) as port:
        _, text = asked(port, "/readyz")
        assert "0004_judging, older than this program" in text
        assert "oshwatch admin migrate" in text
    with postgres.as_superuser() as connection:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert found == ("0004_judging",)


def test_intake_acknowledges_nothing_while_the_database_is_down_and_then_goes_on(
    broker: Broker, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_database(postgres.url)
    import_description(Register(engine), yaml.safe_load(SAMPLE.read_text("utf-8")), "test")
    engine.dispose()
    settings = postgres.settings(tmp_path, mqtt_port=broker.port)
    monkeypatch.setattr(test_subscriber, "SERVER", ServerKey.load_or_create(tmp_path / FILE_NAME))
    stop = threading.Event()
    runner = threading.Thread(target=run, args=(settings, stop))
    runner.start()
    peer, device = test_subscriber.Peer(broker.port), Device()
    try:
        sent = [device.batch() for _ in range(4)]
        _until_acknowledged(peer, sent[0], 1)
        postgres.server.stop()
        heard = len(peer.heard)
        peer.publish(DATA_LIVE, sent[1])
        stop.wait(2.0)  # time in which a wrong answer would come
        assert len(peer.heard) == heard
        assert runner.is_alive()
        postgres.server.start()
        _until_acknowledged(peer, sent[1], 2)
        _until_acknowledged(peer, sent[3], 2)
        _until_acknowledged(peer, sent[2], 4)
    finally:
        peer.close()
        stop.set()
        runner.join(20)
    assert not runner.is_alive()
    ledger = open_ledger_of(settings)
    assert [(row.gateway, row.seq) for row in ledger.rows(0, 10)] == [
        (SIGNED.id, 1), (SIGNED.id, 2), (SIGNED.id, 4), (SIGNED.id, 3)
    ]  # fmt: skip
    assert list(ledger.broken_rows()) == []
    ledger.close()


def _until_acknowledged(peer: test_subscriber.Peer, frame: bytes, cum: int) -> None:
    """As a gateway does: again until it is confirmed."""
    before = len(peer.acks())

    def done() -> bool:
        peer.publish(DATA_LIVE, frame)
        acks = peer.acks()
        return len(acks) > before and acks[-1].cum >= cum

    wait_for(done, within_s=20, what=f"the acknowledgement of {cum}")
