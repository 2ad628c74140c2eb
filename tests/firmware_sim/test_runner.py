"""A fleet run: the same at any speed, goes on after a stop, and every fault shows in what is sent."""

import json
import sqlite3
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from firmware_sim import truth
from firmware_sim.faults import FaultRequest, parse
from firmware_sim.fleet import fleet_named
from firmware_sim.gateway import Delivery
from firmware_sim.progress import FleetError, Plan, progress
from firmware_sim.runner import FleetRunner
from firmware_sim.scenario_files import load
from osh_domain.batch import Header, open_frame
from osh_domain.scaled_time import ScaledTime
from osh_domain.senml import Record, read_pack
from tests.firmware_sim.confirming_server import ConfirmingServer
from tests.servers import Broker, free_port, wait_for

START = 1776645000.0  # 2026-04-20 07:30 in Phnom Penh
NOBODY = Delivery(port=free_port())


def plan(folder: Path, faults: Sequence[FaultRequest] = (), *, part: tuple[int, int] = (1, 1)) -> Plan:
    return Plan(folder / "fleet", truth=folder / "truth.jsonl", faults=faults, part=part)


def run(
    what: Plan, minutes: float, *, delivery: Delivery = NOBODY, pace: ScaledTime | None = None
) -> FleetRunner:
    runner = FleetRunner(what, delivery, START)
    try:
        runner.run(threading.Event(), until=START + 60.0 * minutes, pace=pace)
    finally:
        runner.close()
    return runner


class Sent(NamedTuple):
    """A batch as it lies in an outbox."""

    header: Header
    records: list[Record]


def outbox_of(what: Plan, gateway: str) -> list[Sent]:
    with sqlite3.connect(what.folder / gateway / "outbox.sqlite") as db:
        payloads = [payload for (payload,) in db.execute("SELECT payload FROM batches ORDER BY row")]
    db.close()
    frames = [open_frame(payload) for payload in payloads]
    return [Sent(frame.header, read_pack(frame.pack, 0.0)) for frame in frames]


def values_of(what: Plan, channel: str) -> dict[float, Any]:
    gateway = channel.partition("/")[0]
    return {r.time: r.value for sent in outbox_of(what, gateway) for r in sent.records if r.name == channel}


def test_one_seed_gives_the_same_truth_at_any_speed(tmp_path: Path) -> None:
    fast, paced = plan(tmp_path / "fast", load("each-fault")), plan(tmp_path / "paced", load("each-fault"))
    run(fast, 90)
    run(paced, 90, pace=ScaledTime(2500.0, time.time(), START))
    assert fast.truth is not None
    assert paced.truth is not None
    assert fast.truth.read_bytes() == paced.truth.read_bytes()
    assert len(list(truth.readings(fast.truth))) > 5000


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    faults = load("each-fault")
    whole, parts = (plan(tmp_path / name, faults, part=(1, 2)) for name in ("whole", "parts"))
    run(whole, 60)
    for minutes in (13, 27.5, 52, 60):
        run(parts, minutes)
    assert whole.truth is not None
    assert parts.truth is not None
    assert list(truth.readings(parts.truth)) == list(truth.readings(whole.truth))
    for gateway in ("kh-f0123-a", "bd-f0031-b"):
        seqs = [sent.header.seq for sent in outbox_of(parts, gateway)]
        assert seqs == list(range(1, len(seqs) + 1))


def test_a_run_that_was_killed_goes_on_after_its_last_truth(tmp_path: Path) -> None:
    what = plan(tmp_path)
    run(what, 10)
    assert what.truth is not None
    told = what.truth.read_text()
    lines = told.splitlines(keepends=True)
    # The state file is a second old, the last line is half written.
    state = what.folder / "fleet.json"
    state.write_text(state.read_text().replace(str(START + 540.0), str(START + 300.0)))
    what.truth.write_text(told + lines[-1][:20])
    found = progress(what)
    assert found is not None
    assert found.until == START + 540.0
    run(what, 12)
    taken = Counter((reading.channel, reading.t) for reading in truth.readings(what.truth))
    assert set(taken.values()) == {1}
    assert {t for _, t in taken} == {START + 60.0 * minute for minute in range(12)}


def test_everything_taken_is_in_the_outbox_as_it_was_taken(tmp_path: Path) -> None:
    what = plan(tmp_path)
    run(what, 30)
    assert what.truth is not None
    by_channel: dict[str, dict[float, float]] = defaultdict(dict)
    for reading in truth.readings(what.truth):
        by_channel[reading.channel][reading.t] = reading.value
    assert len(by_channel) > 90
    for channel in (
        "kh-f0123-a/st1/ta",
        "kh-f0123-b/co1/co",
        "bd-f0031-b/mic2/la.eq60",
        "bd-f0044-a/air1/pm10",
    ):
        assert len(by_channel[channel]) == 30
        assert values_of(what, channel) == by_channel[channel]


def test_a_silent_channel_leaves_a_hole_and_its_neighbours_go_on(tmp_path: Path) -> None:
    what = plan(tmp_path, [parse("silence:kh-f0123-a/st1/ta@+10m+15m")])
    run(what, 40)
    minutes = {round((t - START) / 60) for t in values_of(what, "kh-f0123-a/st1/ta")}
    assert minutes == set(range(40)) - set(range(10, 25))
    assert len(values_of(what, "kh-f0123-a/st1/rh")) == 40


def test_a_silent_sensor_is_told_by_its_status_and_comes_back(tmp_path: Path) -> None:
    what = plan(tmp_path, [parse("silence:kh-f0123-a/mic1@+10m+15m")])
    run(what, 60)
    states = list(values_of(what, "kh-f0123-a/mic1/status").values())
    assert "timeout" in states
    assert states[-1] == "ok"
    minutes = {round((t - START) / 60) for t in values_of(what, "kh-f0123-a/mic1/la.eq60")}
    assert not minutes & set(range(10, 25))
    assert {9, 40, 59} <= minutes


def test_a_stuck_sensor_repeats_its_last_value_and_the_truth_knows_better(tmp_path: Path) -> None:
    what = plan(tmp_path, [parse("stuck:kh-f0123-b/st1/tg@+10m+20m")])
    run(what, 40)
    values = values_of(what, "kh-f0123-b/st1/tg")
    stuck = [values[START + 60.0 * minute] for minute in range(10, 30)]
    assert set(stuck) == {stuck[0]}
    assert values[START + 60.0 * 30] != stuck[0]
    assert what.truth is not None
    real = [line for line in truth.lines(what.truth) if "real" in line]
    assert {line["reading"] for line in real} == {"kh-f0123-b/st1/tg"}
    assert len(real) >= 15


def test_a_wrong_clock_shows_in_the_stamps_and_begins_a_new_batch(tmp_path: Path) -> None:
    what = plan(tmp_path, [parse("clock-skew:bd-f0044-a@+10m+10m=90s")])
    run(what, 30)
    offsets = [sent.header.off for sent in outbox_of(what, "bd-f0044-a")]
    assert {round(offset - START) for offset in offsets} == {0, 90}
    assert what.truth is not None
    skewed = [r for r in truth.readings(what.truth) if r.shown != r.t]
    assert skewed
    assert {round(r.shown - r.t) for r in skewed} == {90}
    assert all(START + 600 <= r.t < START + 1200 for r in skewed)
    ours = Counter((r.channel, round(r.shown * 1000), r.value) for r in truth.readings(what.truth))
    theirs = Counter(
        (record.name, round(record.time * 1000), record.value)
        for sent in outbox_of(what, "bd-f0044-a")
        for record in sent.records
        if "/sys/" not in record.name and not isinstance(record.value, str)
    )
    assert theirs == Counter({key: n for key, n in ours.items() if key[0].startswith("bd-f0044-a/")})


def test_a_power_cut_gives_a_new_boot_a_gap_and_a_whole_chain(tmp_path: Path) -> None:
    what = plan(tmp_path, [parse("power-cut:bd-f0031-b@+10m+12m")])
    run(what, 40)
    sent = outbox_of(what, "bd-f0031-b")
    assert len({one.header.boot for one in sent}) == 2
    assert [one.header.seq for one in sent] == list(range(1, len(sent) + 1))
    minutes = {round((t - START) / 60) for t in values_of(what, "bd-f0031-b/st1/ta")}
    assert minutes == set(range(40)) - set(range(10, 22))
    assert len(values_of(what, "bd-f0031-b/sys/gap")) == 1


def test_repeats_and_a_pulled_cable_reach_the_server_and_nothing_is_missing(
    tmp_path: Path, broker: Broker
) -> None:
    faults = [parse("repeats:kh-f0207-a@+10m+20m"), parse("silence:bd-f0031-a@+15m+20m")]
    what = plan(tmp_path, faults)
    with ConfirmingServer(broker.port) as server:
        delivery = Delivery(port=broker.port, server_key=server.public_key)
        runner = FleetRunner(what, delivery, START)
        stop = threading.Event()
        try:
            runner.run(stop, until=START + 60 * 60.0, pace=ScaledTime(600.0, time.time(), START))
            expected = {
                (sent.header.gw, sent.header.ep, sent.header.seq)
                for gateway in runner.fleet.gateways
                for sent in _sealed(runner, gateway)
            }
            wait_for(lambda: _heard(runner, server) == expected, within_s=20, what="every sealed batch")
            wait_for(lambda: len(_heard(runner, server)) < len(server.payloads), what="a repeat")
        finally:
            runner.close()
        times = Counter((gateway, seq) for gateway, _, seq, _ in server.payloads)
        assert any(count > 1 for (gateway, _), count in times.items() if gateway == "kh-f0207-a")
        bodies: dict[tuple[str, int], set[bytes]] = defaultdict(set)
        for gateway, _, seq, payload in server.payloads:
            bodies[gateway, seq].add(payload)
        assert all(len(found) == 1 for found in bodies.values())


def _heard(runner: FleetRunner, server: ConfirmingServer) -> set[tuple[str, str, int]]:
    runner.poll()
    return server.batches()


def _sealed(runner: FleetRunner, name: str) -> list[Sent]:
    gateway = next(one for one in runner.gateways if one.gateway == name)
    assert gateway._agent is not None
    found = gateway._agent.outbox._db.execute("SELECT payload FROM batches").fetchall()
    frames = [open_frame(payload) for (payload,) in found]
    return [Sent(frame.header, []) for frame in frames]


def test_another_runs_folder_is_refused_in_words(tmp_path: Path) -> None:
    run(plan(tmp_path), 1)
    with pytest.raises(FleetError, match="holds another run"):
        progress(Plan(tmp_path / "fleet", seed=8))


def test_too_many_gateways_for_one_process_are_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="--part 1/"):
        FleetRunner(Plan(tmp_path / "fleet", fleet="200"), NOBODY, START)


def test_parts_of_a_fleet_share_no_gateway(tmp_path: Path) -> None:
    names = []
    for number in (1, 2):
        runner = FleetRunner(plan(tmp_path / str(number), part=(number, 2)), NOBODY, START)
        names += [gateway.gateway for gateway in runner.gateways]
        runner.close()
    assert len(names) == len(set(names)) == 6


def test_most_devices_carry_a_calibration_that_stays_the_same_after_a_restart(tmp_path: Path) -> None:
    what = plan(tmp_path)
    for minutes in (3, 6):
        run(what, minutes)
    configurations = set()
    dated = undated = 0
    for gateway in fleet_named("demo", 7).gateways:
        configurations |= {(gateway, sent.header.cfg) for sent in outbox_of(what, gateway)}
        with sqlite3.connect(what.folder / gateway / "outbox.sqlite") as db:
            (text,) = db.execute("SELECT document FROM configurations ORDER BY rowid DESC").fetchone()
        db.close()
        channels = [one for sensor in json.loads(text)["sensors"] for one in sensor["channels"]]
        dated += sum("cal" in channel for channel in channels)
        undated += sum("cal" not in channel for channel in channels)
    assert len(configurations) == 6
    assert dated > 2 * undated > 0
