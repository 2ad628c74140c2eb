"""What is ahead of a zone: told from stored minutes, in the words of the pages."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alert_rules.pack_format import load_packs
from ingest_service.language import translator
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.queries.ahead import ahead, next_limit, work_rest
from ingest_service.queries.limits_in_force import LimitsInForce
from ingest_service.queries.measured import of_exposure
from ingest_service.queries.outlook import Ahead
from ingest_service.queries.standings import Standings
from ingest_service.queries.view import View
from ingest_service.queries.zone import zone
from ingest_service.register.description import import_description
from ingest_service.register.entries import Site, Zone
from ingest_service.register.store import Register
from ingest_service.series.port import ExposureRow
from ingest_service.series.sqlite import open_series
from ingest_service.web import outlook_words
from ingest_service.web.sentences import standing, why
from ingest_service.web.words import Words

MONDAY = 1780272000.0  # 2026-06-01 07:00 in Phnom Penh, when the day shift begins
NOON = MONDAY + 5 * 3600.0
TZ = "Asia/Phnom_Penh"


class World:
    """A zone of sewing (class 1) on a Monday, and a way to give it minutes."""

    def __init__(self, view: View) -> None:
        self.view = view
        site, zone = view.register.site("kh-f0123"), view.register.zone("kh-f0123/sewing-3")
        assert site is not None
        assert zone is not None
        self.site: Site = site
        self.zone: Zone = replace(zone, clothing_caf=0.0, metabolic_class=2, acclimatised=True)
        self.store = open_series(view.data_dir)

    def give(self, kind: str, values: dict[int, float | None], method: str = "measured_globe") -> None:
        """Values by minutes before now."""
        now = int(self.view.now // 60)
        self.store.write_exposures(
            [
                ExposureRow(self.zone.id, kind, now - back, value, 1.0, 1, 1, 0.0, method, 0, "2")
                for back, value in values.items()
            ]
        )

    def heat(self, **facts: Any) -> Ahead:
        found = ahead(self.view, self.site, replace(self.zone, **facts), "heat")
        assert found is not None
        return found

    def said(self, one: Ahead) -> str:
        return outlook_words.projection(Words(translator("en"), self.view.now), one, TZ)


@pytest.fixture
def world(engine: sa.Engine, sample_description: Any, tmp_path: Path) -> Iterator[World]:
    register = Register(engine, now=lambda: MONDAY - 7 * 3600.0)
    import_description(register, sample_description, "test")
    series, ledger = open_series(tmp_path / "data"), open_ledger(tmp_path / "data")
    person = next(one for one in register.snapshot().people if one.login == "bopha")
    view = View(
        now=NOON, rate=1.0, person=person, register=register.snapshot(), engine=engine, series=series,
        ledger=ledger, limits=LimitsInForce(load_packs()), data_dir=tmp_path / "data",
    )  # fmt: skip
    found = World(view)
    yield found
    found.store.close()
    series.close()
    ledger.close()


def test_rising_heat_names_the_time_of_its_limit_with_a_span_and_its_inputs(world: World) -> None:
    world.give("wbgt.minute", {back: 27.9 - 0.02 * back for back in range(1, 91)})
    one = world.heat()
    danger = next_limit(one)
    assert danger is not None
    assert (danger.limit.value, danger.limit.severity) == (28.0, "danger")
    assert danger.earliest is not None
    assert danger.at is not None
    assert NOON < danger.earliest <= danger.at
    assert one.measured == 60
    assert one.rate == pytest.approx(1.2)
    assert one.shift_end is not None
    assert one.uncertainty == pytest.approx(0.6)
    assert world.said(one).startswith(
        "If the trend of the last hour goes on, slowing down as usual, the limit of 28.0 °C is reached at "
        "about 12:"
    )
    card = outlook_words.shortly(Words(translator("en"), NOON), one, TZ)
    assert card.startswith("Heat: limit of 28.0 °C at about 12:")


def test_clothing_is_in_what_is_projected_and_unknown_clothing_projects_nothing(world: World) -> None:
    world.give("wbgt.minute", dict.fromkeys(range(1, 91), 25.0))
    bare, dressed = world.heat(), world.heat(clothing_caf=3.0)
    assert bare.end_value == pytest.approx(25.0)
    assert dressed.end_value == pytest.approx(28.0)
    untold = world.heat(clothing_caf=None)
    assert (untold.reason, untold.end_value) == ("unknown_clothing", None)
    assert "Nobody has registered what people wear" in world.said(untold)


@pytest.mark.parametrize(
    ("later_s", "method", "radiant", "why_not"),
    [
        (0.0, "assumed_tg_eq_ta", True, "estimate_beside_radiant"),
        (0.0, "assumed_tg_eq_ta", False, ""),
        (3600.0, "measured_globe", False, "old"),
        (12 * 3600.0, "measured_globe", False, "no_shift"),
    ],
)
def test_nothing_is_projected_from_what_proves_nothing(
    world: World, later_s: float, method: str, radiant: bool, why_not: str
) -> None:
    world.give("wbgt.minute", dict.fromkeys(range(1, 91), 25.0), method)
    world.view = replace(world.view, now=NOON + later_s)
    assert world.heat(radiant_source=radiant).reason == why_not


def test_noise_ends_the_shift_at_what_its_energy_makes(world: World) -> None:
    world.give("la.leq1", dict.fromkeys(range(1, 301), 88.0), "area_laeq")
    one = ahead(world.view, world.site, world.zone, "noise")
    assert one is not None
    reached = next(limit for limit in one.limits if limit.limit.value == 85.0)
    assert reached.already  # 88 dB use up the day of 85 dB in 241 minutes
    last = next(limit for limit in one.limits if limit.limit.value == 87.0)
    assert last.at is not None
    # 480 / 10^0.1 = 381.3 min at 88 dB make 87 dB; the 31 min of break that are not measured yet add nothing.
    assert last.at - MONDAY == pytest.approx((382 + 31) * 60.0)


def test_work_and_rest_names_people_new_to_heat_first_and_both_sources(world: World) -> None:
    world.give("wbgt_eff.twa60", {1: 29.5})
    row = world.view.series.latest_exposures([world.zone.id])[0]
    found = work_rest(world.zone, of_exposure(row, world.view))
    assert [(one.acclimatised, one.work) for one in found.people] == [(False, 0.0), (True, 30.0)]
    words = Words(translator("en"), NOON)
    assert outlook_words.cycle(words, found.people[1]) == (
        "At most 30 min of work, at least 30 min of rest in each hour."
    )
    assert outlook_words.niosh(words, found.people[1]).startswith("between 28 and 58 min of work")
    assert len(found.sources) == 2


def test_an_estimate_also_tells_the_cycle_of_the_hotter_truth(world: World) -> None:
    world.give("wbgt_eff.twa60", {1: 27.5}, "assumed_tg_eq_ta")
    row = world.view.series.latest_exposures([world.zone.id])[0]
    found = work_rest(world.zone, of_exposure(row, world.view))
    assert (found.people[1].work, found.people[1].cautious) == (60.0, 45.0)
    said = outlook_words.cycle(Words(translator("en"), NOON), found.people[1])
    assert said.endswith("At most 45 min of work, at least 15 min of rest in each hour.")


def test_work_and_rest_is_refused_for_a_value_that_could_not_be_told(world: World) -> None:
    world.give("wbgt_eff.twa60", {1: None})
    row = world.view.series.latest_exposures([world.zone.id])[0]
    found = work_rest(world.zone, of_exposure(row, world.view))
    assert (found.reason, found.people) == ("no_value", ())


def heard(world: World, at: float) -> None:
    """Every sensor of the register reports."""
    for channel in world.view.register.expected:
        number = world.store.channel_id("kh-f0123", channel.gateway, channel.sensor, channel.quantity, "Cel")
        world.store.write([(number, int((at - 30.0) * 1e6), 35.0, 0, 0)], [], "ledger", 1)


def test_a_hot_hall_after_work_opens_no_case_and_does_not_say_that_it_might(world: World) -> None:
    evening = MONDAY + 13 * 3600.0
    world.view = replace(world.view, now=evening)
    world.give("wbgt_eff.twa60", {1: 35.0})
    heard(world, evening)
    one = Standings(world.view, [world.site]).of_hazard(world.zone, "heat")
    assert one is not None
    assert one.reason.code == "above_idle"
    words = Words(translator("en"), evening)
    assert why(words, one, TZ) == "No shift is on, so no case is opened."
    assert "right now" in standing(words, "Sewing line 3", one, TZ)


def test_noise_between_two_shifts_is_idle_and_not_said_to_be_unknown(world: World) -> None:
    night = MONDAY + 20 * 3600.0
    world.view = replace(world.view, now=night)
    heard(world, night)
    world.give("la.lex8h", {660: 86.2})
    one = Standings(world.view, [world.site]).of_hazard(world.zone, "noise")
    assert one is not None
    assert one.state == "cannot_tell", "nothing is known of this minute either"
    world.give("la.leq1", {1: 48.0})
    one = Standings(world.view, [world.site]).of_hazard(world.zone, "noise")
    assert one is not None
    assert (one.state, one.reason.code) == ("idle", "idle")
    assert one.judged is not None
    assert (one.judged.value, one.judged.stale) == (86.2, False), "the end of a shift does not grow old"
    words = Words(translator("en"), night)
    said = standing(words, "Sewing line 3", one, TZ)
    assert said == "No shift is on. Noise in Sewing line 3 is judged over a shift."
    assert why(words, one, TZ) == "The last shift stood at 86.2 dB(A), Mon 1 Jun 16:00."
    world.give("la.niosh_dose", {660: 131.0})
    page = zone(world.view, "kh-f0123", "sewing-3", "noise")
    assert [(fact.value, fact.stale) for fact in page.facts] == [(131.0, False)]


def test_noise_at_night_above_the_ceiling_is_said_and_in_a_shift_nothing_is_idle(world: World) -> None:
    night = MONDAY + 20 * 3600.0
    heard(world, night)
    world.view = replace(world.view, now=night)
    world.give("la.lex8h", {660: 86.2})
    world.give("la.leq1", {1: 117.0})
    one = Standings(world.view, [world.site]).of_hazard(world.zone, "noise")
    assert one is not None
    assert (one.state, one.reason.code) == ("warning", "above_idle")
    morning = night + 4 * 3600.0 + 1800.0  # 07:30 on Tuesday: too little of the shift to say anything
    heard(world, morning)
    world.view = replace(world.view, now=morning)
    world.give("la.leq1", {1: 48.0})
    one = Standings(world.view, [world.site]).of_hazard(world.zone, "noise")
    assert one is not None
    assert one.state == "cannot_tell"


def test_a_number_travels_with_its_window_its_method_and_its_revisions(world: World) -> None:
    world.give("wbgt_eff.twa60", {1: 29.0})
    row = world.view.series.latest_exposures([world.zone.id])[0]
    late = row._replace(value=29.4)
    world.store.write_exposures([late], cause=lambda _kind, _minute: "late_data", at=NOON)
    shown = of_exposure(world.view.series.latest_exposures([world.zone.id])[0], world.view)
    assert (shown.expected, shown.received) == (1, 1)
    assert shown.uncertainty == pytest.approx(0.6)
    assert shown.revision == 1
    (change,) = shown.revisions
    assert (change.old, change.new, change.cause, change.at) == (29.0, 29.4, "late_data", NOON)
