"""Exposures of a zone summed up by hours, shifts, local days and weeks, and the weekly noise level.

A summary is made when its period is over and made again when a row in it changes; those of a week are made
of its days. The weekly level stands on the last minute of each shift and takes the shifts of the same name
that began in the local week: those are one crew's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from alert_rules.exposures import UNITS
from ingest_service.rollup.kinds import ALL_KINDS, KINDS, LEX, WEEK
from ingest_service.rollup.periods import HOUR, Stretch, day_of, holding, shifts_holding, week_of
from ingest_service.series.port import ExposureKey, ExposureRow, SeriesStore, Summary
from osh_domain.coverage import Coverage, capture
from osh_domain.exposure import CALCULATION
from osh_domain.exposure.noise import energy, level, weekly_exposure_level
from osh_domain.quality import Grade
from osh_domain.shifts import ShiftCalendar

SPARSE = frozenset({WEEK, *(kind.name for kind in KINDS if kind.form == "day")})
Changed = Mapping[str, Iterable[int]]
"""Kind -> minutes whose rows changed."""
WriteRows = Callable[[Sequence[ExposureRow], Sequence[ExposureKey]], int]


class Summaries:
    """Writes the summaries of one zone."""

    def __init__(self, zone: str, calendar: ShiftCalendar, store: SeriesStore) -> None:
        self._zone = zone
        self._calendar = calendar
        self._store = store
        self._today: tuple[int, int] = (1, 0)
        self._ends: list[Stretch] = []

    def finish(self, first: int, last: int) -> int:
        """Sum up the periods that end with one of these minutes; returns how many rows were written."""
        ending = [one for one in self._ending(first, last) if first <= one.last <= last]
        return self._make(ending, None, self._write_new) if ending else 0

    def step_over(self, done: int, last: int) -> None:
        """Sum up what was begun at `done` and ends in a time of which there is nothing to say."""
        ending = [one for one in holding(self._calendar, done, done) if done < one.last <= last]
        self._make(ending, None, self._write_new)

    def again(self, changed: Changed, done: int, write: WriteRows) -> int:
        """Make anew what holds changed rows, of periods that are over; returns the rows written."""
        stretches: dict[Stretch, set[str]] = {}
        known: dict[tuple[int, int], list[Stretch]] = {}
        for kind, minutes in changed.items():
            for run in _runs(minutes):
                if run not in known:
                    known[run] = [one for one in holding(self._calendar, *run) if one.last <= done]
                for one in known[run]:
                    stretches.setdefault(one, set()).add(kind)
        return self._make(list(stretches), stretches, write, done)

    def replace(self, first: int, last: int, done: int, write: WriteRows) -> int:
        """Make every summary anew that holds any of these minutes; shifts may have been others."""
        stretches = [one for one in holding(self._calendar, first, last) if one.last <= done]
        reach = max((one.last for one in stretches if one.period == "shift"), default=last)
        self._store.remove_summaries(self._zone, ALL_KINDS, "shift", first, max(last, reach))
        ends = {one.last for one in shifts_holding(self._calendar, first, last)}
        stale = [
            (self._zone, WEEK, row.minute)
            for row in self._store.exposures(self._zone, WEEK, first, last)
            if row.minute not in ends
        ]
        written = write([], stale) if stale else 0
        return written + self._make(stretches, None, write, done)

    def _ending(self, first: int, last: int) -> list[Stretch]:
        """Candidates: the periods that end on the local days of these minutes, found once a day."""
        if not self._today[0] <= first <= last <= self._today[1]:
            self._today = day_of(self._calendar, first)[0], day_of(self._calendar, last)[1]
            self._ends = list(holding(self._calendar, *self._today))
        return self._ends

    def _make(
        self,
        stretches: Sequence[Stretch],
        kinds: Mapping[Stretch, Iterable[str]] | None,
        write: WriteRows,
        done: int | None = None,
    ) -> int:
        """Shifts first: the weekly level is made of them and stands in hours, days and weeks itself."""
        stored = self._store.kinds_of(self._zone)
        wanted = {one: set(stored) if kinds is None else set(kinds[one]) for one in stretches}
        shifts = [one for one in stretches if one.period == "shift"]
        for one in shifts:
            self._write(one, wanted[one] - {WEEK}, anew=done is not None)
        weekly = [one for one in shifts if LEX in wanted[one]]
        written, touched = self._weekly(weekly, write, done) if weekly else (0, [])
        for minute in touched:
            for one in holding(self._calendar, minute, minute):
                if done is None or one.last <= done:
                    wanted.setdefault(one, set()).add(WEEK)
        order = {"hour": 0, "day": 1, "week": 2}
        rest = [one for one in wanted if one.period != "shift"]
        for one in sorted(rest, key=lambda one: (order[one.period], one.last)):
            if done is not None or one in stretches:  # else it is not over yet
                self._write(one, wanted[one], anew=done is not None)
        return written

    def _write(self, stretch: Stretch, kinds: Iterable[str], *, anew: bool) -> None:
        rows: list[Summary] = []
        for kind in sorted(kinds):
            make = self._of_days if stretch.period == "week" else self._of_rows
            row = make(kind, stretch)
            if row is not None:
                rows.append(row)
            elif anew:
                self._store.remove_summaries(self._zone, [kind], stretch.period, stretch.last, stretch.last)
        self._store.write_summaries(rows)

    def _of_rows(self, kind: str, stretch: Stretch) -> Summary | None:
        rows = self._store.values_between(self._zone, kind, stretch.first, stretch.last)
        if not rows:
            return None
        known = [(value, minute, grade) for minute, value, grade in rows if value is not None]
        values = [one[0] for one in known]
        high, low = max(values, default=None), min(values, default=None)
        whole = stretch.period == "shift" and kind not in SPARSE
        return Summary(
            zone=self._zone,
            kind=kind,
            period=stretch.period,
            first=stretch.first,
            last=stretch.last,
            value=rows[-1][1] if rows[-1][0] == stretch.last else None,
            mean=_mean(kind, values, [1] * len(values)),
            high=high,
            high_minute=next((minute for value, minute, _ in known if value == high), None),
            low=low,
            known=len(known),
            expected=stretch.last - stretch.first + 1 if whole else len(rows),
            grade=max((grade for *_, grade in known), default=int(Grade.C)),
        )

    def _of_days(self, kind: str, stretch: Stretch) -> Summary | None:
        days = self._store.summaries(self._zone, kind, "day", stretch.first, stretch.last)
        if not days:
            return None
        known = [day for day in days if day.mean is not None]
        high = max((day.high for day in known if day.high is not None), default=None)
        return Summary(
            zone=self._zone,
            kind=kind,
            period="week",
            first=stretch.first,
            last=stretch.last,
            value=days[-1].value if days[-1].last == stretch.last else None,
            mean=_mean(kind, [day.mean or 0.0 for day in known], [day.known for day in known]),
            high=high,
            high_minute=next((day.high_minute for day in known if day.high == high), None),
            low=min((day.low for day in known if day.low is not None), default=None),
            known=sum(day.known for day in days),
            expected=sum(day.expected for day in days),
            grade=max((day.grade for day in known), default=int(Grade.C)),
        )

    def _weekly(self, shifts: Iterable[Stretch], write: WriteRows, done: int | None) -> tuple[int, list[int]]:
        """The weekly level at the end of these shifts; of those made anew, of the later ones too."""
        ends: dict[Stretch, list[Stretch]] = {}
        for one in shifts:
            crew = self._crew(one)
            later = crew if done is not None else crew[: crew.index(one) + 1]
            for other in later:
                if other.last >= one.last and (done is None or other.last <= done):
                    ends[other] = crew[: crew.index(other) + 1]
        rows: list[ExposureRow] = []
        gone: list[ExposureKey] = []
        for end, crew in ends.items():
            row = self._week_so_far(end, crew)
            if row is None:
                gone.append((self._zone, WEEK, end.last))
            else:
                rows.append(row)
        by_end = {row.minute: row for row in rows}  # of shifts that end together the later one speaks
        return write(list(by_end.values()), gone), sorted(end.last for end in ends)

    def _crew(self, shift: Stretch) -> list[Stretch]:
        """The shifts of the same name that start in the same local week, in order."""
        assert shift.shift is not None  # noqa: S101 - a stretch of a shift carries it
        first, last = week_of(self._calendar, shift.first)
        return [
            one
            for one in shifts_holding(self._calendar, first, last)
            if one.shift is not None and one.shift.name == shift.shift.name and first <= one.first <= last
        ]

    def _week_so_far(self, end: Stretch, crew: Sequence[Stretch]) -> ExposureRow | None:
        found = {
            (row.first, row.last): row
            for row in self._store.summaries(self._zone, LEX, "shift", crew[0].first, end.last)
        }
        if (end.first, end.last) not in found:
            return None
        known = [row for one in crew if (row := found.get((one.first, one.last))) and row.value is not None]
        gap = longest = 0.0
        for one in crew:
            row = found.get((one.first, one.last))
            gap = 0.0 if row and row.value is not None else gap + 60.0 * (one.last - one.first + 1)
            longest = max(longest, gap)
        coverage = Coverage(len(crew), len(known), longest)
        value = None
        if capture(WEEK).enough(coverage):
            # What was not measured of the week is taken as loud as the rest.
            missing = 10.0 * math.log10(len(crew) / len(known))
            value = weekly_exposure_level(self._daily(known)) + missing
        return ExposureRow(
            zone=self._zone,
            kind=WEEK,
            minute=end.last,
            value=value,
            coverage=coverage.share,
            expected=coverage.expected,
            received=coverage.received,
            worst_gap_s=longest,
            method="area_week" if known else "no_data",
            grade=max((row.grade for row in known), default=int(Grade.C)),
            calc=CALCULATION,
        )

    def _daily(self, shifts: Iterable[Summary]) -> list[float]:
        """The daily levels of a crew: a day may be worked in several shifts of one name, and they add up."""
        by_day: dict[date, list[float]] = {}
        for one in shifts:
            if one.value is not None:
                day = self._calendar.local_date(60.0 * one.first - 30.0)
                by_day.setdefault(day, []).append(one.value)
        return [
            levels[0] if len(levels) == 1 else level(math.fsum(map(energy, levels)))
            for levels in by_day.values()
        ]

    def _write_new(self, rows: Sequence[ExposureRow], _gone: Sequence[ExposureKey]) -> int:
        return self._store.write_exposures(rows) if rows else 0


def _mean(kind: str, values: Sequence[float], weights: Sequence[int]) -> float | None:
    """The weighted mean, of the energy for decibels; None of nothing."""
    total = sum(weights)
    if not total:
        return None
    if UNITS[kind] == "dB":
        powers = [10.0 ** (value / 10.0) for value in values]
        mean = 10.0 * math.log10(math.fsum(p * w for p, w in zip(powers, weights, strict=True)) / total)
    else:
        mean = math.fsum(value * weight for value, weight in zip(values, weights, strict=True)) / total
    return min(max(mean, min(values)), max(values))


def _runs(minutes: Iterable[int]) -> list[tuple[int, int]]:
    """Join minutes that are less than an hour apart."""
    found: list[tuple[int, int]] = []
    for minute in sorted(minutes):
        if found and minute - found[-1][1] < HOUR:
            found[-1] = found[-1][0], minute
        else:
            found.append((minute, minute))
    return found
