"""Reading exposures from InfluxDB, with what the transaction at hand is about to write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from ingest_service.series.feed import GoneExposure
from ingest_service.series.influx import ql
from ingest_service.series.influx.answers import minute_at, real_or_none, whole
from ingest_service.series.influx.exposure_rows import COLUMNS, Staged, Stored, stored_of
from ingest_service.series.influx.lines import tag, untag
from ingest_service.series.influx.readings import Readings
from ingest_service.series.influx.session import Session
from ingest_service.series.influx.tables import CHANGES, GONE, REVISIONS, ZONES
from ingest_service.series.port import ExposureRow, Revision, ValueRow

_ENTRIES_AT_ONCE = 500
_ZONES_AT_ONCE = 50
_READINGS_KEPT = 4


class ExposureReading(Readings):
    """The part of `SeriesReader` that is about zones minute by minute."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._staged: dict[tuple[str, str], dict[int, Staged]] = {}
        self._values: dict[tuple[str, int, int], dict[str, list[ValueRow]]] = {}
        session.after_commit.append(self._values.clear)
        session.failed.append(lambda _sent: self._values.clear())

    def exposures(self, zone: str, kind: str, m0: int, m1: int) -> list[ExposureRow]:
        found = {s.row.minute: s.row for s in self._stored(zone, [kind], m0, m1).get(kind, {}).values()}
        found = self._with_staged(zone, kind, m0, m1, found)
        return [found[minute] for minute in sorted(found)]

    def _with_staged(
        self, zone: str, kind: str, m0: int, m1: int, found: dict[int, ExposureRow]
    ) -> dict[int, ExposureRow]:
        for minute, staged in self._staged.get((zone, kind), {}).items():
            if m0 <= minute <= m1:
                found.pop(minute, None)
                if staged.row is not None:
                    found[minute] = staged.row
        return found

    def _stored(self, zone: str, kinds: Sequence[str], m0: int, m1: int) -> dict[str, dict[int, Stored]]:
        """Rows as they stand in the store, by kind and minute; of all kinds when none are named."""
        if m1 < m0:
            return {}
        where = [ql.is_tag("zone", zone), ql.minutes(m0, m1)]
        if kinds:
            where.insert(1, ql.one_of("kind", kinds))
        found: dict[str, dict[int, Stored]] = {}
        for series in self._session.link.ask_one(ql.select(COLUMNS, "exposure", where, "kind")):
            kind = untag(series.tags["kind"])
            rows = (stored_of(zone, kind, row) for row in series.values)
            found[kind] = {one.row.minute: one for one in rows}
        return found

    def values_between(self, zone: str, kind: str, m0: int, m1: int) -> list[ValueRow]:
        """All kinds of a stretch are read at once: whoever asks for one asks for the others next."""
        key = zone, m0, m1
        known = self._values.get(key)
        if known is None:
            known = self._read_values(zone, m0, m1)
            while len(self._values) >= _READINGS_KEPT:
                del self._values[next(iter(self._values))]
            self._values[key] = known
        rows = known.get(kind, [])
        staged = self._staged.get((zone, kind))
        if not staged:
            return rows
        found = {row[0]: row for row in rows}
        for minute, one in staged.items():
            if m0 <= minute <= m1:
                found.pop(minute, None)
                if one.row is not None:
                    found[minute] = minute, one.row.value, one.row.grade
        return [found[minute] for minute in sorted(found)]

    def _read_values(self, zone: str, m0: int, m1: int) -> dict[str, list[ValueRow]]:
        if m1 < m0:
            return {}
        where = [ql.is_tag("zone", zone), ql.minutes(m0, m1)]
        return {
            untag(series.tags["kind"]): [
                (minute_at(r), real_or_none(r[1]), whole(r[2])) for r in series.values
            ]
            for series in self._session.link.ask_one(ql.select('"value", grade', "exposure", where, "kind"))
        }

    def latest_exposures(self, zones: Iterable[str]) -> list[ExposureRow]:
        wanted = list(zones)
        found: dict[str, list[ExposureRow]] = {}
        for start in range(0, len(wanted), _ZONES_AT_ONCE):
            by_tag = {tag(zone): zone for zone in wanted[start : start + _ZONES_AT_ONCE]}
            where = [ql.one_of("zone", by_tag.values())]
            query = ql.select(COLUMNS, "exposure", where, "zone, kind", "ORDER BY time DESC LIMIT 1")
            for series in self._session.link.ask_one(query):
                zone = by_tag[series.tags["zone"]]
                kind = untag(series.tags["kind"])
                found.setdefault(zone, []).extend(stored_of(zone, kind, r).row for r in series.values)
        return [row for zone in wanted for row in sorted(found.get(zone, []), key=lambda row: row.kind)]

    def kinds_of(self, zone: str) -> list[str]:
        return sorted(self._newest_of(zone))

    def _newest_of(self, zone: str) -> dict[str, int]:
        """The newest stored minute of each kind of a zone."""
        query = ql.select("last(change)", "exposure", [ql.is_tag("zone", zone)], "kind")
        found = {untag(s.tags["kind"]): minute_at(s.values[0]) for s in self._session.link.ask_one(query)}
        for (its_zone, kind), minutes in self._staged.items():
            written = [minute for minute, one in minutes.items() if one.row is not None]
            if its_zone == zone and written:
                found[kind] = max(found.get(kind, 0), *written)
        return found

    # What is new

    def exposures_changed(self, after: int, limit: int) -> list[ExposureRow]:
        found: list[ExposureRow] = []
        start = after
        while len(found) < limit:
            entries = self._entries(start, limit - len(found))
            if not entries:
                break
            end = int(entries[-1]["last"])
            found += self._changed_in(entries, start, end)
            start = end
        if self._staged:
            found = [row for row in found if row.minute not in self._staged.get((row.zone, row.kind), {})]
            mine = [one.row for minutes in self._staged.values() for one in minutes.values()]
            found += sorted((row for row in mine if row and row.change > after), key=lambda row: row.change)
        return found[:limit]

    def _entries(self, after: int, rows: int) -> list[sa.RowMapping]:
        """The next entries of the feed, as many as may hold so many rows."""
        query = sa.select(CHANGES).where(self._session.mine(CHANGES), CHANGES.c.last > after)
        with self._session.sql() as connection:
            found = (
                connection.execute(query.order_by(CHANGES.c.first).limit(_ENTRIES_AT_ONCE)).mappings().all()
            )
        room = rows
        for number, one in enumerate(found, 1):
            room -= one["last"] - max(one["first"], after + 1) + 1
            if room <= 0:
                return list(found[:number])
        return list(found)

    def _changed_in(self, entries: Sequence[sa.RowMapping], after: int, upto: int) -> list[ExposureRow]:
        stretches: dict[tuple[int, int], set[str]] = {}
        for one in entries:
            stretches.setdefault((one["first_minute"], one["last_minute"]), set()).add(one["zone"])
        numbers = f"change > {after} AND change <= {upto}"
        statements = [
            ql.select(
                COLUMNS, "exposure", [ql.one_of("zone", zones), numbers, ql.minutes(*span)], "zone, kind"
            )
            for span, named in stretches.items()
            for zones in self._zones_of(named)
        ]
        found: dict[int, ExposureRow] = {}
        for answered in self._session.link.ask(statements):
            for series in answered:
                zone, kind = untag(series.tags["zone"]), untag(series.tags["kind"])
                for row in series.values:
                    stored = stored_of(zone, kind, row).row
                    found[stored.change] = stored
        return [found[change] for change in sorted(found)]

    def _zones_of(self, named: set[str]) -> list[list[str]]:
        """Zones in handy portions; the empty name stands for all that there are."""
        zones = named
        if "" in named:
            query = sa.select(ZONES.c.zone).where(self._session.mine(ZONES))
            zones = {row[0] for row in self._rows(query)}
        some = sorted(zones)
        return [some[start : start + _ZONES_AT_ONCE] for start in range(0, len(some), _ZONES_AT_ONCE)]

    def exposures_gone(self, after: int, limit: int) -> list[GoneExposure]:
        t = GONE.c
        query = sa.select(t.zone, t.kind, t.minute, t.change).where(
            self._session.mine(GONE), t.change > after
        )
        return [GoneExposure(*row) for row in self._rows(query.order_by(t.change).limit(limit))]

    def revisions(self, zone: str, kind: str, m0: int, m1: int) -> list[Revision]:
        t = REVISIONS.c
        columns = [t[name] for name in Revision._fields]
        query = sa.select(*columns).where(t.zone == zone, t.kind == kind, t.minute.between(m0, m1))
        return [
            Revision(*r) for r in self._rows(query.where(self._session.mine(REVISIONS)).order_by(t.number))
        ]
