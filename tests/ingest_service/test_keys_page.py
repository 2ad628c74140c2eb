"""The page of a gateway says which of its keys are in force, what introduced them and what ended them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from edge_agent.identity import GatewaySigner
from ingest_service.database import migrate, open_database
from ingest_service.register.description import import_description
from ingest_service.register.entries import Role
from ingest_service.register.key_changes import Introduction
from ingest_service.register.store import Register
from osh_domain.signing import key_id
from tests.ingest_service.conftest import SAMPLE
from tests.ingest_service.serving import Serving, serving
from tests.servers import wait_for

GATEWAY, OLD, EPOCH = "kh-f0123-a", "56475aa75463474c", "00112233445566aa"
NEXT = GatewaySigner.from_bytes(bytes(range(64, 96))).public_key


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    engine = open_database(tmp_path)
    migrate(engine)
    register = Register(engine)
    import_description(register, yaml.safe_load(SAMPLE.read_text("utf-8")), "test")
    with register.change("test") as change:
        change.put_person("engineer", "Engineer", Role.ENGINEER, "kh")
        said = Introduction(GATEWAY, NEXT, OLD, EPOCH, 7, "h" * 43, register.now() - 60, b"frame")
        assert change.follow_key(said)
        assert change.propose_revocation(GATEWAY, OLD, f"{EPOCH}:5", "lost") == 1
    engine.dispose()
    with serving(tmp_path) as running:
        yield running


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_keys_are_shown_with_what_introduced_and_what_ended_them(server: Serving) -> None:
    client = server.client("engineer")
    before = text_of(client.get(f"/fleet/{GATEWAY}").text)
    assert f"{key_id(NEXT)} in force" in before
    assert f"introduced by {OLD}" in before
    assert "revocation 1 waits for a second person" in before
    engine = open_database(server.data_dir)
    with Register(engine).change("bopha") as change:
        change.confirm_revocation(1)
    engine.dispose()
    # The service looks at its register once a second.
    wait_for(lambda: f"{OLD} revoked" in text_of(client.get(f"/fleet/{GATEWAY}").text), what="the end")
    after = text_of(client.get(f"/fleet/{GATEWAY}").text)
    assert f"last good batch {EPOCH}:5" in after
