"""Changes of sites and zones."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import sqlalchemy as sa

from ingest_service.auth.schema import TOKENS
from ingest_service.register import schema
from ingest_service.register.entries import Site, Zone
from ingest_service.register.recorder import ChangeRefused, Recorder
from ingest_service.register.snapshot import covers

FACTS: Final = (
    "metabolic_class",
    "acclimatised",
    "clothing_caf",
    "radiant_source",
    "outdoors",
    "women",
    "men",
)


class PlaceChanges(Recorder):
    """What may change about places."""

    def put_site(self, site: Site) -> None:
        """Add the site, or bring it to these values.

        Where its country or district changes, people and tokens of the site or a part of it come along: a
        committee is told of its factory, whatever district it is counted to.
        """
        held = self._one(schema.SITES, id=site.id)
        self._put(schema.SITES, {"id": site.id}, asdict(site), "site", site.id, site.id)
        if held is not None:
            self._move_scopes(site, f"{held['country']}/{held['district']}/{site.id}")

    def _move_scopes(self, site: Site, before: str) -> None:
        if before == site.scope:
            return
        for table, noun, named in ((schema.PERSONS, "person", "login"), (TOKENS, "token", "id")):
            for row in self.connection.execute(sa.select(table).order_by(table.c.id)).mappings().all():
                if covers(before, row["scope"]):
                    scope = site.scope + row["scope"].removeprefix(before)
                    self._update(table, {"id": row["id"]}, {"scope": scope})
                    was, now = {"scope": row["scope"]}, {"scope": scope}
                    self.record(f"{noun} changed", str(row[named]), site.id, before=was, after=now)

    def put_zone(self, zone: Zone, valid_from: float | None = None) -> None:
        """Add the zone, or bring it to these values.

        Facts that differ hold from now on (the first since always), or from `valid_from`: an instant that
        has passed and is not before the beginning of the facts held now. At that very beginning they are
        a correction of what was registered; so is another beginning of the same facts (a zone's first facts
        can only be moved to begin earlier).
        """
        if valid_from is not None and valid_from > self.at:
            raise ChangeRefused("facts cannot begin in the future; write them down on that day")
        values = asdict(zone)
        facts = {name: values.pop(name) for name in FACTS}
        rows = self._dated(schema.ZONE_FACTS, zone=zone.id)
        if not rows:
            begin = valid_from or 0.0
            if self._one(schema.ZONES, id=zone.id) is None:
                self.connection.execute(sa.insert(schema.ZONES).values(**values))
            self._insert_facts(zone.id, begin, facts)
            self.record("zone added", zone.id, zone.site, after=values | facts, valid_from=begin)
            return
        self._put(schema.ZONES, {"id": zone.id}, values, "zone", zone.id, zone.site)
        held = rows[-1]
        before = {name: held[name] for name in FACTS if held[name] != facts[name]}
        if before:
            after = {name: facts[name] for name in before}
            self._change_facts(zone, held, self.at if valid_from is None else valid_from, before, after)
        elif valid_from is not None and (
            valid_from < held["valid_from"] or (len(rows) > 1 and valid_from > held["valid_from"])
        ):
            self._move_beginning(zone, rows, valid_from)

    def _change_facts(
        self,
        zone: Zone,
        held: sa.RowMapping,
        begin: float,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
    ) -> None:
        if begin < held["valid_from"]:
            raise ChangeRefused(
                f"the facts of zone {zone.id} already changed at a later time; give a later `from`"
            )
        facts = {name: held[name] for name in FACTS} | dict(after)
        correction = begin == held["valid_from"]
        if correction:
            self._update(schema.ZONE_FACTS, {"id": held["id"]}, facts)
        else:
            self._insert_facts(zone.id, begin, facts)
        self.record(
            "zone corrected" if correction else "zone changed",
            zone.id,
            zone.site,
            before=before,
            after=after,
            valid_from=begin,
        )

    def _move_beginning(self, zone: Zone, rows: list[sa.RowMapping], begin: float) -> None:
        held = rows[-1]
        if len(rows) > 1 and begin <= rows[-2]["valid_from"]:
            raise ChangeRefused(
                f"other facts of zone {zone.id} began at that time or later; give a later `from`"
            )
        self._update(schema.ZONE_FACTS, {"id": held["id"]}, {"valid_from": begin})
        was, now = {"valid_from": held["valid_from"]}, {"valid_from": begin}
        self.record("zone corrected", zone.id, zone.site, before=was, after=now, valid_from=begin)

    def _insert_facts(self, zone: str, begin: float, facts: Mapping[str, Any]) -> None:
        self.connection.execute(sa.insert(schema.ZONE_FACTS).values(zone=zone, valid_from=begin, **facts))
