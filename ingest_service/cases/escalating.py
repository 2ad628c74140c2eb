"""Finds the escalation steps that are due on cases that are not closed. Driven by the clock alone."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from alert_rules.escalation import CaseFacts, Due, due_steps
from alert_rules.pack_model import Escalation, Pack
from ingest_service.cases.schema import ACTIONS, CASE_EVENTS, CASES, SIGNATURES
from ingest_service.cases.store import RAISING, occasion_of


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


def due_cases(
    connection: sa.Connection, steps: Mapping[str, tuple[Escalation, ...]], now: float
) -> list[DueCase]:
    """Every step that is due now and has not been taken."""
    coming = [one for one in _coming(connection, steps) if one.due.due_at <= now]
    if not coming:
        return []
    query = sa.select(CASES).where(CASES.c.id.in_({one.case for one in coming}))
    cases = {case["id"]: case for case in connection.execute(query).mappings()}
    return [DueCase(cases[one.case], one.due, one.occasion) for one in coming]


def next_due(connection: sa.Connection, steps: Mapping[str, tuple[Escalation, ...]], now: float) -> float:
    """When the next step after `now` comes, as cases stand; infinite where none does.

    What people do meanwhile can only take steps away; what the rules do brings new ones, so ask again then.
    """
    ahead = (one.due.due_at for one in _coming(connection, steps) if one.due.due_at > now)
    return min(ahead, default=float("inf"))


def _coming(connection: sa.Connection, steps: Mapping[str, tuple[Escalation, ...]]) -> list[_Coming]:
    """Every step that has not been taken and will be due some time if nobody does anything."""
    # Without the events: they are long, and thousands of cases may be open.
    query = sa.select(CASES.c.id, CASES.c.rule, CASES.c.state, CASES.c.opened_at).where(
        sa.or_(CASES.c.state == "open", _still_waiting(steps))
    )
    cases = [case for case in connection.execute(query).mappings() if steps.get(case["rule"])]
    if not cases:
        return []
    ids = [case["id"] for case in cases]
    courses, signed, actions = _courses(connection, ids), _signed(connection, ids), _actions(connection, ids)
    found: list[_Coming] = []
    for case in cases:
        course = courses.get(case["id"])
        if course is None:
            continue
        facts = CaseFacts(
            raised_at=course.raised_at,
            opened_at=case["opened_at"],
            running=case["state"] == "open",
            signed=frozenset(signed[case["id"]]),
            actions=actions.get(case["id"], 0),
        )
        coming = due_steps(facts, steps[case["rule"]], course.done, course.ever, float("inf"))
        found += [_Coming(case["id"], due, course.occasion) for due in coming]
    return found


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
