"""What is computed again in a zone, because data came late or the register was changed for the past.

Every window that may hold a touched minute is computed once more; the store gives the rows that change a
higher revision and keeps what they said before. Rows that would not be there today are taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from ingest_service.rollup.channel_minutes import Dirty, minutes_in
from ingest_service.rollup.kinds import WEEK, Kind
from ingest_service.rollup.periods import day_of, shifts_holding
from ingest_service.rollup.quality import REACH as TEST_REACH
from ingest_service.rollup.quality import ZoneTests
from ingest_service.rollup.sources import ZoneSources
from ingest_service.rollup.summaries import Summaries
from ingest_service.rollup.windows import Moment, exposure
from ingest_service.rollup.zone_series import DAY, ZoneSeries, spans_of
from ingest_service.series.feed import CHANGE
from ingest_service.series.port import Cause, ExposureKey, ExposureRow, QualityRow, SeriesStore
from osh_domain.shifts import ShiftInstance

Range = tuple[int, int]
"""First and last minute, both included; empty when the last is before the first."""
Work = tuple[int, int]
"""Minutes of the zone computed, exposures written because they were new or changed."""
CauseOf = Callable[[str, int], Cause]
"""Why the row of a kind at a minute may be replaced."""
_MANY = 10**9


class Revising(NamedTuple):
    """Computes again in one zone that is done up to `done`; `at` [s] stands in the revisions."""

    sources: ZoneSources
    store: SeriesStore
    summaries: Summaries
    kinds: Sequence[Kind]
    done: int
    at: float

    def late(self, dirty: Dirty, known: ZoneSeries | None) -> tuple[Work, ZoneSeries | None]:
        """What late minutes touch; `known` is a series that may be at hand, and the one to keep is given."""
        minutes = minutes_in(dirty)
        first, last = minutes[0], minutes[-1]
        touched = self._touched(dirty)
        late_until = {kind.name: self._again(kind, touched)[1] for kind in self.kinds}
        changed: Dirty = {}
        self._retest(first, last, changed)
        for name, (begin, end) in self._touched(changed).items():
            before = touched.get(name, (begin, end))
            touched[name] = min(begin, before[0]), max(end, before[1])
        until = max((end for _, end in touched.values()), default=last)
        series, keep = self._covering(first, min(self.done, until + DAY), until, known)
        work = [(kind, self._again(kind, touched)) for kind in self.kinds]
        work += [(kind, self._revived(series, first, until)) for kind in self.kinds]

        def cause(kind: str, minute: int) -> Cause:
            return "late_data" if minute <= late_until.get(kind, minute) else "quality"

        return self._write(series, work, cause), keep

    def anew(self, first: int, last: int, cause: Cause) -> Work:
        """All that ends at the minutes `first` to `last`."""
        if last < first:
            return 0, 0
        self._retest(first, last, {}, last)
        series = ZoneSeries(self.sources, first, self.store.minutes_between)
        series.fill(series.base, last)
        names = {kind.name for kind in self.kinds}
        foreign = [k for k in self.store.kinds_of(self.sources.zone.id) if k not in names and k != WEEK]
        work = [(kind, (first, last)) for kind in self.kinds]
        rows, gone = rows_of(series, work)
        gone += [
            (row.zone, kind, row.minute)
            for kind in foreign
            for row in self.store.exposures(self.sources.zone.id, kind, first, last)
        ]

        def write(some: Sequence[ExposureRow], leaving: Sequence[ExposureKey]) -> int:
            return self.store.write_exposures(some, gone=leaving, cause=lambda *_: cause, at=self.at)

        written = write(rows, gone)
        written += self.summaries.replace(first, last, self.done, write)
        return last - first + 1, written

    def _write(self, series: ZoneSeries, work: Iterable[tuple[Kind, Range]], cause: CauseOf) -> Work:
        rows, gone = rows_of(series, work)
        before = self.store.cursor(CHANGE)

        def write(some: Sequence[ExposureRow], leaving: Sequence[ExposureKey]) -> int:
            return self.store.write_exposures(some, gone=leaving, cause=cause, at=self.at)

        present = self._present(gone)
        written = write(rows, present)
        changed: dict[str, set[int]] = {}
        for row in self.store.exposures_changed(before, _MANY) if written else ():
            changed.setdefault(row.kind, set()).add(row.minute)
        for _, kind, minute in present:
            changed.setdefault(kind, set()).add(minute)
        if changed:
            written += self.summaries.again(changed, self.done, write)
        return len({row.minute for row in rows}), written

    def _present(self, keys: Iterable[ExposureKey]) -> list[ExposureKey]:
        """Those of the keys that are stored."""
        by_kind: dict[str, list[int]] = {}
        for _, kind, minute in keys:
            by_kind.setdefault(kind, []).append(minute)
        zone = self.sources.zone.id
        found: list[ExposureKey] = []
        for kind, minutes in by_kind.items():
            wanted = set(minutes)
            stored = self.store.values_between(zone, kind, min(minutes), max(minutes))
            found += [(zone, kind, minute) for minute, *_ in stored if minute in wanted]
        return found

    def _retest(self, first: int, last: int, changed: Dirty, until: int | None = None) -> None:
        """Test the minutes again that late ones can change; notes those whose flag became another."""
        upto = min(self.done, last + TEST_REACH) if until is None else until
        hold = self.sources.longest_hold()
        spans = spans_of(self.sources, self.store.minutes_between, first - TEST_REACH - hold, upto)
        tests = ZoneTests(self.sources.all())
        tests.test(spans, first - TEST_REACH, first - 1)
        flags = tests.test(spans, first, upto)
        for channel in self.sources.channels():
            now = [QualityRow(channel, m, *flag) for m, flag in sorted(flags.get(channel, {}).items())]
            stored = [
                row
                for row in self.store.quality_between(channel, first, upto)
                if any(one.stands_at(row.minute) for one in self.sources.all() if one.channel == channel)
            ]
            if now != stored:
                for row in set(now) ^ set(stored):
                    changed.setdefault(channel, set()).add(row.minute)
                self._replace_flags(channel, first, upto, now)

    def _replace_flags(self, channel: int, first: int, last: int, rows: Sequence[QualityRow]) -> None:
        """Of the stretches only in which the channel stood here: elsewhere another zone tests it."""
        for source in self.sources.all():
            if source.channel == channel:
                begin, end = max(first, source.placed[0]), min(last, source.placed[1])
                if begin <= end:
                    here = [row for row in rows if begin <= row.minute <= end]
                    self.store.replace_quality(channel, begin, end, here)

    def _touched(self, dirty: Dirty) -> dict[str, Range]:
        """Input -> the minutes for which late readings speak."""
        touched: dict[str, Range] = {}
        for source in self.sources.all():
            minutes = [m for m in dirty.get(source.channel or 0, ()) if source.stands_at(m)]
            if minutes:
                first, last = touched.get(source.input, (min(minutes), 0))
                last = max(last, max(minutes) + source.hold - 1)
                touched[source.input] = min(first, *minutes), last
        return touched

    def _again(self, kind: Kind, touched: dict[str, Range]) -> Range:
        """The window ends of a kind that hold any of the touched minutes."""
        ranges = [touched[name] for name in kind.feeding if name in touched]
        if not ranges:
            return 1, 0
        first, last = min(a for a, _ in ranges), max(b for _, b in ranges)
        if kind.length:
            return first, min(self.done, last + kind.length - 1)
        calendar = self.sources.calendar
        if kind.form == "day":
            return first, min(self.done, day_of(calendar, last)[1])
        # Where shifts overlap, the next one is summed from its start too once the first is over.
        ends = [shift.last for shift in shifts_holding(calendar, first, last)]
        return first, min(self.done, max(last, *ends, last))

    def _revived(self, series: ZoneSeries, first: int, last: int) -> Range:
        """The minutes that lay more than a day after any reading and no longer do."""
        alive = series.tracks["alive"]
        before, after = alive.last_before(first), alive.first_after(last)
        start = first if before is None else max(first, before + DAY)
        end = min(self.done, last + DAY - 1)
        return start, end if after is None else min(end, after - 1)

    def _covering(
        self, first: int, last: int, refilled_to: int, known: ZoneSeries | None
    ) -> tuple[ZoneSeries, ZoneSeries | None]:
        """A series that answers windows ending at `first` to `last`, the minutes from `first` read anew."""
        if known is not None and known.filled_to >= first:
            known.fill(first, min(refilled_to, known.filled_to))
            if known.holds(first):
                return known, known
        series = ZoneSeries(self.sources, first, self.store.minutes_between)
        series.fill(series.base, last)
        return series, known


def rows_of(
    series: ZoneSeries, work: Iterable[tuple[Kind, Range]]
) -> tuple[list[ExposureRow], list[ExposureKey]]:
    """The rows of kinds at ranges of minutes, and the keys at which there is nothing to say."""
    calendar, zone = series.sources.calendar, series.sources.zone.id
    by_range: dict[Range, list[Kind]] = {}
    for kind, span in work:
        by_range.setdefault(span, []).append(kind)
    by_minute: dict[int, dict[str, Kind]] = {}
    for (first, last), kinds in by_range.items():
        for minute in range(first, last + 1):
            by_minute.setdefault(minute, {}).update((kind.name, kind) for kind in kinds)
    rows: list[ExposureRow] = []
    gone: list[ExposureKey] = []
    shift: ShiftInstance | None = None
    day = (1, 0)
    for minute in sorted(by_minute):
        if shift is None or not shift.covers(60.0 * minute - 30.0):
            shift = calendar.shift_of_minute(minute)
        if not day[0] <= minute <= day[1]:
            day = day_of(calendar, minute)
        moment = Moment(minute, shift, day if minute == day[1] else None)
        for kind in by_minute[minute].values():
            row = exposure(kind, series, moment)
            if row is not None:
                rows.append(row)
            else:
                gone.append((zone, kind.name, minute))
    return rows, gone
