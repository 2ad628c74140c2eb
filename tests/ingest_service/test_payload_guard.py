"""One payload that makes the intake's own program fail, or kills it, is kept aside; all others go on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ingest_service.intake import Arrival, Intake
from ingest_service.ledger.port import Accepted, BirthNote, LedgerError, Outcome, Rejected, StateNote
from ingest_service.ledger.sqlite import SqliteLedger, open_ledger
from ingest_service.payload_guard import FAULT, PayloadGuard
from ingest_service.register.entries import GatewayKey
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.trials import MOST_TRIES, Trials
from osh_domain.batch import open_frame, payload_hash
from tests.forked import in_a_process
from tests.ingest_service.gateways import NOW, SIGNED, SITE, Device, arrival, reading, snapshot

Fail = Callable[[], None]


def raises() -> None:
    raise RuntimeError("nobody foresaw this")


def kills() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class FailingLedger:
    """A ledger that fails at one batch, as it was judged; its bare bytes it takes."""

    def __init__(self, ledger: SqliteLedger, bad: bytes, fail: Fail) -> None:
        self._append, self._bad, self._fail = ledger.append, bad, fail
        ledger.append = self.append  # type: ignore[method-assign]

    def append(
        self, entries: Sequence[Accepted | Rejected], notes: Sequence[StateNote | BirthNote] = ()
    ) -> list[Outcome]:
        if any(isinstance(entry, Accepted) and entry.payload == self._bad for entry in entries):
            self._fail()
        if any(note.gateway == "bad" for note in notes):
            self._fail()
        return self._append(entries, notes)


class FailingRegister(RegisterSnapshot):
    """A register that fails when a key is asked for: the check of every signed frame ends there."""

    fail: Fail = staticmethod(raises)

    def key(self, kid: str) -> GatewayKey | None:
        self.fail()
        return super().key(kid)


def verdicts(outcomes: Sequence[Outcome]) -> list[tuple[str, str | None]]:
    return [(outcome.verdict, outcome.code) for outcome in outcomes]


GOOD = ("new", None)


def at_once() -> PayloadGuard:
    """It gives up at the third failure, however soon that comes."""
    return PayloadGuard(Trials(apart_s=0.0))


def test_a_payload_that_cannot_be_stored_is_found_and_put_aside_at_the_third_time(tmp_path: Path) -> None:
    device = Device()
    frames = [device.batch(reading(value=value)) for value in (20.0, 21.0, 22.0)]
    ledger = open_ledger(tmp_path)
    FailingLedger(ledger, frames[1], raises)
    intake = Intake(ledger, snapshot, guard=at_once())
    first = intake.take([arrival(frame) for frame in frames], NOW)
    assert verdicts(first) == [GOOD, ("refused", None), GOOD]
    again = [verdicts(intake.take([arrival(frames[1])], NOW)) for _ in range(2)]
    assert again == [[("refused", None)], [("quarantined", FAULT)]]
    (entry,) = ledger.quarantine()
    assert (entry.code, entry.site, entry.gateway, entry.epoch, entry.seq) == (
        FAULT, SITE.id, SIGNED.id, None, None
    )  # fmt: skip
    assert "RuntimeError: nobody foresaw this" in entry.detail
    assert ledger.quarantined_payload(entry.id) == frames[1]
    # What is not in the ledger is not acknowledged: 1 is, 3 is, 2 is a hole until somebody replays it.
    standing = ledger.standing(SIGNED.id, device.epoch)
    assert (standing.cum, standing.sel) == (1, [(3, 3)])
    ledger.close()
    mended = open_ledger(tmp_path)
    assert verdicts(Intake(mended, snapshot).take([arrival(frames[1])], NOW)) == [GOOD]
    assert mended.standing(SIGNED.id, device.epoch).head == open_frame(frames[2]).batch_hash
    mended.close()


def test_a_payload_whose_check_fails_is_put_aside_at_the_third_time(tmp_path: Path) -> None:
    known = snapshot()
    broken = FailingRegister(sites=[SITE], gateways=[SIGNED], keys=[])
    register: list[RegisterSnapshot] = [broken]
    ledger = open_ledger(tmp_path)
    intake = Intake(ledger, lambda: register[0], guard=at_once())
    frame, torn = Device().batch(), b"{torn"
    for times in range(MOST_TRIES):
        told = verdicts(intake.take([arrival(frame), arrival(torn)], NOW))
        assert told == [("quarantined", FAULT) if times == 2 else ("refused", None), ("quarantined", "frame")]
    register[0] = known
    assert verdicts(intake.take([arrival(frame)], NOW)) == [GOOD]
    ledger.close()


def test_a_word_that_cannot_be_kept_takes_no_payload_with_it(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    FailingLedger(ledger, b"", raises)
    notes = [StateNote(SITE.id, name, NOW, "online", None, None, 1) for name in ("bad", SIGNED.id)]
    assert verdicts(Intake(ledger, snapshot).take([arrival(Device().batch())], NOW, notes)) == [GOOD]
    assert [status.gateway for status in ledger.statuses() if status.state] == [SIGNED.id]
    ledger.close()


def test_a_ledger_that_cannot_be_written_now_is_nobodys_fault(tmp_path: Path) -> None:
    def full() -> None:
        raise LedgerError("the disk is full")

    frame = Device().batch()
    ledger = open_ledger(tmp_path)
    trials = Trials(tmp_path / "trials", apart_s=0.0)
    FailingLedger(ledger, frame, full)
    intake = Intake(ledger, snapshot, guard=PayloadGuard(trials))
    for _ in range(2 * MOST_TRIES):
        with pytest.raises(LedgerError):
            intake.take([arrival(frame)], NOW)
    assert not trials.spent(payload_hash(frame))
    assert ledger.quarantine() == []
    trials.close()
    ledger.close()


def _in_a_process(data_dir: Path, arrivals: Sequence[Arrival], bad: bytes, fail: Fail | None) -> int:
    """Take them in by another process, as the intake runner does; its exit code, or minus the signal."""

    def take() -> None:
        ledger = open_ledger(data_dir)
        if fail is not None:
            FailingLedger(ledger, bad, fail)
        guard = PayloadGuard(Trials(data_dir / "trials" / "intake", apart_s=0.0))
        Intake(ledger, snapshot, guard=guard).take(arrivals, NOW)
        ledger.close()

    return in_a_process(take)


def test_a_payload_that_kills_the_process_is_put_aside_and_the_others_are_taken_in(tmp_path: Path) -> None:
    device = Device()
    frames = [device.batch(reading(value=value)) for value in (20.0, 21.0, 22.0)]
    arrivals = [arrival(frame) for frame in frames]
    # Together; then alone, by which the first comes in each time.
    ends = [_in_a_process(tmp_path, arrivals, frames[1], kills) for _ in range(1 + MOST_TRIES)]
    assert set(ends) == {-signal.SIGKILL}
    assert _in_a_process(tmp_path, arrivals, frames[1], kills) == 0
    ledger = open_ledger(tmp_path)
    assert [row.seq for row in ledger.rows(0, 9)] == [1, 3]
    (entry,) = ledger.quarantine()
    assert (entry.code, entry.payload_hash) == (FAULT, payload_hash(frames[1]))
    assert "without a word" in entry.detail
    ledger.close()
    assert _in_a_process(tmp_path, arrivals, b"", None) == 0
    ledger = open_ledger(tmp_path)
    assert ledger.standing(SIGNED.id, device.epoch).cum == 3
    ledger.close()


def test_a_process_that_was_killed_for_another_reason_costs_no_payload(tmp_path: Path) -> None:
    arrivals = [arrival(frame) for device in [Device()] for frame in [device.batch(), device.batch()]]
    for _ in range(2):
        assert _in_a_process(tmp_path, arrivals, arrivals[0].payload, kills) == -signal.SIGKILL
    assert _in_a_process(tmp_path, arrivals, b"", None) == 0
    ledger = open_ledger(tmp_path)
    assert sorted(row.seq or 0 for row in ledger.rows(0, 9)) == [1, 2]
    assert ledger.quarantine() == []
    ledger.close()
