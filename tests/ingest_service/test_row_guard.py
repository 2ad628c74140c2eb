"""One row that the projector cannot digest is set aside, seen, and taken in on order; the others go on."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest_service.intake import Intake
from ingest_service.ledger.port import QuarantineEntry
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.projection import CURSOR
from ingest_service.quarantine import Quarantine
from ingest_service.series.sqlite import open_series
from ingest_service.set_aside import PROJECTION
from ingest_service.trials import MOST_TRIES, Trials
from tests.forked import in_a_process
from tests.ingest_service import failing_projector
from tests.ingest_service.gateways import NOW, Device, arrival, reading, snapshot

BAD = "0" * 32
GOOD = Device().cfg
BATCHES, BAD_ROW = 7, 3


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A ledger of seven batches; the third has another configuration."""
    device = Device()
    ledger = open_ledger(tmp_path)
    intake = Intake(ledger, snapshot)
    for number in range(1, BATCHES + 1):
        device.cfg = BAD if number == BAD_ROW else GOOD
        frame = device.batch(reading(value=20.0 + number, at=NOW + number))
        intake.take([arrival(frame, at=NOW + number)], NOW + number)
    ledger.close()
    return tmp_path


def project(data_dir: Path, how: str) -> int:
    """Let a projector run in a process of its own until it ends; its exit code, or minus the signal."""
    return in_a_process(lambda: failing_projector.project(data_dir, how, BAD))


def values(data_dir: Path) -> list[float]:
    series = open_series(data_dir, read_only=True)
    channel = series.channel("kh-f0123-a", "st1", "ta")
    found = [] if channel is None else [p.value for p in series.points_between(channel.id, 0, 1e10)]
    series.close()
    return found


def entries(data_dir: Path) -> list[QuarantineEntry]:
    ledger = open_ledger(data_dir, read_only=True)
    found = ledger.quarantine()
    ledger.close()
    return found


def events(data_dir: Path) -> list[tuple[str, str]]:
    ledger = open_ledger(data_dir, read_only=True)
    (entry,) = ledger.quarantine()
    found = [(e.who, e.action) for e in ledger.quarantine_events(entry.id)]
    ledger.close()
    return found


def order(data_dir: Path) -> None:
    """What a person does on the quarantine page."""
    ledger = open_ledger(data_dir)
    (entry,) = ledger.quarantine()
    desk = Quarantine(ledger, Intake(ledger, snapshot))
    assert desk.inspect(entry.id).replayable
    outcome = desk.replay(entry.id, who="an engineer", now=NOW)
    assert (outcome.verdict, outcome.code, outcome.row) == ("duplicate", PROJECTION, BAD_ROW)
    ledger.close()


OTHERS = [20.0 + number for number in range(1, BATCHES + 1) if number != BAD_ROW]


def test_a_row_that_fails_alone_in_three_processes_is_set_aside_with_the_traceback(data_dir: Path) -> None:
    # With the rows around it, then alone. Before the third time alone nobody is told: it may be passing.
    for _ in range(MOST_TRIES):
        assert project(data_dir, "raise") == 1
        assert entries(data_dir) == []
    assert project(data_dir, "raise") == 0
    assert values(data_dir) == OTHERS
    (entry,) = entries(data_dir)
    assert (entry.code, entry.ledger_row, entry.gateway, entry.settled) == (
        "projection",
        BAD_ROW,
        "kh-f0123-a",
        0,
    )
    assert "RuntimeError: nobody foresaw this" in entry.detail
    assert "Traceback" in entry.detail


def test_a_row_that_kills_the_process_is_set_aside_too(data_dir: Path) -> None:
    for _ in range(1 + MOST_TRIES):
        assert project(data_dir, "kill") == -signal.SIGKILL
        assert entries(data_dir) == []
    assert project(data_dir, "kill") == 0
    assert values(data_dir) == OTHERS
    assert [e.ledger_row for e in entries(data_dir)] == [BAD_ROW]
    assert "without a word" in entries(data_dir)[0].detail


def test_a_passing_trouble_costs_nothing(data_dir: Path) -> None:
    for how in ("kill", "raise", "never"):
        project(data_dir, how)
    assert values(data_dir) == [20.0 + number for number in range(1, BATCHES + 1)]
    assert entries(data_dir) == []


@pytest.fixture
def set_aside(data_dir: Path) -> Path:
    while project(data_dir, "raise"):
        pass
    return data_dir


def test_after_an_upgrade_a_person_has_it_taken_in(set_aside: Path) -> None:
    order(set_aside)
    assert project(set_aside, "never") == 0
    assert values(set_aside) == [20.0 + number for number in range(1, BATCHES + 1)]
    assert events(set_aside) == [("an engineer", "replay ordered"), ("projector", "replayed")]
    assert entries(set_aside)[0].settled == 1
    assert project(set_aside, "never") == 0
    assert len(events(set_aside)) == 2


def test_ordered_too_early_it_stays_aside_and_says_why(set_aside: Path) -> None:
    order(set_aside)
    assert project(set_aside, "raise") == 0
    assert events(set_aside)[-1] == ("projector", "refused again")
    order(set_aside)
    for _ in range(MOST_TRIES):
        assert project(set_aside, "kill") == -signal.SIGKILL
    assert project(set_aside, "kill") == 0
    assert events(set_aside)[-1] == ("projector", "refused again")
    assert values(set_aside) == OTHERS
    order(set_aside)
    assert project(set_aside, "never") == 0
    assert len(values(set_aside)) == BATCHES


def test_a_series_that_is_built_again_passes_over_what_is_aside_and_has_what_was_taken_in(
    set_aside: Path,
) -> None:
    def build_again() -> None:
        series = open_series(set_aside)
        series.wipe()
        series.close()
        assert project(set_aside, "never") == 0

    build_again()
    assert values(set_aside) == OTHERS
    order(set_aside)
    project(set_aside, "never")
    build_again()
    assert len(values(set_aside)) == BATCHES


def test_a_row_that_was_damaged_in_the_file_is_shown_and_passed_over(data_dir: Path) -> None:
    raw = sqlite3.connect(data_dir / "ledger.sqlite")
    raw.execute("DROP TRIGGER batches_update")
    raw.execute("UPDATE batches SET payload = x'7b7d' WHERE row = ?", (BAD_ROW,))
    raw.commit()
    raw.close()
    assert project(data_dir, "never") == 0
    assert values(data_dir) == OTHERS
    (entry,) = entries(data_dir)
    assert (entry.code, entry.ledger_row) == ("projection", BAD_ROW)
    assert "a frame has 3 lines" in entry.detail


def test_the_cursor_stands_on_the_last_row_whatever_was_set_aside(set_aside: Path) -> None:
    series = open_series(set_aside, read_only=True)
    assert series.cursor(CURSOR) == BATCHES
    series.close()


# -- what is remembered --------------------------------------------------------------------------------


def groups(trials: Trials, *names: str) -> list[list[str]]:
    return list(trials.groups(names, str))


def test_what_a_dead_process_was_trying_is_tried_alone_by_the_next(tmp_path: Path) -> None:
    first = Trials(tmp_path / "t")
    assert groups(first, "a", "b", "c", "d") == [["a", "b", "c", "d"]]
    first.begin(["b", "c"])
    first.close()
    second = Trials(tmp_path / "t")
    assert groups(second, "a", "b", "c", "d") == [["a"], ["b"], ["c"], ["d"]]
    second.passed(["b"])
    assert groups(second, "a", "b", "c", "d", "e") == [["a", "b"], ["c"], ["d", "e"]]
    second.close()
    assert groups(Trials(tmp_path / "t"), "b", "c") == [["b"], ["c"]]


def test_only_failing_alone_counts(tmp_path: Path) -> None:
    for _ in range(9):
        trials = Trials(tmp_path / "t", apart_s=0.0)
        trials.begin(["a", "b"])
        trials.close()
    for times in range(MOST_TRIES):
        trials = Trials(tmp_path / "t", apart_s=0.0)
        assert not trials.spent("a"), times
        trials.begin(["a"])
        trials.close()
    trials = Trials(tmp_path / "t", apart_s=0.0)
    assert trials.spent("a")
    assert not trials.spent("b")
    trials.passed(["a"])
    assert not trials.spent("a")


def test_a_restart_for_another_reason_counts_nothing(tmp_path: Path) -> None:
    ends: list[Callable[[Trials], None]] = [lambda t: t.wait(), lambda t: t.passed(["a"])]
    for end in ends:
        trials = Trials(tmp_path / "t", apart_s=0.0)
        trials.begin(["a"])
        end(trials)
        trials.close()
        again = Trials(tmp_path / "t", apart_s=0.0)
        assert groups(again, "a", "b") == [["a", "b"]]
        again.close()


def test_two_living_processes_do_not_share_a_file_and_a_torn_file_says_nothing(tmp_path: Path) -> None:
    one, other = Trials(tmp_path / "t", apart_s=0.0), Trials(tmp_path / "t", apart_s=0.0)
    one.begin(["a"])
    other.begin(["b"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t-1.json", "t-2.json"]
    one.close()
    other.close()
    (tmp_path / "t-1.json").write_bytes(b'{"trying":["a"')
    for text in (b"", b"[]\n", b'{"trying":1,"tries":{}}\n', b'{"trying":["a"],"tries":[]}\n', b"\xff\n"):
        (tmp_path / "t-1.json").write_bytes(text)
        again = Trials(tmp_path / "t", apart_s=0.0)
        assert not again.spent("a")
        again.close()
    assert groups(Trials(tmp_path / "gone" / "t"), "a") == [["a"]]
