"""What happens in the simulated world shows in its air, and what sensors get wrong in what they show."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge_agent.buses import NoBus
from edge_agent.clock import SimClock
from edge_agent.driver import DriverError
from firmware_sim import truth
from firmware_sim.description import describe
from firmware_sim.faults import FaultError, FaultKind, happenings, parse, resolve
from firmware_sim.fleet import Fleet, fleet_named
from firmware_sim.happenings import Event, Happening
from firmware_sim.instants import InstantError, instant, seconds
from firmware_sim.simulated import options_of
from firmware_sim.troubled import Troubled
from firmware_sim.truth import TruthFile

ZONE = ZoneInfo("Asia/Phnom_Penh")
START = datetime(2026, 4, 20, 6, 0, tzinfo=ZONE).timestamp()
FLEET = fleet_named("demo", 7)


def with_faults(*texts: str) -> Fleet:
    return FLEET.with_events(happenings(resolve([parse(text) for text in texts], FLEET, START)))


def at(hour: int, minute: int = 0, day: int = 20) -> float:
    return datetime(2026, 4, day, hour, minute, tzinfo=ZONE).timestamp()


def test_a_heat_wave_warms_the_air_and_goes_as_it_came() -> None:
    usual, hot = (
        FLEET.zone("kh-f0123/sewing-3"),
        with_faults("heat-wave:kh-f0123@08:00+30h=5K").zone("kh-f0123/sewing-3"),
    )
    assert hot.state(at(7)) == usual.state(at(7))
    assert 3.5 < hot.state(at(15)).ta - usual.state(at(15)).ta < 6.0
    assert abs(hot.state(at(15, day=22)).ta - usual.state(at(15, day=22)).ta) < 0.3
    assert hot.state(at(15)).rh < usual.state(at(15)).rh


def test_overtime_keeps_people_and_machines_at_work() -> None:
    usual, long = (
        FLEET.zone("kh-f0123/sewing-1"),
        with_faults("overtime:kh-f0123@16:00+4h").zone("kh-f0123/sewing-1"),
    )
    assert long.level(at(18)) > usual.level(at(18)) + 20.0
    assert long.state(at(18)).co2 > usual.state(at(18)).co2 + 20.0
    assert min(long.level(at(15, 50) + 60.0 * n) for n in range(20)) > 75.0
    assert long.level(at(20, 30)) == usual.level(at(20, 30))


def test_announced_overtime_stands_in_the_calendar_and_the_other_does_not() -> None:
    faults = resolve(
        [parse("overtime:kh-f0123@16:00+4h=announced"), parse("overtime:kh-f0207@16:00+4h")], FLEET, START
    )
    sites = {site["id"]: site for site in describe(FLEET, faults=faults)["sites"]}
    assert sites["kh-f0123"]["overtime"] == [{"shift": "day", "date": "2026-04-20", "until": "20:00"}]
    assert "overtime" not in sites["kh-f0207"]


def test_a_release_of_solvent_raises_the_index_and_nothing_else() -> None:
    zone = "kh-f0207/sole-press-1"
    usual, spilled = FLEET.zone(zone), with_faults(f"solvent-release:{zone}@09:00+1h=300").zone(zone)
    assert spilled.state(at(9, 40)).voc_index > usual.state(at(9, 40)).voc_index + 200.0
    assert spilled.state(at(9, 40))._replace(voc_index=0.0) == usual.state(at(9, 40))._replace(voc_index=0.0)


def test_carbon_monoxide_comes_within_minutes_and_goes_with_the_air() -> None:
    zone = "kh-f0207/sole-press-1"
    leaking = with_faults(f"co-release:{zone}@09:00+20m=450ppm").zone(zone)
    assert leaking.state(at(8, 59)).co < 10.0
    assert leaking.state(at(9, 15)).co > 250.0
    assert leaking.state(at(10, 30)).co < 15.0


def test_dust_is_a_multiple_of_what_the_work_makes() -> None:
    zone = "kh-f0123/cutting-1"
    usual, dusty = FLEET.zone(zone), with_faults(f"dust:{zone}@09:00+2h=8x").zone(zone)
    assert dusty.state(at(10, 50)).pm10 > 4.0 * usual.state(at(10, 50)).pm10
    assert with_faults("dust:kh-f0123/sewing-1@09:00+2h=8x").zone(zone).state(at(10)) == usual.state(at(10))


def test_what_happens_is_a_function_of_time_alone() -> None:
    events = happenings(resolve([parse("heat-wave:kh-f0123@08:00+30h=5K")], FLEET, START))
    one, two = FLEET.with_events(events), fleet_named("demo", 7).with_events(events)
    times = [at(hour) for hour in (7, 12, 17, 9)]
    forward = [one.zone("kh-f0123/sewing-3").state(t) for t in times]
    assert [two.zone("kh-f0123/sewing-3").state(t) for t in reversed(times)] == forward[::-1]
    assert FLEET.with_events(()) is FLEET


def test_an_event_grows_and_fades() -> None:
    event = Event(Happening.DUST, "x", 1000.0, 2000.0)
    assert [event.share(t) for t in (999.0, 1030.0, 1500.0, 2030.0, 2061.0)] == [0.0, 0.5, 1.0, 0.5, 0.0]


def test_some_factories_are_as_they_are_in_the_whole_fleet() -> None:
    part = FLEET.only(["bd-f0031"])
    assert {sensor.site for sensor in part.sensors} == {"bd-f0031"}
    assert part.zone("bd-f0031/sewing-1").state(at(9)) == FLEET.zone("bd-f0031/sewing-1").state(at(9))


# -- what sensors get wrong -----------------------------------------------------------------------------


class Bench:
    """One sensor of the fleet on the table, with its faults and a clock."""

    def __init__(self, folder: Path, sensor: str, *faults: str) -> None:
        gateway, _, name = sensor.partition("/")
        self.clock = SimClock(START)
        self.truth = TruthFile(folder / "truth.jsonl")
        plan = next(one for one in FLEET.sensors if (one.gateway, one.sensor) == (gateway, name))
        self.sensor = Troubled(
            options_of("demo", FLEET, plan),
            NoBus(),
            self.clock.wall,
            true_clock=self.clock,
            faults=resolve([parse(fault) for fault in faults], FLEET, START),
            truth=self.truth,
            fleet=FLEET,
        )
        self.device = self.sensor.open()

    def shows(self, t: float) -> dict[str, float]:
        self.clock.set(t)
        return {s.quantity: s.value for s in self.sensor.read() if isinstance(s.value, float)}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(sensor: str, *faults: str) -> Bench:
        made.append(Bench(tmp_path / str(len(made)), sensor, *faults))
        return made[-1]

    yield make
    for one in made:
        one.truth.close()


def test_a_drift_grows_by_the_hour_in_its_channel_alone(bench: Callable[..., Bench], tmp_path: Path) -> None:
    sound, drifting = (
        bench("kh-f0123-a/st1"),
        bench("kh-f0123-a/st1", "drift:kh-f0123-a/st1/ta@07:00+10h=0.3/h"),
    )
    for hours in (0, 1, 5):
        a, b = sound.shows(at(7 + hours)), drifting.shows(at(7 + hours))
        assert b["ta"] - a["ta"] == pytest.approx(0.3 * hours, abs=0.001)
        assert (a["rh"], a["tg"]) == (b["rh"], b["tg"])
    drifting.truth.close()
    real = [line for line in truth.lines(tmp_path / "1" / "truth.jsonl") if line.get("real") is not None]
    assert real[-1]["v"] - real[-1]["real"] == pytest.approx(1.5, abs=0.001)


def test_a_globe_without_its_ball_shows_the_air(bench: Callable[..., Bench]) -> None:
    found = bench("kh-f0123-b/st1", "globe-off:kh-f0123-b/st1@07:00+10h").shows(at(10))
    assert found["tg"] == found["ta"]
    assert bench("kh-f0123-b/st1").shows(at(10))["tg"] > found["ta"] + 2.0


def test_swapped_sensors_show_the_other_place_and_say_their_serial_number(
    bench: Callable[..., Bench],
) -> None:
    swap = "swapped:kh-f0123-a/st1@07:00+1h=kh-f0123-a/st2"
    first, second = bench("kh-f0123-a/st1", swap), bench("kh-f0123-a/st2")
    assert first.device.serial == "sim-kh-f0123-a-st1"
    with pytest.raises(DriverError, match="taken off"):
        first.shows(at(7, 1))
    assert first.sensor.open().serial == "sim-kh-f0123-a-st2"
    assert first.shows(at(7, 2)) == second.shows(at(7, 2))
    with pytest.raises(DriverError, match="taken off"):
        first.shows(at(8, 1))
    assert first.sensor.open().serial == "sim-kh-f0123-a-st1"


# -- how they are asked for -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("heat-wave:kh-f0123-a@08:00+1d=5K", "strikes a whole site; write heat-wave:SITE"),
        ("dust:kh-f0123@08:00+1h=5x", "strikes a zone; write dust:SITE/ZONE"),
        ("silence:kh-f0123@08:00+1h", "strikes a sensor or a channel"),
        ("drift:kh-f0123-a@08:00+1h", "strikes a sensor or a channel"),
        ("co-release:kh-f0207/sole-press-1@08:00+1h=5", "write for example 300ppm"),
        ("overtime:kh-f0123@16:00+1h=yes", "overtime is announced or nothing is said"),
        ("swapped:kh-f0123-a/st1@08:00+1h", "needs two sensors"),
        ("swapped:kh-f0123-a/st1@08:00+1h=kh-f0123-a/mic1", "not of one model"),
        ("globe-off:kh-f0123-a/st1@08:00+1h=3", "has no amount"),
    ],
)
def test_a_wrong_target_or_amount_says_what_to_write(text: str, said: str) -> None:
    with pytest.raises(FaultError, match=said):
        resolve([parse(text)], FLEET, START)


def test_a_sensor_that_is_swapped_is_so_on_both_sides() -> None:
    faults = resolve([parse("swapped:kh-f0123-a/st1@08:00+1h=kh-f0123-a/st2")], FLEET, START)
    assert {(fault.target, fault.other) for fault in faults} == {
        ("kh-f0123-a/st1", "kh-f0123-a/st2"),
        ("kh-f0123-a/st2", "kh-f0123-a/st1"),
    }


def test_one_clock_is_not_wrong_in_two_ways_at_once() -> None:
    requests = [parse("clock-skew:kh-f0123-a@08:00+2h=90s"), parse("clock-lost:kh-f0123-a@09:00+2h=-90s")]
    with pytest.raises(FaultError, match="begins again before it has ended"):
        resolve(requests, FLEET, START)


def test_times_of_later_days_are_the_sites_own() -> None:
    assert instant("d2 22:30", START, ZONE) == at(22, 30, day=21)
    assert instant("d1 05:00", START, ZONE) == at(5)
    assert instant("05:00", START, ZONE) == at(5, day=21)
    assert seconds("1d2h") == 26 * 3600.0
    with pytest.raises(InstantError, match="neither a wall time"):
        instant("d2", START, ZONE)


def test_every_kind_of_happening_can_be_asked_for() -> None:
    assert {kind.value for kind in Happening} <= {kind.value for kind in FaultKind}
