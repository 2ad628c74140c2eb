"""Gateways whose clock jumps while they say that it is right: where their readings are placed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alert_rules.messages import notice_words
from ingest_service.cases.doubting import clocks
from ingest_service.language import translator
from ingest_service.register.entries import ExpectedChannel
from ingest_service.series.clocks import GatewayClock
from osh_domain.quality import Grade
from tests.ingest_service.gateways import NOW, SIGNED, Device, reading
from tests.ingest_service.test_projection import Flow

TA = "kh-f0123-a/st1/ta"
RIGHT = NOW - 100.0


@pytest.fixture
def flow(tmp_path: Path) -> Iterator[Flow]:
    built = Flow(tmp_path)
    yield built
    built.close()


def deliver(flow: Flow, device: Device, t: float, *, wrong: float = 0.0, delay: float = 2.0) -> None:
    """A reading taken at `t` by a clock that is wrong by so much [s] arrives `delay` after it was taken."""
    device.off, device.mono = RIGHT + wrong, (t - RIGHT - 1.0, t - RIGHT)
    flow.take(device.batch(reading(at=t + wrong)), at=t + delay)
    flow.project()


def times(flow: Flow) -> list[float]:
    return [time - NOW for time, _, _ in flow.values(TA)]


@pytest.mark.parametrize("wrong", [-7200.0, 7200.0, -400.0])
def test_readings_of_a_clock_that_jumped_are_placed_by_the_clock_that_did_not(
    flow: Flow, wrong: float
) -> None:
    device = Device()
    deliver(flow, device, NOW)
    for minute in (1, 2):
        deliver(flow, device, NOW + 60.0 * minute, wrong=wrong)
    assert times(flow) == [0.0, 60.0, 120.0]
    (clock,) = flow.series.wrong_clocks()
    assert (clock.gateway, clock.wrong_since, clock.behind) == (SIGNED.id, NOW + 62.0, -wrong)
    deliver(flow, device, NOW + 180.0)
    assert times(flow) == [0.0, 60.0, 120.0, 180.0]
    assert flow.series.wrong_clocks() == []
    assert {grade for _, _, grade in flow.values(TA)} == {Grade.B}


def test_a_backlog_keeps_its_times(flow: Flow) -> None:
    device = Device()
    deliver(flow, device, NOW)
    for minute in (10, 20, 30):
        deliver(flow, device, NOW + 60.0 * minute, delay=7200.0 - 60.0 * minute)
    assert times(flow) == [0.0, 600.0, 1200.0, 1800.0]
    assert flow.series.wrong_clocks() == []


def test_a_clock_that_was_set_right_after_the_start_is_not_called_wrong(flow: Flow) -> None:
    device = Device()
    deliver(flow, device, NOW, wrong=-7200.0)
    deliver(flow, device, NOW + 60.0)
    assert flow.series.wrong_clocks() == []


def test_a_new_boot_with_a_right_clock_ends_what_the_old_one_had_wrong(flow: Flow) -> None:
    device = Device()
    deliver(flow, device, NOW)
    deliver(flow, device, NOW + 60.0, wrong=-7200.0)
    device.boot = "dddddddddddddddd"
    deliver(flow, device, NOW + 120.0)
    assert flow.series.wrong_clocks() == []


def test_after_days_the_boot_clock_has_drifted_too_far_and_readings_wait(flow: Flow) -> None:
    device = Device()
    deliver(flow, device, NOW)
    deliver(flow, device, NOW + 8 * 86400.0, wrong=-7200.0)
    assert times(flow) == [0.0]
    assert [one.batches for one in flow.series.held()] == [1]


def test_killed_in_between_and_built_again_the_times_are_the_same(flow: Flow) -> None:
    device = Device()
    for minute in range(6):
        deliver(flow, device, NOW + 60.0 * minute, wrong=-7200.0 if 2 <= minute < 5 else 0.0)
        flow.projector = flow.new_projector()
    first = flow.digest()
    flow.series.wipe()
    flow.projector = flow.new_projector()
    flow.project(portion=4)
    assert flow.digest() == first


def test_a_clock_is_remembered_by_gateway_and_boot(flow: Flow) -> None:
    clock = GatewayClock("g", "b", 1.0, 2.0, 0.1, 1.0)
    flow.series.set_gateway_clock(clock)
    assert flow.series.gateway_clock("g", "b") == clock
    assert flow.series.gateway_clock("g", "c") is None


def test_a_wrong_clock_is_doubted_of_every_sensor_of_its_gateway_and_told_in_one_line() -> None:
    expected = [
        ExpectedChannel(gateway, sensor, quantity, 60.0, 0.0, None)
        for gateway in ("g-a", "g-b")
        for sensor, quantity in (("st1", "ta"), ("st1", "rh"), ("mic1", "la.eq60"))
    ]
    wrong = [GatewayClock("g-b", "b", 1.0, 2.0, 0.1, 1.0, wrong_since=NOW, behind=7200.0)]
    doubts = list(clocks(expected, wrong))
    assert [(one.sensor, one.since) for one in doubts] == [("g-b/mic1", NOW), ("g-b/st1", NOW)]
    event = {
        "hazard": "device", "cause": "clock", "site_name": "F", "zone_name": "", "timezone": "UTC", "at": NOW,
        "since": NOW, "severity": "warning", "doubts": [{"sensor": d.sensor, **d.detail} for d in doubts],
    }  # fmt: skip
    words = notice_words("opened", event, "", translator("en"))
    assert "Clock is wrong" in words.subject
    assert words.body.count("g-b: its clock is 120 min behind, though it says that it is right.") == 1
