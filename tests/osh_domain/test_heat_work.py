"""Work in the heat: rates, limits with their bands, acclimatisation, triggers, clothing, error budget."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_service.rollup.heat import VA_ASSUMED, wbgt_method
from ingest_service.rollup.kinds import KINDS
from osh_domain.exposure import CALCULATION
from osh_domain.exposure.acclimatisation import acclimatised, exposure_share
from osh_domain.exposure.acgih_screening import allowed_work, osha_page_value
from osh_domain.exposure.clothing import clothing_adjustment, clothing_caf
from osh_domain.exposure.error_budget import no_globe_budget
from osh_domain.exposure.globe import settling_minutes
from osh_domain.exposure.heat_index import heat_index_band, heat_index_estimate
from osh_domain.exposure.heat_stress import indoor_wbgt, screen
from osh_domain.exposure.heat_triggers import heat_index_trigger, highest, wbgt_trigger
from osh_domain.exposure.metabolic_rate import DEFAULT_CLASS, TASKS, hourly_rate, niosh_band, task_class
from osh_domain.exposure.methods import METHODS, estimate, method
from osh_domain.exposure.psychrometric import dew_point, saturation_pressure

RATE = st.floats(116, 580)


def test_a_task_is_judged_by_its_heavier_class() -> None:
    assert {key: task_class(key).number for key in TASKS} == {
        "seated_rest": 0,
        "seated_sewing": 1,
        "standing_light": 2,
        "pressing_and_cutting": 2,
        "carrying": 3,
        "loading_by_hand": 3,
        "shovelling": 4,
    }
    assert task_class("pressing_and_cutting").number == DEFAULT_CLASS
    with pytest.raises(ValueError, match="do not guess"):
        task_class("flying")


def test_mixed_tasks_count_with_their_share_of_the_hour() -> None:
    assert hourly_rate([(400.0, 45.0), (120.0, 15.0)]) == pytest.approx(330.0)
    with pytest.raises(ValueError, match="time of all tasks"):
        hourly_rate([(400.0, 45.0), (120.0, 16.0)])


@given(RATE, RATE, st.booleans())
def test_harder_work_never_gets_a_looser_limit(one: float, other: float, used: bool) -> None:
    low, high = sorted((one, other))
    assert niosh_band(low, acclimatised=used).value >= niosh_band(high, acclimatised=used).value


@given(RATE, st.booleans(), st.floats(0, 0.9))
def test_a_limit_lies_inside_its_band(rate: float, used: bool, error: float) -> None:
    band = niosh_band(rate, acclimatised=used, error=error)
    assert band.strictest <= band.value <= band.loosest


def test_people_who_are_not_acclimatised_have_the_lower_limit_and_other_names() -> None:
    used, new = niosh_band(300.0, acclimatised=True), niosh_band(300.0, acclimatised=False)
    assert (used.method, new.method) == ("niosh_rel", "niosh_ral")
    assert new.value < used.value
    assert niosh_band(300.0, acclimatised=True, error=0.0).strictest == used.value


def test_a_week_away_ends_acclimatisation() -> None:
    assert acclimatised(14, days_away=6)
    assert not acclimatised(14, days_away=7)
    assert not acclimatised(13, days_away=0)
    with pytest.raises(ValueError, match="days"):
        acclimatised(-1, days_away=0)


def test_exposure_is_built_up_by_the_schedule() -> None:
    assert [exposure_share(day, "new") for day in range(1, 7)] == [0.2, 0.4, 0.6, 0.8, 1.0, 1.0]
    assert [exposure_share(day, "experienced") for day in range(1, 6)] == [0.5, 0.6, 0.8, 1.0, 1.0]
    with pytest.raises(ValueError, match="day"):
        exposure_share(0, "new")


def test_triggers_act_at_the_value_already() -> None:
    assert [heat_index_trigger(value) for value in (79.999, 80.0, 89.999, 90.0)] == [
        "none", "initial", "initial", "high",
    ]  # fmt: skip
    ral, rel = (niosh_band(300.0, acclimatised=one).value for one in (False, True))
    assert [wbgt_trigger(value, 300.0) for value in (ral - 1e-9, ral, rel)] == ["none", "initial", "high"]
    assert highest("none", "initial") == "initial"
    with pytest.raises(ValueError, match="nan"):
        wbgt_trigger(math.nan, 300.0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_in_no_band_and_gets_no_advice(value: float) -> None:
    with pytest.raises(ValueError, match="heat index"):
        heat_index_band(value, "osha_2011_guide")
    with pytest.raises(ValueError, match="effective WBGT"):
        allowed_work(value, "TLV", "light")
    with pytest.raises(ValueError, match="effective WBGT"):
        screen(value, 28.0, "measured_globe", radiant_source=False)


def test_the_rounded_values_of_oshas_page_are_a_table_of_their_own() -> None:
    loads = ("light", "moderate", "heavy", "very_heavy")
    assert [osha_page_value("TLV", load) for load in loads] == [30.0, 28.0, 26.0, 25.0]  # type: ignore[arg-type]
    assert [osha_page_value("AL", load) for load in loads] == [28.0, 25.0, 23.0, 21.0]  # type: ignore[arg-type]


def test_the_two_schemes_of_clothing_are_kept_apart() -> None:
    assert clothing_adjustment("polyolefin_coveralls", "osha_niosh") == 1.0
    assert clothing_adjustment("polyolefin_coveralls", "iso7243") == 2.0
    assert clothing_adjustment("cloth_coveralls", "iso7243", hood=True) == 1.0
    refused: tuple[Callable[[], float], ...] = (
        lambda: clothing_caf("vapour_barrier_apron"),
        lambda: clothing_adjustment("work_clothing", "osha_niosh", hood=True),
        lambda: clothing_adjustment("vapour_barrier_coveralls_with_hood", "iso7243", hood=True),
        lambda: clothing_caf(""),
    )
    for call in refused:
        with pytest.raises(ValueError, match="do not assume 0"):
            call()


def test_the_error_budget_of_a_node_without_a_globe_is_the_published_one() -> None:
    spans = {
        "globe truly 1 C above air": (-0.45, -0.35),
        "globe truly 2 C above air": (-0.85, -0.75),
        "globe truly 5 C above air": (-2.1, -2.0),
        "psychrometric instead of natural wet bulb": (-0.5, -0.2),
        "both, globe 2 C above air": (-1.2, -1.0),
        "air speed taken as 0.3, truly 0.1 m/s": (-0.35, -0.15),
        "air speed taken as 0.3, truly 1.0 m/s": (0.15, 0.30),
        "air temperature 0.5 C high": (0.42, 0.48),
        "humidity 3 % high": (0.3, 0.4),
        "1013.25 hPa taken for 900": (0.1, 0.2),
    }
    found = {one.source: one.effect for one in no_globe_budget(33.0, 60.0)}
    assert set(found) == set(spans)
    for source, (low, high) in spans.items():
        assert low <= found[source] <= high, source


def test_a_globe_needs_its_time_to_settle() -> None:
    assert settling_minutes(0.04) == pytest.approx(10.0)
    assert settling_minutes(0.15) == pytest.approx(30.0)
    assert settling_minutes(0.02) == 10.0


def test_results_carry_method_uncertainty_and_calculation() -> None:
    node = indoor_wbgt(33.0, 60.0)
    assert (node.method, node.bias, node.calculation) == (
        "assumed_tg_eq_ta+assumed_va",
        "either",
        CALCULATION,
    )
    assert node.uncertainty == pytest.approx(math.hypot(1.0, 0.65))
    index = heat_index_estimate(32.0, 60.0)
    assert (index.unit, index.calculation) == ("Cel", CALCULATION)
    assert index.uncertainty == pytest.approx(0.72, abs=0.005)


def test_the_sun_cannot_be_assumed_away() -> None:
    with pytest.raises(ValueError, match="in the sun needs a globe"):
        indoor_wbgt(33.0, 60.0, sun=True)
    assert indoor_wbgt(33.0, 60.0, 45.0, air_speed=1.0, sun=True).method == "measured_globe_sun"


def test_every_method_that_a_rollup_writes_is_in_the_table() -> None:
    tags = {kind.method for kind in KINDS if kind.method} | {"area_week", "no_data"}
    codes = [VA_ASSUMED | 1 << bit for bit in range(1, 7)] + [1 << bit for bit in range(1, 7)]
    tags |= {wbgt_method(code) for code in codes}
    assert {method(tag).tag for tag in tags} == tags


@given(st.floats(-20, 50), st.floats(1, 100))
def test_the_dew_point_is_where_the_air_is_saturated(air: float, rh: float) -> None:
    found = dew_point(air, rh)
    assert found <= air + 1e-9
    assert saturation_pressure(max(found, -40.0)) >= rh / 100.0 * saturation_pressure(air) - 1e-6
    with pytest.raises(ValueError, match="humidity"):
        dew_point(air, 0.0)


def test_every_method_says_what_it_is_and_unknown_ones_get_near_matches() -> None:
    for tag, row in METHODS.items():
        assert (row.tag, bool(row.title)) == (tag, True)
        assert row.uncertainty is None or row.uncertainty > 0
    with pytest.raises(ValueError, match="did you mean liljegren"):
        method("liljegen")
    with pytest.raises(ValueError, match="no method is called"):
        method("area_laeq+assumed_va")
    with pytest.raises(ValueError, match="no result"):
        estimate(math.nan, "liljegren")
