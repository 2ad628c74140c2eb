"""After the cause was mended, everything that was refused for it comes in at once, with who and why."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from edge_agent.identity import GatewaySigner
from ingest_service.database import migrate, open_database
from ingest_service.intake import Intake
from ingest_service.ledger.port import Rejected, Remark
from ingest_service.ledger.sqlite import SqliteLedger, open_ledger
from ingest_service.quarantine import QuarantineError
from ingest_service.quarantine_bulk import Wanted, annotate, count, find, holes_of, replay
from ingest_service.register.description import import_description
from ingest_service.register.entries import Role
from ingest_service.register.store import Register
from ingest_service.set_aside import PROJECTION, SetAside
from osh_domain.batch import payload_hash
from osh_domain.gateway_keys import statement
from osh_domain.signing import key_id
from oshwatch.commands.admin import app
from tests.delivery.real_server import RealServer
from tests.delivery.test_twins import Machine
from tests.edge_agent.scripted import T0, pump
from tests.ingest_service.conftest import SAMPLE
from tests.ingest_service.gateways import (
    NOW,
    SIGNED,
    SIGNER,
    SITE,
    STRANGER,
    Device,
    arrival,
    reading,
    snapshot,
)
from tests.ingest_service.serving import Serving, serving
from tests.servers import Broker

EPOCH = "00112233445566aa"


@pytest.fixture
def ledger(tmp_path: Path) -> SqliteLedger:
    return open_ledger(tmp_path)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    """Five payloads refused at one site, one at another; an engineer of the first, one of all."""
    engine = open_database(tmp_path)
    migrate(engine)
    register = Register(engine)
    import_description(register, yaml.safe_load(SAMPLE.read_text("utf-8")), "test")
    with register.change("test") as change:
        change.put_person("engineer", "Engineer", Role.ENGINEER, "kh/phnom-penh/kh-f0123")
        change.put_person("nation", "Engineer of all", Role.ENGINEER, "")
        change.put_person("worker", "Worker", Role.COMMITTEE_WORKER, "kh/phnom-penh/kh-f0123")
    engine.dispose()
    with closing(open_ledger(tmp_path)) as ledger:
        for number, site in enumerate(["kh-f0123"] * 5 + ["kh-f0999"]):
            payload = b"%d" % number
            known = (site, f"{site}-a", True)
            ledger.append(
                [Rejected(NOW, "mqtt", None, *known, payload, payload_hash(payload), "json", "why")]
            )
    with serving(tmp_path) as running:
        yield running


def refused_for_the_key(ledger: SqliteLedger, number: int) -> Device:
    """Batches 1 to ``number`` of a gateway whose key nobody had registered yet."""
    device = Device()
    frames = [arrival(device.batch(), at=NOW + place) for place in range(number)]
    Intake(ledger, lambda: snapshot(keys=())).take(frames, NOW)
    return device


def test_what_was_refused_comes_in_in_order_once_and_says_who_and_why(ledger: SqliteLedger) -> None:
    refused_for_the_key(ledger, 120)
    entries = find(ledger, Wanted(gateway=SIGNED.id))
    assert [one.seq for one in entries] == list(range(1, 121)), "oldest first"
    assert count(entries).replayable == 120
    seen: list[tuple[int, int]] = []
    done = replay(
        ledger, Intake(ledger, snapshot), entries, who="eng", why="key registered", now=lambda: NOW + 500,
        progress=lambda *at: seen.append(at),
    )  # fmt: skip
    assert (done.taken, done.known_already, done.refused) == (120, 0, {})
    assert done.holes == [(SITE.id, SIGNED.id, EPOCH, 1, 120)]
    assert seen == [(50, 120), (100, 120), (120, 120)]
    assert [row.seq for row in ledger.rows(0, 1000)] == list(range(1, 121))
    assert {row.chain_ok for row in ledger.rows(0, 1000)} == {1}
    (event,) = ledger.quarantine_events(entries[0].id)
    assert (event.who, event.action, event.text) == ("eng", "replayed", "ledger row 1; key registered")
    assert find(ledger, Wanted(gateway=SIGNED.id)) == []


def test_broken_off_and_done_again_it_stores_nothing_twice(ledger: SqliteLedger) -> None:
    refused_for_the_key(ledger, 60)
    entries = find(ledger, Wanted())

    def stop(done: int, _total: int) -> None:
        if done == 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay(ledger, Intake(ledger, snapshot), entries, who="a", why="b", now=lambda: NOW, progress=stop)
    again = replay(ledger, Intake(ledger, snapshot), entries, who="a", why="b", now=lambda: NOW)
    assert (again.taken, again.known_already) == (10, 50)
    assert ledger.last_row() == 60


def test_filters_choose_and_settled_ones_are_left_alone(ledger: SqliteLedger) -> None:
    refused_for_the_key(ledger, 4)
    Intake(ledger, snapshot).take([arrival(b"{nonsense", at=NOW + 10)], NOW)
    assert [e.seq for e in find(ledger, Wanted(code="key"))] == [1, 2, 3, 4]
    assert [e.seq for e in find(ledger, Wanted(code="key", since=NOW + 1, until=NOW + 3))] == [2, 3]
    assert find(ledger, Wanted(sites=())) == []
    (broken,) = find(ledger, Wanted(since=NOW + 10))
    assert annotate(ledger, [broken], "close", who="a", text="a test of ours", now=NOW) == 1
    assert find(ledger, Wanted(since=NOW + 10)) == []
    assert find(ledger, Wanted(numbers=frozenset({broken.id}))) != [], "asked for by its number"


def test_what_is_refused_still_stays_and_is_counted_by_code(ledger: SqliteLedger) -> None:
    foreign = Device(signer=STRANGER)
    Intake(ledger, lambda: snapshot(keys=())).take([arrival(foreign.batch())], NOW)
    entries = find(ledger, Wanted(gateway=SIGNED.id))
    done = replay(ledger, Intake(ledger, snapshot), entries, who="a", why="b", now=lambda: NOW)
    assert (done.taken, sum(done.refused.values()), done.holes) == (0, 1, [])
    assert [one.id for one in find(ledger, Wanted(gateway=SIGNED.id))] == [one.id for one in entries]


def test_rows_that_the_projector_set_aside_are_ordered_with_the_rest(ledger: SqliteLedger) -> None:
    Intake(ledger, snapshot).take([arrival(Device().batch())], NOW)
    entry = ledger.remark_on(ledger.rows(0, 1)[0], Remark(PROJECTION, "row 1", "a fault of ours"), NOW)
    entries = find(ledger, Wanted(code=PROJECTION))
    assert (count(entries).replayable, count(entries).remarks) == (1, 0)
    done = replay(ledger, Intake(ledger, snapshot), entries, who="a", why="upgraded", now=lambda: NOW)
    assert (done.ordered, done.taken) == (1, 0)
    assert [order.entry for order in SetAside(ledger, lambda: ledger, lambda: NOW).ordered()] == [entry]
    assert "upgraded" in ledger.quarantine_events(entry)[-1].text


def test_an_order_from_a_page_ends_in_time_and_says_what_is_left(
    server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest_service.quarantine_orders.MOST_AT_ONCE", 3)
    client = server.client("engineer")
    order = {"deed": "close", "why": "a test of ours", "code": "json", "dry_run": False}
    assert client.post("/api/v1/quarantine/bulk", json={**order, "dry_run": True}).json()["entries"] == 5
    done = [client.post("/api/v1/quarantine/bulk", json=order).json() for _ in range(3)]
    assert [(one["entries"], one["left"]) for one in done] == [(3, 2), (2, 0), (0, 0)]


def test_who_may_replay_at_one_site_touches_nothing_of_another(server: Serving) -> None:
    order = {"deed": "close", "why": "mine", "gateway": "kh-f0999-a", "dry_run": False}
    here = server.client("engineer").post("/api/v1/quarantine/bulk", json=order)
    assert (here.status_code, here.json()["entries"]) == (200, 0)
    assert server.client("worker").post("/api/v1/quarantine/bulk", json=order).status_code == 403
    there = server.client("nation").post("/api/v1/quarantine/bulk", json=order)
    assert there.json()["entries"] == 1


def test_without_a_reason_nothing_is_done(ledger: SqliteLedger) -> None:
    refused_for_the_key(ledger, 1)
    with pytest.raises(QuarantineError, match="Say why"):
        replay(ledger, Intake(ledger, snapshot), find(ledger, Wanted()), who="a", why=" ", now=lambda: NOW)
    assert ledger.last_row() == 0


def test_ranges_to_ask_for_are_as_few_as_can_be(ledger: SqliteLedger) -> None:
    device = Device()
    frames = [device.batch() for _ in range(6)]
    intake = Intake(ledger, snapshot)
    outcomes = intake.take([arrival(frames[place]) for place in (0, 1, 3, 5, 4)], NOW)
    assert [(hole.first, hole.last) for hole in holes_of(outcomes)] == [(1, 2), (4, 6)]


def admin(folder: Path, *arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, [*arguments, "--data-dir", str(folder)])
    assert done.exit_code == code, done.output
    return done.output


def test_the_gateway_lets_go_of_what_it_held_in_the_same_step(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway whose batches were refused holds them; one command takes them in and frees it."""
    folder = tmp_path / "server"
    admin(folder, "init")
    monkeypatch.setenv("OSHWATCH_MQTT_PORT", str(broker.port))
    machine = Machine(tmp_path / "gw", broker, 1000)
    server = RealServer(folder, broker)
    monkeypatch.setattr("tests.delivery.real_server.snapshot", lambda: snapshot(keys=()))
    with server:
        machine.on(T0)
        machine.measure(4)
        pump(machine.agent, lambda: machine.agent.outbox.counts().held >= 4, what="refusals")
    held = machine.agent.outbox.counts().held
    monkeypatch.setattr("tests.delivery.real_server.snapshot", snapshot)
    monkeypatch.setattr("ingest_service.register.store.Register.snapshot", lambda _: snapshot())
    monkeypatch.setattr(
        "ingest_service.stores.open_server_key_of", lambda _settings, **_kwargs: server.signer
    )
    counted = json.loads(
        admin(folder, "quarantine", "replay", "--why", "key", "--code", "key", "--dry-run", "--json")
    )
    assert counted["replayable"] == held
    said: list[str] = []
    with server:
        asking = threading.Thread(
            target=lambda: said.append(
                admin(folder, "quarantine", "replay", "--why", "key registered", "--code", "key")
            )
        )
        asking.start()
        pump(
            machine.agent,
            lambda: not asking.is_alive() and machine.agent.outbox.counts().held == 0,
            within_s=25,
            what="nothing held",
        )
        asking.join()
        machine.off()
    assert f"{held} taken in, 0 were there already, 0 refused still" in said[0]
    assert f"sends {held} batches again" in said[0]
    assert "settled" in admin(folder, "quarantine", "list", "--settled")


def test_all_of_it_is_only_meant_when_said_so(tmp_path: Path) -> None:
    admin(tmp_path / "d", "init")
    said = admin(tmp_path / "d", "quarantine", "replay", "--why", "x", code=1)
    assert "--everything" in said


def test_a_key_that_a_replayed_batch_introduces_is_registered(tmp_path: Path) -> None:
    """Else the next batches of that gateway, signed with it, would be refused one after the other."""
    admin(tmp_path, "init")
    engine = open_database(tmp_path)
    register = Register(engine)
    import_description(register, yaml.safe_load(SAMPLE.read_text("utf-8")), "test")
    after = GatewaySigner.from_bytes(bytes(range(64, 96)))
    said = statement(SIGNED.id, key_id(SIGNER.public_key), after)
    batch = Device().batch(reading("key", said, unit=None, sensor="sys"))
    with closing(open_ledger(tmp_path)) as ledger:
        Intake(ledger, lambda: snapshot(keys=())).take([arrival(batch)], NOW)
    with register.change("test") as change:
        change.put_key(SIGNED.id, SIGNER.public_key)
    admin(tmp_path, "quarantine", "replay", "--code", "key", "--why", "key registered", "--no-resend")
    assert register.snapshot(fresh=True).key(key_id(after.public_key)) is not None
    engine.dispose()
