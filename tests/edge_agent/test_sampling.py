from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest

from edge_agent.clock import SimClock
from edge_agent.driver import ChannelInfo, DriverError, Sample
from edge_agent.intake import SensorIntake, channel_problem
from edge_agent.sampling import Backoff, Event, Opened, Sampler, SensorRun, Taken
from edge_agent.settings import Calibration, ChannelSettings, SensorSettings
from edge_agent.timekeeping import Timekeeper
from tests.edge_agent.scripted import T0, Scripted

TA = ChannelInfo("ta", "Cel", -40.0, 85.0, "0.2 K", 60.0)
DAY = dt.date(2026, 4, 20)


class Bench:
    """Sensors on a clock that the test moves; everything handed over is kept."""

    def __init__(self, drivers: dict[str, Scripted], period_s: float = 60.0) -> None:
        self.clock = SimClock(T0, booted_at=T0 - 100)
        self.timekeeper = Timekeeper(self.clock)
        self.sampler = Sampler(
            [SensorRun(name, driver, period_s, self.timekeeper) for name, driver in drivers.items()]
        )
        self.events: list[tuple[float, Event]] = []

    def go(self, until: float) -> None:
        """From due instant to due instant."""
        while self.sampler.next_due() <= until:
            self.clock.set(max(self.clock.wall(), self.sampler.next_due()))
            self.sampler.run_due(self.clock.wall(), self._keep)
        self.clock.set(until)

    def _keep(self, event: Event) -> None:
        self.events.append((self.clock.wall() - T0, event))

    def faults(self, sensor: str) -> list[tuple[float, str | None]]:
        return [(t, e.fault) for t, e in self.events if isinstance(e, Taken) and e.sensor == sensor]


def failing(code: str = "crc", *, permanent: bool = False) -> Scripted:
    def script() -> Sequence[Sample]:
        raise DriverError(code, "no good", permanent=permanent)  # type: ignore[arg-type]

    return Scripted(script)


def test_reads_happen_at_full_multiples_of_the_period() -> None:
    bench = Bench({"st1": Scripted()}, period_s=10.0)
    bench.clock.set(T0 + 3)
    bench.go(T0 + 35)
    assert [t for t, _ in bench.faults("st1")] == [3.0, 10.0, 20.0, 30.0]
    assert isinstance(bench.events[0][1], Opened)


def test_a_dead_sensor_does_not_delay_another() -> None:
    dead, alive = Scripted(), Scripted()
    dead.missing = True
    bench = Bench({"dead": dead, "alive": alive})
    bench.go(T0 + 600)
    assert [t for t, _ in bench.faults("alive")] == [60.0 * i for i in range(11)]
    assert {fault for _, fault in bench.faults("dead")} == {"missing"}


def test_three_failures_close_the_sensor_and_it_is_tried_again_with_growing_pauses() -> None:
    sensor = failing()
    bench = Bench({"st1": sensor}, period_s=1.0)
    bench.go(T0 + 120)
    times = [t for t, _ in bench.faults("st1")]
    assert times[:3] == [0.0, 1.0, 2.0]
    assert times[3] == 8.0  # 5 s after the third failure, at the next full second
    assert sensor.closed >= 2
    assert Backoff().pause(0) == 5.0
    assert Backoff().pause(99) == 300.0


def test_a_sensor_that_comes_back_is_read_as_before() -> None:
    sensor = Scripted()
    sensor.missing = True
    bench = Bench({"st1": sensor})
    bench.go(T0 + 60)
    sensor.missing = False
    bench.go(T0 + 300)
    assert bench.faults("st1")[-3:] == [(180.0, None), (240.0, None), (300.0, None)]


def test_a_permanent_failure_is_not_tried_again() -> None:
    sensor = failing("missing", permanent=True)
    bench = Bench({"st1": sensor})
    bench.go(T0 + 3600)
    assert sensor.reads == 1


def test_a_bug_in_a_driver_is_a_fault_of_that_sensor() -> None:
    broken = Scripted(lambda: [Sample("ta", 1 / 0)])
    bench = Bench({"st1": broken, "st2": Scripted()})
    bench.go(T0 + 60)
    assert bench.faults("st1") == [(0.0, "fault"), (60.0, "fault")]
    assert bench.faults("st2") == [(0.0, None), (60.0, None)]


def test_a_clock_set_back_does_not_silence_a_sensor() -> None:
    bench = Bench({"st1": Scripted()})
    bench.go(T0 + 60)
    bench.clock.skew_s = -3600.0
    bench.timekeeper.look()
    now = bench.timekeeper.wall()
    bench.sampler.run_due(now, lambda event: bench.events.append((0.0, event)))
    assert bench.sampler.next_due() - now <= 60.0


def intake(cal: Calibration | None = None) -> SensorIntake:
    channel = ChannelSettings(quantity="ta", cal=cal)
    settings = SensorSettings(id="st1", driver="scripted", channels=(channel,))
    made = SensorIntake(settings)
    made.channels = {"ta": TA}
    return made


def read(
    made: SensorIntake, value: float | None, *, mono: float = 0.0, flags: int = 0
) -> list[tuple[object, int]]:
    taken = Taken("st1", mono, [Sample("ta", value, flags)], None, "")
    return [(r.value, r.flags) for r in made.records(taken, DAY)]


def calibration(due: str, gain: float = 2.0, offset: float = -1.0) -> Calibration:
    return Calibration(
        id="C1", date=dt.date(2025, 1, 1), due=dt.date.fromisoformat(due), by="lab", gain=gain, offset=offset
    )


def test_gain_and_offset_are_applied_once_and_overdue_calibration_is_flagged() -> None:
    assert read(intake(calibration("2026-04-21")), 10.0) == [(19.0, 0), ("ok", 0)]
    assert read(intake(calibration("2026-04-20")), 10.0) == [(19.0, 4), ("ok", 0)]


def test_the_range_is_checked_after_calibration_and_the_value_kept() -> None:
    assert read(intake(calibration("2027-01-01")), 50.0) == [(99.0, 1), ("range", 0)]


def test_a_sensor_at_the_upper_end_of_its_range_is_clipped_and_at_its_lower_end_is_not() -> None:
    made = intake()
    made.channels = {"ta": TA._replace(low=0.0, high=45.0)}
    assert read(made, 45.0) == [(45.0, 1), ("range", 0)]
    assert read(made, 0.0) == [(0.0, 0), ("ok", 0)]


def test_zero_is_a_value_and_missing_is_none() -> None:
    assert read(intake(), 0.0) == [(0.0, 0), ("ok", 0)]
    assert read(intake(), None, flags=32) == [("fault", 0)]
    assert read(intake(), float("nan")) == [("fault", 0)]


def test_status_is_told_on_change_and_every_hour() -> None:
    made = intake()
    told = []
    for minute in range(121):
        value = None if minute in (5, 6) else 20.0
        told += [(minute, v) for v, _ in read(made, value, mono=60.0 * minute) if isinstance(v, str)]
    assert told == [(0, "ok"), (5, "fault"), (7, "ok"), (67, "ok")]


def test_a_quantity_nobody_asked_for_is_left_out() -> None:
    taken = Taken("st1", 0.0, [Sample("ta", 20.0, 0), Sample("rh", 50.0, 0)], None, "")
    assert [r.quantity for r in intake().records(taken, DAY)] == ["ta", "status"]


def test_on_a_nearly_full_disk_only_aggregates_of_a_minute_are_kept() -> None:
    made = intake()
    made.channels = {"ta": TA._replace(period_s=10.0), "rh": ChannelInfo("rh", "%RH", 0, 100, "", 60.0)}
    taken = Taken("st1", 0.0, [Sample("ta", 20.0, 0), Sample("rh", 50.0, 0)], None, "")
    assert [r.quantity for r in made.records(taken, DAY, lean=True)] == ["rh", "status"]


@pytest.mark.parametrize(
    ("info", "problem"),
    [(TA, None), (TA._replace(unit="K"), "'Cel'"), (TA._replace(quantity="tx"), "unknown")],
)
def test_a_device_that_offers_nonsense_is_told(info: ChannelInfo, problem: str | None) -> None:
    found = channel_problem(info)
    assert found is None if problem is None else found is not None and problem in found
