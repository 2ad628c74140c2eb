"""One case: what, since when, how bad, who saw it, what was done, and the fate of every notice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from alert_rules.advice import in_order
from ingest_service.auth.access import Action
from ingest_service.cases.schema import ACTIONS, ATTEMPTS, CASE_EVENTS, CASES, NOTICES, SIGNATURES
from ingest_service.cases.store import RAISING, occasion_of
from ingest_service.queries.ahead import ahead
from ingest_service.queries.case_lines import ENDED, ended_with_shift, line
from ingest_service.queries.measured import MINUTE_S, of_exposure, thinned
from ingest_service.queries.models import LimitLine, Measured, Side
from ingest_service.queries.outlook import Ahead, WorkRest
from ingest_service.queries.panels import HAZARDS, unit_of
from ingest_service.queries.records import (
    AttemptLine,
    Case,
    CaseAction,
    HistoryLine,
    NoticeLine,
    Seen,
)
from ingest_service.queries.standings import Standings
from ingest_service.queries.view import NotHere, View, site_name
from ingest_service.register.entries import Site, Zone
from osh_domain.coverage import CAPTURE

SIDES: Final[tuple[Side, ...]] = ("worker", "management")
COURSE_POINTS: Final = 200
_BEFORE_S: Final = 3600.0
_LONGEST_COURSE_S: Final = 7 * 86400.0

Row = sa.RowMapping


def case(view: View, case_id: int) -> Case:
    """Everything about one case. Raises NotHere."""
    with view.engine.connect() as connection:
        row = connection.execute(sa.select(CASES).where(CASES.c.id == case_id)).mappings().one_or_none()
        if row is None:
            raise NotHere(f"There is no case {case_id} here.")
        site = view.site(row["site"], Action.READ_CASE)
        signatures = _present(connection, case_id)
        events = _of(connection, CASE_EVENTS, case_id, CASE_EVENTS.c.id)
        actions = _of(connection, ACTIONS, case_id, ACTIONS.c.at)
        notices = _notices(connection, case_id)
        with_shift = case_id in ended_with_shift(connection, [case_id])
    zone = view.register.zone(row["zone"]) if row["zone"] else None
    found = view.limits.rule(row["pack"], row["rule"])
    limit = _limit(row)
    kind = limit.kind if limit else ""
    ended = row["state"] in ENDED
    at_work = None if zone is None or ended else view.as_it_stands(zone)
    return Case(
        now=view.now,
        line=line(view, row, {one["side"] for one in signatures}, with_shift=with_shift),
        site=site_name(site),
        zone_path=f"/factories/{zone.site}/zones/{zone.word}" if zone else None,
        rule=row["rule"],
        pack=row["pack"],
        pack_version=row["pack_version"],
        title=found[1].title if found else row["rule"],
        advice=tuple(one.text for one in in_order(found[1].advice)) if found else (),
        at_opening=_at_opening(row, kind),
        current=_current(view, zone, kind) if kind and zone and not ended else None,
        worst=_worst(view, row, zone, kind),
        limit=limit,
        seen=tuple(_seen(side, signatures, events, notices) for side in SIDES),
        actions=tuple(_action(one) for one in actions),
        notices=notices,
        history=tuple(_history(one) for one in events),
        course=_course(view, row, zone, kind),
        ahead=_ahead(view, site, at_work, row),
        work_rest=_work_rest(view, site, at_work, row),
        may_acknowledge=not ended and view.may(Action.ACKNOWLEDGE_CASE, site.scope),
        may_add_action=not ended and view.may(Action.ADD_ACTION, site.scope),
        may_close=not ended and view.may(Action.CLOSE_CASE, site.scope),
    )


def _ahead(view: View, site: Site, zone: Zone | None, row: Row) -> Ahead | None:
    hazard = next((one for one in HAZARDS if one == row["hazard"]), None)
    return None if zone is None or hazard is None else ahead(view, site, zone, hazard)


def _work_rest(view: View, site: Site, zone: Zone | None, row: Row) -> WorkRest | None:
    if zone is None or row["hazard"] != "heat" or row["state"] != "open":
        return None
    return Standings(view, [site]).work_rest(zone)


def _limit(row: Row) -> LimitLine | None:
    """The limit as it was when people were told: frozen in the event, whatever the pack says today."""
    event: Mapping[str, Any] = row["event"] or {}
    frozen = event.get("limit")
    kind = str(event.get("exposure", ""))
    if not isinstance(frozen, dict) or kind not in CAPTURE:
        return None
    return LimitLine(
        kind=kind,
        value=float(frozen["value"]),
        strict=bool(frozen["strict"]),
        unit=str(frozen["unit"]),
        decimals=unit_of(kind)[1],
        label=str(frozen["label"]),
        instrument=str(frozen["instrument"]),
        clause=str(frozen["clause"]),
        confidence=str(frozen["confidence"]),
        severity=str(event["severity"]),
        rule=str(event["rule"]),
        pack=str(event["pack"]),
    )


def _of(connection: sa.Connection, table: sa.Table, case_id: int, order: Any) -> list[Row]:
    query = sa.select(table).where(table.c.case_id == case_id).order_by(order)
    return list(connection.execute(query).mappings())


def _present(connection: sa.Connection, case_id: int) -> list[Row]:
    """The signatures since the case last began or got worse."""
    query = (
        sa.select(SIGNATURES)
        .where(SIGNATURES.c.case_id == case_id, SIGNATURES.c.occasion >= occasion_of(SIGNATURES.c.case_id))
        .order_by(SIGNATURES.c.at)
    )
    return list(connection.execute(query).mappings())


def _notices(connection: sa.Connection, case_id: int) -> tuple[NoticeLine, ...]:
    tries: dict[int, list[AttemptLine]] = {}
    query = (
        sa.select(ATTEMPTS)
        .join(NOTICES, NOTICES.c.id == ATTEMPTS.c.notice_id)
        .where(NOTICES.c.case_id == case_id)
        .order_by(ATTEMPTS.c.id)
    )
    for one in connection.execute(query).mappings():
        tries.setdefault(one["notice_id"], []).append(
            AttemptLine(
                started_at=one["started_at"],
                finished_at=one["finished_at"],
                outcome=one["outcome"],
                detail=one["detail"],
            )
        )
    return tuple(
        NoticeLine(
            id=one["id"],
            kind=one["kind"],
            person=one["name"],
            side=one["side"] or "",
            channel=one["contact_kind"],
            language=one["language"],
            subject=one["subject"],
            body=one["body"],
            reason=one["reason"],
            created_at=one["created_at"],
            due_at=one["due_at"],
            state=one["state"],
            attempts=tuple(tries.get(one["id"], ())),
        )
        for one in _of(connection, NOTICES, case_id, NOTICES.c.created_at)
    )


def _seen(side: Side, signatures: list[Row], events: list[Row], notices: tuple[NoticeLine, ...]) -> Seen:
    signed = next((one for one in signatures if one["side"] == side), None)
    agreed: list[float] = []
    for one in events:
        if one["kind"] in RAISING:  # what was agreed before it began again is void
            agreed.clear()
        elif one["kind"] == "agreed_to_close" and one["side"] == side:
            agreed.append(one["at"])
    told = sorted({notice.created_at for notice in notices if notice.side == side})
    return Seen(
        side=side,
        person=signed["name"] if signed else None,
        at=signed["at"] if signed else None,
        told_at=tuple(told),
        agreed_at=max(agreed, default=None),
    )


def _action(row: Row) -> CaseAction:
    return CaseAction(
        id=row["id"],
        text=row["text"],
        person=row["name"],
        side=row["side"] or "",
        at=row["at"],
        due_at=row["due_at"],
        done_at=row["done_at"],
    )


def _history(row: Row) -> HistoryLine:
    return HistoryLine(
        at=row["at"],
        kind=row["kind"],
        who=row["who"] or "",
        side=row["side"] or "",
        text=row["text"],
        rule=str(row["data"].get("title", "")),
    )


def _at_opening(row: Row, kind: str) -> Measured | None:
    """What people were told: the numbers frozen in the event, never newer ones."""
    event: Mapping[str, Any] = row["event"] or {}
    value = event.get("value")
    if not kind or not isinstance(value, int | float):
        return None
    unit, decimals = unit_of(kind)
    coverage = event.get("coverage")
    return Measured(
        kind=kind,
        value=float(value),
        unit=unit,
        decimals=decimals,
        time=event.get("at", row["opened_at"]),
        stale_after_s=None,
        stale=False,
        coverage=float(coverage) if isinstance(coverage, int | float) else None,
        grade=event.get("grade"),
        method=str(event.get("method", "")),
    )


def _current(view: View, zone: Zone, kind: str) -> Measured | None:
    newest = [row for row in view.series.latest_exposures([zone.id]) if row.kind == kind]
    return of_exposure(newest[0], view) if newest else None


def _span(view: View, row: Row) -> tuple[int, int]:
    end = row["closed_at"] or view.now
    start = max(row["opened_at"] - _BEFORE_S, end - _LONGEST_COURSE_S)
    return int(start // MINUTE_S), int(end // MINUTE_S)


def _worst(view: View, row: Row, zone: Zone | None, kind: str) -> Measured | None:
    if zone is None or not kind:
        return None
    first, last = _span(view, row)
    known = [one for one in view.series.exposures(zone.id, kind, first, last) if one.value is not None]
    worst = max(known, key=lambda one: one.value or 0.0, default=None)
    # A record of what was, not a claim about now: it cannot grow stale.
    return (
        of_exposure(worst, view).model_copy(update={"stale": False, "stale_after_s": None}) if worst else None
    )


def _course(view: View, row: Row, zone: Zone | None, kind: str) -> tuple[tuple[float, float | None], ...]:
    """The exposure from an hour before the case until its end, gaps as None."""
    if zone is None or not kind:
        return ()
    first, last = _span(view, row)
    values = {one.minute: one.value for one in view.series.exposures(zone.id, kind, first, last)}
    return thinned([(m * MINUTE_S, values.get(m)) for m in range(first, last + 1)], COURSE_POINTS)
