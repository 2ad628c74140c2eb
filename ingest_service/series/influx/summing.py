"""Summaries of exposures, how they stood against a limit, and the flags of channels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from ingest_service.series.influx import ql
from ingest_service.series.influx.answers import minute_at, real_or_none, runs, whole
from ingest_service.series.influx.exposure_rows import site_of
from ingest_service.series.influx.exposure_writing import ExposureWriting
from ingest_service.series.influx.lines import MINUTE_NS, fields, series_key, untag
from ingest_service.series.influx.link import Row
from ingest_service.series.influx.session import Session
from ingest_service.series.influx.state import put
from ingest_service.series.influx.tables import QUALITY
from ingest_service.series.port import Period, QualityRow, Summary

_COLUMNS = '"first", "value", "mean", high, high_minute, low, known, expected, grade, revision'
_MAY_BE_MISSING = ("value", "mean", "high", "high_minute", "low")


class Summing(ExposureWriting):
    """Writes them; `judging.py` reads what they say of limits."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._ends: dict[str, dict[tuple[str, str], int]] = {}
        session.failed.append(lambda _sent: self._ends.clear())

    def summaries(self, zone: str, kind: str, period: Period, m0: int, m1: int) -> list[Summary]:
        return sorted(self._summaries(zone, [kind], period, m0, m1), key=lambda row: (row.last, row.first))

    def _summaries(self, zone: str, kinds: Sequence[str], period: Period, m0: int, m1: int) -> list[Summary]:
        if m1 < m0:
            return []
        where = [ql.is_tag("zone", zone), ql.is_tag("period", period), ql.one_of("kind", kinds)]
        query = ql.select(_COLUMNS, "summary", [*where, ql.minutes(m0, m1)], "kind")
        (answered,) = self._session.ask("summary", [query])
        return [
            _summary(zone, untag(series.tags["kind"]), period, row)
            for series in answered
            for row in series.values
        ]

    def write_summaries(self, rows: Iterable[Summary]) -> None:
        by_stretch: dict[tuple[str, Period], list[Summary]] = {}
        for row in rows:
            by_stretch.setdefault((row.zone, row.period), []).append(row)
        with self._session.transaction():
            for (zone, period), some in by_stretch.items():
                self._write_of(zone, period, some)

    def _write_of(self, zone: str, period: Period, rows: Sequence[Summary]) -> None:
        ends = self._ends_of(zone)
        below = [row for row in rows if row.last <= ends.get((period, row.kind), -1)]
        stored: dict[tuple[str, int, int], Summary] = {}
        if below:
            first, last = min(row.last for row in below), max(row.last for row in below)
            kinds = sorted({row.kind for row in below})
            found = self._summaries(zone, kinds, period, first, last)
            stored = {(row.kind, row.first, row.last): row for row in found}
        lines: list[str] = []
        for row in rows:
            key = row.kind, row.first, row.last
            old = stored.get(key)
            if old is not None and old[:-1] == row[:-1]:
                continue
            stored[key] = row._replace(revision=0 if old is None else old.revision + 1)
            if old is not None and _hides(old, row):
                self._session.add_delete("summary", _deletion(row))
            lines.append(summary_line(stored[key]))
            ends[period, row.kind] = max(ends.get((period, row.kind), row.last), row.last)
        self._session.add("summary", lines)

    def _ends_of(self, zone: str) -> dict[tuple[str, str], int]:
        """By period and kind the end of the newest summary of a zone, or a later minute."""
        if zone not in self._ends:
            query = ql.select("last(known)", "summary", [ql.is_tag("zone", zone)], "period, kind")
            (answered,) = self._session.ask("summary", [query])
            self._ends[zone] = {
                (untag(s.tags["period"]), untag(s.tags["kind"])): minute_at(s.values[0]) for s in answered
            }
        return self._ends[zone]

    def remove_summaries(self, zone: str, kinds: Iterable[str], period: Period, m0: int, m1: int) -> None:
        with self._session.transaction():
            ends = self._ends_of(zone)
            there = [kind for kind in kinds if ends.get((period, kind), -1) >= m0]
            present = {row.kind for row in self._summaries(zone, there, period, m0, m1)} if there else set()
            for kind in sorted(present):
                tags = {"site": site_of(zone), "zone": zone, "kind": kind, "period": period}
                where = [ql.is_tag(name, value) for name, value in tags.items()]
                self._session.add_delete("summary", ql.delete("summary", [*where, ql.minutes(m0, m1)]))

    # Flags of channels: SQL has the word, InfluxDB shows them

    def replace_quality(self, channel: int, m0: int, m1: int, rows: Iterable[QualityRow]) -> None:
        new = {row.minute: row for row in rows}
        t = QUALITY.c
        with self._session.transaction() as work:
            mine = (t.shard == self._session.number) & (t.channel == channel) & t.minute.between(m0, m1)
            old = {int(row[0]) for row in work.connection.execute(sa.select(t.minute).where(mine))}
            if not old and not new:
                return
            work.connection.execute(sa.delete(QUALITY).where(mine))
            number = self._session.number
            put(work.connection, QUALITY, [{"shard": number, **row._asdict()} for row in new.values()])
            for first, last in runs(old.difference(new)):
                where = [*self._channels.conditions(channel), ql.minutes(first, last)]
                self._session.add_delete("quality", ql.delete("quality", where))
            key = self._channels.key("quality", channel)
            lines = [f"{key} flag={r.flag}.0,tests={r.tests}.0 {r.minute * MINUTE_NS}" for r in new.values()]
            self._session.add("quality", lines)

    def quality_between(self, channel: int, m0: int, m1: int) -> list[QualityRow]:
        t = QUALITY.c
        query = sa.select(t.channel, t.minute, t.flag, t.tests)
        query = query.where(t.channel == channel, t.minute.between(m0, m1)).order_by(t.minute)
        return [QualityRow(*row) for row in self._rows(query)]

    def quality_latest(self) -> list[QualityRow]:
        t = QUALITY.c
        newest = sa.select(t.channel, sa.func.max(t.minute).label("minute"))
        newest_flags = newest.where(self._session.mine(QUALITY)).group_by(t.channel).subquery()
        same = (t.channel == newest_flags.c.channel) & (t.minute == newest_flags.c.minute)
        query = sa.select(t.channel, t.minute, t.flag, t.tests).join(newest_flags, same).order_by(t.channel)
        rows = [QualityRow(*row) for row in self._rows(query)]
        ends = self.newest_minutes(row.channel for row in rows)
        return [row for row in rows if ends.get(row.channel) == row.minute]


def _summary(zone: str, kind: str, period: Period, row: Row) -> Summary:
    first, value, mean, high, high_minute, low, known, expected, grade, revision = row[1:]
    return Summary(
        zone,
        kind,
        period,
        whole(first),
        minute_at(row),
        real_or_none(value),
        real_or_none(mean),
        real_or_none(high),
        None if high_minute is None else whole(high_minute),
        real_or_none(low),
        whole(known),
        whole(expected),
        whole(grade),
        whole(revision),
    )


def _hides(old: Summary, new: Summary) -> bool:
    """Whether a number is gone that writing over it would leave to be seen."""
    missing = (name for name in _MAY_BE_MISSING if getattr(new, name) is None)
    return any(getattr(old, name) is not None for name in missing)


def _time_ns(row: Summary) -> int:
    """The end; of shifts that end together each has as many nanoseconds more as it has minutes."""
    return row.last * MINUTE_NS + (row.last - row.first + 1 if row.period == "shift" else 0)


def _tags(row: Summary) -> dict[str, str]:
    return {"site": site_of(row.zone), "zone": row.zone, "kind": row.kind, "period": row.period}


def summary_line(row: Summary) -> str:
    """A summary as line protocol."""
    numbers: list[tuple[str, Any]] = [
        (name, getattr(row, name))
        for name in (*_MAY_BE_MISSING, "first", "known", "expected", "grade", "revision")
    ]
    return f"{series_key('summary', _tags(row))} {fields(numbers)} {_time_ns(row)}"


def _deletion(row: Summary) -> str:
    where = [ql.is_tag(name, value) for name, value in _tags(row).items()]
    return ql.delete("summary", [*where, f"time = {_time_ns(row)}"])
