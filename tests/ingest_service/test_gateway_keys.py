"""Keys that follow one another and keys that two people end, at a real register and a real ledger."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from edge_agent.identity import GatewaySigner
from ingest_service.auth.audit import Audit
from ingest_service.intake import Intake
from ingest_service.intake_desk import IntakeDesk
from ingest_service.ledger.port import Ledger, LedgerError
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.projection import Projector
from ingest_service.register.entries import GatewayKey
from ingest_service.register.recorder import ChangeRefused
from ingest_service.register.store import Register
from ingest_service.series.sqlite import open_series
from ingest_service.stores import open_ledger_of
from osh_domain.gateway_keys import OVERLAP_S, Validity, read_statement, statement
from osh_domain.quality import Grade
from osh_domain.signing import key_id
from osh_domain.wire_error import WireError
from tests.ingest_service.gateways import NOW, SIGNED, SIGNER, STRANGER, Device, arrival, reading

BOTH_ENGINES = True
NEXT = GatewaySigner.from_bytes(bytes(range(64, 96)))
OLD, NEW = key_id(SIGNER.public_key), key_id(NEXT.public_key)
EPOCH = Device().epoch


class House:
    """An intake with a register that it may write. `at`: the service's clock."""

    def __init__(self, ledger: Ledger, register: Register) -> None:
        self.ledger, self.register, self.at = ledger, register, NOW
        register.now = lambda: self.at
        self.desk = IntakeDesk(register)
        self.intake = Intake(ledger, register.snapshot, desk=self.desk)
        self.device = Device()

    def introducing(self, signer: GatewaySigner = NEXT, old: str = OLD) -> bytes:
        """A batch of the device that introduces a key."""
        said = statement(SIGNED.id, old, signer)
        return self.device.batch(reading("key", said, unit=None, sensor="sys"))

    def by(self, signer: GatewaySigner) -> bytes:
        """The next batch of the device, signed with another key."""
        self.device.signer = signer
        return self.device.batch()

    def take(self, *payloads: bytes) -> list[str]:
        outcomes = self.intake.take([arrival(one, at=self.at) for one in payloads], self.at)
        return [outcome.code or outcome.verdict for outcome in outcomes]

    def key(self, kid: str) -> GatewayKey:
        found = self.register.snapshot(fresh=True).key(kid)
        assert found is not None
        return found

    def rows(self) -> list[int | None]:
        return [row.seq for row in self.ledger.rows(0, 1000)]


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path, register: Register) -> Iterator[House]:
    """Register and ledger in one database of the server, or in files."""
    if register.engine.dialect.name == "postgresql":
        ledger = open_ledger_of(request.getfixturevalue("postgres").settings(tmp_path / "data"))
    else:
        ledger = open_ledger(tmp_path / "data")
    yield House(ledger, register)
    ledger.close()


def test_a_key_that_the_old_one_introduces_is_good_from_then_on(house: House) -> None:
    assert house.take(house.device.batch(), house.introducing()) == ["new", "new"]
    assert house.take(house.by(NEXT), house.by(NEXT)) == ["new", "new"]
    old, new = house.key(OLD), house.key(NEW)
    assert (new.replaces, new.stated_in, new.used_from) == (OLD, f"{EPOCH}:2", f"{EPOCH}:3")
    assert (old.valid_to, old.good_up_to) == (NOW + OVERLAP_S, f"{EPOCH}:2")
    (row,) = Audit(house.register).rows(action="key followed")
    assert (row.who, row.object) == ("intake", NEW)


def test_in_whatever_order_one_group_comes_everything_is_taken(house: House) -> None:
    for number, order in enumerate(itertools.permutations(range(4))):
        first, second = (GatewaySigner.from_bytes(bytes([number * 2 + n] * 32)) for n in (1, 2))
        with house.register.change("test") as change:
            change.put_key(SIGNED.id, first.public_key)
        house.device = Device(signer=first, epoch=f"{number:016x}")
        batches = [house.device.batch(), house.introducing(second, key_id(first.public_key))]
        batches += [house.by(second), house.by(second)]
        house.register.snapshot(fresh=True)
        assert house.take(*(batches[n] for n in order)) == ["new"] * 4
    assert house.ledger.quarantine() == []


def test_what_came_before_its_key_waits_in_quarantine_and_is_replayed_by_itself(house: House) -> None:
    introducing = house.introducing()
    early = [house.by(NEXT) for _ in range(3)]
    assert house.take(*early) == ["key"] * 3
    assert house.take(introducing) == ["new"]
    assert sorted(seq or 0 for seq in house.rows()) == [1, 2, 3, 4]
    assert house.ledger.standing(SIGNED.id, EPOCH).cum == 4
    assert all(entry.settled for entry in house.ledger.quarantine())
    assert {o.verdict for o in house.intake.replayed()} == {"new"}
    assert house.intake.replayed() == []


def test_two_changes_in_a_row_are_followed_whatever_comes_first(house: House) -> None:
    first = house.introducing()
    house.device.signer = NEXT
    third = GatewaySigner.from_bytes(bytes(range(96, 128)))
    second = house.introducing(third, NEW)
    last = house.by(third)
    assert house.take(last) == ["key"]
    assert house.take(second) == ["key"]
    assert house.take(first) == ["new"]
    assert sorted(seq or 0 for seq in house.rows()) == [1, 2, 3]
    assert house.key(key_id(third.public_key)).replaces == NEW


def test_the_old_key_overlaps_a_week_and_later_vouches_for_what_it_sealed_before(house: House) -> None:
    sealed_before = house.device.batch()
    introducing = house.introducing()
    between = house.device.batch()
    house.take(introducing, house.by(NEXT))
    house.device.signer = SIGNER
    after = house.device.batch()
    house.at = NOW + OVERLAP_S - 1
    assert house.take(sealed_before) == ["new"]
    house.at = NOW + OVERLAP_S
    assert house.take(between, after) == ["new", "key"]
    (entry,) = house.ledger.quarantine()
    assert "had been replaced by another" in entry.detail


@pytest.mark.parametrize(
    "said",
    [
        "no key at all",
        statement(SIGNED.id, "0" * 16, NEXT),  # meant for another key
        statement("kh-f0123-z", OLD, NEXT),  # and for another gateway
        statement(SIGNED.id, OLD, NEXT).replace(" ", " A", 1)[:130],
        statement(SIGNED.id, OLD, SIGNER),
    ],
)
def test_a_statement_that_does_not_hold_is_remarked_on_and_registers_nothing(house: House, said: str) -> None:
    assert house.take(house.device.batch(reading("key", said, unit=None, sensor="sys"))) == ["new"]
    assert [key.kid for key in house.register.snapshot(fresh=True).keys_of(SIGNED.id)] == [OLD]
    (entry,) = house.ledger.quarantine()
    assert (entry.code, entry.ledger_row) == ("key", 1)


def test_a_stranger_cannot_introduce_a_key(house: House) -> None:
    house.device.signer = STRANGER
    assert house.take(house.introducing(NEXT, key_id(STRANGER.public_key))) == ["key"]
    assert house.register.snapshot(fresh=True).key(NEW) is None


def test_nothing_is_acknowledged_when_the_next_key_cannot_be_written_down(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    introducing = house.introducing()
    with monkeypatch.context() as broken:

        def locked(*_: object) -> None:
            raise OperationalError("INSERT", {}, Exception("database is locked"))

        broken.setattr("ingest_service.register.key_changes.KeyChanges.follow_key", locked)
        with pytest.raises(LedgerError, match="cannot be registered"):
            house.take(introducing)
    assert house.take(introducing) == ["duplicate"], "the gateway sends it again"
    assert house.key(NEW).replaces == OLD


def test_a_register_older_than_the_ledger_learns_the_key_again(house: House) -> None:
    introducing, later = house.introducing(), house.by(NEXT)
    house.take(introducing, later)
    with house.register.engine.begin() as connection:  # as after restoring a backup of before
        connection.execute(sa.text("DELETE FROM key_statements"))
        connection.execute(sa.text("DELETE FROM gateway_keys WHERE kid = :kid"), {"kid": NEW})
    house.register.snapshot(fresh=True)
    with house.register.change("test") as change:
        change.record("restored", "register")
    after = house.by(NEXT)
    assert house.take(after) == ["key"]
    assert house.take(introducing, later) == ["duplicate", "duplicate"]
    assert sorted(seq or 0 for seq in house.rows()) == [1, 2, 3]


def test_revoking_a_key_takes_two_people(house: House) -> None:
    with house.register.change("rith") as change:
        number = change.propose_revocation(SIGNED.id, OLD, f"{EPOCH}:2", "the card was stolen")
    assert house.key(OLD).revoked_at is None, "one person ends nothing"
    with pytest.raises(ChangeRefused, match="takes two people"), house.register.change("rith") as change:
        change.confirm_revocation(number)
    with house.register.change("bopha") as change:
        assert change.confirm_revocation(number) == [OLD]
    with (
        pytest.raises(ChangeRefused, match="confirmed already, by bopha"),
        house.register.change("dara") as c,
    ):
        c.confirm_revocation(number)
    said = [(row.who, row.action) for row in Audit(house.register).rows() if "revo" in row.action]
    assert sorted(said) == [
        ("bopha", "key revoked"),
        ("bopha", "revocation confirmed"),
        ("rith", "revocation proposed"),
    ]
    for wrong, told in ((NEW, "has no key"), (OLD, "revoked already")):
        with pytest.raises(ChangeRefused, match=told), house.register.change("rith") as change:
            change.propose_revocation(SIGNED.id, wrong, "", "why")


def test_of_a_revoked_key_what_was_sealed_before_is_taken_and_the_rest_is_not(house: House) -> None:
    batches = [house.device.batch() for _ in range(4)]
    assert house.take(batches[2]) == ["new"]
    with house.register.change("rith") as change:
        number = change.propose_revocation(SIGNED.id, OLD, f"{EPOCH}:2", "the card was stolen")
    with house.register.change("bopha") as change:
        change.confirm_revocation(number)
    house.register.snapshot(fresh=True)
    assert house.take(*batches) == ["new", "new", "key", "key"]
    # A thief who begins an epoch of his own is not believed either.
    other = Device(epoch="ffffffffffffffff")
    assert house.take(other.batch()) == ["key"]
    validity = house.key(OLD).validity
    assert [validity.doubted(EPOCH, seq) for seq in (2, 3)] == [False, True]
    assert validity.doubted("ffffffffffffffff", 1)


def test_a_revoked_key_cannot_be_followed_and_cannot_come_back(house: House) -> None:
    introducing = house.introducing()
    with house.register.change("rith") as change:
        change.revoke_key(OLD)
    house.register.snapshot(fresh=True)
    assert house.take(introducing) == ["key"]
    with pytest.raises(ChangeRefused, match="was revoked"), house.register.change("rith") as change:
        change.put_key(SIGNED.id, SIGNER.public_key)


def test_a_revocation_that_names_nothing_doubts_nothing_of_before() -> None:
    assert not Validity("g", 0.0, revoked_at=5.0).doubted(EPOCH, 7)
    assert Validity("g", 0.0, revoked_at=5.0).why_not("g", EPOCH, 7, 5.0) is not None
    assert Validity("g", 0.0, revoked_at=5.0).why_not("g", EPOCH, 7, 4.9) is None


def test_a_statement_has_one_spelling_only() -> None:
    from edge_agent.identity import verify_ed25519

    said = statement("g-1", OLD, NEXT)
    assert read_statement(said, "g-1", OLD, verify_ed25519) == NEXT.public_key
    for at in range(len(said)):
        for other in ("A", "B", " ", "\u00e9"):
            changed = said[:at] + other + said[at + 1 :]
            if changed != said:
                with pytest.raises(WireError):
                    read_statement(changed, "g-1", OLD, verify_ed25519)


def test_what_was_accepted_before_a_key_was_ended_stays_and_is_graded_indicative(
    house: House, tmp_path: Path
) -> None:
    frames = [house.device.batch(reading(value=30.0 + n, at=NOW + 60 * n)) for n in range(4)]
    house.at = NOW + 300
    assert house.take(*frames) == ["new"] * 4
    series = open_series(tmp_path / "data")
    projector = Projector(house.ledger, series, lambda: house.register.snapshot(fresh=True))
    while projector.step(2):
        pass

    def grades() -> list[int]:
        (channel,) = series.channels()
        return [row[3] for row in series.rows_between(channel.id, NOW - 60, NOW + 600)]

    assert grades() == [Grade.B] * 4
    with house.register.change("rith") as change:
        change.revoke_key(OLD, f"{EPOCH}:2")
    while projector.step(2):
        pass
    assert grades() == [Grade.B, Grade.B, Grade.C, Grade.C]
    rebuilt = open_series(tmp_path)
    again = Projector(house.ledger, rebuilt, lambda: house.register.snapshot(fresh=True))
    while again.step(100):
        pass
    (channel,) = rebuilt.channels()
    assert [row[3] for row in rebuilt.rows_between(channel.id, NOW - 60, NOW + 600)] == grades()
    rebuilt.close()
    series.close()
