"""What late and revised exposures lead to: findings about the past, and notes where one stands no more.

A stretch (a shift, or the rest of a day) is judged again as a whole from its stored verdicts, so it makes no
difference in which order its readings came, nor what was restarted in between. Nobody is called.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from alert_rules.conditions import ABOVE, WITHIN
from alert_rules.engine import Change, Hold, Transition, holds, is_late
from ingest_service.cases.counting import count_piece, countable
from ingest_service.cases.events import exposure_event
from ingest_service.cases.judging import Recall
from ingest_service.cases.keeping import CaseKeeper
from ingest_service.cases.outcome import LatePiece
from ingest_service.cases.rulebook import Rulebook
from ingest_service.cases.schema import CASE_EVENTS, CASES, JUDGEMENTS
from ingest_service.cases.store import RUNNING

GONE: Final = "revised: no longer above"
BACK: Final = "revised: above again"
CHANGED: Final = "revised: other numbers"

Why = Callable[[str, str, int], str | None]
"""Why the exposure of a zone, a kind and a minute was last replaced (`late_data` ...), where known."""


def judge_again(
    connection: sa.Connection,
    keeper: CaseKeeper,
    late: Mapping[tuple[str, str, int], LatePiece],
    book: Rulebook,
    recall: Recall,
    why: Why,
    now: float,
) -> None:
    """Judge stretches again after their verdicts were written."""
    for one in late.values():
        piece = one.piece
        found = [
            hold
            for hold in holds(_marks(connection, one), one.judged.engine)
            if hold.since <= piece.end and hold.last > piece.start
        ]
        _note_revisions(connection, keeper, one, found, recall, why, now)
        if found:
            _find(keeper, one, found[0], book, recall)
        if countable(piece.end, now):
            count_piece(connection, one.site.id, one.zone.id, [one.judged.id], piece.start, piece.end)


def _marks(connection: sa.Connection, one: LatePiece) -> list[tuple[int, str]]:
    """The marks of the stretch, and of a hold's length around it where the rule judges at any hour."""
    engine = one.judged.engine
    around = 0 if one.judged.shift_only else engine.raise_after + engine.gap
    query = (
        sa.select(JUDGEMENTS.c.minute, JUDGEMENTS.c.verdict)
        .where(
            JUDGEMENTS.c.zone == one.zone.id,
            JUDGEMENTS.c.rule == one.judged.id,
            JUDGEMENTS.c.minute > one.piece.start - around,
            JUDGEMENTS.c.minute <= one.piece.end + around,
        )
        .order_by(JUDGEMENTS.c.minute)
    )
    rows = connection.execute(query)
    return [(minute, ABOVE if verdict == "above" else WITHIN) for minute, verdict in rows]


def _find(keeper: CaseKeeper, one: LatePiece, hold: Hold, book: Rulebook, recall: Recall) -> None:
    judged, active = one.judged, one.judged.active
    row = recall(one.zone.id, judged.kind, hold.met)
    reason = f"above the limit for {hold.last - hold.since + 1} min, known afterwards"
    transition = Transition(Change.RAISED, hold.met, hold.since, reason)
    day = book.moment(one.site, hold.met).day
    event = exposure_event(
        active, one.site, one.zone, row, transition, active.rule.severity, gap=book.gap(one.site, active, day)
    )
    keeper.found_afterwards(event, f"{one.zone.id}|{judged.id}|found|{one.piece.key}", reason)


def _note_revisions(
    connection: sa.Connection, keeper: CaseKeeper, one: LatePiece, found: Sequence[Hold], recall: Recall,
    why: Why, now: float,
) -> None:  # fmt: skip
    """Write into the history of each case of this stretch what its revised numbers say now."""
    first, last = 60.0 * one.piece.start, 60.0 * one.piece.end
    query = sa.select(CASES.c.id, CASES.c.state, CASES.c.event).where(
        CASES.c.zone == one.zone.id,
        CASES.c.rule == one.judged.id,
        # A case that is not closed may have been opened long before it last began again.
        sa.or_(CASES.c.opened_at > first - 86400.0, CASES.c.state.in_(RUNNING)),
    )
    query = query.order_by(CASES.c.id)
    for case in connection.execute(query).mappings().all():
        event: Mapping[str, Any] = case["event"]
        at = float(event["at"])
        if not first < at <= last:
            continue
        minute = int(at // 60)
        # A finding is of its whole shift; a live case is of the minutes that people were told of.
        told = case["state"] != "found_afterwards"
        stands = any(hold.since <= minute <= hold.last for hold in found) if told else bool(found)
        row = recall(one.zone.id, one.judged.kind, minute)
        before = _noted(connection, case["id"])
        text = _word(event, before, row.value if row else None, stands=stands)
        if text == CHANGED and not is_late(minute, now, one.judged.engine.live_age_s):
            continue  # numbers of the last minutes still come in; the verdict is the same
        if text:
            data = {
                "minute": minute,
                "value_before": before.get("value", event.get("value")),
                "value": row.value if row else None,
                "coverage": row.coverage if row else None,
                "revision": row.revision if row else None,
                "cause": why(one.zone.id, one.judged.kind, minute),
                "stands": stands,
            }
            keeper.note(case["id"], "revised", text, data)


def _noted(connection: sa.Connection, case_id: int) -> Mapping[str, Any]:
    """What the newest note of a revision says; empty for none."""
    query = (
        sa.select(CASE_EVENTS.c.data)
        .where(CASE_EVENTS.c.case_id == case_id, CASE_EVENTS.c.kind == "revised")
        .order_by(CASE_EVENTS.c.id.desc())
        .limit(1)
    )
    found: Mapping[str, Any] | None = connection.execute(query).scalar()
    return found or {}


def _word(
    event: Mapping[str, Any], before: Mapping[str, Any], value: float | None, *, stands: bool
) -> str | None:
    stood = bool(before.get("stands", True))
    if stands != stood:
        return BACK if stands else GONE
    known = before.get("value", event.get("value"))
    return CHANGED if value is not None and known is not None and value != known else None
