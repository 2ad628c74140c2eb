"""Finds the escalation steps that are due on cases that are not closed. Driven by the clock alone.

Thousands of cases may be open, so which case comes next when is kept in memory and found anew only for the
cases that the rules have changed. What people do meanwhile can only take steps away, so what comes due is
looked at again before anybody is told.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa

from alert_rules.escalation import CaseFacts, Due, due_steps
from alert_rules.pack_model import Escalation, Pack
from ingest_service.cases.schema import ACTIONS, CASE_EVENTS, CASES, SIGNATURES
from ingest_service.cases.store import RAISING, occasion_of

_AT_ONCE: Final = 1000
"""Cases asked for in one query."""
Mine = Callable[[str], bool]
"""Whether a site is looked after here."""


class DueCase(NamedTuple):
    """A step that is due on a case. `occasion`: the line of history that started its clock."""

    case: sa.RowMapping
    due: Due
    occasion: int


class _Coming(NamedTuple):
    """The same of a case by its number."""

    case: int
    due: Due
    occasion: int


class _Course(NamedTuple):
    raised_at: float
    occasion: int
    done: frozenset[str]
    ever: frozenset[str]


def steps_by_rule(packs: Sequence[Pack]) -> dict[str, tuple[Escalation, ...]]:
    """The escalation of each rule."""
    return {rule.id: rule.escalate for pack in packs for rule in pack.rules}


class Escalator:
    """When which case is to be escalated next: `look` asks what is stored, `due` answers from memory."""

    def __init__(self, packs: Sequence[Pack], mine: Mine = lambda _: True) -> None:
        """`mine`: the sites whose cases are looked after here."""
        self._steps, self._mine = steps_by_rule(packs), mine
        self._due: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []

    def look(self, connection: sa.Connection, cases: Collection[int] | None = None) -> None:
        """Find anew when these cases come next; None: all of them, whatever was known."""
        if cases is None:
            self._due, self._heap = {}, []
        for case in cases or ():
            self._due.pop(case, None)
        for one in self._coming(connection, cases):
            if one.due.due_at < self._due.get(one.case, float("inf")):
                self._due[one.case] = one.due.due_at
                heapq.heappush(self._heap, (one.due.due_at, one.case))

    def due(self, now: float) -> list[int]:
        """The cases of which a step is due, as far as is known; they stay until they are looked at again."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)  # it was found anew since
        if not self._heap or self._heap[0][0] > now:
            return []
        return sorted(case for case, at in self._due.items() if at <= now)

    def steps(self, connection: sa.Connection, cases: Collection[int], now: float) -> list[DueCase]:
        """Every step of these cases that is due now and has not been taken, the longest due first."""
        coming = [one for one in self._coming(connection, cases) if one.due.due_at <= now]
        found: dict[int, sa.RowMapping] = {}
        for ids in _portions(sorted({one.case for one in coming})):
            query = sa.select(CASES).where(CASES.c.id.in_(ids)).with_for_update()
            found |= {case["id"]: case for case in connection.execute(query).mappings()}
        return [DueCase(found[one.case], one.due, one.occasion) for one in coming]

    def _coming(self, connection: sa.Connection, cases: Collection[int] | None) -> Iterator[_Coming]:
        if cases is None:
            yield from _coming(connection, self._steps, None, self._mine)
            return
        for ids in _portions(sorted(cases)):
            yield from _coming(connection, self._steps, ids, self._mine)


def _portions(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]


def _coming(
    connection: sa.Connection,
    steps: Mapping[str, tuple[Escalation, ...]],
    only: Sequence[int] | None,
    mine: Mine,
) -> Iterator[_Coming]:
    """Every step that has not been taken and will be due some time if nobody does anything."""
    # Without the events: they are long.
    query = sa.select(CASES.c.id, CASES.c.site, CASES.c.rule, CASES.c.state, CASES.c.opened_at).where(
        sa.or_(CASES.c.state == "open", _still_waiting(steps))
    )
    if only is not None:
        query = query.where(CASES.c.id.in_(only))
    found = connection.execute(query).mappings().all()
    cases = {case["id"]: case for case in found if steps.get(case["rule"]) and mine(case["site"])}
    for ids in _portions(sorted(cases)):
        courses, signed = _courses(connection, ids), _signed(connection, ids)
        actions = _actions(connection, ids)
        for number in ids:
            case, course = cases[number], courses.get(number)
            if course is None:
                continue
            facts = CaseFacts(
                raised_at=course.raised_at,
                opened_at=case["opened_at"],
                running=case["state"] == "open",
                signed=frozenset(signed[number]),
                actions=actions.get(number, 0),
            )
            coming = due_steps(facts, steps[case["rule"]], course.done, course.ever, float("inf"))
            for due in coming:
                yield _Coming(number, due, course.occasion)


def _still_waiting(steps: Mapping[str, tuple[Escalation, ...]]) -> sa.ColumnElement[bool]:
    """Cases that are over but not closed, of which an action is still asked for. Others are not even read:
    this is looked at twice a second, and cases that nobody closes grow in number."""
    taken = [
        sa.and_(CASES.c.rule == rule, CASE_EVENTS.c.kind == f"escalation-{last}")
        for rule, every in steps.items()
        if (last := max((n for n, one in enumerate(every, 1) if one.unless == "action_recorded"), default=0))
    ]
    done = sa.exists().where(CASE_EVENTS.c.case_id == CASES.c.id, sa.or_(sa.false(), *taken))
    acted = sa.exists().where(ACTIONS.c.case_id == CASES.c.id)
    return sa.and_(CASES.c.state == "cleared", ~acted, ~done)


def _courses(connection: sa.Connection, ids: Sequence[int]) -> dict[int, _Course]:
    """When each case last began or got worse, and which steps were taken since then and since its opening."""
    query = (
        sa.select(CASE_EVENTS.c.id, CASE_EVENTS.c.case_id, CASE_EVENTS.c.at, CASE_EVENTS.c.kind)
        .where(
            CASE_EVENTS.c.case_id.in_(ids),
            sa.or_(CASE_EVENTS.c.kind.in_(RAISING), CASE_EVENTS.c.kind.like("escalation-%")),
        )
        .order_by(CASE_EVENTS.c.id)
    )
    courses: dict[int, _Course] = {}
    for row in connection.execute(query):
        if row.kind in RAISING:
            before = courses.get(row.case_id)
            courses[row.case_id] = _Course(
                row.at, row.id, frozenset(), before.ever if before else frozenset()
            )
        elif row.case_id in courses:
            course = courses[row.case_id]
            courses[row.case_id] = course._replace(
                done=course.done | {row.kind}, ever=course.ever | {row.kind}
            )
    return courses


def _signed(connection: sa.Connection, ids: Sequence[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    query = sa.select(SIGNATURES.c.case_id, SIGNATURES.c.side).where(
        SIGNATURES.c.case_id.in_(ids), SIGNATURES.c.occasion >= occasion_of(SIGNATURES.c.case_id)
    )
    for row in connection.execute(query):
        found[row.case_id].add(row.side)
    return found


def _actions(connection: sa.Connection, ids: Sequence[int]) -> dict[int, int]:
    query = (
        sa.select(ACTIONS.c.case_id, sa.func.count().label("number"))
        .where(ACTIONS.c.case_id.in_(ids))
        .group_by(ACTIONS.c.case_id)
    )
    return {row.case_id: row.number for row in connection.execute(query)}
