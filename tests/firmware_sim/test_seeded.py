"""Seeded numbers: reproducible, spread as promised, independent between labels, continuous where smooth."""

import itertools

import pytest

from firmware_sim.seeded import Seeded


def test_the_same_name_gives_the_same_numbers() -> None:
    assert Seeded(7, "a").uniform(3) == Seeded(7, "a").uniform(3)
    assert Seeded(7, "a", "b").normal(3) == Seeded(7, "a").child("b").normal(3)
    assert Seeded(7, "a").uniform(3) != Seeded(8, "a").uniform(3)
    assert Seeded(7, "ab", "c").uniform() != Seeded(7, "a", "bc").uniform()


def test_uniform_and_normal_have_their_moments() -> None:
    seeded = Seeded(7, "moments")
    flat = [seeded.uniform(k) for k in range(-10_000, 10_000)]
    assert all(0.0 <= x < 1.0 for x in flat)
    assert sum(flat) / len(flat) == pytest.approx(0.5, abs=0.01)
    bell = [seeded.normal(k) for k in range(20_000)]
    assert sum(bell) / len(bell) == pytest.approx(0.0, abs=0.03)
    assert sum(x * x for x in bell) / len(bell) == pytest.approx(1.0, abs=0.04)


def test_smooth_stays_in_bounds_and_does_not_jump() -> None:
    seeded = Seeded(7, "smooth")
    course = [seeded.smooth(1.7e9 + second, 300.0) for second in range(5000)]
    assert all(-1.0 <= x <= 1.0 for x in course)
    assert max(course) > 0.5
    assert min(course) < -0.5
    assert max(abs(b - a) for a, b in itertools.pairwise(course)) < 0.02
