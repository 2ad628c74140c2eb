"""Lists of cases, for the pages that show some of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from ingest_service.auth.access import Action
from ingest_service.cases.schema import CASES, SIGNATURES
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
        signed = _signed(connection, [row["id"] for row in rows])
    return [line(view, row, signed.get(row["id"], set())) for row in rows]


def line(view: View, row: sa.RowMapping, signed: set[str]) -> CaseLine:
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
    )


def _signed(connection: sa.Connection, cases: list[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    rows = connection.execute(
        sa.select(SIGNATURES.c.case_id, SIGNATURES.c.side).where(SIGNATURES.c.case_id.in_(cases))
    )
    for case_id, side in rows:
        found.setdefault(case_id, set()).add(side)
    return found
