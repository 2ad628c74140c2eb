"""What a stolen, lost or ended key can still do, and a change of keys that was cut off: on both engines."""

from __future__ import annotations

import itertools

import pytest
import sqlalchemy as sa

from edge_agent.identity import GatewaySigner
from ingest_service.auth.audit import Audit
from ingest_service.intake import Intake
from ingest_service.key_replay import LONGEST_CHAIN
from ingest_service.register.entries import Role
from ingest_service.register.recorder import ChangeRefused
from osh_domain.gateway_keys import OVERLAP_S, read_good, statement, write_good
from osh_domain.signing import key_id
from tests.ingest_service.gateways import NOW, SIGNED, SIGNER, Device, arrival, reading
from tests.ingest_service.test_gateway_keys import EPOCH, NEW, NEXT, OLD, House, house  # noqa: F401 - a fixture

BOTH_ENGINES = True
THIRD = GatewaySigner.from_bytes(bytes(range(96, 128)))
LAST = key_id(THIRD.public_key)


def revoke(found: House, kid: str, good: str) -> list[str]:
    with found.register.change("rith") as change:
        number = change.propose_revocation(SIGNED.id, kid, good, "the card was stolen")
    with found.register.change("bopha") as change:
        ended = change.confirm_revocation(number)
    found.register.snapshot(fresh=True)
    return ended


def test_keys_that_a_thief_introduced_end_with_the_stolen_one(house: House) -> None:  # noqa: F811
    good = [house.device.batch(), house.device.batch()]
    stolen = [house.introducing()]
    house.device.signer = NEXT
    stolen += [house.introducing(THIRD, NEW), house.by(THIRD)]
    assert house.take(*good, *stolen) == ["new"] * 5
    assert revoke(house, OLD, f"{EPOCH}:2") == [OLD, NEW, LAST]
    assert house.take(house.by(THIRD)) == ["key"]
    validities = [house.key(kid).validity for kid in (NEW, LAST)]
    assert [one.doubted(EPOCH, seq) for one, seq in zip(validities, (4, 5), strict=True)] == [True, True]


def test_keys_that_were_introduced_in_a_good_batch_stay(house: House) -> None:  # noqa: F811
    house.take(house.introducing(), house.by(NEXT))
    assert revoke(house, OLD, f"{EPOCH}:1") == [OLD]
    assert house.take(house.by(NEXT)) == ["new"]


def test_a_key_that_has_ended_introduces_nobody_though_its_batch_is_good(house: House) -> None:  # noqa: F811
    hole = house.introducing(NEXT)  # sealed before, or made by a thief for a number that never came
    house.take(house.device.batch())
    revoke(house, OLD, f"{EPOCH}:9")
    assert house.take(hole) == ["new"]
    assert house.register.snapshot(fresh=True).key(NEW) is None
    (entry,) = house.ledger.quarantine()
    assert "can introduce no key any more: it was revoked" in entry.detail


def test_a_revocation_between_the_look_at_the_register_and_the_commit_introduces_nobody(house: House) -> None:  # noqa: F811
    before = house.register.snapshot(fresh=True)
    introducing = house.introducing()
    revoke(house, OLD, f"{EPOCH}:0")
    late = Intake(house.ledger, lambda: before, desk=house.desk)
    assert [one.verdict for one in late.take([arrival(introducing)], NOW)] == ["new"]
    assert house.register.snapshot(fresh=True).key(NEW) is None
    (row,) = Audit(house.register).rows(action="key not followed")
    assert row.object == NEW


def test_all_of_an_epoch_is_what_had_come_of_it(house: House) -> None:  # noqa: F811
    house.take(house.device.batch())
    revoke(house, OLD, EPOCH)
    assert not house.key(OLD).validity.doubted(EPOCH, 1)
    assert house.take(house.device.batch()) == ["key"], "whoever has the key could go on there for ever"


def test_a_gateway_that_never_heard_its_statement_taken_signs_on_for_months(house: House) -> None:  # noqa: F811
    """The acknowledgement was lost, then the link for two months, then the outbox and the next key."""
    assert house.take(house.introducing()) == ["new"]
    sealed = [house.device.batch() for _ in range(3)]
    house.at = NOW + 60 * 86_400
    assert house.take(*sealed) == ["new"] * 3
    house.device = Device(epoch="ffffffffffffffff")
    assert house.take(house.device.batch(), house.introducing(THIRD)) == ["new"] * 2
    assert house.take(house.by(THIRD)) == ["new"]
    assert house.key(OLD).valid_to == house.at + OVERLAP_S, "a week from when another key is used"
    house.at += OVERLAP_S
    house.device.signer = SIGNER
    assert house.take(house.device.batch()) == ["key"]


def test_a_statement_that_a_person_replays_late_does_not_end_the_key_that_signs(house: House) -> None:  # noqa: F811
    introducing = house.introducing()
    house.at = NOW + 30 * 86_400
    assert house.intake.take([arrival(introducing, at=NOW)], house.at)[0].verdict == "new"
    assert house.take(house.device.batch()) == ["new"]


def test_a_second_proposal_is_not_confirmed_as_if_it_were_in_force(house: House) -> None:  # noqa: F811
    with house.register.change("rith") as change:
        first = change.propose_revocation(SIGNED.id, OLD, f"{EPOCH}:2", "stolen")
        second = change.propose_revocation(SIGNED.id, OLD, f"{EPOCH}:7", "stolen later")
    with house.register.change("bopha") as change:
        change.confirm_revocation(first)
    with pytest.raises(ChangeRefused, match="revoked already"), house.register.change("bopha") as change:
        change.confirm_revocation(second)
    assert house.key(OLD).good_up_to == f"{EPOCH}:2"


def test_one_person_with_two_logins_is_not_two_people(house: House) -> None:  # noqa: F811
    with house.register.change("test") as change:
        for login, name in (("sok1", "Sok  Chan"), ("sok2", "sok chan"), ("sok3", "S. Chan")):
            change.put_person(login, name, Role.ENGINEER, "kh")
    with house.register.engine.begin() as connection:
        found = connection.execute(sa.text("SELECT login, id FROM persons"))
        ids = {row.login: row.id for row in found}
        for login in ("sok1", "sok3"):
            connection.execute(
                sa.text(
                    "INSERT INTO contacts (person, kind, url, active) VALUES (:p, 'mail', 'mailto://a', :yes)"
                ),
                {"p": ids[login], "yes": True},
            )
    with house.register.change("sok1") as change:
        number = change.propose_revocation(SIGNED.id, OLD, "", "lost")
    for other in ("sok1", "sok2", "sok3"):
        with pytest.raises(ChangeRefused, match="takes two"), house.register.change(other) as change:
            change.confirm_revocation(number)
    assert house.key(OLD).revoked_at is None


def test_a_gateway_ends_when_a_second_person_confirms_it(house: House) -> None:  # noqa: F811
    with house.register.change("rith") as change:
        number = change.propose_revocation(SIGNED.id, None, "", "factory closed")
    with pytest.raises(ChangeRefused, match="takes two people"), house.register.change("rith") as change:
        change.confirm_revocation(number)
    with house.register.change("bopha") as change:
        assert change.confirm_revocation(number) == [SIGNED.id, OLD]
    house.register.snapshot(fresh=True)
    assert house.take(house.device.batch()) == ["key"]
    (row,) = Audit(house.register).rows(action="gateway revoked")
    assert (row.who, row.detail["second_person"]) == ("bopha", "rith")


def test_a_long_chain_of_keys_in_the_quarantine_does_not_hold_the_intake_up(house: House) -> None:  # noqa: F811
    signers = [SIGNER, *(GatewaySigner.from_bytes(bytes([n] * 32)) for n in range(150, 190))]
    chain = []
    for old, new in itertools.pairwise(signers):
        house.device.signer = old
        chain.append(house.introducing(new, key_id(old.public_key)))
    for one in reversed(chain[1:]):
        assert house.take(one) == ["key"]
    assert house.take(chain[0]) == ["new"]
    assert len(house.rows()) == 1 + LONGEST_CHAIN


def test_a_key_of_another_gateway_and_a_statement_of_before_register_nothing(house: House) -> None:  # noqa: F811
    with house.register.change("test") as change:
        change.put_gateway("kh-f0123-q", "kh-f0123", "signed")
        change.put_key("kh-f0123-q", NEXT.public_key)
    introducing = house.introducing()
    assert house.take(introducing) == ["new"]
    assert house.key(NEW).gateway == "kh-f0123-q"
    assert house.take(house.by(NEXT)) == ["key"]
    # The same statement again, in an epoch and with a number of its own, of a key that was revoked since.
    house.device.signer = SIGNER
    said = statement(SIGNED.id, OLD, THIRD)
    house.take(house.device.batch(reading("key", said, unit=None, sensor="sys")))
    revoke(house, LAST, f"{EPOCH}:0")
    other = Device(epoch="ffffffffffffffff")
    assert house.take(other.batch(reading("key", said, unit=None, sensor="sys"))) == ["new"]
    assert house.key(LAST).revoked_at is not None


def test_a_statement_in_a_batch_that_conflicts_registers_nothing(house: House) -> None:  # noqa: F811
    house.take(house.device.batch())
    house.device = Device()
    assert house.take(house.introducing()) == ["conflict"]
    assert house.register.snapshot(fresh=True).key(NEW) is None


def test_two_changes_in_one_group_are_followed_in_any_order(house: House) -> None:  # noqa: F811
    first = house.introducing()
    house.device.signer = NEXT
    second = house.introducing(THIRD, NEW)
    assert house.take(house.by(THIRD), second, first) == ["new"] * 3
    assert house.take(house.by(THIRD)) == ["new"]
    assert house.ledger.quarantine() == []


def test_last_good_batches_are_written_as_they_are_read() -> None:
    texts = ["00112233445566aa:41", "ffeeddccbbaa9988"]
    assert write_good(read_good(texts)) == texts
    for wrong in ("41", "00112233445566aa:", "00112233445566aa:-1", "00112233445566AA:1"):
        with pytest.raises(ValueError, match="is not EPOCH:SEQ"):
            read_good([wrong])
