"""Pages of the records: a replay keeps the first arrival, and an authority's look is noted."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ingest_service.auth.audit import Audit
from ingest_service.database import migrate, open_database
from ingest_service.ledger.port import Rejected
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.queries.records import HistoryLine
from ingest_service.register.description import import_description
from ingest_service.register.entries import Role
from ingest_service.register.store import Register
from ingest_service.web.sentences import of_history
from osh_domain.batch import payload_hash
from tests.ingest_service.conftest import SAMPLE
from tests.ingest_service.serving import Serving, serving

SITE, DEVICE = "kh-f0123", "kh-f0123-b"
ARRIVED = 1_780_000_000.0
PACK = b'[{"n":"room","u":"Cel","t":-5,"v":31}]'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    """A foreign device's pack with relative times, refused before the device was registered."""
    engine = open_database(tmp_path)
    migrate(engine)
    register = Register(engine)
    import_description(register, yaml.safe_load(SAMPLE.read_text("utf-8")), "test")
    with register.change("test") as change:
        change.put_gateway(DEVICE, SITE, "foreign")
        change.put_person("inspector", "Inspector", Role.AUTHORITY, "kh")
        change.put_person("engineer", "Engineer", Role.ENGINEER, "kh")
    engine.dispose()
    ledger = open_ledger(tmp_path)
    refused = Rejected(ARRIVED, "mqtt", f"osh/v1/{SITE}/{DEVICE}/data/live", SITE, DEVICE, True, PACK,
                       payload_hash(PACK), "key", "not registered")  # fmt: skip
    ledger.append([refused])
    ledger.close()
    with serving(tmp_path) as running:
        yield running


def test_a_replay_from_the_page_is_dated_by_its_first_arrival(server: Serving) -> None:
    client = server.client("engineer")
    answer = client.post("/quarantine/1/replay")
    assert answer.status_code == 200, answer.text
    ledger = open_ledger(server.data_dir, read_only=True)
    (row,) = ledger.rows(0, 10)
    events = [event.action for event in ledger.quarantine_events(1)]
    ledger.close()
    assert (row.received_at, row.source, row.payload) == (ARRIVED, "replay", PACK)
    assert events == ["replayed"]


def test_a_remark_is_not_replayed_from_the_page(server: Serving) -> None:
    client = server.client("engineer")
    client.post("/quarantine/1/replay")  # "room" is nobody's name: a remark on the row
    answer = client.post("/quarantine/2/replay")
    assert answer.status_code == 409
    assert "is a remark on ledger row 1" in answer.text


@pytest.mark.parametrize("path", [f"/fleet/{SITE}-a", "/quarantine/1"])
def test_an_authority_that_looks_at_a_record_of_a_factory_is_noted_there(server: Serving, path: str) -> None:
    assert server.client("inspector").get(path).status_code == 200
    engine = open_database(server.data_dir)
    looks = Audit(Register(engine)).who_looked(SITE)
    engine.dispose()
    assert [look.who for look in looks] == ["inspector"]


def test_the_history_says_once_what_ended_in_one_instant_for_one_reason() -> None:
    def line(kind: str, at: float, text: str) -> HistoryLine:
        return HistoryLine(at=at, kind=kind, who="", side="", text=text)

    over = "the shift is over"
    events = [
        line("opened", 0.0, "31 Cel is above 30 Cel"),
        line("eased", 60.0, "29 Cel is below 30 Cel"),
        line("parted", 120.0, over),
        line("eased", 120.0, over),
        line("cleared", 120.0, over),
    ]
    assert [one.kind for one in of_history(events)] == ["opened", "eased", "cleared"]


def test_many_entries_are_counted_first_and_dealt_with_when_the_person_is_sure(server: Serving) -> None:
    client = server.client("engineer")
    form = {"deed": "replay", "why": "device registered", "gateway": DEVICE, "resend": ""}
    asked = client.post("/quarantine/bulk", data=form)
    assert "1 payload would go through the checks again." in asked.text
    ledger = open_ledger(server.data_dir, read_only=True)
    assert ledger.last_row() == 0
    done = client.post("/quarantine/bulk", data={**form, "sure": "yes"})
    assert "1 payload was taken in." in done.text
    assert ledger.last_row() == 1
    assert [event.who for event in ledger.quarantine_events(1)] == ["engineer"]
    ledger.close()
    assert client.post("/quarantine/bulk", data={"why": "all of it"}).status_code == 422
    assert "Say why" in client.post("/quarantine/bulk", data={"gateway": DEVICE}).text
    assert server.client("inspector").post("/quarantine/bulk", data=form).status_code == 403
