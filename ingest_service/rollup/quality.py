"""Automatic quality tests of stored minutes: which may not enter an exposure, which lower its grade.

The tests of `osh_domain.quality_tests` applied minute by minute as the data come, with state instead of
windows, since a zone has many minutes: range, rate, flat line for each channel while it stands in one place,
and contradictions between what one node measures. They look back only, so that a minute's flag is a function
of the stored minutes up to it, and late data can change those of the next `REACH` minutes only.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ingest_service.rollup.sources import Source
from ingest_service.series.port import Span
from osh_domain.quality import Flag as ReadingFlag
from osh_domain.quality_defaults import DEFAULTS, QcThresholds
from osh_domain.quality_physics import contradictions
from osh_domain.quality_tests import QcFlag, QcTest

LEAST_PRESENT = 0.75
_PASS, _SUSPECT, _FAIL = int(QcFlag.PASS), int(QcFlag.SUSPECT), int(QcFlag.FAIL)
_RANGE, _RATE, _FLAT = int(QcTest.GROSS_RANGE), int(QcTest.RATE), int(QcTest.FLAT_LINE)
_PHYSICS = int(QcTest.PHYSICS)
_CLIPPED = int(ReadingFlag.CLIPPED)
_PAIRS = (("tg", "ta"), ("tnw", "ta"), ("pm2_5", "pm10"))
REACH = 1 + max(int(row.flat.fail_s // 60) for row in DEFAULTS.values() if row.flat is not None)
"""Minutes that a flag looks back at most, its own included."""


class Flag(NamedTuple):
    """What the tests say of a minute: 3 suspect or 4 failed, and by which tests."""

    flag: int
    tests: int


Flags = dict[int, dict[int, Flag]]
"""Channel -> minute -> flag, only of minutes that did not pass."""


class ChannelTest:
    """The tests of one channel in one place, fed its minutes in ascending order."""

    __slots__ = ("_highs", "_hold", "_lows", "_rules", "_seen", "last")

    def __init__(self, rules: QcThresholds, hold: int) -> None:
        """`hold`: minutes between two readings at most, 1 where there is one in every minute."""
        self._rules = rules
        self._hold = hold
        self.last: tuple[int, float] | None = None
        self._seen: deque[int] = deque()
        self._highs: deque[tuple[int, float]] = deque()
        self._lows: deque[tuple[int, float]] = deque()

    def test(self, minute: int, value: float, *, clipped: bool = False) -> Flag | None:
        """The flag of the next minute, None when it passes.

        What stands still at the upper end of its span or was `clipped` is suspect by its range and does not
        fail: the highest values would be left out. It is no sign that the sensor is stuck.
        """
        rules = self._rules
        flag, tests = _PASS, 0
        if rules.fail is not None and not rules.fail[0] <= value <= rules.fail[1]:
            flag, tests = _FAIL, _RANGE
        elif rules.suspect is not None and not rules.suspect[0] <= value <= rules.suspect[1]:
            flag, tests = _SUSPECT, _RANGE
        if rules.rate_per_s is not None and self.last is not None:
            steps = minute - self.last[0]
            if steps <= self._hold and abs(value - self.last[1]) / (60.0 * steps) > rules.rate_per_s:
                flag, tests = max(flag, _SUSPECT), tests | _RATE
        self.last = minute, value
        if rules.flat is not None:
            still = self._flat(minute, value)
            if still != _PASS:
                if clipped or (rules.fail is not None and value >= rules.fail[1]):
                    flag, tests = max(flag, _SUSPECT), tests | _RANGE
                else:
                    flag, tests = max(flag, still), tests | _FLAT
        return Flag(flag, tests) if tests else None

    def _flat(self, minute: int, value: float) -> int:
        rule = self._rules.flat
        assert rule is not None  # noqa: S101 - asked for only then
        suspect, fail = int(rule.suspect_s // 60), int(rule.fail_s // 60)
        self._follow(minute, value, minute - fail, rule.tolerance)
        if rule.floor is not None and value <= rule.floor:
            return _PASS
        steps = self._steps(minute, suspect)
        if steps >= fail:
            return _FAIL
        return _SUSPECT if steps >= suspect else _PASS

    def _follow(self, minute: int, value: float, oldest: int, tolerance: float) -> None:
        """Keep the longest run up to this minute within which highest and lowest differ by less than the
        tolerance, back to the oldest minute that matters."""
        highs, lows, seen = self._highs, self._lows, self._seen
        while highs and highs[-1][1] <= value:
            highs.pop()
        while lows and lows[-1][1] >= value:
            lows.pop()
        highs.append((minute, value))
        lows.append((minute, value))
        seen.append(minute)
        begin = oldest
        while highs[0][0] < begin or lows[0][0] < begin or not highs[0][1] - lows[0][1] < tolerance:
            if len(highs) == 1 and len(lows) == 1:  # a tolerance of 0: nothing stands still
                break
            begin = max(begin, min(highs[0][0], lows[0][0]) + 1)
            if highs[0][0] < begin:
                highs.popleft()
            if lows[0][0] < begin:
                lows.popleft()
        while seen[0] < begin:
            seen.popleft()

    def _steps(self, minute: int, least: int) -> int:
        """Minutes for which the channel has stood still, three quarters of its readings being there."""
        for place, before in enumerate(self._seen):
            back = minute - before
            if back < least:
                return 0
            if (len(self._seen) - place) * self._hold >= LEAST_PRESENT * (back + self._hold):
                return back
        return 0


Spans = Mapping[int, Mapping[int, Span]]
"""Channel -> minute -> statistics."""


class ZoneTests:
    """The tests of all channels of a zone, over stretches of minutes that follow one another."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._sources = [source for source in sources if source.channel is not None]
        self._tests: dict[int, ChannelTest] = {}
        self._nodes = _nodes(self._sources)
        self.tested_to = -math.inf

    def begin(self) -> None:
        """Forget what was seen: the next minutes do not follow the last ones."""
        self._tests.clear()

    def test(self, spans: Spans, first: int, last: int) -> Flags:
        """The flags of the minutes `first` to `last`, which follow those tested before."""
        flags: Flags = {}
        for number, source in enumerate(self._sources):
            rules = DEFAULTS.get(source.input)
            stored = spans.get(source.channel or 0)
            if rules is None or not stored:
                continue
            begin, end = max(first, source.placed[0]), min(last, source.placed[1])
            if begin > end:
                continue
            test = self._tests.get(number)
            if test is None:
                test = self._tests[number] = ChannelTest(rules, source.hold)
            for minute in (first,) if first == last else sorted(stored):
                span = stored.get(minute)
                if span is not None and begin <= minute <= end:
                    flag = test.test(minute, span.mean, clipped=span.flags & _CLIPPED != 0)
                    if flag is not None:
                        flags.setdefault(span.channel, {})[minute] = flag
        for node in self._nodes:
            _contradict(node, spans, first, last, flags)
        self.tested_to = last
        return flags


_Node = dict[str, list[Source]]


def _nodes(sources: Iterable[Source]) -> list[_Node]:
    """What each gateway measures here, of those with quantities that can contradict one another."""
    nodes: dict[str, _Node] = {}
    for source in sources:
        nodes.setdefault(source.gateway, {}).setdefault(source.input, []).append(source)
    return [node for node in nodes.values() if any(a in node and b in node for a, b in _PAIRS)]


def _contradict(node: _Node, spans: Spans, first: int, last: int, flags: Flags) -> None:
    """Suspect both sides of a contradiction; what has failed accuses nobody."""
    for one, other in _PAIRS:
        if one not in node or other not in node:
            continue
        names = (one, other, "tg") if one == "tnw" and "tg" in node else (one, other)
        by_minute: dict[int, dict[str, tuple[int, float]]] = {}
        for name in names:
            for source in node[name]:
                _collect(name, source, spans, (first, last), flags, by_minute)
        for minute, found in by_minute.items():
            if one not in found or other not in found:
                continue
            said = contradictions({name: value for name, (_, value) in found.items()})
            if any(one_of.quantities == (one, other) for one_of in said):
                for name in (one, other):
                    channel = found[name][0]
                    known = flags.setdefault(channel, {}).get(minute, Flag(_SUSPECT, 0))
                    flags[channel][minute] = Flag(max(known.flag, _SUSPECT), known.tests | _PHYSICS)


def _collect(
    name: str,
    source: Source,
    spans: Spans,
    stretch: tuple[int, int],
    flags: Flags,
    by_minute: dict[int, dict[str, tuple[int, float]]],
) -> None:
    channel = source.channel or 0
    failed = flags.get(channel, {})
    for minute, span in spans.get(channel, {}).items():
        if stretch[0] <= minute <= stretch[1] and source.stands_at(minute):
            flag = failed.get(minute)
            if flag is None or flag.flag != _FAIL:
                by_minute.setdefault(minute, {}).setdefault(name, (channel, span.mean))
