"""Keeps the limits in force, and the address of the pages, where the views show them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import sqlalchemy as sa

from alert_rules.pack_model import Pack
from alert_rules.zone_rules import ActiveRule
from ingest_service.cases.writing import delete_rows, upsert_rows
from ingest_service.database import write
from ingest_service.queries.limits_in_force import LimitsInForce, line_of
from ingest_service.queries.panels import HAZARDS, panels_of
from ingest_service.register.entries import Site, Zone
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.views.schema import INSTALLATION, LIMIT_LINES
from osh_domain.coverage import CAPTURE

LOOK_S: Final = 3600.0
"""Packs begin and end with local days, and midnight comes at full hours or fractions of them."""

Row = tuple[Any, ...]


class ViewKeeper:
    """Writes what changed, and nothing while register and hour are the same. Safe in several processes."""

    def __init__(self, engine: sa.Engine, packs: Iterable[Pack], link_base: str) -> None:
        self._engine = engine
        self._limits = LimitsInForce(packs)
        self._link_base = link_base
        self._kept: dict[int | None, tuple[int, int]] = {}

    def keep(self, register: RegisterSnapshot, now: float, shard: int | None = None) -> int:
        """Bring the rows of the register's sites up to date; returns how many rows changed.

        `shard`: which part of the sites the snapshot holds. On SQLite, which has no views, nothing is done.
        """
        look = (register.version, int(now // LOOK_S))
        if self._engine.dialect.name != "postgresql" or self._kept.get(shard) == look:
            return 0
        wanted = {row[:3]: row for site in register.sites for row in self._of_site(register, site, now)}
        sites = [site.id for site in register.sites]
        with write(self._engine, alone=False) as connection:
            upsert_rows(connection, INSTALLATION, [("public_url", self._link_base)])
            query = sa.select(LIMIT_LINES).where(LIMIT_LINES.c.site.in_(sites))
            stored = {tuple(row[:3]): tuple(row) for row in connection.execute(query)}
            changed = [row for key, row in wanted.items() if stored.get(key) != row]
            gone = [key for key in stored if key not in wanted]
            upsert_rows(connection, LIMIT_LINES, changed)
            delete_rows(connection, LIMIT_LINES, gone)
        self._kept[shard] = look
        return len(changed) + len(gone)

    def _of_site(self, register: RegisterSnapshot, site: Site, now: float) -> Iterator[Row]:
        for zone in register.zones_of(site.id):
            active = self._limits.active(site, zone, CAPTURE, now)
            counted = {id(one) for one in counted_rules(active)}
            for one in active:
                yield _row(one, zone, counted=id(one) in counted)


def counted_rules(active: list[ActiveRule]) -> list[ActiveRule]:
    """Of the rules of a zone, the most severe first, the one that counts for each panel of each hazard."""
    judged = [panel.judged for hazard in HAZARDS for panel in panels_of(hazard)]
    found = (next((one for one in active if one.rule.exposure == kind), None) for kind in judged)
    return [one for one in found if one is not None]


def _row(one: ActiveRule, zone: Zone, *, counted: bool) -> Row:
    line = line_of(one, zone)
    low, high = line.band or (None, None)
    return (
        zone.id,
        line.pack,
        line.rule,
        zone.site,
        one.rule.hazard,
        line.kind,
        line.value,
        line.unit,
        line.strict,
        line.at_least,
        line.label,
        line.instrument,
        line.clause,
        line.confidence,
        line.severity,
        line.layer,
        low,
        high,
        counted,
    )
