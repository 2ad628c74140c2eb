"""Readings of sensors that stand in another's place, by the serial numbers that gateways report."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest_service.ledger.port import BirthNote
from ingest_service.register.entries import Placement
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.reported_serials import read_serials
from ingest_service.rollup.minutes import minute_spans
from osh_domain.quality import Flag
from tests.ingest_service.gateways import KEY, NOW, SIGNED, SITE, Device, reading
from tests.ingest_service.hall import START, ZONE, Hall, moving
from tests.ingest_service.test_projection import Flow

MOVED = int(Flag.MISPLACED)


@pytest.fixture
def flow(tmp_path: Path) -> Iterator[Flow]:
    built = Flow(tmp_path)
    yield built
    built.close()


def registered(*stood: tuple[str, float, float | None]) -> RegisterSnapshot:
    """Sensor st1 carries these serial numbers, each from when until when."""
    placements = [
        Placement(SIGNED.id, "st1", f"{SITE.id}/sewing-1", begin, end, None, serial=serial)
        for serial, begin, end in stood
    ]
    return RegisterSnapshot(sites=[SITE], gateways=[SIGNED], keys=[KEY], placements=placements)


def document(flow: Flow, serial: str) -> str:
    """A configuration document is known; returns its hash."""
    text = json.dumps({"sensors": [{"id": "st1", "serial": serial}]})
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    flow.ledger.append([], [BirthNote(SITE.id, SIGNED.id, NOW, "{}", None, (name, text), 0, 0)])
    return name


def flags(flow: Flow) -> list[int]:
    rows = flow.series.rows_between(flow.channel("kh-f0123-a/st1/ta").id, 0, 1e10)
    return [flag for _, _, flag, _ in rows]


def taken(flow: Flow) -> None:
    """A and then B answers at st1, three readings each, a minute apart; one of them is about to fail."""
    device = Device(cfg=document(flow, "A"))
    flow.take(device.batch(*[reading(at=NOW - 600 + 60 * n) for n in range(3)]))
    device.cfg = document(flow, "B")
    flow.take(
        device.batch(*[reading(at=NOW - 420 + 60 * n, flags=int(Flag.CLIPPED)) for n in range(3)]),
        device.batch(reading("rh", 60.0, unit="%RH", sensor="st2")),
    )
    flow.project()


def test_a_sensor_with_another_serial_number_than_the_registered_one_enters_no_exposure(flow: Flow) -> None:
    flow.known = registered(("A", 0.0, None))
    taken(flow)
    assert flags(flow) == [0, 0, 0, *[MOVED | int(Flag.CLIPPED)] * 3]
    rows = flow.series.rows_between(flow.channel("kh-f0123-a/st1/ta").id, 0, 1e10)
    assert [span.end * 60 for span in minute_spans(1, rows, as_energy=False)] == [
        -(-(NOW - 600 + 60 * n) // 60) * 60 for n in range(3)
    ]
    assert flow.channel("kh-f0123-a/st2/rh").last_flags == 0


@pytest.mark.parametrize("serial", ["unknown", "", "A"])
def test_a_sensor_that_says_nothing_else_is_believed(flow: Flow, serial: str) -> None:
    flow.known = registered(("A", 0.0, None))
    flow.take(Device(cfg=document(flow, serial)).batch(reading()))
    flow.project()
    assert flags(flow) == [0]


def test_readings_count_again_once_the_register_says_which_sensor_hung_there(flow: Flow) -> None:
    flow.known = registered(("A", 0.0, None))
    taken(flow)
    flow.series.clear_dirty(flow.series.take_dirty(99))
    flow.known = registered(("A", 0.0, NOW - 400), ("B", NOW - 400, None))
    flow.project(portion=1)
    # What B measured before it was hung up there, by the register, stays out.
    assert flags(flow) == [0, 0, 0, MOVED | 1, 1, 1]
    assert flow.channel("kh-f0123-a/st1/ta").last_flags == 1
    assert len(flow.series.take_dirty(99)) == 7
    assert flow.series.retakes() == []
    incremental = flow.digest()
    flow.series.wipe()
    flow.projector = flow.new_projector()
    flow.project()
    rebuilt = flow.digest()
    assert {table for table in rebuilt if rebuilt[table] != incremental[table]} <= {"dirty_minutes"}


def test_a_corrected_register_is_followed_after_a_restart_too(flow: Flow) -> None:
    flow.known = registered(("A", 0.0, None))
    taken(flow)
    flow.known = registered(("B", 0.0, None))
    flow.projector = flow.new_projector()
    assert flow.projector.step(1) == 1
    flow.known = registered(("A", 0.0, NOW - 400), ("B", NOW - 400, None))
    flow.projector = flow.new_projector()
    flow.project()
    assert flags(flow) == [0, 0, 0, MOVED | 1, 1, 1]


def test_a_register_that_says_the_same_of_every_reading_takes_none_again(flow: Flow) -> None:
    flow.known = registered(("A", 0.0, None))
    taken(flow)
    flow.known = registered(("A", 0.0, NOW - 500), ("A", NOW - 500, None))
    assert flow.projector.step(1) == 0
    assert flow.series.retakes() == []


@pytest.mark.parametrize("text", [None, "", "[", "[]", '{"sensors": 3}', '{"sensors": [3, {"id": "st1"}]}'])
def test_a_document_that_cannot_be_read_says_nothing(text: str | None) -> None:
    assert read_serials(text) == {}


def test_minutes_whose_readings_do_not_count_any_more_leave_the_exposures(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    air = moving(START, 60, 32.0, 0.1)
    hall.put("t1", "ta", air)
    hall.put("t1", "rh", moving(START, 60, 60.0, 0.3))
    hall.roll(START + 70)
    hall.put("t1", "ta", {minute: air[minute] for minute in sorted(air)[30:]}, flags=MOVED)
    hall.roll(START + 75)
    rows = {row.minute: row.value for row in hall.series.exposures(ZONE, "ta.minute", START, START + 60)}
    known = [minute for minute in sorted(air) if rows[minute] is not None]
    hall.series.close()
    assert known == sorted(air)[:30]
