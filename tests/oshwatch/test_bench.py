import json
import time

import pytest
from typer.testing import CliRunner

from ingest_service.auth.server_key import verify_ed25519
from ingest_service.register.description_check import check_description
from osh_domain.batch import check_contents, open_frame
from osh_domain.senml import read_pack
from oshwatch.bench import mqtt_packets as mqtt
from oshwatch.bench.figures import medians, spread_ms
from oshwatch.bench.fleet import CO_BREACH_PPM, Load, channels, description, members, next_start, planned
from oshwatch.commands.bench import app

LOAD = Load(
    seed="test",
    gateways=4,
    batches_per_second=40.0,
    seconds=10.0,
    readings=24,
    breaches=2,
    starts_at=next_start(10.0, 1_700_000_000.0),
)


def test_a_planned_load_is_signed_chained_and_what_a_server_takes() -> None:
    fleet = members(LOAD)
    heads = {member.id: member.head for member in fleet}
    seen = 0
    for plan in planned(LOAD):
        frame = open_frame(plan.payload)
        member = fleet[plan.gateway]
        assert frame.header.prev == heads[member.id]
        assert frame.signature is not None
        assert verify_ed25519(member.public_key, frame.signature, frame.signed_bytes)
        check_contents(frame.header, read_pack(frame.pack, 0.0))
        heads[member.id] = frame.batch_hash
        seen += 1
    assert seen == 400


def test_a_breach_is_known_from_the_last_batch_of_its_minute() -> None:
    assert LOAD.minute_ends_at % 60 == 0
    assert abs(LOAD.starts_at + 5.0 - LOAD.minute_ends_at) < 0.1
    marked = [plan for plan in planned(LOAD) if plan.breach]
    assert sorted(plan.gateway for plan in marked) == [0, 2]
    for plan in marked:
        co = read_pack(open_frame(plan.payload).pack, 0.0)[0]
        assert co.name.endswith("/gas/co")
        assert co.value == CO_BREACH_PPM
        assert LOAD.minute_ends_at - LOAD.period_s < co.time <= LOAD.minute_ends_at


def test_a_batch_has_as_many_readings_as_asked_and_no_channel_twice() -> None:
    for readings in (1, 24, 60):
        named = [(sensor, name) for sensor, name, _ in channels(readings)]
        assert len(set(named)) == readings


def test_the_fleet_describes_itself_to_the_register() -> None:
    checked = check_description(description(LOAD), frozenset())
    assert len(checked.sites) == 1
    sites = description(LOAD)["sites"]
    assert [gateway["id"] for gateway in sites[0]["gateways"]] == [member.id for member in members(LOAD)]
    assert len(sites[0]["zones"]) == 4


def test_packets_are_taken_whole_from_a_stream_that_comes_in_pieces() -> None:
    sent = mqtt.publish(7, "osh/v1/a/b/ack", b"x" * 300, "application/json") + mqtt.puback(b"\x00\x09")
    buffer, found = bytearray(), []
    for at in range(0, len(sent), 7):
        buffer += sent[at : at + 7]
        found += list(mqtt.take_packets(buffer))
    assert [packet.kind for packet in found] == [mqtt.PUBLISH, mqtt.PUBACK]
    assert mqtt.read_publish(found[0]) == (b"\x00\x07", b"x" * 300)
    assert not buffer


def test_a_brokers_window_is_read_among_its_other_properties() -> None:
    body = b"\x00\x00" + bytes([13]) + b"\x22\x00\x0a" + b"\x12\x00\x02ab" + b"\x27\x00\x10\x00\x00"
    assert mqtt.read_connack(mqtt.Packet(mqtt.CONNACK, 0, body)) == (0, 65_535)
    body = b"\x00\x87" + bytes([8]) + b"\x12\x00\x02ab" + b"\x21\x00\x14"
    assert mqtt.read_connack(mqtt.Packet(mqtt.CONNACK, 0, body)) == (0x87, 20)


def test_figures_are_the_middle_of_the_runs() -> None:
    runs = [
        {"rate": 10, "ok": True, "ms": {"p50": 1.0}, "note": None},
        {"rate": 30, "ok": True, "ms": {"p50": 5.0}, "note": None},
        {"rate": 20, "ok": False, "ms": {"p50": 2.0}, "note": None},
    ]
    assert medians(runs) == {"rate": 20, "ok": False, "ms": {"p50": 2.0}, "note": None}
    assert spread_ms([]) is None
    assert spread_ms([0.001, 0.002, 0.003]) == {"p50": 2.0, "p99": 3.0, "max": 3.0}


@pytest.mark.system
def test_a_small_benchmark_ends_by_itself_with_one_json_object() -> None:
    begun = time.monotonic()
    options = [
        "--batches-per-second",
        "100",
        "--seconds",
        "5",
        "--gateways",
        "20",
        "--breaches",
        "0",
        "--runs",
        "1",
        "--json",
    ]
    result = CliRunner().invoke(app, ["ingest", *options])
    assert result.exit_code == 0, result.stderr
    said = json.loads(result.stdout)
    run = said["runs"][0]
    assert (run["published"], run["acknowledged"], run["rejected"]) == (500, 500, 0)
    assert run["points"] == 500 * 24
    assert run["acks_verified"] > 0
    assert said["median"]["publish_to_ack_ms"]["p50"] > 0
    assert time.monotonic() - begun < 60
