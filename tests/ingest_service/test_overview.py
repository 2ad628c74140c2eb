"""The overview: what was not measured is never shown as fine, and every site has its own days."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alert_rules.pack_format import load_packs
from ingest_service.cases.schema import JUDGEMENTS
from ingest_service.database import write
from ingest_service.language import translator
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.queries.limits_in_force import LimitsInForce
from ingest_service.queries.models import Overview, OverviewRow
from ingest_service.queries.overview import Wish, overview
from ingest_service.queries.view import View
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from ingest_service.series.port import ExposureRow
from ingest_service.series.sqlite import open_series
from ingest_service.web.sentences import of_overview
from ingest_service.web.words import Words

RULE = "heat-iso7243-reference"
SHIFT = 540
ZONES = ("kh-f0123/sewing-3", "kh-f0123/ironing")
MONDAY = 1780272000.0  # 2026-06-01 07:00 in Phnom Penh, when the day shift begins; a midnight in UTC
EVENING = MONDAY + 13 * 3600.0


class World:
    """The sample factory, watched since Monday's midnight, and one with other clocks; on Monday evening."""

    def __init__(self, view: View, register: Register) -> None:
        self.view, self.register = view, register

    def judge(
        self, verdicts: dict[str, int], zone: str = ZONES[0], start: float = MONDAY, rule: str = RULE
    ) -> None:
        minute = int(start // 60)
        rows = []
        for verdict, number in verdicts.items():
            for _ in range(number):
                minute += 1
                rows.append({"zone": zone, "rule": rule, "minute": minute, "verdict": verdict})
        with write(self.view.engine) as connection:
            connection.execute(sa.insert(JUDGEMENTS), rows)

    def page(self, **wish: Any) -> Overview:
        return overview(self.view, Wish(**wish))

    def row(self) -> OverviewRow:
        return next(row for row in self.page().rows if row.site.id == "kh-f0123")

    def sentence(self) -> str:
        return of_overview(Words(translator("en"), self.view.now), self.page())


@pytest.fixture
def world(engine: sa.Engine, sample_description: Any, tmp_path: Path) -> Iterator[World]:
    register = Register(engine, now=lambda: MONDAY - 7 * 3600.0)
    (site,) = sample_description["sites"]
    for word, quantity in (("pm9", "pm2_5"), ("co9", "co")):
        sensor = {"id": word, "zone": "sewing-3", "height_m": 1.5, "channels": {quantity: 60.0}}
        site["gateways"][0]["sensors"].append(sensor)
    far = {"id": "kh-f0999", "name": "Far Garment", "timezone": "America/Port-au-Prince", "zones": []}
    sample_description["sites"].append({**site, **far, "gateways": [], "people": []})
    for gateway in site["gateways"]:
        for sensor in gateway["sensors"]:
            sensor["from"] = MONDAY - 7 * 3600.0
    import_description(register, sample_description, "test")
    series, ledger = open_series(tmp_path / "data"), open_ledger(tmp_path / "data")
    person = next(one for one in register.snapshot().people if one.login == "bopha")
    view = View(
        now=EVENING, rate=1.0, person=person, register=register.snapshot(), engine=engine, series=series,
        ledger=ledger, limits=LimitsInForce(load_packs()), data_dir=tmp_path / "data",
    )  # fmt: skip
    yield World(view, register)
    series.close()
    ledger.close()


def test_where_nothing_was_measured_nobody_can_tell_and_the_sentence_names_it(world: World) -> None:
    row = world.row()
    assert row.coverage == 0.0
    assert (row.hours_above, row.worker_hours_above, row.shift_share) == (None, None, None)
    page = world.page()
    assert (page.sites_over, page.sites_untold) == (0, ("Mekong Garment 0123",))
    assert "Nobody can tell for 1: Mekong Garment 0123." in world.sentence()


def test_one_zone_that_is_quiet_does_not_speak_for_another_that_was_not_measured(world: World) -> None:
    world.judge({"within": SHIFT})
    assert world.row().hours_above is None
    world.judge({"within": SHIFT - 100, "cannot_tell": 100}, ZONES[1])
    row = world.row()
    assert (row.hours_above, row.shift_share) == (0.0, 0.0)
    assert row.worker_hours_above is not None
    assert row.worker_hours_above.both == 0.0
    assert "Nobody can tell" not in world.sentence()


def test_hours_above_are_said_however_little_else_is_known(world: World) -> None:
    world.judge({"above": 60, "cannot_tell": 400})
    row = world.row()
    assert row.hours_above == 1.0
    assert row.worker_hours_above is not None
    assert (row.worker_hours_above.women, row.worker_hours_above.men) == (84.0, 9.0)


def test_dust_that_was_measured_says_nothing_of_carbon_monoxide_that_was_not(world: World) -> None:
    site, zone = world.view.register.site("kh-f0123"), world.view.register.zone(ZONES[0])
    assert site is not None
    assert zone is not None
    dust, gas = (
        world.view.limits.active(site, zone, (kind,), EVENING)[0].id for kind in ("pm2_5.mean24h", "co.twa8h")
    )
    for place in ZONES:
        world.judge({"within": SHIFT}, place, rule=dust)
    air = next(row for row in world.page(hazard="air").rows if row.site.id == "kh-f0123")
    assert (air.hours_above, air.coverage) == (None, 0.5)
    world.judge({"within": SHIFT}, rule=gas)
    air = next(row for row in world.page(hazard="air").rows if row.site.id == "kh-f0123")
    assert air.hours_above == 0.0


def test_cool_air_after_work_does_not_make_a_factory_good_of_whose_work_nothing_is_known(
    world: World,
) -> None:
    store = open_series(world.view.data_dir)
    minute = int(EVENING // 60) - 2
    for zone in ZONES:
        store.write_exposures(
            [ExposureRow(zone, "wbgt_eff.twa60", minute, 22.0, 1.0, 60, 60, 0.0, "measured_globe", 0, "1")]
        )
    for channel in world.view.register.expected:
        number = store.channel_id("kh-f0123", channel.gateway, channel.sensor, channel.quantity, "Cel")
        heard = {number: EVENING - 30.0}
        store.write([(number, int((EVENING - 30.0) * 1e6), 22.0, 0, 0)], [], "ledger", 1, received=heard)
    store.close()
    assert world.row().state == "cannot_tell"
    world.judge({"within": SHIFT})
    world.judge({"within": SHIFT}, ZONES[1])
    assert world.row().state == "within"


def test_a_day_of_which_little_was_measured_has_no_zero_and_a_day_off_has_no_gap(world: World) -> None:
    world.judge({"within": 200})
    cells = next(line for line in world.page().calendar if line.site == "kh-f0123").cells
    monday, sunday = cells[-1], cells[-2]
    assert monday.coverage is not None
    assert 0.0 < monday.coverage < 0.75
    assert (monday.share, monday.hours_above) == (None, None)
    assert (sunday.coverage, sunday.share) == (None, None)


def test_the_week_of_every_factory_begins_at_its_own_midnight(world: World) -> None:
    starts = {row.site.id: row.start for row in world.page().rows}
    assert starts["kh-f0123"] == MONDAY - 7 * 3600.0 - 6 * 86400.0
    assert starts["kh-f0999"] == MONDAY + 4 * 3600.0 - 6 * 86400.0
