"""What was done to a site's register, and who from outside looked at it: from the audit log."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import Final

import sqlalchemy as sa

from ingest_service.auth.audit import READ
from ingest_service.queries.places import Change, Look
from ingest_service.queries.view import View
from ingest_service.register.schema import AUDIT

_MOST: Final = 12
_MOST_ROWS: Final = 400


def changes(view: View, site_id: str) -> tuple[Change, ...]:
    """The newest changes of the site, without the looks."""
    rows = _rows(view, site_id, AUDIT.c.action != READ, _MOST_ROWS)
    together = groupby(rows, key=lambda row: (row["at"], row["who"]))
    found = [Change(at=at, who=who, text=_counted(list(group))) for (at, who), group in together]
    return tuple(found[:_MOST])


def _counted(rows: list[sa.RowMapping]) -> str:
    """One by its object, many by their number: `sensor placed kh-f0123-a/th1`, `12 × sensor placed`."""
    kinds = Counter(row["action"] for row in reversed(rows))
    parts = []
    for kind, number in kinds.items():
        only = next(row["object"] for row in rows if row["action"] == kind)
        parts.append(f"{kind} {only}" if number == 1 else f"{number} \u00d7 {kind}")
    return ", ".join(parts)


def looks(view: View, site_id: str) -> tuple[Look, ...]:
    """The newest reads by people who stand above the site."""
    rows = _rows(view, site_id, AUDIT.c.action == READ)
    return tuple(
        Look(
            at=row["at"],
            who=str(row["detail"].get("name", row["who"])),
            role=str(row["detail"].get("role", "")),
        )
        for row in rows
    )


def last_looks(view: View) -> dict[str, float]:
    """When each site was last looked at by an authority."""
    query = (
        sa.select(AUDIT.c.site, sa.func.max(AUDIT.c.at))
        .where(AUDIT.c.action == READ, AUDIT.c.site.is_not(None))
        .group_by(AUDIT.c.site)
    )
    with view.engine.connect() as connection:
        return {site: at for site, at in connection.execute(query)}  # noqa: C416 - rows, not pairs


def _rows(view: View, site_id: str, which: sa.ColumnElement[bool], most: int = _MOST) -> list[sa.RowMapping]:
    query = sa.select(AUDIT).where(AUDIT.c.site == site_id, which).order_by(AUDIT.c.id.desc()).limit(most)
    with view.engine.connect() as connection:
        return list(connection.execute(query).mappings())
