import pytest
from hypothesis import given
from hypothesis import strategies as st

from osh_domain.scaled_time import ScaledTime


def test_it_runs_at_its_rate_from_its_start() -> None:
    scale = ScaledTime(120.0, 1000.0, 5000.0)
    assert scale.at(1000.0) == 5000.0
    assert scale.at(1060.0) == 5000.0 + 7200.0


@given(st.floats(0.01, 1e5), st.floats(0, 4e9), st.floats(0, 4e9))
def test_its_text_says_the_same(rate: float, wall: float, time: float) -> None:
    assert ScaledTime.parse(str(ScaledTime(rate, wall, time))) == ScaledTime(rate, wall, time)


def test_it_finds_the_wall_instant_of_a_simulated_one() -> None:
    scale = ScaledTime(60.0, 1000.0, 5000.0)
    assert scale.at(scale.wall_of(9000.0)) == pytest.approx(9000.0)


@pytest.mark.parametrize("text", ["", "120", "120@5", "a@b=c", "0@1=2", "-3@1=2", "nan@1=2"])
def test_it_refuses_what_it_cannot_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"RATE@WALL=TIME|rate"):
        ScaledTime.parse(text)
