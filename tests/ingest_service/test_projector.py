import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest_service import heartbeat, projector
from ingest_service.database import migrate, open_database
from ingest_service.intake import Intake
from ingest_service.ledger.sqlite import SqliteLedger, open_ledger
from ingest_service.projector import Loop, rebuild
from ingest_service.series.port import SeriesError
from ingest_service.series.sqlite import open_series
from ingest_service.settings import Settings
from tests.ingest_service.gateways import NOW, Device, arrival, reading, snapshot
from tests.servers import wait_for

ROOT = Path(__file__).parents[2]


RUN = """
import sys, threading
from pathlib import Path
from ingest_service.settings import Settings
projector.run(Settings(data_dir=Path(sys.argv[1])), threading.Event())
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    opened = open_ledger(tmp_path)
    yield opened
    opened.close()


def fill(ledger: SqliteLedger, device: Device, batches: int) -> None:
    frames = [device.batch(reading(at=NOW - 3600 + device.seq)) for _ in range(batches)]
    Intake(ledger, snapshot).take([arrival(frame) for frame in frames], NOW)


def projected(data_dir: Path) -> int:
    series = open_series(data_dir, read_only=True)
    channel = series.channel("kh-f0123-a", "st1", "ta")
    points = [] if channel is None else series.points_between(channel.id, 0, 1e10)
    series.close()
    return len(points)


def run_until(settings: Settings, reached: Callable[[], bool]) -> None:
    """The runner in a thread of the test, until the condition holds."""
    stop = threading.Event()
    runner = threading.Thread(target=projector.run, args=(settings, stop))
    runner.start()
    try:
        wait_for(reached, what="the projection")
    finally:
        stop.set()
        runner.join()


def test_the_runner_projects_rolls_up_and_says_how_far_it_is(tmp_path: Path, ledger: SqliteLedger) -> None:
    fill(ledger, Device(), 120)
    run_until(
        Settings(data_dir=tmp_path),
        lambda: (
            "projector" in heartbeat.read_all(tmp_path)
            and heartbeat.read_all(tmp_path)["projector"].facts["cursor"] == 120
        ),
    )
    assert projected(tmp_path) == 120
    series = open_series(tmp_path, read_only=True)
    (entry,) = series.channels()
    minutes = series.minutes_between([entry.id], 0, 2**40)
    assert sum(minute.n for minute in minutes) == 120
    series.close()


def test_killed_in_the_middle_and_started_again_it_projects_every_row_once(
    tmp_path: Path, ledger: SqliteLedger
) -> None:
    settings = Settings(data_dir=tmp_path)
    engine = open_database(tmp_path)
    migrate(engine)
    engine.dispose()
    device = Device()
    fill(ledger, device, 200)
    code = f"from ingest_service import projector\nprojector.PORTION = 7\n{RUN}"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT) as doomed:
        wait_for(lambda: projected(tmp_path) > 0, within_s=30, what="the first points")
        doomed.kill()
        assert doomed.wait(10) == -signal.SIGKILL
    fill(ledger, device, 50)
    run_until(settings, lambda: projected(tmp_path) == 250)
    assert projected(tmp_path) == 250


def test_a_series_that_cannot_be_written_is_waited_for() -> None:
    class FullDisk:
        cursor = 0

        def step(self, _limit: int) -> int:
            raise SeriesError("database or disk is full")

    loop = Loop(FullDisk(), None)  # type: ignore[arg-type]
    loop.step(NOW)
    first = loop.pause_s
    loop.step(NOW)
    assert 0 < first < loop.pause_s
    assert loop.trouble == "database or disk is full"


def test_rebuilding_starts_from_the_first_row(tmp_path: Path, ledger: SqliteLedger) -> None:
    settings = Settings(data_dir=tmp_path)
    fill(ledger, Device(), 10)
    run_until(settings, lambda: projected(tmp_path) == 10)
    rebuild(settings)
    assert projected(tmp_path) == 0
    run_until(settings, lambda: projected(tmp_path) == 10)


def test_after_an_older_ledger_was_restored_the_series_is_made_again_from_it(
    tmp_path: Path, ledger: SqliteLedger
) -> None:
    fill(ledger, Device(), 3)
    settings = Settings(data_dir=tmp_path)
    series = open_series(tmp_path)
    series.set_cursor("ledger", 10)  # what an earlier, longer ledger had led to
    series.close()
    run_until(settings, lambda: projected(tmp_path) == 3)
