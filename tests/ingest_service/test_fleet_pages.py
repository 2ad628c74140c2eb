"""The fleet of a nation: a page of it at once, what is in trouble first, counted as a whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ingest_service.database import migrate, open_database
from ingest_service.ledger.port import Rejected
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.register.description import import_description
from ingest_service.register.entries import Role
from ingest_service.register.store import Register
from osh_domain.batch import payload_hash
from tests.ingest_service.conftest import SAMPLE
from tests.ingest_service.serving import Serving, serving

SITE = "kh-f0123"
GATEWAYS, REVOKED = 230, 3
IN_TROUBLE = f"{SITE}-z199"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder: Path = tmp_path_factory.mktemp("fleet")
    engine = open_database(folder)
    migrate(engine)
    register = Register(engine)
    import_description(register, yaml.safe_load(SAMPLE.read_text("utf-8")), "test")
    with register.change("test") as change:
        for number in range(GATEWAYS):
            change.put_gateway(f"{SITE}-z{number:03}", SITE, "osh")
        for number in range(REVOKED):
            change.revoke_gateway(f"{SITE}-z{number:03}", "another", "taken away")
        change.put_person("engineer", "Engineer", Role.ENGINEER, "kh")
    engine.dispose()
    ledger = open_ledger(folder)
    ledger.append(
        [Rejected(1e9, "mqtt", None, SITE, IN_TROUBLE, True, b"x", payload_hash(b"x"), "key", "why")]
    )
    ledger.close()
    with serving(folder) as running:
        yield running


def test_every_gateway_is_on_one_page_and_the_counts_are_of_all(server: Serving) -> None:
    client = server.client("engineer")
    whole = client.get("/api/v1/fleet?page=0").json()
    pages = [client.get(f"/api/v1/fleet?page={number}").json() for number in (1, 2, 3)]
    lines = [line for page in pages for line in page["gateways"]]
    assert lines == whole["gateways"]
    assert [len(page["gateways"]) for page in pages[:2]] == [100, 100]
    assert len({line["id"] for line in lines}) == len(lines) > GATEWAYS
    for page in (whole, *pages):
        assert page["gateways_total"] == page["gateways_silent"] == len(lines) - REVOKED
    assert all(line["revoked_at"] for line in lines[-REVOKED:])


def test_what_is_in_trouble_comes_first_wherever_its_name_stands(server: Serving) -> None:
    first = server.client("engineer").get("/api/v1/fleet").json()["gateways"][0]
    assert (first["id"], first["troubles"]) == (IN_TROUBLE, ["refused"])


def test_the_page_leads_to_the_next_and_takes_any_number(server: Serving) -> None:
    client = server.client("engineer")
    first, last = client.get("/fleet").text, client.get("/fleet?page=99999").text
    assert first.count('<th scope="row">') == 100
    assert "Page 1 of 3" in first
    assert "/fleet?page=2" in first
    assert "Page 3 of 3" in last
    assert "/fleet?page=2" in last
    assert "/fleet?page=4" not in last
    for odd in ("0", "-1", "x", "9" * 30, ""):
        assert "Page 1 of 3" in client.get(f"/fleet?page={odd}").text
