"""Writing exposures: which differ from what is stored, their revisions, and telling readers of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
import structlog

from ingest_service.series.influx import ql
from ingest_service.series.influx.answers import runs
from ingest_service.series.influx.changes import Changes
from ingest_service.series.influx.exposure_reading import ExposureReading
from ingest_service.series.influx.exposure_rows import (
    Staged,
    exposure_key,
    line,
    same,
    same_number,
    site_of,
    told_before,
)
from ingest_service.series.influx.session import Session
from ingest_service.series.influx.state import REVISION, put, state_trouble, write
from ingest_service.series.influx.tables import GONE, REVISIONS, ZONES
from ingest_service.series.port import Cause, ExposureKey, ExposureRow, SeriesError

CauseOf = Callable[[str, int], Cause]
_Known = dict[tuple[str, str], dict[int, Staged]]
_NOTHING = Staged(None, None, False)
log = structlog.get_logger(__name__)


class ExposureWriting(ExposureReading):
    """The part of `SeriesStore` that is about zones minute by minute."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._changes = Changes(session, self)
        self._tops: dict[str, dict[str, int]] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._noted: set[str] = set()
        self._may_wait = not session.read_only
        session.before.append(self._delete_gone)
        session.at_commit.append(self._hand_over)
        session.after_commit.append(self._committed)
        session.failed.append(self._forget_exposures)

    def _forget_exposures(self, _sent: bool = False) -> None:
        self._staged.clear()
        self._tops.clear()
        self._noted.clear()
        self._may_wait = True

    def write_exposures(
        self,
        rows: Sequence[ExposureRow],
        *,
        gone: Iterable[ExposureKey] = (),
        cause: CauseOf | None = None,
        at: float = 0.0,
    ) -> int:
        with self._session.transaction():
            leaving = list(gone) if cause is not None else []
            known = self._known([(row.zone, row.kind, row.minute) for row in rows] + leaving)
            replaced: list[dict[str, Any]] = []
            left = [key for key in leaving if self._is_told(known, key)]
            self._drop_orphans(known, set(leaving).difference(left))
            change = self._changes.take(len(left) + len(rows))
            if cause is not None:
                replaced = _revisions(rows, left, known, cause, at)
            self._take_away(left, known, change)
            written = self._stage(rows, known, change + len(left))
            self._keep_revisions(replaced)
        return written

    def _stage(self, rows: Sequence[ExposureRow], known: _Known, first: int) -> int:
        minutes: dict[str, list[int]] = defaultdict(list)
        written = 0
        for change, row in enumerate(rows, first):
            old = known[row.zone, row.kind].get(row.minute, _NOTHING)
            before = old.row
            if before is not None and same(before, row) and not self._changes.is_lost(before.change):
                continue
            revision = 0 if before is None else before.revision + (not same_number(before, row))
            staged = Staged(row._replace(revision=revision, change=change), old.prior, old.shows_value)
            known[row.zone, row.kind][row.minute] = staged
            self._staged.setdefault((row.zone, row.kind), {})[row.minute] = staged
            tops = self._tops.setdefault(row.zone, {})
            tops[row.kind] = max(tops.get(row.kind, row.minute), row.minute)
            minutes[row.zone].append(row.minute)
            written += 1
        for zone, some in minutes.items():
            self._changes.note(zone, first, first + len(rows) - 1, (min(some), max(some)))
            self._note_zone(zone)
        return written

    def _note_zone(self, zone: str) -> None:
        if zone not in self._noted:
            put(
                self._session.now.connection,
                ZONES,
                [{"shard": self._session.number, "zone": zone}],
                keep=True,
            )
            self._noted.add(zone)

    # What is there already

    def _known(self, keys: Iterable[ExposureKey]) -> _Known:
        """What stands in the store or is staged, as what it would be staged as."""
        minutes: dict[tuple[str, str], list[int]] = defaultdict(list)
        for zone, kind, minute in keys:
            minutes[zone, kind].append(minute)
        asked: dict[str, dict[str, list[int]]] = defaultdict(dict)
        for (zone, kind), some in minutes.items():
            below = [one for one in some if one <= self._top_of(zone).get(kind, -1)]
            if below:
                asked[zone][kind] = below
        known: _Known = {key: {} for key in minutes}
        for zone, kinds in asked.items():
            first = min(min(some) for some in kinds.values())
            last = max(max(some) for some in kinds.values())
            for kind, stored in self._stored(zone, sorted(kinds), first, last).items():
                for minute, one in stored.items():
                    lost = self._changes.is_lost(one.row.change)
                    prior = told_before(one) if lost else one.row
                    shown = one.row.value is not None
                    # A lost row stands for what it replaced, but has to be written over in any case.
                    now = None if lost and prior is None else (prior or one.row)
                    if lost and now is not None:
                        now = now._replace(change=one.row.change)
                    known[zone, kind][minute] = Staged(now, prior, shown)
        for key in minutes:
            known[key].update(self._staged.get(key, {}))
        return known

    def _top_of(self, zone: str) -> dict[str, int]:
        """The newest minute of each kind of a zone, or a later one: what comes after it is new."""
        if zone not in self._tops:
            self._tops[zone] = self._newest_of(zone)
        return self._tops[zone]

    # What goes

    def _is_told(self, known: _Known, key: ExposureKey) -> bool:
        zone, kind, minute = key
        return known[zone, kind].get(minute, _NOTHING).row is not None

    def _drop_orphans(self, known: _Known, keys: set[ExposureKey]) -> None:
        """Rows that were written and never told, and would not be written today."""
        for zone, kind, minute in keys:
            if minute in known[zone, kind] and known[zone, kind][minute].prior is None:
                self._session.add_delete("exposure", _deletion(zone, kind, minute, minute))

    def _take_away(self, keys: Sequence[ExposureKey], known: _Known, first: int) -> None:
        number = self._session.number
        rows = [
            {
                "shard": number,
                "zone": zone,
                "kind": kind,
                "minute": minute,
                "change": change,
                "deleted": False,
            }
            for change, (zone, kind, minute) in enumerate(keys, first)
        ]
        put(self._session.now.connection, GONE, rows)
        for zone, kind, minute in keys:
            old = known[zone, kind][minute]
            known[zone, kind][minute] = old._replace(row=None)
            self._staged.setdefault((zone, kind), {})[minute] = old._replace(row=None)
        self._may_wait |= bool(keys)

    def _keep_revisions(self, found: list[dict[str, Any]]) -> None:
        if not found:
            return
        first = self.cursor(REVISION) + 1
        number = self._session.number
        rows = [{"shard": number, "number": one, **row} for one, row in enumerate(found, first)]
        put(self._session.now.connection, REVISIONS, rows)
        self.set_cursor(REVISION, first + len(found) - 1)

    # Sending

    def _hand_over(self) -> None:
        """Turn what is staged into lines; a value that is not there any more is deleted before."""
        lines: list[str] = []
        for (zone, kind), minutes in self._staged.items():
            key = self._keys.get((zone, kind))
            if key is None:
                key = self._keys[zone, kind] = exposure_key(zone, kind)
            written = [one for one in minutes.values() if one.row is not None]
            hidden = [
                one.row.minute for one in written if one.row and one.row.value is None and one.shows_value
            ]
            for first, last in runs(hidden):
                self._session.add_delete("exposure", _deletion(zone, kind, first, last))
            lines += [line(key, one) for one in written]
        if lines:
            self._session.add("exposure", lines)

    def _committed(self) -> None:
        self._staged.clear()
        try:
            self._delete_gone()
        except SeriesError as error:  # it is committed; the next transaction begins with this
            log.warning("exposures that were taken away are deleted later", reason=str(error))

    def _delete_gone(self) -> None:
        """Delete what was taken away, after it was told: a transaction that fails must find it there."""
        if not self._may_wait:
            return
        t = GONE.c
        waiting = (t.shard == self._session.number) & t.deleted.is_(False)
        found: dict[tuple[str, str], list[int]] = defaultdict(list)
        for zone, kind, minute in self._rows(sa.select(t.zone, t.kind, t.minute).where(waiting)):
            found[zone, kind].append(minute)
        self._session.link.ask(
            [_deletion(zone, kind, *run) for (zone, kind), minutes in found.items() for run in runs(minutes)]
        )
        if found:
            try:
                with write(self._session.engine) as connection:
                    connection.execute(sa.update(GONE).where(waiting).values(deleted=True))
            except sa.exc.SQLAlchemyError as error:
                raise state_trouble(self._session.engine, error) from error
            for zone, _ in found:
                self._tops.pop(zone, None)
        self._may_wait = False


def _revisions(
    rows: Sequence[ExposureRow], left: Sequence[ExposureKey], known: _Known, cause: CauseOf, at: float
) -> list[dict[str, Any]]:
    """What is to be kept of stored rows that are about to be replaced or taken away."""
    found: list[tuple[str, str, int, int, float | None, float | None, Cause]] = []
    for row in rows:
        old = known[row.zone, row.kind].get(row.minute, _NOTHING).row
        if old is not None and (old.value != row.value or old.calc != row.calc):
            why: Cause = "calculation_changed" if old.calc != row.calc else cause(row.kind, row.minute)
            found.append((row.zone, row.kind, row.minute, old.revision + 1, old.value, row.value, why))
    for zone, kind, minute in left:
        gone = known[zone, kind][minute].row
        if gone is not None:
            found.append((zone, kind, minute, gone.revision + 1, gone.value, None, cause(kind, minute)))
    names = ("zone", "kind", "minute", "revision", "old", "new", "cause")
    return [{**dict(zip(names, one, strict=True)), "at": at} for one in found]


def _deletion(zone: str, kind: str, first: int, last: int) -> str:
    tags = {"site": site_of(zone), "zone": zone, "kind": kind}
    where = [ql.is_tag(name, value) for name, value in tags.items()]
    return ql.delete("exposure", [*where, ql.minutes(first, last)])
