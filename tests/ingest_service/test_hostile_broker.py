"""Everything that must fail, through a real broker to a real intake process: it lives and keeps its size."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest_service import heartbeat
from ingest_service.checking import Arrival
from ingest_service.ledger.sqlite import open_ledger
from osh_domain.batch import payload_hash
from osh_domain.topics import STATE, topic
from tests.ingest_service.gateways import SIGNED, SITE, Device, arrival
from tests.ingest_service.test_checking import bad_payloads
from tests.ingest_service.test_hostile import bombs, foreign, packs_that_must_fail
from tests.servers import Broker, wait_for

ROOT = Path(__file__).parents[2]
LARGEST = 2**20 - 1024
"""Bytes of a payload; more the broker itself refuses."""
GROWTH_MIB = 64
WORDS = (
    b"", b"{", b"[" * 4000, rb'{"v":1,"state":"online","boot":"\u0000","conn":1e999}', rb'{"state":"\ud800"}'
)  # fmt: skip


def hostile() -> list[Arrival]:
    things = [thing for _, thing in bad_payloads().values()]
    things += [foreign(pack) for pack in packs_that_must_fail().values()] + [*bombs().values()]
    return [
        thing
        for thing in things
        if len(thing.payload) < LARGEST and re.fullmatch(r"osh/v1/[a-z0-9/-]+/data/live", thing.topic or "")
    ]


def send(client: paho.Client, thing: Arrival) -> None:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if thing.content_type is not None:
        properties.ContentType = thing.content_type
    client.publish(thing.topic or "", thing.payload, 1, thing.retained, properties)


def peak_mib(process: subprocess.Popen[bytes]) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024


def test_a_real_intake_behind_a_real_broker_keeps_all_of_it_and_goes_on(
    broker: Broker, tmp_path: Path
) -> None:
    data_dir = tmp_path / "server"
    data_dir.mkdir()
    ledger = open_ledger(data_dir)
    intake = subprocess.Popen(
        [sys.executable, "-m", "tests.delivery.crashing_intake", str(data_dir), str(broker.port)],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    try:
        wait_for(lambda: "intake" in heartbeat.read_all(data_dir), within_s=30)
        wait_for(lambda: heartbeat.read_all(data_dir)["intake"].facts["connected"], within_s=30)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        device, things = Device(), hostile()
        send(client, arrival(device.batch()))
        wait_for(lambda: ledger.standing(SIGNED.id, device.epoch).cum == 1)
        before = peak_mib(intake)
        for word in WORDS:
            client.publish(topic(SITE.id, SIGNED.id, STATE), word, 1)
        for thing in things:
            send(client, thing)
            send(client, arrival(device.batch()))
        wait_for(lambda: ledger.standing(SIGNED.id, device.epoch).cum == device.seq, within_s=30)
        bad = {payload_hash(thing.payload) for thing in things}
        kept = {e.payload_hash for e in ledger.quarantine(limit=1000) if e.code != "fault"}
        assert len(things) > 60
        assert bad - kept == set()
        assert intake.poll() is None
        assert peak_mib(intake) - before < GROWTH_MIB
    finally:
        client.disconnect()
        client.loop_stop()
        intake.kill()
        intake.wait()
        ledger.close()
