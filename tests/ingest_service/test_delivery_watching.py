"""What gateways deliver late, in part or not alone is one case each, for those whom it concerns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingest_service.cases.schema import CASES, NOTICES
from ingest_service.ledger.port import Accepted, Rejected
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.quarantine import Quarantine
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from ingest_service.series.sqlite import open_series
from osh_domain.batch import text_hash
from tests.ingest_service.plant import NIGHT_END, Plant
from tests.ingest_service.test_watching import GATEWAYS, SITE, big_factory, report

FIRST, SECOND = GATEWAYS[:2]
HOUR = 3600.0


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


def say(plant: Plant, gateway: str, quantity: str, value: float | None, text: str | None = None) -> None:
    """A word of the gateway on its own channel, now."""
    unit = {"backlog_age": "s", "disk_free": "/"}.get(quantity)
    channel = plant.series.channel_id(SITE, gateway, "sys", quantity, unit)
    at = int(plant.clock.t * 1e6)
    values = [] if value is None else [(channel, at, value, 0, 0)]
    texts = [] if text is None else [(channel, at, text)]
    plant.series.write(values, texts, "ledger", 1, received={channel: plant.clock.t})


def run(plant: Plant, minutes: int, *, age: float | None = None, restart: bool = False) -> None:
    """Minutes in which every sensor reports; ``age``: of the first gateway's backlog at the end of it."""
    for left in range(minutes - 1, -1, -1):
        plant.clock.t += 60.0
        report(plant)
        if age is not None:
            say(plant, FIRST, "backlog_age", max(0.0, age - 60.0 * left))
        plant.cycle.look_at_clock()
        if restart:
            plant.cycle = plant.fresh()


def of_devices(plant: Plant) -> list[tuple[str, str, str]]:
    return [(case["rule"], case["subject"], case["state"]) for case in plant.rows(CASES) if case["rule"]]


def told(plant: Plant) -> set[str]:
    return {notice["name"] for notice in plant.rows(NOTICES)}


def refuse(plant: Plant, number: int, code: str = "senml") -> None:
    assert plant.devices is not None
    entries = [
        Rejected(
            plant.clock.t, "mqtt", None, SITE, FIRST, True, b"%d" % one, text_hash(b"%d" % one), code, "why"
        )
        for one in range(number)
    ]
    plant.devices.append(entries)  # type: ignore[attr-defined]


def test_an_old_backlog_is_told_to_the_engineer_and_is_over_when_it_is_delivered(plant: Plant) -> None:
    run(plant, 40, age=5 * HOUR)
    assert of_devices(plant) == []
    run(plant, 100, age=6.8 * HOUR, restart=True)
    assert of_devices(plant) == [("watch-backlog", f"backlog:{FIRST}/sys", "open")]
    assert len(told(plant)) == 1, "the engineer alone"
    (notice,) = plant.rows(NOTICES)
    assert f"{FIRST}: its oldest reading has been waiting for 6.5 h" in notice["body"]
    assert f"{FIRST}/sys" not in notice["subject"]
    run(plant, 15, age=0.0)
    assert of_devices(plant) == [("watch-backlog", f"backlog:{FIRST}/sys", "closed")]


def test_lost_readings_are_told_to_both_sides_and_a_restart_is_not(plant: Plant) -> None:
    run(plant, 5)
    say(plant, SECOND, "gap", None, "restart: from boot a at 1.0 s to boot b at 2.0 s")
    run(plant, 5)
    assert of_devices(plant) == []
    say(plant, FIRST, "gap", None, "disk full: measuring stops")
    run(plant, 3)
    assert of_devices(plant) == [("watch-lost", f"lost:{FIRST}/sys", "open")]
    sides = {notice["side"] for notice in plant.rows(NOTICES)}
    assert sides == {"worker", "management", None}
    assert all("disk full: measuring stops" in notice["body"] for notice in plant.rows(NOTICES))


def test_refusals_are_one_case_that_ends_when_somebody_settles_them(plant: Plant) -> None:
    run(plant, 2)
    refuse(plant, 10)
    run(plant, 15)
    assert of_devices(plant) == [], "ten are not too many"
    refuse(plant, 14)  # ten of them were there before
    run(plant, 15)
    assert of_devices(plant) == [("watch-refused", f"refused:{FIRST}/sys", "open")]
    ledger: Any = plant.devices
    for entry in ledger.quarantine(limit=100):
        Quarantine(ledger, None).close(entry.id, who="test", text="mended", now=plant.clock.t)  # type: ignore[arg-type]
    run(plant, 15)
    assert of_devices(plant) == [("watch-refused", f"refused:{FIRST}/sys", "closed")]


def batch(plant: Plant, seq: int, prev: str) -> Accepted:
    payload = b"batch %d" % seq
    return Accepted(
        plant.clock.t, "mqtt", SITE, FIRST, "sealed", "00112233445566aa", seq, f"hash-{seq}", prev, True,
        payload, text_hash(payload),
    )  # fmt: skip


@pytest.mark.parametrize("restart", [False, True])
def test_a_broken_chain_is_told_once_for_a_day_and_what_was_there_before_is_not(
    plant: Plant, restart: bool
) -> None:
    ledger: Any = plant.devices
    ledger.append([batch(plant, 1, "old"), batch(plant, 2, "not of 1")])
    assert ledger.status(FIRST).chain_breaks > 0
    run(plant, 5, restart=restart)
    assert of_devices(plant) == []
    ledger.append([batch(plant, 3, "not of 2")])
    run(plant, 5, restart=restart)
    assert of_devices(plant) == [("watch-chain", f"chain:{FIRST}/sys", "open")]
    plant.clock.t += 86_400.0
    run(plant, 15, restart=restart)
    assert [state for rule, _, state in of_devices(plant) if rule == "watch-chain"] == ["closed"]
