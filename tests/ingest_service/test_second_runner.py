"""A second alerts runner on the same data directory: it waits, and takes over when the first ends."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from alert_rules.notifier import AppriseNotifier
from ingest_service.alert_runner import run
from ingest_service.heartbeat import read_all
from ingest_service.register.store import Register
from ingest_service.series.sqlite import open_series
from ingest_service.settings import Settings
from tests.ingest_service.plant import START, Plant


def wait_for(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20.0
    while not done() and time.monotonic() < deadline:
        threading.Event().wait(0.05)
    assert done()


def test_a_second_runner_waits_and_then_takes_over_without_telling_twice(
    engine: sa.Engine,
    register: Register,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    series = open_series(tmp_path / "data")
    plant = Plant(engine, register, series)
    plant.measure([31.2] * 12, START + 1)
    settings = Settings(data_dir=tmp_path / "data", clock=f"1@{time.time()!r}={60.0 * (START + 12) + 2.0!r}")
    monkeypatch.setattr(AppriseNotifier, "send", lambda *_: "accepted by nobody")
    stops = [threading.Event(), threading.Event()]
    runners = [threading.Thread(target=run, args=(settings, stop)) for stop in stops]
    with caplog.at_level(logging.WARNING):
        try:
            runners[0].start()
            wait_for(lambda: plant.heat() and "alerts" in read_all(settings.data_dir))
            runners[1].start()
            wait_for(lambda: "another alerts runner works" in caplog.text)
            stops[0].set()
            runners[0].join(10.0)
            plant.measure([31.3], START + 13)
            wait_for(lambda: read_all(settings.data_dir)["alerts"].facts["cursor"] == 13)
        finally:
            for stop, runner in zip(stops, runners, strict=True):
                stop.set()
                runner.join(10.0)
    (case,) = plant.heat()
    assert plant.kinds(case["id"]).count("opened") == 1
    series.close()
