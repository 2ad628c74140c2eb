"""How exposures stood against limits, and which old rows need not be kept."""

from __future__ import annotations

import sqlalchemy as sa

from ingest_service.series.influx import ql
from ingest_service.series.influx.answers import minute_at, real, whole
from ingest_service.series.influx.link import Series
from ingest_service.series.influx.state import put_most
from ingest_service.series.influx.summing import Summing
from ingest_service.series.influx.tables import GONE, REVISIONS, THINNED
from ingest_service.series.port import Exceedance, Kept, Summary

HOUR = 60


class Judging(Summing):
    """The part of `SeriesReader` that sums up, with the retention of `SeriesStore`."""

    def highest(self, zone: str, kind: str, m0: int, m1: int, step: int) -> dict[int, float]:
        if step % HOUR:
            return self._highest_of_minutes(zone, kind, m0, m1, step)
        first, last = self._summarised(zone, kind, m0, m1)
        found = self._highest_of_minutes(zone, kind, m0, min(first, m1), step)
        parts = self._highest_of_minutes(zone, kind, max(m0, last + 1), m1, step)
        hours = self._highest_of_hours(zone, kind, first + 1, last, step)
        for slot, high in (*hours.items(), *parts.items()):
            found[slot] = max(high, found.get(slot, high))
        return found

    def _highest_of_minutes(self, zone: str, kind: str, m0: int, m1: int, step: int) -> dict[int, float]:
        if m1 < m0:
            return {}
        where = [ql.is_tag("zone", zone), ql.is_tag("kind", kind), ql.minutes(m0, m1)]
        return _slots(self._session.link.ask_one(_highest('max("value")', "exposure", where, step)), step)

    def _highest_of_hours(self, zone: str, kind: str, m0: int, m1: int, step: int) -> dict[int, float]:
        """The store finds them: handing over the summaries of a year takes ten times as long."""
        if m1 < m0:
            return {}
        where = [ql.is_tag("zone", zone), ql.is_tag("kind", kind), ql.is_tag("period", "hour")]
        query = _highest("max(high)", "summary", [*where, ql.minutes(m0, m1)], step)
        (answered,) = self._session.ask("summary", [query])
        return _slots(answered, step)

    def _summarised(self, zone: str, kind: str, m0: int, m1: int) -> tuple[int, int]:
        """The part of a range, after its first and up to its last minute, that hours' summaries cover."""
        where = [ql.is_tag("zone", zone), ql.is_tag("kind", kind), ql.is_tag("period", "hour")]
        (answered,) = self._session.ask("summary", [ql.select("last(known)", "summary", where)])
        newest = minute_at(answered[0].values[0]) if answered else 0
        first = -(-(m0 - 1) // HOUR) * HOUR
        return first, max(first, min(m1 // HOUR * HOUR, newest))

    def exceedance(self, zone: str, kind: str, limit: float, m0: int, m1: int) -> Exceedance:
        first, last = self._summarised(zone, kind, m0, m1)
        if last <= first:
            return self._of_minutes(zone, kind, limit, [(m0, m1)])[0]
        hours = [one for one in self.summaries(zone, kind, "hour", first + 1, last) if one.high is not None]
        # Only an hour that lies on both sides of the limit must be counted minute by minute.
        mixed = [one for one in hours if _stands_between(one, limit)]
        spans = [(one.last - HOUR + 1, one.last) for one in mixed]
        edges = [(m0, first)] if m0 <= first else []
        edges += [(last + 1, m1)] if last < m1 else []
        counted = self._of_minutes(zone, kind, limit, spans + edges)
        by_end = {one.last: part for one, part in zip(mixed, counted, strict=False)}
        parts = counted[len(mixed) :]
        for one in hours:
            above = one.known if one.high is not None and one.high > limit else 0
            part = by_end.get(one.last)
            if part is None or part.known != one.known:  # else its minutes are not kept
                part = Exceedance(above, one.known, one.high, one.high_minute)
            parts.append(part)
        highest = max((p for p in parts if p.highest is not None), key=_height, default=None)
        return Exceedance(
            sum(p.above for p in parts),
            sum(p.known for p in parts),
            highest and highest.highest,
            highest and highest.highest_minute,
        )

    def _of_minutes(
        self, zone: str, kind: str, limit: float, spans: list[tuple[int, int]]
    ) -> list[Exceedance]:
        tags = [ql.is_tag("zone", zone), ql.is_tag("kind", kind)]
        statements = [ql.select('"value"', "exposure", [*tags, ql.minutes(*span)]) for span in spans]
        found: list[Exceedance] = []
        for answered in self._session.link.ask(statements):
            values = [(real(r[1]), -minute_at(r)) for s in answered for r in s.values if r[1] is not None]
            high, at = max(values, default=(None, None))
            above = sum(value > limit for value, _ in values)
            found.append(Exceedance(above, len(values), high, None if at is None else -at))
        return found

    # Retention

    def kept_from(self, what: Kept, name: str) -> int:
        t = THINNED.c
        found = self._rows(
            sa.select(sa.func.max(t.kept_from)).where(
                t.what == what, t.name == name, self._session.mine(THINNED)
            )
        )
        return int(found[0][0] or 0)

    def thinned(self) -> dict[tuple[Kept, str], int]:
        t = THINNED.c
        rows = self._rows(sa.select(t.what, t.name, t.kept_from).where(self._session.mine(THINNED)))
        return {(what, name): kept_from for what, name, kept_from in rows}

    def thin_channel(self, what: Kept, channel: int, before: int, width: int) -> int:
        measurement, field = ("minute", "n") if what == "minutes" else ("reading", "value")
        (first,) = self._session.ask(
            measurement, self._channels.select(f"first({field})", measurement, [channel], "")
        )
        if not first or not first[0].values:
            return 0
        oldest = -(-(whole(first[0].values[0][0]) // 1000) // 60_000)
        if oldest > before:
            return 0
        end = min(before, oldest + width - 1)
        # A deletion costs as much for a minute as for a week, so it waits until there is enough.
        where = [*self._channels.conditions(channel), f"time < {(end * 60_000_000 + 1000)}u"]
        with self._session.transaction():
            (counted,) = self._session.ask(measurement, [ql.select(f"count({field})", measurement, where)])
            self._session.add_delete(measurement, ql.delete(measurement, where))
            self._forget_recent(False)
            self._note_thinned(what, str(channel), end + 1)
        return whole(counted[0].values[0][1]) if counted else 0

    def thin_zone(self, zone: str, before: int, width: int) -> int:
        tags = [ql.is_tag("zone", zone)]
        query = ql.select("first(change)", "exposure", tags, "kind")
        oldest = [minute_at(series.values[0]) for series in self._session.link.ask_one(query)]
        if not oldest or min(oldest) > before:
            return 0
        end = min(before, min(oldest) + width - 1)
        where = [*tags, f"time < {end * 60_000_000 + 1000}u"]
        with self._session.transaction() as work:
            counted = self._session.link.ask_one(ql.select("count(change)", "exposure", where))
            self._session.add_delete("exposure", ql.delete("exposure", where))
            deleted = whole(counted[0].values[0][1]) if counted else 0
            for table in (REVISIONS, GONE):
                mine = (table.c.shard == self._session.number) & (table.c.zone == zone)
                done = work.connection.execute(sa.delete(table).where(mine, table.c.minute <= end))
                deleted += done.rowcount
            self._note_thinned("exposures", zone, end + 1)
        return deleted

    def _note_thinned(self, what: Kept, name: str, kept_from: int) -> None:
        row = {"shard": self._session.number, "what": what, "name": name, "kept_from": kept_from}
        put_most(self._session.now.connection, THINNED, "kept_from", [row])


def _highest(what: str, measurement: str, where: list[str], step: int) -> str:
    """A slot begins with the minute after a multiple of the step."""
    return ql.select(what, measurement, where, f"time({step}m, 1m) fill(none)")


def _slots(answered: list[Series], step: int) -> dict[int, float]:
    """The highest by the last minute of its slot."""
    return {
        minute_at(row) + step - 1: real(row[1])
        for series in answered
        for row in series.values
        if row[1] is not None
    }


def _stands_between(hour: Summary, limit: float) -> bool:
    return hour.low is not None and hour.high is not None and hour.low <= limit < hour.high


def _height(part: Exceedance) -> tuple[float, int]:
    """Of equal heights the earliest is the highest."""
    return -1e999 if part.highest is None else part.highest, -(part.highest_minute or 0)
