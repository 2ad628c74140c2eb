from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.identity import GatewaySigner, verify_ed25519
from ingest_service import checking
from ingest_service.acknowledger import Acknowledger
from ingest_service.intake import Arrival, Intake
from ingest_service.ledger import quarantining
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.register.entries import GatewayKey
from ingest_service.register.snapshot import RegisterSnapshot
from osh_domain.acknowledgement import Ack, hear
from osh_domain.batch import open_frame, payload_hash
from osh_domain.topics import topic
from tests.ingest_service.gateways import KEY, NOW, SIGNED, SITE, Device, arrival, reading, snapshot, zipped

SERVER = GatewaySigner.from_bytes(bytes(range(32, 64)))


class House:
    """Ledger, intake and acknowledger of one server; ``register`` may be exchanged."""

    def __init__(self, data_dir: Path) -> None:
        self.ledger = open_ledger(data_dir)
        self.register = snapshot()
        self.intake = Intake(self.ledger, self._snapshot)
        self.acknowledger = Acknowledger(self.ledger, SERVER, window=16, rate=5.0)

    def _snapshot(self) -> RegisterSnapshot:
        return self.register

    def take(self, *payloads: bytes) -> list[str]:
        outcomes = self.intake.take([arrival(payload) for payload in payloads], NOW)
        self.acknowledger.note(outcomes)
        return [outcome.verdict for outcome in outcomes]

    def acks(self) -> list[Ack]:
        said = self.acknowledger.say(NOW)
        assert all(name == f"osh/v1/{SITE.id}/{SIGNED.id}/ack" for name, _ in said)
        return [Ack.from_dict(hear(payload, SERVER.public_key, verify_ed25519)) for _, payload in said]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path)
    yield built
    built.ledger.close()


def test_many_batches_of_a_gateway_get_one_signed_acknowledgement(house: House) -> None:
    device = Device()
    frames = [device.batch() for _ in range(5)]
    assert house.take(*frames[:3], frames[4]) == ["new"] * 4
    (ack,) = house.acks()
    assert (ack.cum, ack.sel, ack.rej, ack.win, ack.rate, ack.t) == (3, ((5, 5),), (), 16, 5.0, NOW)
    assert ack.head == open_frame(frames[2]).batch_hash
    assert house.acks() == []


def test_a_batch_sent_again_is_acknowledged_again_and_stored_once(house: House) -> None:
    frame = Device().batch()
    house.take(frame)
    house.acks()
    assert house.take(zipped(frame)) == ["duplicate"]
    assert house.acks()[0].cum == 1
    assert house.ledger.last_row() == 1


def test_a_rejection_names_the_bytes_until_the_next_birth(house: House) -> None:
    good, device = Device(), Device()
    torn = device.batch()[:-40]
    assert house.take(good.batch(), torn) == ["new", "quarantined"]
    (ack,) = [a for a in house.acks() if a.ep == good.epoch]
    assert (ack.cum, [(r.h, r.seq, r.code) for r in ack.rej]) == (1, [(payload_hash(torn), None, "frame")])
    house.take(good.batch())
    assert [r.code for r in house.acks()[0].rej] == ["frame"]
    house.acknowledger.born(SITE.id, SIGNED.id, good.epoch)
    (ack,) = house.acks()
    assert (ack.cum, ack.rej) == (2, ())


def test_other_content_under_the_same_number_is_told_to_the_sender(house: House) -> None:
    house.take(Device().batch())
    forged = Device().batch(reading(value=20.0))
    assert house.take(forged) == ["conflict"]
    assert [(r.h, r.seq, r.code) for r in house.acks()[0].rej] == [(payload_hash(forged), 1, "conflict")]


def test_what_was_refused_for_want_of_a_key_is_forgiven_once_it_is_in_the_ledger(house: House) -> None:
    frame = Device().batch()
    house.register = snapshot(keys=[])
    assert house.take(frame) == ["quarantined"]
    (ack,) = house.acks()
    assert (ack.cum, [r.code for r in ack.rej]) == (0, ["key"])
    house.register = snapshot(keys=[KEY])
    assert house.take(frame) == ["new"]
    (ack,) = house.acks()
    assert (ack.cum, ack.rej) == (1, ())


def test_a_full_quarantine_asks_the_sender_to_stop_and_acknowledges_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantining, "MOST_ENTRIES", 0)
    assert house.take(b"{torn") == ["refused"]
    (ack,) = house.acks()
    assert (ack.cum, ack.rej, ack.win) == (0, (), 0)


def test_a_check_that_fails_in_a_way_nobody_foresaw_keeps_no_other_batch_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_badly(payload: bytes) -> object:
        if b"31.5" in payload:
            raise ZeroDivisionError
        return open_frame(payload)

    monkeypatch.setattr(checking, "open_frame", open_badly)
    device = Device()
    assert house.take(device.batch(), device.batch(reading(value=31.5))) == ["new", "refused"]
    assert house.acks()[0].cum == 1


def test_a_gateway_stays_with_its_site_whatever_the_topic_says(house: House) -> None:
    device = Device()
    elsewhere = Arrival(device.batch(), NOW, topic=topic("kh-f0999", SIGNED.id, "data/live"))
    for batch in ([arrival(device.batch())], [elsewhere], [elsewhere, arrival(device.batch())]):
        house.intake.take(batch, NOW)
        (status,) = house.ledger.statuses([SITE.id])
        assert status.gateway == SIGNED.id
    assert status.rejected == 2


def test_a_remark_does_not_reject(house: House) -> None:
    assert house.take(Device().batch(reading(unit="K", value=304.6))) == ["new"]
    (ack,) = house.acks()
    assert (ack.cum, ack.rej) == (1, ())
    (entry,) = house.ledger.quarantine()
    assert (entry.code, entry.ledger_row) == ("senml", 1)


def test_a_key_of_tomorrow_is_not_good_today(house: House) -> None:
    house.register = snapshot(keys=[GatewayKey(KEY.kid, SIGNED.id, KEY.public_key, NOW + 1, None, None)])
    assert house.take(Device().batch()) == ["quarantined"]


def test_the_statement_for_http_speaks_of_the_newest_epoch_when_none_is_named(house: House) -> None:
    device = Device()
    house.take(device.batch())
    said = house.acknowledger.statement(SIGNED.id, None, NOW)
    assert Ack.from_dict(hear(said, SERVER.public_key, verify_ed25519)).ep == device.epoch
