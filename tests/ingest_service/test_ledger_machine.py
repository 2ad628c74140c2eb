"""The ledger against a model of lists, over any sequence of what can happen to it, on each engine."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ingest_service.ledger.port import Accepted, Ledger, Rejected, Remark
from osh_domain import crash_points
from tests.forked import in_a_process
from tests.ingest_service.ledger_model import EPOCHS, NOW, SITE, Key, Model, bare, rejected, sealed
from tests.ingest_service.ledgers import ENGINES, LedgerPlace, ledger_place

MOST_SEQ = 7
LETTERS = ("a", "b")
EXAMPLES = {"sqlite": 25, "postgresql": 6}
STEPS = 20
Entries = Sequence[Accepted | Rejected]
_numbers = count(1)

letters, epochs, seqs = st.sampled_from(LETTERS), st.sampled_from(EPOCHS), st.integers(1, MOST_SEQ)
# The true batch most often: most of what comes is in order, and so chains grow.
variants = st.sampled_from([0, 0, 0, 0, 1, 2])
Make = Callable[[str], Accepted | Rejected]
made: st.SearchStrategy[tuple[str, Make]] = st.one_of(
    st.builds(lambda g, e, n, v: (g, lambda gw: sealed(gw, e, n, v)), letters, epochs, seqs, variants),
    st.builds(lambda g, n: (g, lambda gw: bare(gw, n)), letters, st.integers(1, 3)),
    st.builds(
        lambda g, e, n, c, t: (g, lambda gw: rejected(gw, e, n, c, trusted=t)),
        letters, epochs, seqs, st.sampled_from(["json", "senml"]), st.booleans(),
    ),
)  # fmt: skip
groups = st.lists(made, min_size=1, max_size=5)


class LedgerMachine(RuleBasedStateMachine):
    """Two gateways with two epochs each, of names nobody used before: a ledger is never emptied."""

    open_ledger: Callable[[], Ledger]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        number = next(_numbers)
        self.names = {letter: f"kh-f0123-{letter}{os.getpid() % 1000}-{number}" for letter in LETTERS}
        self.ledger = self.open_ledger()
        self.base = self.ledger.last_row()

    def teardown(self) -> None:
        assert list(self.ledger.broken_rows(self.base)) == []
        self.ledger.close()

    def entries(self, group: Sequence[tuple[str, Make]]) -> list[Accepted | Rejected]:
        return [make(self.names[letter]) for letter, make in group]

    @property
    def keys(self) -> list[Key]:
        return [(name, epoch) for name in self.names.values() for epoch in EPOCHS]

    # -- what happens -----------------------------------------------------------------------------------

    @initialize(last=st.integers(0, 4))
    def a_gateway_sends_in_order(self, last: int) -> None:
        name = self.names["a"]
        self._append(self.ledger, [sealed(name, EPOCHS[0], seq, 0) for seq in range(1, last + 1)])

    @rule(group=groups)
    def a_group_is_committed(self, group: list[tuple[str, Make]]) -> None:
        self._append(self.ledger, self.entries(group))

    @rule(group=groups)
    def another_process_commits_a_group(self, group: list[tuple[str, Make]]) -> None:
        other = self.open_ledger()
        self._append(other, self.entries(group))
        other.close()

    def _append(self, ledger: Ledger, entries: Entries) -> None:
        last = self.base + len(self.model.rows)
        outcomes = ledger.append(entries)
        assert [outcome.verdict for outcome in outcomes] == self.model.append(entries)
        rows = [outcome.row for outcome in outcomes if outcome.verdict == "new"]
        assert rows == list(range(last + 1, last + 1 + len(rows)))
        assert all((o.quarantine_id is None) == (o.verdict in ("new", "duplicate")) for o in outcomes)

    @rule(group=groups, after=st.booleans())
    def a_process_is_killed_at_its_commit(self, group: list[tuple[str, Make]], after: bool) -> None:
        entries = self.entries(group)

        def die() -> None:
            moment = "after" if after else "before"
            crash_points._plan = crash_points.CrashPlan(f"ledger: {moment} the commit")
            self.open_ledger().append(entries)

        assert in_a_process(die) == -signal.SIGKILL
        if after:
            self.model.append(entries)

    @rule()
    def it_is_opened_anew(self) -> None:
        self.ledger.close()
        self.ledger = self.open_ledger()

    @rule(letter=letters, epoch=epochs, seq=seqs)
    def a_person_closes_a_hole(self, letter: str, epoch: str, seq: int) -> None:
        key = (self.names[letter], epoch)
        close: Callable[[], int] = lambda: self.ledger.close_hole(  # noqa: E731
            *key, seq, site=SITE, who="an engineer", why=f"the card of {key} is lost", at=NOW
        )
        if seq in self.model.arrived(key):
            with pytest.raises(ValueError, match="there is no hole"):
                close()
            return
        number = close()
        row = self.ledger.row(number)
        assert row is not None
        self.model.close_hole(key, seq, row.batch_hash)

    @precondition(lambda self: self.model.rows)
    @rule(data=st.data())
    def a_person_remarks_on_a_row(self, data: Any) -> None:
        number = self.base + data.draw(st.integers(1, len(self.model.rows)))
        row = self.ledger.row(number)
        assert row is not None
        entry = self.ledger.remark_on(row, Remark("projection", f"row {number}", "why"), NOW)
        assert self.ledger.quarantined_payload(entry) == row.payload
        found = self.ledger.quarantined(entry)
        assert found is not None
        self.model.entries[row.gateway, "projection", found.payload_hash] += 1

    # -- what must hold ---------------------------------------------------------------------------------

    @invariant()
    def the_rows_are_what_was_given_in_order(self) -> None:
        rows = self.ledger.rows(self.base, 1000)
        assert [row.row for row in rows] == [self.base + n for n in range(1, len(self.model.rows) + 1)]
        told = [(r.gateway, r.kind, r.epoch, r.seq, r.batch_hash, r.chain_ok) for r in rows]
        assert told == self.model.rows

    @invariant()
    def every_standing_is_the_models(self) -> None:
        for key in self.keys:
            cum, ranges, heads = self.model.standing(key)
            said = self.ledger.standing(*key)
            assert (said.cum, said.sel) == (cum, ranges)
            assert said.head in heads

    @invariant()
    def the_quarantine_has_each_refusal_once_and_counts_it(self) -> None:
        for name in self.names.values():
            told = {
                (e.gateway, e.code, e.payload_hash): e.times for e in self.ledger.quarantine(gateway=name)
            }
            assert told == {key: times for key, times in self.model.entries.items() if key[0] == name}
            status = self.ledger.status(name)
            for what in ("rejected", "conflicts", "chain_breaks"):
                assert (getattr(status, what) if status else 0) == self.model.counts[name, what]


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> LedgerPlace:
    return ledger_place(request, tmp_path)


def test_a_ledger_says_what_the_model_says_whatever_happens(
    place: LedgerPlace, request: pytest.FixtureRequest
) -> None:
    class Machine(LedgerMachine):
        open_ledger = staticmethod(place.open)

    engine = request.node.callspec.params["place"]
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES[engine],
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
