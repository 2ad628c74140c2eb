"""Published days are for everybody; bundles for those of the factory, and who takes one is written down."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ingest_service.auth.audit import TAKEN, Audit
from ingest_service.auth.server_key import FILE_NAME, ServerKey, verify_ed25519
from ingest_service.database import migrate, open_database
from ingest_service.evidence.roots import publish_due
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.register.description import import_description
from ingest_service.register.entries import Role
from ingest_service.register.store import Register
from osh_domain.evidence.day_roots import read_day_root
from oshwatch.verify.checking import Checker
from tests.ingest_service.conftest import SAMPLE
from tests.ingest_service.serving import Serving, serving

SITE = "kh-f0123"
DAY_END = 1_767_312_000.0  # the end of 2026-01-01
PERIOD = {"first": "2026-01-01", "last": "2026-01-03"}
PACK = b'[{"n":"room","u":"Cel","t":1767225600,"v":31}]'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    engine = open_database(tmp_path)
    migrate(engine)
    register = Register(engine)
    import_description(register, yaml.safe_load(SAMPLE.read_text("utf-8")), "test")
    with register.change("test") as change:
        change.put_person("adviser", "Adviser", Role.ADVISER, SITE_SCOPE)
        change.put_person("stranger", "Stranger", Role.COMMITTEE_WORKER, "bd")
    engine.dispose()
    with serving(tmp_path) as running:
        engineer = running.client("rith")
        sent = engineer.post(f"/api/v1/uploads?gateway={SITE}-x", content=PACK)
        assert sent.status_code < 300, sent.text
        ledger = open_ledger(tmp_path)
        key = ServerKey.load_or_create(tmp_path / FILE_NAME)
        (row,) = ledger.rows(0, 2)
        assert publish_due(ledger, key, row.received_at + 2 * 86_400.0)
        ledger.close()
        yield running


SITE_SCOPE = "kh/phnom-penh/kh-f0123"


def test_everybody_may_see_what_was_published_of_each_day(server: Serving) -> None:
    nobody = server.client()
    shown = nobody.get("/evidence")
    assert shown.status_code == 200
    (day,) = nobody.get("/api/v1/evidence/days").json()
    assert day["day"] in shown.text
    word = nobody.get(f"/evidence/{day['day']}.root").content
    assert word.decode() == day["word"]
    key = ServerKey.load_or_create(server.data_dir / FILE_NAME).public_key
    assert read_day_root(word, key, verify_ed25519).root == day["root"]
    assert nobody.get("/evidence/server.pem").text.startswith("-----BEGIN PUBLIC KEY-----")
    assert nobody.get("/evidence/2020-01-01.root").status_code == 404


@pytest.mark.parametrize("login", ["dara", "vanna", "bopha", "rith"])
def test_a_bundle_taken_from_the_page_is_good_and_the_taking_is_written_down(
    server: Serving, login: str
) -> None:
    client = server.client(login)
    assert "evidence.tar" in client.get(f"/factories/{SITE}").text
    answer = client.get(
        f"/factories/{SITE}/evidence.tar", params={"first": "2025-12-31", "last": "2026-03-01"}
    )
    assert answer.status_code == 200, answer.text
    report = Checker(io.BytesIO(answer.content), verify_ed25519).check()
    assert not report.broken, report.findings
    assert report.site == SITE
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
        content = tar.extractfile("audit.jsonl")
        assert content is not None
        actions = {json.loads(line)["action"] for line in content}
    assert "sensor placed" in actions
    assert not {one for one in actions if one.startswith(("person", "contact", "site read", TAKEN))}
    engine = open_database(server.data_dir)
    (row,) = Audit(Register(engine)).rows(site=SITE, action=TAKEN)
    engine.dispose()
    assert row.who == login


@pytest.mark.parametrize(("login", "status"), [("adviser", 403), ("stranger", 404)])
def test_a_bundle_is_not_for_everybody(server: Serving, login: str, status: int) -> None:
    client = server.client(login)
    assert client.get(f"/factories/{SITE}/evidence.tar", params=PERIOD).status_code == status
    assert "evidence.tar" not in client.get(f"/factories/{SITE}").text


@pytest.mark.parametrize(
    "period",
    [
        {"first": "2026-01-03", "last": "2026-01-01"},
        {"first": "2026-01-01", "last": "2026-12-31"},
        {"first": "yesterday", "last": "2026-12-31"},
        {},
    ],
)
def test_a_period_that_makes_no_sense_is_refused(server: Serving, period: dict[str, str]) -> None:
    assert server.client("bopha").get(f"/factories/{SITE}/evidence.tar", params=period).status_code == 422
