"""What rules would have said in one zone over a range of minutes: hours, cases, people, examples. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from alert_rules.backtest import (
    ABOVE_MARK,
    UNKNOWN_MARK,
    Columns,
    Episode,
    Marks,
    Minutes,
    Roster,
    Stop,
    episodes,
    marks,
)
from alert_rules.backtest_cases import Case, cases
from alert_rules.engine import NEVER, ZoneRule
from alert_rules.pack_model import SEVERITIES, Severity
from alert_rules.zone_rules import ActiveRule

SHIFT_OVER: Final = "the shift is over"
RULE_OVER: Final = "the rule does not hold any more"
PERIODS: Final = {"day": "days", "lex_week": "shifts"}
"""Kinds that have one row a period, by what follows the dot, and what their rows are counted in."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Minutes `first` to `last` in which the same rules hold for the same people."""

    first: int
    last: int
    rules: tuple[ActiveRule, ...]
    women: int
    men: int


class Example(NamedTuple):
    """One minute worth looking at: why, its value and coverage, and the limit that held."""

    what: str
    minute: int
    value: float
    coverage: float
    limit: float


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What one rule would have said. Minutes, or periods where `unit` says so.

    `judged`: minutes in which the rule holds (None for periods, whose number the rule does not know);
    `unknown`: those with a row that cannot tell; `missing`: those without any row. `women` and `men` are
    person-minutes above, in shifts.
    """

    active: ActiveRule
    unit: str
    judged: int | None
    above: int
    within: int
    unknown: int
    women: int
    men: int
    episodes: tuple[Episode, ...]
    examples: tuple[Example, ...]
    minutes_above: Minutes

    @property
    def missing(self) -> int:
        return 0 if self.judged is None else self.judged - self.known - self.unknown

    @property
    def known(self) -> int:
        return self.above + self.within


@dataclass(slots=True)
class Group:
    """One hazard in one zone (in air one agent): its cases, and how bad each minute was."""

    cases: tuple[Case, ...] = ()
    above: dict[Severity, int] = field(default_factory=dict)
    women: dict[Severity, int] = field(default_factory=dict)
    men: dict[Severity, int] = field(default_factory=dict)


class _Piece(NamedTuple):
    stretch: Stretch
    active: ActiveRule


Read = Callable[[str, str, bool], Columns]
"""Kind, word of its estimates, whether only minutes of shifts are asked for."""


class ZoneReplay:
    """Replays rule sets over one zone. What two sets have in common is computed once."""

    def __init__(self, roster: Roster, sets: Mapping[str, Sequence[Stretch]], by: float) -> None:
        """`sets`: for each name the stretches, ascending, without overlap and the same range. `by`: the
        instant up to which shifts have ended [s]."""
        self._roster, self._by = roster, by
        self._sets = {name: tuple(stretches) for name, stretches in sets.items()}
        self.outcomes: dict[str, dict[str, RuleOutcome]] = {name: {} for name in sets}

    def kinds(self) -> list[str]:
        """The exposure kinds that any rule judges."""
        return sorted({piece.active.rule.exposure for piece in self._pieces()})

    def take(self, kind: str, read: Read) -> None:
        """Judge the exposures of one kind by the rules of every set."""
        of_kind = [piece.active.rule for piece in self._pieces() if piece.active.rule.exposure == kind]
        words = {rule.estimate.method for rule in of_kind if rule.estimate}
        in_shifts = all(rule.judge == "shift" for rule in of_kind)
        columns = {word: read(kind, word, in_shifts) for word in words or {""}}
        known: dict[tuple[object, ...], RuleOutcome] = {}
        for name, stretches in self._sets.items():
            for rule_id in dict.fromkeys(one.id for one in _rules(stretches) if one.rule.exposure == kind):
                pieces = [_Piece(s, one) for s in stretches for one in s.rules if one.id == rule_id]
                key = tuple((p.stretch.first, p.stretch.last, p.active.engine) for p in pieces)
                if key not in known:
                    estimate = pieces[0].active.rule.estimate
                    word = estimate.method if estimate else next(iter(columns))
                    known[key] = self._replay(pieces, columns[word])
                self.outcomes[name][rule_id] = known[key]

    def groups(self, name: str) -> dict[tuple[str, str], Group]:
        """The cases of a set by hazard and agent, and its minutes above any limit of each severity."""
        by_group: dict[tuple[str, str], list[RuleOutcome]] = {}
        # In the order in which the rules of one minute are judged.
        for rule_id in dict.fromkeys(one.id for one in _rules(self._sets[name])):
            outcome = self.outcomes[name][rule_id]
            by_group.setdefault(outcome.active.group, []).append(outcome)
        return {key: self._group(name, found) for key, found in by_group.items()}

    def _pieces(self) -> Iterator[_Piece]:
        for stretches in self._sets.values():
            for stretch in stretches:
                for active in stretch.rules:
                    yield _Piece(stretch, active)

    def _replay(self, pieces: Sequence[_Piece], columns: Columns) -> RuleOutcome:
        only_shifts = pieces[0].active.rule.judge == "shift"
        if only_shifts:
            columns = columns.rows(self._roster.at_work(columns.minute))
        parts = [columns.between(piece.stretch.first, piece.stretch.last) for piece in pieces]
        found = [
            marks(part, piece.active.engine.condition) for part, piece in zip(parts, pieces, strict=True)
        ]
        joined, mark = _joined(parts), np.concatenate(found)
        above = mark == ABOVE_MARK
        stops = self._stops(pieces, parts, joined.minute, only_shifts=only_shifts)
        raised = episodes(joined.minute, mark, stops, pieces[0].active.engine, self._ends(pieces, joined))
        last = pieces[-1].active
        unknown = int(np.count_nonzero(mark == UNKNOWN_MARK))
        women, men = self._people(pieces, joined.minute[above])
        return RuleOutcome(
            active=last,
            unit=PERIODS.get(last.rule.exposure.partition(".")[2], "minutes"),
            judged=self._judged(pieces, only_shifts=only_shifts),
            above=int(np.count_nonzero(above)),
            within=len(mark) - unknown - int(np.count_nonzero(above)),
            unknown=unknown,
            women=women,
            men=men,
            episodes=tuple(raised),
            examples=tuple(_examples(pieces, joined, mark, raised)),
            minutes_above=joined.minute[above],
        )

    def _judged(self, pieces: Sequence[_Piece], *, only_shifts: bool) -> int | None:
        if pieces[0].active.rule.exposure.partition(".")[2] in PERIODS:
            return None
        spans = [(piece.stretch.first, piece.stretch.last) for piece in pieces]
        if only_shifts:
            return sum(self._roster.minutes(first, last) for first, last in spans)
        return sum(last - first + 1 for first, last in spans)

    def _stops(
        self, pieces: Sequence[_Piece], parts: Sequence[Columns], minute: Minutes, *, only_shifts: bool
    ) -> list[Stop]:
        """Ends of shifts between rows, and of the rule itself between stretches."""
        found = {stop.row: stop for stop in self._roster.stops(minute, SHIFT_OVER)} if only_shifts else {}
        row = 0
        for before, piece, part in zip(pieces, pieces[1:], parts, strict=False):
            row += len(part)
            parted = piece.stretch.first > before.stretch.last + 1
            other = _holding(piece.active.engine) != _holding(before.active.engine)
            if (parted or other) and 0 < row < len(minute):
                found.setdefault(row, Stop(row, before.stretch.last, RULE_OVER))
        return [found[row] for row in sorted(found)]

    def _ends(self, pieces: Sequence[_Piece], joined: Columns) -> Stop | None:
        if not len(joined):
            return None
        if pieces[0].active.rule.judge == "shift":
            over = self._roster.over_by(int(joined.minute[-1]), self._by, SHIFT_OVER)
            if over is not None:
                return over
        last = max(stretch.last for stretches in self._sets.values() for stretch in stretches)
        end = pieces[-1].stretch.last
        return Stop(NEVER, end, RULE_OVER) if end < last else None

    def _people(self, pieces: Sequence[_Piece], minute: Minutes) -> tuple[int, int]:
        """Person-minutes of women and of men in shifts."""
        women = men = 0
        minute = minute[self._roster.at_work(minute)]
        for piece in pieces:
            low, high = np.searchsorted(minute, (piece.stretch.first, piece.stretch.last + 1))
            women += int(high - low) * piece.stretch.women
            men += int(high - low) * piece.stretch.men
        return women, men

    def _group(self, name: str, outcomes: Sequence[RuleOutcome]) -> Group:
        stretches = self._sets[name]
        first, last = stretches[0].first, stretches[-1].last
        worst = np.zeros(last - first + 1, dtype=np.uint8)
        for outcome in outcomes:
            if outcome.judged is not None:
                level = SEVERITIES.index(outcome.active.rule.severity) + 1
                at = outcome.minutes_above - first
                worst[at] = np.maximum(worst[at], level)
        group = Group(cases([(one.active, one.episodes) for one in outcomes]))
        for number, severity in enumerate(SEVERITIES, start=1):
            minute = np.flatnonzero(worst >= number) + first
            pieces = [_Piece(stretch, outcomes[0].active) for stretch in stretches]
            group.above[severity] = len(minute)
            group.women[severity], group.men[severity] = self._people(pieces, minute)
        return group


def _rules(stretches: Sequence[Stretch]) -> Iterator[ActiveRule]:
    for stretch in stretches:
        yield from stretch.rules


def _holding(rule: ZoneRule) -> tuple[int, int, int]:
    return rule.raise_after, rule.clear_after, rule.gap


def _joined(parts: Sequence[Columns]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    return Columns(
        np.concatenate([part.minute for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.coverage for part in parts]),
        np.concatenate([part.estimated for part in parts]),
    )


def _examples(
    pieces: Sequence[_Piece], joined: Columns, mark: Marks, raised: Sequence[Episode]
) -> Iterator[Example]:
    """The minute of the first case, of the longest, and the one furthest from the limit: each row once."""
    rows: dict[int, str] = {}
    if raised:
        longest = max(raised, key=lambda one: _length(one, int(joined.minute[-1])))
        rows[raised[0].row] = "first case"
        rows.setdefault(longest.row, "longest case")
    above = np.flatnonzero(mark == ABOVE_MARK)
    if len(above):
        values = joined.value[above]
        furthest = np.argmin(values) if pieces[0].active.engine.condition.below else np.argmax(values)
        rows.setdefault(int(above[furthest]), "furthest from the limit")
    for row, what in rows.items():
        minute = int(joined.minute[row])
        limit = next(
            piece.active.engine.condition.limit
            for piece in pieces
            if piece.stretch.first <= minute <= piece.stretch.last
        )
        yield Example(what, minute, float(joined.value[row]), float(joined.coverage[row]), limit)


def _length(one: Episode, last: int) -> int:
    return (last if one.ended == NEVER else one.ended) - one.since + 1
