"""Solve a heat balance: the root of a growing function between two temperatures."""

from __future__ import annotations

from collections.abc import Callable

_MOST_STEPS = 100


def root(surplus: Callable[[float], float], low: float, high: float, *, tolerance: float = 1e-6) -> float:
    """Return where `surplus` is 0 between `low` and `high`; the last step is below `tolerance`.

    `surplus` must grow, be <= 0 at `low` and >= 0 at `high`, else ValueError. False position with the
    Illinois correction: some six evaluations for a balance, which is nearly straight, and the same bits
    everywhere.

    >>> round(root(lambda t: t * t - 2.0, 1.0, 2.0), 6)
    1.414214
    """
    at_low, at_high = surplus(low), surplus(high)
    if at_low > 0 or at_high < 0:
        raise ValueError(f"the balance has no solution between {low:.3f} and {high:.3f}")
    guess, side = low, 0
    for _ in range(_MOST_STEPS):
        if at_low == at_high:
            return low
        before, guess = guess, high - at_high * (high - low) / (at_high - at_low)
        value = surplus(guess)
        if value == 0 or abs(guess - before) <= tolerance:
            return guess
        if value > 0:
            high, at_high = guess, value
            at_low *= 0.5 if side > 0 else 1.0
            side = 1
        else:
            low, at_low = guess, value
            at_high *= 0.5 if side < 0 else 1.0
            side = -1
    return guess
