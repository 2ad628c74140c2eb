import pytest

from osh_domain.coverage import CAPTURE, Coverage, capture, coverage_of, shift_capture


def test_the_worst_gap_counts_the_ends_of_the_window_too() -> None:
    assert coverage_of([3, 4, 5], 1, 10) == Coverage(10, 3, 300.0)
    assert coverage_of([], 1, 10) == Coverage(10, 0, 600.0)
    assert coverage_of(range(1, 11), 1, 10) == Coverage(10, 10, 0.0)


def test_minutes_outside_and_repeats_do_not_count() -> None:
    assert coverage_of([0, 1, 1, 2, 99], 1, 4) == Coverage(4, 2, 120.0)


def test_forty_five_minutes_of_an_hour_are_enough_and_forty_four_are_not() -> None:
    assert capture("pm2_5.mean60").enough(Coverage(60, 45, 60.0))
    assert not capture("pm2_5.mean60").enough(Coverage(60, 44, 60.0))


def test_a_heat_hour_bears_a_gap_of_ten_minutes_and_not_of_eleven() -> None:
    assert capture("wbgt_eff.twa60").enough(Coverage(60, 50, 600.0))
    assert not capture("wbgt_eff.twa60").enough(Coverage(60, 49, 660.0))


def test_noise_bears_half_an_hour() -> None:
    assert capture("la.lex8h").enough(Coverage(480, 450, 1800.0))
    assert not capture("la.lex8h").enough(Coverage(480, 449, 1860.0))


def test_twelve_of_fifteen_minutes_make_a_short_term_value() -> None:
    assert capture("co2.stel15").enough(Coverage(15, 12, 180.0))
    assert not capture("co2.stel15").enough(Coverage(15, 11, 60.0))


@pytest.mark.parametrize("kind", sorted(CAPTURE))
def test_no_kind_speaks_without_data(kind: str) -> None:
    assert not capture(kind).enough(Coverage(0, 0, 0.0))


def test_an_unknown_kind_is_answered_with_near_ones() -> None:
    with pytest.raises(ValueError, match=r"wbgt_eff.twa60"):
        capture("wbgt_eff.twa6")


def test_a_full_shift_may_miss_one_hour() -> None:
    assert shift_capture(480, 420)
    assert not shift_capture(480, 419)
    assert not shift_capture(30, 0)


def test_a_short_shift_or_one_that_has_just_begun_is_not_known_from_a_minute() -> None:
    assert not shift_capture(60, 1)
    assert not shift_capture(60, 44)
    assert shift_capture(60, 45)
    assert shift_capture(480, 420)
    assert not shift_capture(480, 419)
