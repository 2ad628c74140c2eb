"""Every route of the OpenAPI document, as every role, at a foreign site: there is nothing there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingest_service.auth.audit import Audit
from ingest_service.cases.schema import CASES
from ingest_service.database import migrate, open_database, write
from ingest_service.ledger.port import Rejected
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.register.description import import_description
from ingest_service.register.entries import Role
from ingest_service.register.store import Register
from tests.ingest_service.conftest import SAMPLE
from tests.ingest_service.serving import Serving, serving

NOW = 1_780_279_200.0
OWN, FOREIGN = "kh-f0123", "kh-f0007"
ROLES = [role for role in Role if role is not Role.PUBLIC]
# What everybody may read: signs of life, and the published line of each day, which names no factory.
PUBLIC_PATHS = {"/healthz", "/readyz", "/metrics", "/api/v1/evidence/days"}
# What a path parameter is at the foreign site; a parameter that is not here fails the test.
FOREIGN_PARTS: dict[str, str] = {
    "site": FOREIGN,
    "zone": "sewing-3",
    "gateway": "kh-f0007-a",
    "sensor": "th1",
    "quantity": "ta",
    "kind": "wbgt_eff.twa60",
    "panel": "heat",
    "case": "1",
    "action": "1",
    "entry": "1",
    "pack": "site-kh-f0007",
    "rule": "heat-own",
}
BODIES: dict[str, Any] = {
    "/api/v1/cases/{case}/actions": {"text": "open the louvres"},
    "/api/v1/quarantine/{entry}/note": {"text": "seen"},
    "/api/v1/quarantine/{entry}/close": {"text": "done"},
    "/api/v1/quarantine/bulk": {"deed": "note", "why": "seen", "code": "frame"},
}
OWN_WIDTH = {  # lists, as wide as the caller's own scope; and tokens, which belong to people
    "/api/v1/overview",
    "/api/v1/rules",
    "/api/v1/cases",
    "/api/v1/fleet",
    "/api/v1/quarantine",
    "/api/v1/me",
    "/api/v1/tokens",
    "/api/v1/tokens/{token}",
    "/api/v1/uploads",
    "/api/v1/quarantine/bulk",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Two factories; a person of each role at the first, a case and a quarantined payload at the second."""
    data_dir = tmp_path_factory.mktemp("scopes")
    _fill(data_dir)
    with serving(data_dir) as running:
        yield running


def _fill(data_dir: Path) -> None:
    text = SAMPLE.read_text("utf-8")
    foreign = yaml.safe_load(text.replace(OWN, FOREIGN))
    site = foreign["sites"][0]
    site["people"] = []
    site["gateways"][0]["key"] = None
    engine = open_database(data_dir)
    migrate(engine)
    register = Register(engine, now=lambda: NOW)
    import_description(register, yaml.safe_load(text), "test")
    import_description(register, {"sites": foreign["sites"]}, "test")
    with register.change("test") as change:
        for role in ROLES:
            change.put_person(f"r-{role}", role, role, "kh/phnom-penh/kh-f0123")
    row = {
        "key": "k", "site": FOREIGN, "zone": f"{FOREIGN}/sewing-3", "hazard": "heat", "rule": "r",
        "pack": "p", "pack_version": "1", "state": "open", "severity": "danger",
        "opened_at": NOW, "event": {},
    }  # fmt: skip
    with write(engine) as connection:
        connection.execute(CASES.insert().values(**row))
    engine.dispose()
    ledger = open_ledger(data_dir)
    ledger.append([Rejected(NOW, "mqtt", None, FOREIGN, "kh-f0007-a", True, b"torn", "h", "frame", "torn")])
    ledger.close()


def operations(server: Serving) -> list[tuple[str, str]]:
    document = server.client().get("/api/v1/openapi.json").json()
    return [(method, path) for path, methods in document["paths"].items() for method in methods]


@pytest.mark.parametrize("role", ROLES)
def test_no_route_shows_a_foreign_site(server: Serving, role: Role) -> None:
    client = server.client(f"r-{role}")
    tried = 0
    for method, path in operations(server):
        if path in PUBLIC_PATHS | OWN_WIDTH:
            continue
        address = path.format_map(FOREIGN_PARTS)
        answer = client.request(method, address, params={"from": 0, "to": 60}, json=BODIES.get(path))
        assert answer.status_code == 404, (method, path, answer.text)
        assert FOREIGN not in answer.text
        tried += 1
    assert tried > 12


@pytest.mark.parametrize("role", ROLES)
def test_lists_hold_nothing_of_a_foreign_site(server: Serving, role: Role) -> None:
    client = server.client(f"r-{role}")
    for path in sorted(OWN_WIDTH - {"/api/v1/tokens/{token}", "/api/v1/uploads", "/api/v1/quarantine/bulk"}):
        answer = client.get(path)
        assert answer.status_code in {200, 403}
        assert FOREIGN not in answer.text, path


@pytest.mark.parametrize("role", ROLES)
def test_an_upload_for_a_foreign_device_finds_no_device(server: Serving, role: Role) -> None:
    answer = server.client(f"r-{role}").post("/api/v1/uploads?gateway=kh-f0007-x", content=b"[]")
    assert answer.status_code == (404 if role in {Role.ENGINEER, Role.ADMINISTRATOR} else 403)


@pytest.mark.parametrize("role", ROLES)
def test_a_deed_on_many_entries_touches_none_of_a_foreign_site(server: Serving, role: Role) -> None:
    order = {"deed": "close", "why": "mine", "code": "frame", "dry_run": False}
    answer = server.client(f"r-{role}").post("/api/v1/quarantine/bulk", json=order)
    if role in {Role.ENGINEER, Role.ADMINISTRATOR}:
        assert (answer.status_code, answer.json()["entries"]) == (200, 0), answer.text
    else:
        assert answer.status_code == 403
    ledger = open_ledger(server.data_dir, read_only=True)
    assert ledger.quarantine_events(1) == []
    ledger.close()


def test_nobody_gets_anything_without_signing_in(server: Serving) -> None:
    client = server.client()
    for method, path in operations(server):
        if path in PUBLIC_PATHS:
            continue
        address = path.format_map({**FOREIGN_PARTS, "token": "1"})
        answer = client.request(method, address, params={"from": 0, "to": 60}, json=BODIES.get(path))
        assert answer.status_code == 401, (method, path, answer.text)


def test_the_own_site_is_there_for_every_role(server: Serving) -> None:
    for role in ROLES:
        client = server.client(f"r-{role}")
        assert client.get(f"/api/v1/sites/{OWN}").status_code == 200
        assert client.get(f"/api/v1/sites/{OWN}/zones/sewing-3").status_code == 200
        assert OWN in client.get("/api/v1/overview").text


def test_a_look_at_a_foreign_site_leaves_no_row_there(server: Serving) -> None:
    server.client(f"r-{Role.AUTHORITY}").get(f"/api/v1/sites/{FOREIGN}")
    engine = open_database(server.data_dir)
    assert Audit(Register(engine)).who_looked(FOREIGN) == []
    engine.dispose()
