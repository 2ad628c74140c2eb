"""Reads what a backtest needs from register and series, zone by zone, and has it judged again.

Judged as the alert runner judges, by the facts, shifts and packs of each day, but as if every reading had
come in time and with the values that it has now.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from alert_rules.backtest import Columns, Roster, Span
from alert_rules.backtest_zone import Group, RuleOutcome, Stretch, ZoneReplay
from alert_rules.pack_model import Pack
from ingest_service.cases.agenda import SHIFT_END_GRACE_S
from ingest_service.cases.rulebook import Rulebook
from ingest_service.register.entries import Site, Zone
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.series.columns import Columns as StoredColumns
from ingest_service.series.port import ExposureRow, SeriesReader
from osh_domain.shifts import ShiftCalendar

NOW: Final = "now"
DRAFT: Final = "draft"
STEPS: Final = 100
"""Of one zone, as progress is told."""
_DAY = timedelta(days=1)
_LIVE_AGE_S = 900.0  # of no effect: everything is judged as if it had come in time

Tell = Callable[[int, int], None]
"""Steps done, of how many."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to replay: the packs in force, the same with the drafts, the names of the drafts, local dates."""

    now: tuple[Pack, ...]
    draft: tuple[Pack, ...]
    asked: frozenset[str]
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store still has of the exposures of a zone: the kinds, and the first minute kept (0: all)."""

    kinds: frozenset[str]
    kept_from: int


@dataclass(frozen=True, slots=True)
class ZoneAnswer:
    """One zone: minutes `first` to `last`, and what the asked packs would have said.

    `not_kept`: of the minutes that each rule judges, those whose exposures are deleted by now. `groups`: the
    hazards that the asked packs speak of, under the packs in force and with the drafts. `rows`: the stored
    exposures of the examples, by kind and minute.
    """

    site: Site
    zone: Zone
    first: int
    last: int
    stored: Stored
    rules: tuple[RuleOutcome, ...]
    not_kept: Mapping[str, int]
    groups: Mapping[str, Mapping[tuple[str, str], Group]]
    rows: Mapping[tuple[str, int], ExposureRow]


class Backtest:
    """Replays packs over zones. The store is only read."""

    def __init__(
        self, register: RegisterSnapshot, series: SeriesReader, columns: StoredColumns, now: float
    ) -> None:
        """`now`: minutes after it have not happened yet [s since 1970 UTC]."""
        self._register, self._series, self._columns, self._now = register, series, columns, now

    def run(self, question: Question, zones: Sequence[Zone], tell: Tell) -> Iterator[ZoneAnswer]:
        """The answer of each zone; zones that the range has no minute of are left out."""
        books = {DRAFT: Rulebook(question.draft, _LIVE_AGE_S), NOW: Rulebook(question.now, _LIVE_AGE_S)}
        for book in books.values():
            book.follow(self._register)
        rosters: dict[str, Roster] = {}
        for number, zone in enumerate(zones):
            site = self._register.site(zone.site)
            first, last = minutes_of(site.timezone, question.first, question.last) if site else (0, 0)
            last = min(last, int(self._now // 60))
            if site is None or last < first:
                continue
            if site.id not in rosters:
                rosters = {site.id: roster_of(self._register.calendar(site.id), first, last)}
            roster = rosters[site.id]
            sets = {
                name: list(self._stretches(question, book, site, zone, first, last))
                for name, book in books.items()
            }
            replay = ZoneReplay(roster, _compared(sets, question.asked), min(self._now, 60.0 * last))
            kinds = replay.kinds()
            for done, kind in enumerate(kinds):
                tell(STEPS * number + STEPS * done // len(kinds), STEPS * len(zones))
                replay.take(kind, self._reader(zone, roster, first, last))
            yield self._answer(question, site, zone, first, last, replay, roster)
        tell(STEPS * len(zones), STEPS * len(zones))

    def _stretches(
        self, question: Question, book: Rulebook, site: Site, zone: Zone, first: int, last: int
    ) -> Iterator[Stretch]:
        """The range cut where other packs come into force or other facts hold for the zone."""
        cuts = {first}
        for day in {day for pack in book.packs for day in _turns(pack)}:
            if question.first <= day <= question.last:
                cuts.add(_first_minute_of(site.timezone, day))
        for since, _ in self._register.zone_history(zone.id):
            cuts.add(math.floor((since + 30.0) / 60.0) + 1 if since > 0 else first)
        inside = sorted(cut for cut in cuts if first <= cut <= last)
        for begin, following in zip(inside, [*inside[1:], last + 1], strict=True):
            facts = book.zone(zone.id, begin)
            if facts is not None:
                ruled = book.rules(site, facts, book.day(site, begin)).ordered
                rules = tuple(judged.active for judged in ruled)
                yield Stretch(begin, following - 1, rules, facts.women, facts.men)

    def _reader(
        self, zone: Zone, roster: Roster, first: int, last: int
    ) -> Callable[[str, str, bool], Columns]:
        def read(kind: str, word: str, in_shifts: bool) -> Columns:
            whole = roster.always or not in_shifts
            spans = [(first, last)] if whole else [(span.first, span.last) for span in roster.spans]
            table = self._columns.read(zone.id, kind, spans, word)
            return Columns(
                table[:, 0].astype(np.int64), table[:, 1], table[:, 2], table[:, 3].astype(np.bool_)
            )

        return read

    def _answer(
        self,
        question: Question,
        site: Site,
        zone: Zone,
        first: int,
        last: int,
        replay: ZoneReplay,
        roster: Roster,
    ) -> ZoneAnswer:
        kept_from = self._series.kept_from("exposures", zone.id)
        stored = Stored(frozenset(self._columns.kinds(zone.id)), kept_from)
        rules = tuple(
            # Half a million minutes of each rule and zone are too many to keep.
            replace(outcome, minutes_above=outcome.minutes_above[:0])
            for outcome in replay.outcomes[DRAFT].values()
            if outcome.active.pack.pack in question.asked
        )
        gone = min(last, stored.kept_from - 1)
        not_kept = {
            one.active.id: roster.minutes(first, gone)
            if one.active.rule.judge == "shift"
            else max(0, gone - first + 1)
            for one in rules
            if one.judged is not None
        }
        groups = {name: replay.groups(name) for name in (NOW, DRAFT)}
        rows = {
            (row.kind, row.minute): row
            for one in rules
            for example in one.examples
            for row in self._series.exposures(
                zone.id, one.active.rule.exposure, example.minute, example.minute
            )
        }
        return ZoneAnswer(site, zone, first, last, stored, rules, not_kept, groups, rows)


def minutes_of(timezone: str, first: date, last: date) -> tuple[int, int]:
    """The minutes of local days, both included."""
    return _first_minute_of(timezone, first), _first_minute_of(timezone, last + _DAY) - 1


def roster_of(calendar: ShiftCalendar, first: int, last: int) -> Roster:
    """The shifts that are on in a range of minutes; where several are, the one that began first."""
    begins = sorted(first_minute(one.start) for one in calendar.instances(60.0 * (first - 1), 60.0 * last))
    spans: list[Span] = []
    minute = first
    while minute <= last:
        shift = calendar.shift_of_minute(minute)
        if shift is None:
            following = bisect_right(begins, minute)
            if following == len(begins):
                break
            minute = begins[following]
            continue
        end = min(last, first_minute(shift.end) - 1)
        spans.append(Span(minute, end, shift.start, shift.end))
        minute = end + 1
    return Roster(spans, always=not calendar.shifts, grace_s=SHIFT_END_GRACE_S)


def first_minute(start: float) -> int:
    """The first minute whose middle is not before an instant [s]."""
    return math.ceil((start + 30.0) / 60.0)


def _first_minute_of(timezone: str, day: date) -> int:
    return first_minute(datetime.combine(day, time.min, ZoneInfo(timezone)).timestamp())


def _turns(pack: Pack) -> Iterator[date]:
    """The days on which a pack begins to hold, and on which it holds no longer."""
    yield pack.valid_from
    if pack.valid_to is not None and pack.valid_to < date.max:
        yield pack.valid_to + _DAY


def _compared(sets: Mapping[str, Sequence[Stretch]], asked: frozenset[str]) -> dict[str, list[Stretch]]:
    """Only the rules of hazards that the asked packs speak of."""
    touched = {rule.group for stretch in sets[DRAFT] for rule in stretch.rules if rule.pack.pack in asked}
    return {
        name: [
            replace(stretch, rules=tuple(rule for rule in stretch.rules if rule.group in touched))
            for stretch in stretches
        ]
        for name, stretches in sets.items()
    }
