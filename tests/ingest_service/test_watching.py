"""Silence and doubts about sensors in a whole factory: one cause is one case and one notice a person."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alert_rules.pack_format import load_packs
from ingest_service.cases.schema import CASES, NOTICES
from ingest_service.ledger.port import BirthNote
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from ingest_service.series.port import QualityRow
from ingest_service.series.sqlite import open_series
from osh_domain.quality_tests import QcTest
from tests.ingest_service.plant import NIGHT_END, Plant

SITE = "kh-f0123"
GATEWAYS = [f"kh-f0123-g{number}" for number in range(6)]
QUANTITIES = ("ta", "rh", "tg", "la.eq60", "pm2_5", "pm10", "co")


def big_factory(description: Any) -> Any:
    """Six gateways with forty channels in all, each sensor with its serial number."""
    (site,) = description["sites"]
    site["gateways"] = [
        {"id": gateway, "kind": "foreign", "names": {}, "sensors": [_sensor(number)]}
        for number, gateway in enumerate(GATEWAYS)
    ]
    return description


def _sensor(number: int) -> dict[str, Any]:
    measured = QUANTITIES if number < 4 else QUANTITIES[:6]
    zone = "sewing-3" if number < 3 else "ironing"
    channels = dict.fromkeys(measured, 60)
    return {"id": "s0", "zone": zone, "from": 0.0, "serial": f"SN-{number}0", "channels": channels}


@pytest.fixture
def plant(engine: sa.Engine, sample_description: Any, tmp_path: Path) -> Iterator[Plant]:
    register = Register(engine, now=lambda: NIGHT_END - 30 * 86400.0)
    import_description(register, big_factory(sample_description), "test")
    series, ledger = open_series(tmp_path / "data"), open_ledger(tmp_path / "data")
    plant = Plant(engine, register, series)
    plant.devices = ledger
    plant.clock.t = NIGHT_END
    plant.cycle = plant.fresh()
    yield plant
    ledger.close()
    series.close()


def report(plant: Plant, gateways: Iterable[str] = GATEWAYS) -> None:
    """One reading of every expected channel of these gateways, now."""
    t = plant.clock.t
    for one in plant.register.snapshot().expected:
        if one.gateway in gateways:
            channel = plant.series.channel_id(SITE, one.gateway, one.sensor, one.quantity, None)
            plant.series.write([(channel, int(t * 1e6), 30.0, 0, 0)], [], "ledger", 1, received={channel: t})


def run(plant: Plant, minutes: int, gateways: Iterable[str] = GATEWAYS, *, restart: bool = False) -> None:
    for _ in range(minutes):
        plant.clock.t += 60.0
        report(plant, gateways)
        plant.cycle.look_at_clock()
        if restart:
            plant.cycle = plant.fresh()


def of_devices(plant: Plant) -> list[dict[str, Any]]:
    return [case for case in plant.rows(CASES) if case["hazard"] in {"silence", "device"}]


def notices(plant: Plant, case: int) -> list[tuple[str, str]]:
    return [(n["kind"], n["name"]) for n in plant.rows(NOTICES) if n["case_id"] == case]


def birth(plant: Plant, gateway: str, serial: str, due: str = "2027-01-01") -> None:
    """The gateway says at its birth what hangs on it."""
    sensor = {"id": "s0", "serial": serial, "channels": [{"quantity": "co", "cal": {"due": due}}]}
    document = json.dumps({"gw": gateway, "sensors": [sensor]})
    name = f"{gateway}-{serial}-{due}"
    text = json.dumps({"cfg": name})
    note = BirthNote(SITE, gateway, plant.clock.t, text, None, (name, document), 0, 0)
    assert plant.devices is not None
    plant.devices.append([], [note])  # type: ignore[attr-defined]


SITE_PACK = """
format: 2
pack: own-watch
version: "1"
title: t
layer: site
site: kh-f0123
valid_from: 2020-01-01
source: {instrument: I, clause: c, confidence: verified}
rules:
  - id: own-site-silent
    title: t
    hazard: silence
    replaces: watch-site-silent
    silence: {cause: site, after: 10 min, periods: 5, together: 3 min, grace: 10 min, back: 2 min}
    severity: warning
    advice: [watch.power, watch.measure]
    tell: [engineer, committee.worker, committee.management]
    escalate:
      - {after: 24 h, unless: cleared, to: [adviser, authority]}
"""


@pytest.mark.parametrize("restart", [False, True], ids=["running on", "restarted every minute"])
@pytest.mark.parametrize("layers", ["shipped", "with a pack of the site"])
def test_a_power_cut_of_forty_channels_is_one_case_and_one_notice_a_person(
    plant: Plant, tmp_path: Path, layers: str, restart: bool
) -> None:
    assert len(plant.register.snapshot().expected) == 40
    if layers != "shipped":
        (tmp_path / "packs").mkdir()
        (tmp_path / "packs" / "own.yaml").write_text(SITE_PACK)
        plant.packs = load_packs(packs_dir=tmp_path / "packs")
        plant.cycle = plant.fresh()
    run(plant, 20)
    assert of_devices(plant) == []
    cut = plant.clock.t
    run(plant, 60, (), restart=restart)
    (case,) = of_devices(plant)
    rule = "watch-site-silent" if layers == "shipped" else "own-site-silent"
    assert (case["rule"], case["subject"], case["state"]) == (rule, SITE, "open")
    assert case["opened_at"] - cut == 600.0
    told = notices(plant, case["id"])
    assert len(told) == len(set(told)) == 3
    run(plant, 30, restart=restart)
    (case,) = of_devices(plant)
    assert case["state"] == "closed"
    assert sorted(kind for kind, _ in notices(plant, case["id"])) == ["cleared"] * 3 + ["opened"] * 3


def test_a_gateway_that_is_silent_is_not_also_stuck(plant: Plant) -> None:
    run(plant, 20)
    frozen = plant.series.channel(GATEWAYS[0], "s0", "ta")
    assert frozen is not None
    for _ in range(60):
        minute = int(plant.clock.t // 60)
        row = QualityRow(frozen.id, minute, 3, int(QcTest.FLAT_LINE))
        plant.series.replace_quality(frozen.id, minute, minute, [row])
        run(plant, 1, GATEWAYS[1:])
    assert [case["rule"] for case in of_devices(plant)] == ["watch-gateway-silent"]


def test_a_swapped_pair_of_sensors_is_one_case_that_names_both(plant: Plant) -> None:
    run(plant, 15)
    birth(plant, GATEWAYS[0], "SN-10")
    birth(plant, GATEWAYS[1], "SN-00")
    run(plant, 20, restart=True)
    (case,) = of_devices(plant)
    assert (case["rule"], case["hazard"], case["state"]) == ("watch-moved", "device", "open")
    assert case["event"]["sensors"] == [f"{GATEWAYS[0]}/s0", f"{GATEWAYS[1]}/s0"]
    told = [n for n in plant.rows(NOTICES) if n["case_id"] == case["id"]]
    assert len(told) == 3
    assert "reports serial number SN-10, which is registered for kh-f0123-g1/s0" in told[0]["body"]
    birth(plant, GATEWAYS[0], "SN-00")
    birth(plant, GATEWAYS[1], "SN-10")
    run(plant, 15)
    (case,) = of_devices(plant)
    assert case["state"] == "closed"


def test_calibrations_that_lapse_on_one_day_are_one_case_for_the_engineer(plant: Plant) -> None:
    plant.clock.t = NIGHT_END - 2 * 3600.0
    for number, gateway in enumerate(GATEWAYS[:4]):
        birth(plant, gateway, f"SN-{number}0", due="2026-05-31")
    run(plant, 110)
    assert of_devices(plant) == []
    run(plant, 90)
    (case,) = of_devices(plant)
    assert (case["rule"], case["event"]["channels"]) == ("watch-calibration", 4)
    told = [n for n in plant.rows(NOTICES) if n["case_id"] == case["id"]]
    assert len(told) == 1
    assert "its calibration was due on 2026-05-31" in told[0]["body"]
