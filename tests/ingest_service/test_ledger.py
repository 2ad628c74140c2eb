"""What every ledger promises, on both engines; what only one can show is in a file of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest_service.ledger import quarantining
from ingest_service.ledger.port import Accepted, BirthNote, Ledger, LedgerError, Rejected, Remark, StateNote
from osh_domain.batch import genesis, text_hash
from tests.ingest_service.ledgers import ENGINES, LedgerPlace, ledger_place

SITE, GATEWAY, EPOCH = "kh-f0123", "kh-f0123-a", "00112233445566aa"


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> LedgerPlace:
    return ledger_place(request, tmp_path)


@pytest.fixture
def ledger(place: LedgerPlace) -> Iterator[Ledger]:
    opened = place.open()
    yield opened
    opened.close()


def sealed(
    seq: int, *, prev: str | None = None, content: str = "", remarks: tuple[Remark, ...] = ()
) -> Accepted:
    before = genesis(GATEWAY, EPOCH) if seq == 1 else f"hash-{seq - 1}"
    payload = f"frame {seq}{content}".encode()
    return Accepted(
        1000.0 + seq, "mqtt", SITE, GATEWAY, "sealed", EPOCH, seq, f"hash-{seq}{content}", prev or before,
        True, payload, text_hash(payload), clk="ntp", err=0.01, remarks=remarks,
    )  # fmt: skip


def refused(
    seq: int | None, *, trusted: bool = False, payload: bytes = b"rubbish", known: bool = True
) -> Rejected:
    return Rejected(
        1000.0, "mqtt", None, SITE, GATEWAY, known, payload, text_hash(payload),
        "senml" if trusted else "sig", "why", EPOCH, seq, trusted, "hash-q",
    )  # fmt: skip


def verdicts(ledger: Ledger, *entries: Accepted | Rejected) -> list[str]:
    return [outcome.verdict for outcome in ledger.append(entries)]


def test_a_batch_is_stored_once_and_a_repeat_is_recognised_in_the_same_group_and_later(
    ledger: Ledger,
) -> None:
    assert verdicts(ledger, sealed(1), sealed(1), sealed(2)) == ["new", "duplicate", "new"]
    assert verdicts(ledger, sealed(2)) == ["duplicate"]
    assert [(row.row, row.seq, row.payload) for row in ledger.rows(0, 10)] == [
        (1, 1, b"frame 1"),
        (2, 2, b"frame 2"),
    ]


def test_other_content_under_a_taken_number_is_a_conflict_and_both_are_kept(ledger: Ledger) -> None:
    first, other = ledger.append([sealed(1), sealed(1, content=" forged")])
    assert (first.verdict, other.verdict, other.code) == ("new", "conflict", "conflict")
    assert ledger.rows(0, 10)[0].payload == b"frame 1"
    assert other.quarantine_id is not None
    assert ledger.quarantined_payload(other.quarantine_id) == b"frame 1 forged"
    (status,) = ledger.statuses()
    assert (status.conflicts, status.last_seq) == (1, 1)


def test_the_statement_about_an_epoch_is_contiguous_with_ranges_after_gaps(ledger: Ledger) -> None:
    ledger.append([sealed(n) for n in (1, 2, 5, 6, 9)])
    assert ledger.standing(GATEWAY, EPOCH) == (2, [(5, 6), (9, 9)], "hash-2")
    ledger.append([sealed(4), sealed(3)])
    assert ledger.standing(GATEWAY, EPOCH) == (6, [(9, 9)], "hash-6")
    assert ledger.standing(GATEWAY, "ffffffffffffffff") == (0, [], None)


def test_the_statement_is_the_same_after_a_restart(ledger: Ledger, place: LedgerPlace) -> None:
    ledger.append([sealed(n) for n in (1, 2, 5, 6, 9)])
    again = place.open()
    assert again.standing(GATEWAY, EPOCH) == (2, [(5, 6), (9, 9)], "hash-2")
    again.close()


def test_a_quarantined_batch_counts_as_arrived_only_when_its_signature_was_good(ledger: Ledger) -> None:
    ledger.append([sealed(1), refused(2)])
    assert ledger.standing(GATEWAY, EPOCH).cum == 1
    ledger.append([refused(2, trusted=True), sealed(3, prev="hash-q")])
    assert ledger.standing(GATEWAY, EPOCH) == (3, [], "hash-3")


def test_two_processes_may_append_and_each_sees_what_the_other_stored(
    ledger: Ledger, place: LedgerPlace
) -> None:
    other = place.open()
    assert verdicts(ledger, sealed(1)) == ["new"]
    assert verdicts(other, sealed(1), sealed(2)) == ["duplicate", "new"]
    assert verdicts(ledger, sealed(2), sealed(3)) == ["duplicate", "new"]
    assert ledger.standing(GATEWAY, EPOCH) == other.standing(GATEWAY, EPOCH) == (3, [], "hash-3")
    assert list(other.broken_rows()) == []
    other.close()


@pytest.mark.parametrize("table", ["batches", "quarantine", "quarantine_events", "configurations"])
def test_evidence_can_neither_be_changed_nor_deleted(ledger: Ledger, place: LedgerPlace, table: str) -> None:
    (_, entry) = ledger.append(
        [sealed(1), refused(None)], [BirthNote(SITE, GATEWAY, 1.0, "{}", None, ("abc", "{}"), 0, 0)]
    )
    assert entry.quarantine_id is not None
    ledger.note_event(entry.quarantine_id, at=2.0, who="sok", action="note", text="looked at it")
    changed = f"UPDATE {table} SET {place.first_column(table)} = NULL"  # noqa: S608
    for deed in (changed, f"DELETE FROM {table}"):  # noqa: S608
        with pytest.raises(place.refusals, match=r"append-only|permission denied"):
            place.tamper(deed)
        with pytest.raises(place.refusals, match="append-only"):
            place.tamper(deed, as_owner=True)


def test_a_change_made_around_the_triggers_shows_in_the_row_hashes(
    ledger: Ledger, place: LedgerPlace
) -> None:
    ledger.append([sealed(n) for n in range(1, 6)])
    assert list(ledger.broken_rows()) == []
    place.unguard("batches")
    place.tamper("UPDATE batches SET payload = 'nicer' WHERE row = 3", as_owner=True)
    assert list(ledger.broken_rows()) == [3]


def test_a_break_in_the_chain_is_a_finding_and_no_refusal(ledger: Ledger) -> None:
    ledger.append([sealed(1), sealed(2, prev="something else"), sealed(4), sealed(3)])
    chain = {row.seq: row.chain_ok for row in ledger.rows(0, 10)}
    assert chain == {1: 1, 2: 0, 4: None, 3: 1}
    status = ledger.status(GATEWAY)
    assert status is not None
    assert status.chain_breaks == 1


def test_the_same_payload_in_quarantine_is_one_entry_with_a_count(ledger: Ledger) -> None:
    for _ in range(3):
        ledger.append([refused(None)])
    (entry,) = ledger.quarantine()
    assert (entry.times, entry.code, entry.detail, entry.size) == (3, "sig", "why", 7)
    assert ledger.quarantine(sites=["elsewhere"]) == []
    assert ledger.quarantine(sites=[SITE], code="sig", gateway=GATEWAY, before=entry.id + 1) == [entry]


def test_a_remark_points_to_its_batch_and_is_counted(ledger: Ledger) -> None:
    remark = Remark("senml", "st1/ta unit", "st1/ta is in K")
    ledger.append([sealed(1, remarks=(remark,)), sealed(2, remarks=(remark,))])
    ledger.append([sealed(3, remarks=(remark,))])
    (entry,) = ledger.quarantine()
    assert (entry.ledger_row, entry.last_row, entry.times, entry.code) == (1, 3, 3, "senml")
    assert ledger.quarantined_payload(entry.id) == b"frame 1"


def test_a_device_cannot_fill_the_disk_with_rubbish(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantining, "MOST_ENTRIES", 2)
    rubbish = [refused(None, payload=b"%d" % n) for n in range(3)]
    assert verdicts(ledger, *rubbish) == ["quarantined", "quarantined", "refused"]
    assert verdicts(ledger, rubbish[0]) == ["quarantined"]
    assert verdicts(ledger, refused(None, payload=b"x", known=False)) == ["quarantined"]


def test_a_settled_entry_says_so_and_keeps_its_history(ledger: Ledger) -> None:
    ledger.append([refused(None)])
    (entry,) = ledger.quarantine()
    ledger.note_event(entry.id, at=5.0, who="sok", action="note", text="key asked for")
    assert not ledger.quarantine()[0].settled
    ledger.note_event(entry.id, at=6.0, who="sok", action="closed", text="test device")
    assert ledger.quarantine()[0].settled
    assert [e.action for e in ledger.quarantine_events(entry.id)] == ["note", "closed"]


def test_a_reader_can_be_opened_first_and_cannot_write(place: LedgerPlace) -> None:
    reader = place.open(read_only=True)
    writer = place.open()
    writer.append([sealed(1)])
    assert reader.last_row() == 1
    assert reader.standing(GATEWAY, EPOCH).cum == 1
    with pytest.raises(LedgerError, match="cannot write"):
        reader.append([sealed(2)])
    reader.close()
    writer.close()


def test_a_person_may_close_a_hole_that_can_never_be_filled(ledger: Ledger) -> None:
    ledger.append([sealed(1), sealed(3)])
    row = ledger.close_hole(GATEWAY, EPOCH, 2, site=SITE, who="sok", why="card burnt", at=9.0)
    assert ledger.standing(GATEWAY, EPOCH) == (3, [], "hash-3")
    assert ledger.rows(row - 1, 1)[0].kind == "tombstone"
    assert list(ledger.broken_rows()) == []
    with pytest.raises(ValueError, match="no hole"):
        ledger.close_hole(GATEWAY, EPOCH, 3, site=SITE, who="sok", why="", at=9.0)
    assert verdicts(ledger, sealed(2)) == ["conflict"]


def test_a_late_will_of_an_older_connection_is_ignored(ledger: Ledger) -> None:
    def state(word: str, conn: int, at: float) -> str | None:
        ledger.append([], [StateNote(SITE, GATEWAY, at, word, "b", EPOCH, conn)])
        status = ledger.status(GATEWAY)
        assert status is not None
        return f"{status.state} {status.state_at}"

    assert state("online", 7, 1.0) == "online 1.0"
    assert state("offline", 6, 2.0) == "online 1.0"
    assert state("online", 7, 3.0) == "online 1.0"
    assert state("offline", 7, 4.0) == "offline 4.0"


def test_a_birth_stores_the_configuration_for_ever(ledger: Ledger) -> None:
    ledger.append([], [BirthNote(SITE, GATEWAY, 1.0, '{"a":1}', EPOCH, ("cafe", '{"x":1}'), 5, 2)])
    ledger.append([], [BirthNote(SITE, GATEWAY, 2.0, '{"a":2}', EPOCH, ("beef", '{"x":2}'), 0, 2)])
    assert ledger.configuration("cafe") == '{"x":1}'
    status = ledger.status(GATEWAY)
    assert status is not None
    assert (status.birth, status.backlog, status.drops) == ('{"a":2}', 0, 2)
