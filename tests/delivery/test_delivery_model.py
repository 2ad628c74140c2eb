"""The protocol itself, before any real code: nothing lost, nothing doubled, and a broken rule is noticed."""

import pytest

from tests.delivery.delivery_model import FAULTS, Options, Run, Slip

SEEDS = 1000
SEEDS_OF_A_SLIP = 100


def test_the_protocol_keeps_its_promises_whatever_fails() -> None:
    faults: set[str] = set()
    for seed in range(SEEDS):
        run = Run(Options.of(seed))
        found = run.go()
        assert not found, (
            f"{run.options}: {found}; repeat: python -m tests.delivery.delivery_model --seed {seed}"
        )
        faults |= run.counts.keys()
    assert faults >= set(FAULTS), "every kind of fault happened in some run"


@pytest.mark.parametrize("slip", list(Slip))
def test_a_broken_rule_is_noticed(slip: Slip) -> None:
    broken = sum(bool(Run(Options.of(seed, slip)).go()) for seed in range(SEEDS_OF_A_SLIP))
    assert broken >= SEEDS_OF_A_SLIP // 5, f"{slip} was noticed in {broken} of {SEEDS_OF_A_SLIP} seeds only"


def test_a_seed_repeats_its_run() -> None:
    first, second = Run(Options.of(7)), Run(Options.of(7))
    assert first.go() == second.go()
    assert first.server.rows == second.server.rows
    assert first.counts == second.counts
