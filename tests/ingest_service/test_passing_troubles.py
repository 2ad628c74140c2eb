"""What is never a payload's or a row's fault: nothing is set aside for it, and nothing acknowledged."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_service.intake import Intake
from ingest_service.ledger.port import Accepted, Ledger, LedgerError, UnfitError
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.passing import is_passing
from ingest_service.payload_guard import PayloadGuard
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.row_guard import RowGuard
from ingest_service.series.sqlite import open_series
from ingest_service.set_aside import SetAside
from ingest_service.trials import APART_S, MOST_TRIES, Trials, excuse_all
from tests.forked import in_a_process
from tests.ingest_service import failing_projector
from tests.ingest_service.gateways import FOREIGN, NOW, SIGNED, Device, arrival, reading, snapshot
from tests.ingest_service.ledgers import ENGINES, LedgerPlace, ledger_place
from tests.ingest_service.test_projection import Flow


def out_of_memory(*_: object) -> RegisterSnapshot:
    raise MemoryError


def too_many_files(*_: object) -> RegisterSnapshot:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def away(*_: object) -> RegisterSnapshot:
    raise sa.exc.OperationalError("SELECT", {}, Exception("the server is away"))


def test_what_the_machine_and_the_stores_say_passes_and_what_the_content_causes_does_not() -> None:
    passing = [
        MemoryError(), OSError(errno.ENOSPC, ""), ConnectionResetError(), TimeoutError(), LedgerError(),
        sa.exc.OperationalError("", {}, Exception()),
    ]  # fmt: skip
    lasting = [
        UnfitError(), OSError(errno.EOVERFLOW, ""), OverflowError(), RecursionError(), KeyError(),
        sa.exc.DataError("", {}, Exception()),
    ]  # fmt: skip
    assert [is_passing(error) for error in passing] == [True] * len(passing)
    assert [is_passing(error) for error in lasting] == [False] * len(lasting)


@pytest.mark.parametrize("trouble", [out_of_memory, too_many_files, away])
def test_a_trouble_of_the_machine_while_one_is_checked_puts_it_not_aside_and_holds_up_no_other(
    trouble: Callable[..., RegisterSnapshot], tmp_path: Path
) -> None:
    class Troubled(RegisterSnapshot):
        key = trouble  # type: ignore[assignment]

    register = [Troubled(sites=[], gateways=[SIGNED], keys=[])]
    ledger = open_ledger(tmp_path)
    intake = Intake(ledger, lambda: register[0], guard=PayloadGuard(Trials(apart_s=0.0)))
    frame = Device().batch()
    told = [intake.take([arrival(frame), arrival(b"{torn")], NOW) for _ in range(2 * MOST_TRIES)]
    assert {tuple(outcome.verdict for outcome in one) for one in told} == {("refused", "quarantined")}
    register[0] = snapshot()  # type: ignore[call-overload]
    assert [outcome.verdict for outcome in intake.take([arrival(frame)], NOW)] == ["new"]
    assert [entry.code for entry in ledger.quarantine()] == ["frame"]
    ledger.close()


def test_a_ledger_without_memory_puts_nothing_aside(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    append, ledger.append = ledger.append, out_of_memory  # type: ignore[assignment, method-assign]
    intake = Intake(ledger, snapshot, guard=PayloadGuard(Trials(apart_s=0.0)))
    frame = Device().batch()
    for _ in range(2 * MOST_TRIES):
        with pytest.raises(LedgerError):
            intake.take([arrival(frame)], NOW)
    ledger.append = append  # type: ignore[method-assign]
    assert [outcome.verdict for outcome in intake.take([arrival(frame)], NOW)] == ["new"]
    ledger.close()


# -- restarts ------------------------------------------------------------------------------------------


def test_failures_in_quick_succession_count_once(tmp_path: Path) -> None:
    clock = [NOW]
    counted = []
    for wait in (0.0, 0.3, 0.3, APART_S, 0.3, APART_S):
        clock[0] += wait
        trials = Trials(tmp_path / "t", now=lambda: clock[0])
        counted.append(trials.spent("a"))
        trials.begin(["a"])
        trials.close()
    assert counted == [False] * 5 + [True]


def test_a_clock_that_is_set_back_does_not_hold_the_count() -> None:
    clock = [NOW]
    trials = Trials(now=lambda: clock[0])
    for _ in range(MOST_TRIES):
        assert not trials.spent("a")
        trials.failed(["a"])
        clock[0] -= 3600.0
    assert trials.spent("a")


def test_what_failed_on_another_day_is_forgotten(tmp_path: Path) -> None:
    clock = [NOW]
    for _ in range(9):
        trials = Trials(tmp_path / "t", now=lambda: clock[0])
        assert not trials.spent("a")
        trials.begin(["a"])
        trials.close()
        clock[0] += 2 * 86_400.0


def test_a_process_that_was_asked_to_stop_and_then_killed_blames_nothing(tmp_path: Path) -> None:
    def stopped() -> None:
        trials = Trials(tmp_path / "t", apart_s=0.0)
        trials.begin(["a"])
        excuse_all()
        trials.begin(["a"])
        os.kill(os.getpid(), signal.SIGKILL)

    for _ in range(1 + MOST_TRIES):
        assert in_a_process(stopped) == -signal.SIGKILL
    trials = Trials(tmp_path / "t")
    assert list(trials.groups(["a", "b"], str)) == [["a", "b"]]
    trials.close()


def test_restarts_within_seconds_that_hit_the_same_row_each_time_do_not_cost_it(tmp_path: Path) -> None:
    device = Device()
    ledger = open_ledger(tmp_path)
    Intake(ledger, snapshot).take([arrival(device.batch())], NOW)
    for _ in range(2 * MOST_TRIES):
        killed = in_a_process(lambda: failing_projector.project(tmp_path, "kill", device.cfg, APART_S))
        assert killed == -signal.SIGKILL
    assert in_a_process(lambda: failing_projector.project(tmp_path, "never", device.cfg, APART_S)) == 0
    assert ledger.quarantine() == []
    ledger.close()
    series = open_series(tmp_path, read_only=True)
    assert series.channel(SIGNED.id, "st1", "ta") is not None
    series.close()


# -- a row that cannot be read -------------------------------------------------------------------------


def damage(data_dir: Path, row: int) -> None:
    raw = sqlite3.connect(data_dir / "ledger.sqlite")
    raw.execute("DROP TRIGGER batches_update")
    raw.execute("UPDATE batches SET payload = x'7b7d' WHERE row = ?", (row,))
    raw.commit()
    raw.close()


def guarded(flow: Flow) -> RowGuard:
    return RowGuard(None, SetAside(flow.ledger, lambda: open_ledger(flow.data_dir), lambda: NOW))


def test_a_held_row_that_was_damaged_is_set_aside_itself_not_the_one_that_anchors_it(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    device = Device(clk="none", err=None, off=NOW - 100.0)
    flow.take(device.batch(reading(value=20.0, at=NOW)), device.batch(reading(value=21.0, at=NOW + 1)))
    flow.project()
    assert flow.series.held_rows(SIGNED.id, device.boot) == [1, 2]
    damage(tmp_path, 1)
    device.clk, device.err = "srv", 0.2
    flow.take(device.batch(reading(value=22.0, at=NOW + 2), anchors=((100.0, NOW, 0.2, "srv"),)))
    flow.projector._guard = guarded(flow)
    flow.project()
    assert [entry.ledger_row for entry in flow.ledger.quarantine(code="projection")] == [1]
    assert [value for _, value, _ in flow.values(f"{SIGNED.id}/st1/ta")] == [21.0, 22.0]
    flow.close()


def test_of_a_row_that_is_set_aside_nothing_is_in_the_series(tmp_path: Path) -> None:
    """So that a series built again is the same."""
    flow = Flow(tmp_path)
    device = Device()
    flow.take(*(device.batch(reading(value=value, at=NOW + value)) for value in (1.0, 2.0, 3.0)))
    damage(tmp_path, 2)
    flow.projector._guard = guarded(flow)
    flow.project()
    assert [value for _, value, _ in flow.values(f"{SIGNED.id}/st1/ta")] == [1.0, 3.0]
    before = flow.digest()
    flow.series.wipe()
    flow.projector = flow.new_projector()
    flow.projector._guard = guarded(flow)
    flow.project()
    assert flow.digest() == before
    assert [entry.times for entry in flow.ledger.quarantine(code="projection")] == [1]
    flow.close()


# -- what a store refuses for ever ---------------------------------------------------------------------


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> LedgerPlace:
    return ledger_place(request, tmp_path)


def test_what_a_ledger_refuses_for_its_content_stops_nobody_else(place: LedgerPlace) -> None:
    ledger = place.open()
    device = Device()
    frames = [device.batch(reading(value=value)) for value in (20.0, 21.0)]
    bad = payload_without_a_site(ledger, frames[0])
    intake = Intake(ledger, snapshot, guard=PayloadGuard(Trials(apart_s=0.0)))
    told = [intake.take([arrival(frame) for frame in frames], NOW) for _ in range(MOST_TRIES)]
    assert [[outcome.verdict for outcome in one] for one in told] == [
        ["refused", "new"], ["refused", "duplicate"], ["quarantined", "duplicate"]
    ]  # fmt: skip
    (entry,) = ledger.quarantine()
    assert (entry.code, ledger.quarantined_payload(entry.id)) == ("fault", bad)
    ledger.close()


def payload_without_a_site(ledger: Ledger, payload: bytes) -> bytes:
    """Let the ledger be given a row that its own tables refuse, as of a program that is wrong."""
    append = ledger.append

    def wrong(entries: list[Accepted], notes: object = ()) -> object:
        for entry in entries:
            if isinstance(entry, Accepted) and entry.payload == payload:
                object.__setattr__(entry, "site", None)
        return append(entries, notes)  # type: ignore[arg-type]

    ledger.append = wrong  # type: ignore[assignment, method-assign]
    return payload


def test_a_nul_in_what_is_quoted_is_kept_by_every_engine(place: LedgerPlace) -> None:
    ledger = place.open()
    intake = Intake(ledger, snapshot)
    unit = rb'[{"bn":"kh-f0123-a/","bt":1767225700,"bver":26,"n":"st1/ta","u":"\u0000","v":1}]'
    version = rb'{"v":"\u0000","gw":"kh-f0123-a"}' + b"\n[]\n"
    foreign = rb'[{"n":"room\u0000","v":1}]'
    sealed = arrival(Device().batch(pack=unit, n=1))
    arrivals = [sealed, arrival(version), arrival(foreign, gateway=FOREIGN.id)]
    assert [(o.verdict, o.code) for o in intake.take(arrivals, NOW)] == [
        ("new", None), ("quarantined", "version"), ("quarantined", "senml")
    ]  # fmt: skip
    assert sorted(entry.code for entry in ledger.quarantine()) == ["senml", "senml", "version"]
    ledger.close()
