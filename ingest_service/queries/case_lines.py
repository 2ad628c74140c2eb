"""Lists of cases, for the pages that show some of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from ingest_service.auth.access import Action
from ingest_service.cases.schema import CASE_EVENTS, CASES, SIGNATURES
from ingest_service.cases.store import occasion_of
from ingest_service.queries.models import CaseLine
from ingest_service.queries.records import CaseList
from ingest_service.queries.view import View

ENDED: Final = ("closed", "found_afterwards")
_MOST_ENDED: Final = 50


def case_list(view: View) -> CaseList:
    """Every case the person may read: those that are not closed, and the newest that are."""
    sites = [site.id for site in view.sites(Action.READ_CASE)]
    running = lines(view, sites, CASES.c.state.not_in(ENDED))
    ended = lines(view, sites, CASES.c.state.in_(ENDED), most=_MOST_ENDED)
    return CaseList(now=view.now, open=tuple(running), ended=tuple(ended))


def lines(
    view: View, sites: Iterable[str], *where: sa.ColumnElement[bool], most: int = 500
) -> list[CaseLine]:
    """Cases of these sites, the most severe first, then the newest."""
    urgency = sa.case({"danger": 0, "warning": 1}, value=CASES.c.severity, else_=2)
    state = sa.case({"open": 0, "cleared": 1}, value=CASES.c.state, else_=2)
    query = (
        sa.select(CASES)
        .where(CASES.c.site.in_(list(sites)), *where)
        .order_by(state, urgency, CASES.c.opened_at.desc())
        .limit(most)
    )
    with view.engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
        ids = [row["id"] for row in rows]
        signed, unmeasured = _signed(connection, ids), ended_with_shift(connection, ids)
    return [line(view, row, signed.get(row["id"], set()), with_shift=row["id"] in unmeasured) for row in rows]


def line(view: View, row: sa.RowMapping, signed: set[str], *, with_shift: bool) -> CaseLine:
    """One case as a line; places that the register does not know any more keep their ids."""
    site = view.register.site(row["site"])
    zone = view.register.zone(row["zone"]) if row["zone"] else None
    return CaseLine(
        id=row["id"],
        site=row["site"],
        site_name=site.name if site else row["site"],
        zone=row["zone"],
        zone_name=zone.name if zone else (row["zone"] or row["subject"] or ""),
        hazard=row["hazard"],
        subject=view.limits.subject(row["pack"], row["rule"], row["hazard"]),
        state=row["state"],
        severity=row["severity"],
        opened_at=row["opened_at"],
        cleared_at=row["cleared_at"],
        closed_at=row["closed_at"],
        seen_by_worker="worker" in signed,
        seen_by_management="management" in signed,
        ended_with_shift=with_shift and row["cleared_at"] is not None,
    )


def ended_with_shift(connection: sa.Connection, cases: list[int]) -> set[int]:
    """Those of the cases whose newest end was the end of a shift, not a measurement."""
    query = (
        sa.select(CASE_EVENTS.c.case_id, CASE_EVENTS.c.data)
        .where(CASE_EVENTS.c.case_id.in_(cases), CASE_EVENTS.c.kind == "cleared")
        .order_by(CASE_EVENTS.c.id)
    )
    newest = {case_id: data or {} for case_id, data in connection.execute(query)}
    return {case_id for case_id, data in newest.items() if data.get("ended_by") == "shift_over"}


def _signed(connection: sa.Connection, cases: list[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    rows = connection.execute(
        sa.select(SIGNATURES.c.case_id, SIGNATURES.c.side).where(
            SIGNATURES.c.case_id.in_(cases), SIGNATURES.c.occasion >= occasion_of(SIGNATURES.c.case_id)
        )
    )
    for case_id, side in rows:
        found.setdefault(case_id, set()).add(side)
    return found
