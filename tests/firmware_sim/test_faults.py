"""Faults on request: read from text and scenario files, all mistakes at once, resolved to instants."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from firmware_sim import scenario_files
from firmware_sim.faults import FaultError, FaultKind, parse, resolve
from firmware_sim.fleet import fleet_named

FLEET = fleet_named("demo", 7)
START = datetime(2026, 4, 20, 7, 30, tzinfo=ZoneInfo("Asia/Phnom_Penh")).timestamp()


def test_a_wall_time_is_the_sites_own_and_first_met_after_the_start() -> None:
    cambodia, bangladesh, tomorrow = resolve(
        [
            parse("silence:kh-f0123-a/st1/ta@10:20+30m"),
            parse("stuck:bd-f0031-a/st1@10:20+1h30m"),
            parse("power-cut:kh-f0123-a@07:29+5m"),
        ],
        FLEET,
        START,
    )
    assert cambodia.begin == START + 170 * 60
    assert cambodia.end == cambodia.begin + 1800
    assert bangladesh.begin == cambodia.begin + 3600
    assert bangladesh.end == bangladesh.begin + 5400
    assert tomorrow.begin == START + 86400 - 60


def test_a_delay_counts_from_the_start_and_a_skew_says_by_how_much() -> None:
    (fault,) = resolve([parse("clock-skew:kh-f0123-a@+2h+30m=-90s")], FLEET, START)
    assert (fault.kind, fault.begin, fault.by_s) == (FaultKind.CLOCK_SKEW, START + 7200, -90.0)


def test_a_fault_strikes_its_channel_its_sensor_or_the_whole_gateway() -> None:
    channel, sensor = resolve(
        [parse("silence:kh-f0123-a/st1/ta@+1m+1m"), parse("silence:kh-f0123-a/st1@+2m+1m")], FLEET, START
    )
    assert channel.strikes("st1", "ta")
    assert not channel.strikes("st1", "rh")
    assert sensor.strikes("st1", "rh")
    assert not sensor.strikes("st2", "rh")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("silence", "is not KIND:TARGET@START+FOR"),
        ("silent:kh-f0123-a@10:20+30m", "faults are silence, stuck"),
        ("silence:kh-f0123x-a@10:20+30m", "did you mean kh-f0123-a?"),
        ("silence:kh-f0123-a/st1/tta@10:20+30m", "did you mean kh-f0123-a/st1/ta?"),
        ("silence:kh-f0123-a@25:20+30m", "neither a wall time"),
        ("silence:kh-f0123-a@10:20+half", "no length of time"),
        ("silence:kh-f0123-a@10:20+0m", "lasts no time"),
        ("power-cut:kh-f0123-a/st1@10:20+30m", "strikes a whole gateway"),
        ("stuck:kh-f0123-a@10:20+30m", "strikes a sensor or a channel"),
    ],
)
def test_a_wrong_request_says_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(FaultError, match=said.replace("?", r"\?").replace("+", r"\+")):
        resolve([parse(text)], FLEET, START)


def test_all_mistakes_are_told_together() -> None:
    requests = [parse("silent:kh-f0123-a@10:20+30m"), parse("silence:nowhere@10:20+30m")]
    with pytest.raises(FaultError) as caught:
        resolve(requests, FLEET, START)
    assert len(str(caught.value).splitlines()) == 2


def test_a_gateway_cannot_be_cut_off_twice_at_once() -> None:
    requests = [parse("power-cut:kh-f0123-a@+1m+5m"), parse("power-cut:kh-f0123-a@+3m+5m")]
    with pytest.raises(FaultError, match="begins again before it has ended"):
        resolve(requests, FLEET, START)


@pytest.mark.parametrize("name", scenario_files.names())
def test_every_scenario_that_comes_along_fits_the_demo_fleet(name: str) -> None:
    found = scenario_files.scenario(name)
    resolve(found.faults, FLEET, START)
    assert not found.course or scenario_files.course(found, FLEET).end > START - 2e8


def test_the_scenario_each_fault_has_each_fault() -> None:
    faults = resolve(scenario_files.load("each-fault"), FLEET, START)
    assert {fault.kind for fault in faults} == set(FaultKind)
    assert max(fault.end for fault in faults) <= START + 7200


def test_a_scenario_file_tells_all_its_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "scenario: mine\nfaults:\n  - {fault: silence, at: 10:20, for: 1m, whre: x}\n  - words\nmore: 1\n"
    )
    with pytest.raises(FaultError) as caught:
        scenario_files.load(str(path))
    text = str(caught.value)
    for said in (
        "unknown key 'more'",
        "unknown key 'whre'",
        "target must be text",
        "at must be text",
        "fault 2:",
    ):
        assert said in text


def test_an_unknown_scenario_names_those_there_are() -> None:
    with pytest.raises(FaultError, match="each-fault"):
        scenario_files.load("no-such-scenario")
