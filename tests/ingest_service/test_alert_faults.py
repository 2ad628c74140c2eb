"""The alerts runner that dies at any statement, or is killed: it repeats nothing and forgets nothing."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingest_service.alert_cycle import AlertCycle
from ingest_service.cases.runner_life import ALIVE, STARTED
from ingest_service.cases.schema import (
    CASE_EVENTS,
    CASES,
    JUDGED_SHIFTS,
    JUDGEMENTS,
    NOTICES,
    RULE_STATES,
    RUNNER_CURSORS,
)
from ingest_service.database import migrate, open_database
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from ingest_service.series.port import ExposureRow
from ingest_service.series.sqlite import SqliteSeries, open_series
from tests.ingest_service.plant import NIGHT_END, START, ZONE, HandClock, shipped_packs

TABLES = (CASES, CASE_EVENTS, NOTICES, JUDGEMENTS, RULE_STATES, RUNNER_CURSORS, JUDGED_SHIFTS)
# A raise, a worse one, an end, a shift that ends, late data; each step is (minutes after it, rows).
VALUES = [29.2] * 12 + [31.2] * 12 + [27.0] * 31


Content = dict[str, list[str]]


class PowerCut(BaseException):
    """Not an error that anybody handles."""


def exposure(minute: int, value: float, kind: str = "wbgt_eff.twa60") -> ExposureRow:
    return ExposureRow(ZONE, kind, minute, value, 1.0, 60, 60, 0.0, "measured_globe", 0, "1")


def cycle(engine: sa.Engine, register: Register, series: SqliteSeries, clock: HandClock) -> AlertCycle:
    # The watch for silence waits a while after each start, so it is not the same with and without restarts.
    packs = [pack for pack in shipped_packs() if pack.pack != "intl-watch"]
    return AlertCycle(
        engine, register, series, packs, clock=clock, link_base="http://osh.example", live_age_s=900.0
    )


def story(series: SqliteSeries, clock: HandClock) -> Iterator[str]:
    """What happens, step by step; after each the runner looks."""
    for chunk in range(0, len(VALUES), 11):
        rows = [exposure(START + 1 + n, VALUES[n]) for n in range(chunk, min(chunk + 11, len(VALUES)))]
        series.write_exposures(rows)
        clock.t = 60.0 * rows[-1].minute + 2.0
        yield "hot, worse, over"
    series.write_exposures([exposure(START + 90 + n, 31.2) for n in range(12)])
    clock.t = 60.0 * (START + 102)
    yield "it begins again"
    clock.t += 2 * 3600.0 + 60.0
    yield "escalation is due"
    series.write_exposures([exposure(START + 60 + n, 31.0, "la.lex8h") for n in range(3)])
    series.write_exposures([exposure(START + 130 + n, 88.0, "la.lex8h") for n in range(20)])
    yield "loud minutes come late"
    clock.t = 60.0 * (START + 10 * 60)
    yield "the shift is over"
    clock.t += 86400.0
    yield "a day later"


def content(engine: sa.Engine) -> Content:
    with engine.connect() as connection:
        return {
            table.name: sorted(
                repr(tuple(row))
                for row in connection.execute(sa.select(table))
                if row[0] not in {STARTED, ALIVE}
            )
            for table in TABLES
        }


@contextmanager
def cut_after(engine: sa.Engine, statements: int) -> Iterator[list[int]]:
    """Cut the power before the n-th writing statement (counted from 0), or before its commit."""
    seen = [0]

    def before(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            if seen[0] == statements:
                raise PowerCut
            seen[0] += 1

    def commit(_conn: Any) -> None:
        if seen[0] == statements:
            raise PowerCut

    sa.event.listen(engine, "before_cursor_execute", before)
    sa.event.listen(engine, "commit", commit)
    try:
        yield seen
    finally:
        sa.event.remove(engine, "before_cursor_execute", before)
        sa.event.remove(engine, "commit", commit)


@pytest.fixture
def calm(tmp_path: Path, sample_description: Any) -> Content:
    """What is stored when nothing breaks."""
    return _play(tmp_path / "calm", sample_description, None)


def _play(folder: Path, description: Any, every: int | None) -> Content:
    """Play the story; with `every`, cut the power before every n-th write until it gets through."""
    engine = open_database(folder)
    migrate(engine)
    register = Register(engine, now=lambda: NIGHT_END - 30 * 86400.0)
    import_description(register, description, "test")
    series, clock = open_series(folder), HandClock(NIGHT_END)
    cuts = 0
    runner = cycle(engine, register, series, clock)
    for _ in story(series, clock):
        allowed = 0
        while True:
            if every is None:
                runner.judge_new()
                runner.look_at_clock()
                break
            try:
                with cut_after(engine, allowed):
                    runner.judge_new()
                    runner.look_at_clock()
                break
            except PowerCut:
                cuts += 1
                allowed += every
                runner = cycle(engine, register, series, clock)
    assert every is None or cuts > 5
    found = content(engine)
    series.close()
    engine.dispose()
    return found


@pytest.mark.parametrize("every", [1, 3])
def test_a_power_cut_before_any_statement_changes_nothing_in_the_end(
    tmp_path: Path, sample_description: Any, calm: Content, every: int
) -> None:
    found = _play(tmp_path / "cut", sample_description, every)
    kinds = {line.split("'")[1] for line in calm["case_events"]}
    assert {"opened", "cleared", "raised_again", "escalation-1", "found_afterwards"} <= kinds
    for table, rows in calm.items():
        assert found[table] == rows, table


_CHILD = """
import os, signal, sys
import sqlalchemy as sa
sys.path.insert(0, sys.argv[1])
from tests.ingest_service.plant import HandClock
from tests.ingest_service.test_alert_faults import cycle
from ingest_service.database import open_database
from ingest_service.register.store import Register
from ingest_service.series.sqlite import open_series
from pathlib import Path
folder, t, die = Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
engine, series, clock = open_database(folder), open_series(folder), HandClock(t)
seen = 0
def before(conn, cursor, statement, *rest):
    global seen
    if statement.startswith(("INSERT", "UPDATE", "DELETE")):
        if seen == die:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1
runner = cycle(engine, Register(engine), series, clock)
sa.event.listen(engine, "before_cursor_execute", before)
runner.judge_new()
runner.look_at_clock()
"""


def test_a_process_that_is_killed_while_it_writes_leaves_all_or_nothing(
    tmp_path: Path, sample_description: Any
) -> None:
    folder = tmp_path / "killed"
    engine = open_database(folder)
    migrate(engine)
    import_description(Register(engine, now=lambda: NIGHT_END - 30 * 86400.0), sample_description, "test")
    series = open_series(folder)
    series.write_exposures([exposure(START + 1 + n, 31.2) for n in range(12)])
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", _CHILD, root, str(folder), repr(60.0 * (START + 12) + 2.0)]
    before = content(engine)
    for die in (0, 3, 5):
        done = subprocess.run([*command, str(die)], check=False, capture_output=True)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert content(engine) == before
    done = subprocess.run([*command, "100000"], check=True, capture_output=True)
    after = content(engine)
    assert [line for line in after["case_events"] if "'opened'" in line]
    subprocess.run([*command, "100000"], check=True, capture_output=True)
    assert content(engine) == after
    series.close()
    engine.dispose()
