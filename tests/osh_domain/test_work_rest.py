"""Work and rest: hand-computed cycles, and refusals instead of guesses."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osh_domain.exposure.work_rest import Advice, HeatOfPlace, advice, niosh_work_minutes

SEWING = HeatOfPlace(29.5, "measured_globe", metabolic_class=2, acclimatised=True)


def told(place: HeatOfPlace) -> Advice:
    found = advice(place)
    assert isinstance(found, Advice)
    return found


@pytest.mark.parametrize(
    ("wbgt", "metabolic_class", "acclimatised", "work"),
    [
        (28.0, 2, True, 60.0),  # at the value of 75-100 %
        (28.01, 2, True, 45.0),
        (29.5, 2, True, 30.0),
        (31.5, 2, True, 15.0),
        (31.51, 2, True, 0.0),
        (27.0, 3, True, 45.0),  # heavy work has no value for the whole hour: the next row holds
        (20.0, 4, True, 30.0),  # very heavy work begins with 25-50 %
        (31.0, 1, True, 60.0),
        (28.2, 1, False, 45.0),
        (29.7, 1, False, 15.0),
    ],
)
def test_the_cycle_is_the_largest_share_of_work_that_the_screening_table_allows(
    wbgt: float, metabolic_class: int, acclimatised: bool, work: float
) -> None:
    place = HeatOfPlace(wbgt, "measured_globe", metabolic_class=metabolic_class, acclimatised=acclimatised)
    cycle = told(place).acgih
    assert (cycle.work, cycle.rest) == (work, 60.0 - work)


def test_niosh_gives_a_band_over_the_range_of_the_class() -> None:
    # M may be 10^((56.7 - 29.5)/11.5) = 231.857 W; (231.857 - 115)/(360 - 115) and /(235 - 115) of 60 min.
    found = told(SEWING)
    assert found.niosh_least == pytest.approx(28.618, abs=1e-3)
    assert found.niosh_most == pytest.approx(58.428, abs=1e-3)
    assert found.niosh_limit == pytest.approx((27.3025, 29.4327), abs=1e-4)


def test_work_whose_rate_keeps_the_limit_needs_no_rest_and_where_rest_is_too_hot_none_is_left() -> None:
    assert niosh_work_minutes(28.0, 300.0, acclimatised=True) == 60.0
    # At 115 W the limit is 56.7 - 11.5 lg 115 = 33.002 C.
    assert niosh_work_minutes(33.01, 300.0, acclimatised=True) == 0.0
    assert niosh_work_minutes(30.0, 300.0, acclimatised=True) == pytest.approx(30.736, abs=1e-3)
    assert niosh_work_minutes(27.0, 300.0, acclimatised=False) == pytest.approx(32.57, abs=0.01)
    with pytest.raises(ValueError, match="work is above 115 W"):
        niosh_work_minutes(30.0, 115.0, acclimatised=True)


def test_an_uncertain_value_also_tells_the_cycle_at_its_upper_end() -> None:
    found = told(replace(SEWING, wbgt_eff=27.5, method="assumed_tg_eq_ta", uncertainty=1.0))
    assert (found.acgih.work, found.cautious.work) == (60.0, 45.0)
    assert found.niosh_least == pytest.approx(niosh_work_minutes(28.5, 360.0, acclimatised=True))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"wbgt_eff": None}, "no_value"),
        ({"old": True}, "old"),
        ({"clothing_known": False, "wbgt_eff": None}, "unknown_clothing"),
        ({"metabolic_class": None}, "unknown_class"),
        ({"metabolic_class": 7}, "unknown_class"),
        ({"metabolic_class": 0}, "resting"),
        ({"radiant_source": True, "method": "assumed_tg_eq_ta+assumed_va"}, "estimate_beside_radiant"),
    ],
)
def test_what_would_be_a_guess_is_refused_with_its_reason(change: dict[str, object], why: str) -> None:
    assert advice(replace(SEWING, **change)) == why  # type: ignore[arg-type]


def test_a_measured_globe_beside_radiant_heat_is_enough() -> None:
    assert isinstance(advice(replace(SEWING, radiant_source=True)), Advice)


@given(
    wbgt=st.floats(15.0, 40.0),
    hotter=st.floats(0.0, 10.0),
    metabolic_class=st.integers(1, 4),
    acclimatised=st.booleans(),
    uncertainty=st.floats(0.0, 3.0),
)
def test_hotter_never_allows_more_work_and_the_cautious_cycle_never_more_than_the_other(
    wbgt: float, hotter: float, metabolic_class: int, acclimatised: bool, uncertainty: float
) -> None:
    place = HeatOfPlace(wbgt, "measured_globe", uncertainty, metabolic_class, acclimatised)
    cool, hot = told(place), told(replace(place, wbgt_eff=wbgt + hotter))
    assert hot.acgih.work <= cool.acgih.work
    assert hot.niosh_most <= cool.niosh_most + 1e-9
    assert cool.cautious.work <= cool.acgih.work
    assert 0.0 <= cool.niosh_least <= cool.niosh_most <= 60.0


@given(rate=st.floats(116.0, 580.0), acclimatised=st.booleans())
def test_at_the_limit_of_a_rate_the_whole_hour_may_be_worked(rate: float, acclimatised: bool) -> None:
    limit = 56.7 - 11.5 * math.log10(rate) if acclimatised else 59.9 - 14.1 * math.log10(rate)
    assert niosh_work_minutes(limit, rate, acclimatised=acclimatised) == pytest.approx(60.0, abs=1e-6)
