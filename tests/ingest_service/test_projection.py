import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest_service.boot_clock import corrected
from ingest_service.calibration import read_due, state
from ingest_service.intake import Arrival, Intake
from ingest_service.ledger.port import BirthNote
from ingest_service.ledger.sqlite import SqliteLedger, open_ledger
from ingest_service.projection import Projector
from ingest_service.register.entries import ForeignName
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.rollup.minutes import minute_spans
from ingest_service.series.port import Anchor, ChannelEntry, SeriesStore
from ingest_service.series.sqlite import open_series
from osh_domain.quality import Flag, Grade
from osh_domain.quantities import QUANTITIES, Quantity
from osh_domain.readings import Channel
from osh_domain.senml_cbor_writing import pack_cbor
from tests.ingest_service.gateways import FOREIGN, NOW, SIGNED, SITE, Device, arrival, reading, snapshot
from tests.ingest_service.series_stores import Open, contents

NAMES = (ForeignName(FOREIGN.id, "room", "hall", "ta"),)


class Flow:
    """Ledger to series, with payloads put in by the intake."""

    def __init__(self, data_dir: Path, opener: Open = open_series) -> None:
        self.data_dir = data_dir
        self.ledger: SqliteLedger = open_ledger(data_dir)
        self.series: SeriesStore = opener(data_dir)
        self.known = snapshot(names=NAMES)
        self.intake = Intake(self.ledger, self._snapshot)
        self.projector = self.new_projector()

    def _snapshot(self) -> RegisterSnapshot:
        return self.known

    def new_projector(self) -> Projector:
        return Projector(self.ledger, self.series, self._snapshot)

    def take(self, *payloads: bytes, at: float = NOW, gateway: str = SIGNED.id) -> None:
        outcomes = self.intake.take([arrival(p, at=at, gateway=gateway) for p in payloads], at)
        assert {outcome.verdict for outcome in outcomes} == {"new"}, outcomes

    def project(self, portion: int = 500) -> None:
        while self.projector.step(portion):
            pass

    def channel(self, name: str) -> ChannelEntry:
        found = self.series.channel(*Channel.parse(name))
        assert found is not None
        return found

    def values(self, name: str) -> list[tuple[float, float, int]]:
        points = self.series.points_between(self.channel(name).id, 0, 1e10)
        return [(point.time, point.value, point.grade) for point in points]

    def digest(self) -> dict[str, list[Any]]:
        return contents(self.series)

    def close(self) -> None:
        self.series.close()
        self.ledger.close()


@pytest.fixture
def flow(tmp_path: Path, opener: Open) -> Iterator[Flow]:
    built = Flow(tmp_path, opener)
    yield built
    built.close()


def test_readings_become_points_texts_and_the_newest_value(flow: Flow) -> None:
    device = Device()
    flow.take(
        device.batch(reading(at=NOW - 60), reading(value=31.9, flags=8)),
        device.batch(reading("status", "ok", unit=None), reading("rh", 60.5, unit="%RH")),
    )
    flow.project()
    assert flow.values("kh-f0123-a/st1/ta") == [(NOW - 60, 31.42, Grade.B), (NOW, 31.9, Grade.B)]
    newest = flow.channel("kh-f0123-a/st1/ta")
    assert (newest.site, newest.unit, newest.last_value, newest.last_flags) == (SITE.id, "Cel", 31.9, 8)
    assert newest.last_received == NOW
    status = flow.channel("kh-f0123-a/st1/status")
    assert (status.last_text, status.last_value, status.unit) == ("ok", None, None)
    assert flow.series.take_dirty(9) == [(newest.id, 29453761), (newest.id, 29453762), (4 - 1, 29453762)]


def test_killed_anywhere_and_started_again_it_writes_each_point_once(flow: Flow) -> None:
    device = Device()
    flow.take(*[device.batch(reading(at=NOW - 60 + n)) for n in range(5)])
    assert flow.projector.step(3) == 3
    again = flow.new_projector()
    assert again.cursor == 3
    again.step(500)
    assert len(flow.values("kh-f0123-a/st1/ta")) == 5
    assert flow.new_projector().step(500) == 0


def test_two_batches_with_the_same_millisecond_do_not_overwrite_each_other(flow: Flow) -> None:
    device = Device()
    flow.take(device.batch(reading(value=1.0)), device.batch(reading(value=2.0)))
    flow.project()
    assert [value for _, value, _ in flow.values("kh-f0123-a/st1/ta")] == [1.0, 2.0]


def test_wiped_and_built_again_the_series_is_the_same_whatever_the_portions(flow: Flow) -> None:
    device = Device()
    late = Device(epoch="aaaaaaaaaaaaaaaa", boot="cccccccccccccccc", clk="none", err=None)
    flow.take(
        *[device.batch(reading(at=NOW - 600 + n), reading("rh", 50.0 + n, unit="%RH")) for n in range(40)]
    )
    flow.take(late.batch(reading(at=NOW - 900)), late.batch(reading(at=NOW - 800)))
    flow.take(b'[{"n":"room","u":"Cel","v":21.5}]', gateway=FOREIGN.id)
    flow.take(late.batch(reading(at=NOW - 700), anchors=((50.0, NOW - 300.0, 0.2, "srv"),)))
    flow.take(*[device.batch(reading(value=20.0 + n, at=NOW - 600 + n)) for n in range(3)])
    flow.project(portion=1)
    first = flow.digest()
    flow.series.wipe()
    flow.projector = flow.new_projector()
    flow.project(portion=500)
    assert flow.digest() == first
    assert flow.projector.cursor == flow.ledger.last_row()


def test_a_wrong_unit_stays_out_of_the_series_and_its_neighbour_comes_in(flow: Flow) -> None:
    flow.take(Device().batch(reading("ta", 304.6, unit="K"), reading("rh", 60.0, unit="%RH")))
    flow.project()
    assert [c.quantity for c in flow.series.channels()] == ["rh"]


def test_a_number_no_sensor_can_have_measured_stays_out_of_the_series_with_a_remark(flow: Flow) -> None:
    levels = [reading("la.eq60", v, unit="dB", at=NOW - 30 + i) for i, v in enumerate((250.0, 1.7e308, 84.6))]
    flow.take(Device().batch(*levels, reading("co", -0.4, unit="ppm")))
    hot = b'[{"n":"kh-f0123-x/hall/ta","u":"K","v":1.7e308},{"n":"kh-f0123-x/hall/p","u":"hPa","v":1e308}]'
    flow.intake.take([Arrival(hot, NOW, "upload", gateway=FOREIGN.id)], NOW)
    flow.project()
    assert [value for _, value, _ in flow.values("kh-f0123-a/st1/la.eq60")] == [84.6]
    assert [value for _, value, _ in flow.values("kh-f0123-a/st1/co")] == [-0.4]
    assert {c.gateway for c in flow.series.channels()} == {SIGNED.id}
    remarks = [entry.detail for entry in flow.ledger.quarantine()]
    assert any("1.7e+308 dB is no measurement, plausible is 0 to 160" in remark for remark in remarks)
    assert sum("is no measurement" in remark for remark in remarks) == 3


@pytest.mark.parametrize("row", QUANTITIES.values(), ids=lambda row: row.id)
def test_any_possible_number_can_be_averaged(row: Quantity) -> None:
    room = 0.15 * (row.high - row.low)
    t = int(NOW * 1_000_000)
    edges = [(t, row.low - room, 0, 0), (t, row.high + room, 0, 0)]
    assert all(row.possible(value) for _, value, _, _ in edges)
    (span,) = minute_spans(1, edges, as_energy=row.averaging == "energy")
    assert row.low - room <= span.mean <= row.high + room


def test_times_without_a_clock_wait_for_an_anchor_of_the_same_boot(flow: Flow) -> None:
    device = Device(clk="none", err=None, off=1000.0)  # it woke in 1970
    flow.take(device.batch(reading(at=1100.0)), device.batch(reading(value=32.0, at=1160.0)))
    flow.project()
    assert flow.series.channels() == []
    (waiting,) = flow.series.held()
    assert (waiting.gateway, waiting.boot, waiting.batches, waiting.since) == (SIGNED.id, device.boot, 2, NOW)
    device.clk, device.err, device.off = "srv", 0.3, NOW - 200.0
    flow.take(device.batch(reading(value=33.0, at=NOW), anchors=((200.0, NOW, 0.3, "srv"),)))
    flow.project()
    assert flow.series.held() == []
    assert flow.values("kh-f0123-a/st1/ta") == [
        (NOW - 100.0, 31.42, Grade.B),
        (NOW - 40.0, 32.0, Grade.B),
        (NOW, 33.0, Grade.B),
    ]


def test_an_anchor_of_another_boot_releases_nothing(flow: Flow) -> None:
    flow.take(Device(clk="none", err=None).batch())
    other = Device(epoch="aaaaaaaaaaaaaaaa", boot="cccccccccccccccc")
    flow.take(other.batch(anchors=((100.0, NOW, 0.3, "srv"),)))
    flow.project()
    assert [w.batches for w in flow.series.held()] == [1]


def test_times_ahead_of_their_arrival_are_held_and_shown(flow: Flow) -> None:
    flow.take(Device().batch(reading(at=NOW + 3600.0)))
    flow.project()
    assert flow.series.channels() == []
    assert [w.batches for w in flow.series.held()] == [1]
    assert [entry.code for entry in flow.ledger.quarantine()] == ["time"]


def test_a_pack_in_cbor_gives_the_same_points_as_one_in_json(flow: Flow) -> None:
    flow.take(pack_cbor([{"n": "room", "u": "Cel", "t": -30, "v": 21.5}]), gateway=FOREIGN.id)
    flow.project()
    assert flow.values("kh-f0123-x/hall/ta") == [(NOW - 30.0, 21.5, Grade.C)]


def test_a_foreign_pack_is_indicative_mapped_converted_and_dated_by_its_arrival(flow: Flow) -> None:
    pack = (
        b'[{"n":"room","u":"Cel","t":-30,"v":21.5},{"n":"kh-f0123-x/hall/p","u":"hPa","v":1006.5},'
        b'{"n":"kh-f0123-x/hall/pm2_5","u":"kg/m3","v":3.2e-8},{"n":"mystery","v":1}]'
    )
    flow.take(pack, gateway=FOREIGN.id)
    flow.project()
    assert flow.values("kh-f0123-x/hall/ta") == [(NOW - 30.0, 21.5, Grade.C)]
    assert flow.values("kh-f0123-x/hall/p") == [(NOW, 100650.0, Grade.C)]
    assert flow.values("kh-f0123-x/hall/pm2_5")[0][1] == pytest.approx(32.0)
    assert ["unmapped" in e.detail or "neither" in e.detail for e in flow.ledger.quarantine()] == [True]


def test_a_name_mapped_later_comes_in_when_the_series_is_built_again(flow: Flow) -> None:
    flow.known = snapshot()
    flow.take(b'[{"n":"room","u":"Cel","v":21.5}]', gateway=FOREIGN.id)
    flow.project()
    assert flow.series.channels() == []
    flow.known = snapshot(names=NAMES)
    flow.series.wipe()
    flow.projector = flow.new_projector()
    flow.project()
    assert [c.name for c in flow.series.channels()] == ["kh-f0123-x/hall/ta"]


def test_a_valid_calibration_makes_a_signed_reading_evidential(flow: Flow) -> None:
    document = json.dumps({
        "sensors": [{"id": "st1", "channels": [
            {"quantity": "ta", "cal": {"due": "2026-12-31"}},
            {"quantity": "rh", "cal": {"due": "2025-12-31"}}, {"quantity": "co2"},
        ]}]
    })  # fmt: skip
    cfg = hashlib.sha256(document.encode()).hexdigest()[:32]
    flow.ledger.append([], [BirthNote(SITE.id, SIGNED.id, NOW, "{}", None, (cfg, document), 0, 0)])
    overdue = reading("ta", 31.0, at=NOW - 1, flags=int(Flag.CALIBRATION_OVERDUE))
    flow.take(Device(cfg=cfg).batch(
        overdue, reading(), reading("rh", 60.0, unit="%RH"), reading("co2", 600.0, unit="ppm")
    ))  # fmt: skip
    flow.project()
    assert [grade for _, _, grade in flow.values("kh-f0123-a/st1/ta")] == [Grade.B, Grade.A]
    assert flow.values("kh-f0123-a/st1/rh")[0][2] == Grade.B
    assert flow.values("kh-f0123-a/st1/co2")[0][2] == Grade.B


def test_a_coarse_clock_lowers_the_grade_and_an_error_above_a_minute_keeps_out(flow: Flow) -> None:
    flow.take(Device(clk="hold", err=30.0).batch())
    flow.take(Device(clk="rtc", err=61.0, epoch="aaaaaaaaaaaaaaaa").batch(reading(value=1.0)))
    flow.project()
    assert [value for _, value, _ in flow.values("kh-f0123-a/st1/ta")] == [31.42]
    assert [w.batches for w in flow.series.held()] == [1]


def test_a_tombstone_and_a_payload_of_an_upload_do_not_disturb(flow: Flow) -> None:
    flow.ledger.close_hole(SIGNED.id, "00112233445566aa", 1, site=SITE.id, who="sok", why="burnt", at=NOW)
    flow.intake.take([Arrival(b'[{"n":"room","u":"Cel","v":1}]', NOW, "upload", gateway=FOREIGN.id)], NOW)
    flow.project()
    assert flow.values("kh-f0123-x/hall/ta")[0][1] == 1.0


def test_between_anchors_time_is_interpolated_and_outside_it_drifts_by_the_bound() -> None:
    anchors = [Anchor(0.0, 1000.0, 0.1), Anchor(100.0, 1100.5, 0.3)]
    assert corrected(50.0, anchors) == (1050.25, 0.3)
    assert corrected(-1000.0, anchors) == pytest.approx((0.0, 0.2))
    assert corrected(10_100.0, anchors) == pytest.approx((11_100.5, 1.3))
    assert corrected(100.0, anchors) == (1100.5, 0.3)


def test_a_calibration_holds_through_its_due_day_and_rubbish_counts_as_unknown() -> None:
    channel = Channel("g", "st1", "ta")
    due = read_due('{"sensors":[{"id":"st1","channels":[{"quantity":"ta","cal":{"due":"1970-01-02"}}]}]}')
    assert [state(due, channel, at) for at in (0.0, 172_799.0, 172_800.0)] == ["valid", "valid", "overdue"]
    assert state(due, Channel("g", "st1", "rh"), 0.0) == "unknown"
    last_day = '{"sensors":[{"id":"st1","channels":[{"quantity":"ta","cal":{"due":"9999-12-31"}}]}]}'
    assert state(read_due(last_day), channel, NOW) == "valid"
    bad_date = '{"sensors":[{"channels":[{"cal":{"due":7}}]}]}'
    too_deep = '{"sensors":' + "[" * 100_000 + "]" * 100_000 + "}"
    for rubbish in ("", "[]", '{"sensors":3}', '{"sensors":[3]}', bad_date, too_deep):
        assert read_due(rubbish) == {}
