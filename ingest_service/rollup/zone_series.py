"""A zone's values minute by minute: combined from its sources, turned into WBGT, heat index, noise energy.

Where several sensors of a zone measure the same thing, noise, dust and gases take the highest: people work
beside the worst machine. Temperatures, humidity, air speed and pressure take the arithmetic mean. Minutes
that failed a quality test are left out, suspect ones lower the grade to B at least.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from ingest_service.rollup.heat import Surroundings, wbgt_of
from ingest_service.rollup.quality import REACH as TEST_REACH
from ingest_service.rollup.quality import Flags, ZoneTests
from ingest_service.rollup.sources import HIGHEST_INPUTS, Source, ZoneSources
from ingest_service.rollup.tracks import Entry, Track
from ingest_service.series.port import Span
from osh_domain.exposure.heat_index import heat_index
from osh_domain.exposure.noise import energy
from osh_domain.exposure.noise_dose import dose_rate_percent, noise_criterion
from osh_domain.quality import Grade
from osh_domain.quality_tests import QcFlag

DAY = 1440
LONGEST_DAY = 1500
LOOK = LONGEST_DAY + 60
"""Minutes that any window looks back: a local day when clocks go back, through means of hours."""
REACH: dict[str, int] = {
    "ta": 60,
    "rh": 60,
    "va": 60,
    "wbgt": 120,
    "heat_index": 1,
    "la": 1,
    "la_energy": DAY,  # a shift may be as long as a day
    "la_niosh": DAY,
    "la_osha": DAY,
    "la_osha_hc": DAY,
    "pm2_5": LOOK,
    "pm10": LOOK,
    "pm2_5_hours": LONGEST_DAY,
    "pm10_hours": LONGEST_DAY,
    "co": 480,
    "co_max": 1,
    "co2": 480,
    "hcho": 480,
    "no2": 15,
    "alive": LOOK,
}
"""Track -> how many minutes its longest window looks back, the window's own minute included."""

LEAST_OF_HOUR = 45  # Directive 2008/50/EC Annexes VII and XI: 75 % of an hour
_SLACK = 240
_CRITERIA = {
    "la_niosh": noise_criterion("niosh"),
    "la_osha": noise_criterion("osha_pel"),
    "la_osha_hc": noise_criterion("osha_hc"),
}
_MINUTE_H = 1.0 / 60.0
_FAIL = int(QcFlag.FAIL)
_INCOMPLETE = int(Grade.B)

Column = dict[int, Entry]
"""Minute -> value and grade, and method bits where there are any."""
Spans = Mapping[int, Mapping[int, Span]]
"""Channel -> minute -> statistics."""
Read = Callable[[list[int], int, int], Sequence[Span]]


class ZoneSeries:
    """The tracks of one zone over a stretch of minutes, filled from stored minutes only."""

    def __init__(self, sources: ZoneSources, first: int, read: Read):
        """`first`: the earliest minute whose windows will be asked for; `read` gives stored minutes."""
        self.sources = sources
        self.base = first - LOOK
        self.filled_to = self.base - 1
        self._read = read
        self._tests = ZoneTests(sources.all())
        self._globes = _by_diameter(sources.by_input.get("tg", ()))
        self._recent: Flags = {}
        self._hold = sources.longest_hold()
        self.tracks = {name: Track(first - reach) for name, reach in REACH.items()}

    def holds(self, first: int) -> bool:
        """Whether windows ending at `first` and later can be answered."""
        return first - LOOK >= self.base

    def fill(self, first: int, last: int) -> Flags:
        """Take the stored minutes `first` to `last` anew; returns what the quality tests say of them."""
        first = max(first, self.base)
        follows = self._tests.tested_to == first - 1
        spans = spans_of(self.sources, self._read, first - self._hold - (0 if follows else TEST_REACH), last)
        if not follows:
            self._tests.begin()
            self._recent = self._tests.test(spans, first - TEST_REACH, first - 1)
        flags = self._tests.test(spans, first, last)
        self._fill(first, last, _without_failed(spans, flags, self._recent), flags)
        self._remember(flags, last)
        return flags

    def _remember(self, flags: Flags, last: int) -> None:
        """Keep the flags of minutes whose readings still speak for the next ones."""
        known, self._recent = self._recent, {}
        if self._hold == 1:
            return
        for found in (known, flags):
            for channel, minutes in found.items():
                kept = {minute: flag for minute, flag in minutes.items() if minute > last - self._hold}
                self._recent.setdefault(channel, {}).update(kept)

    def _fill(self, first: int, last: int, spans: Spans, flags: Flags) -> None:
        minutes = range(first, last + 1)
        values = {
            name: _column(name, sources, minutes, spans, _mean_of)
            for name, sources in self.sources.by_input.items()
        }
        columns: dict[str, Column] = {name: column for name, column in values.items() if name in REACH}
        columns["alive"] = {minute: (1.0, 0) for column in values.values() for minute in column}
        for found in flags.values():  # a sensor that talks nonsense is alive
            columns["alive"].update(dict.fromkeys(found, (1.0, 0)))
        columns["wbgt"], columns["heat_index"] = self._heat(values, minutes, spans)
        if "la" in values:
            columns.update(_noise(values["la"]))
        if "co" in values:
            columns["co_max"] = _column("co", self.sources.by_input["co"], minutes, spans, _high_of)
        for name, track in self.tracks.items():
            if name in columns or track.mask:
                track.replace(first, last, columns.get(name, {}))
        self.filled_to = max(self.filled_to, last)
        for name in ("pm2_5", "pm10"):
            if name in columns:
                self._hours(name, first, min(last + 59, self.filled_to))

    def _hours(self, name: str, first: int, last: int) -> None:
        """The means of the hours that end at each minute, where there is enough of the hour."""
        minutes, hours = self.tracks[name], self.tracks[f"{name}_hours"]
        column: Column = {}
        for end in range(max(first, hours.base), last + 1):
            received, total = minutes.sum(end - 59, end)
            if received >= LEAST_OF_HOUR:
                column[end] = total / received, 0
        hours.replace(first, last, column)

    def trim(self) -> None:
        """Forget what no window of the last hours needs."""
        if self.filled_to - self.base > LOOK + 2 * _SLACK:
            self.base = self.filled_to - LOOK - _SLACK
            for name, track in self.tracks.items():
                track.forget_before(self.filled_to - REACH[name] - _SLACK)

    def _heat(self, values: Mapping[str, Column], minutes: range, spans: Spans) -> tuple[Column, Column]:
        """WBGT and heat index; a minute with an input outside a method's range of validity has none.

        Cannot tell, then; the inputs themselves are stored and shown.
        """
        wbgt: Column = {}
        index: Column = {}
        ta, rh, own = values.get("ta", {}), values.get("rh", {}), values.get("wbgt", {})
        candidates = (ta.keys() & rh.keys()) | own.keys() | values.get("tnw", {}).keys()
        if not candidates:
            return wbgt, index
        heat = [(name, column) for name, column in values.items() if name in _HEAT]
        globes = [
            (diameter, values["tg"] if len(self._globes) == 1 else
             _column("tg", sources, minutes, spans, _mean_of))
            for diameter, sources in self._globes.items()
        ]  # fmt: skip
        facts = self.sources.facts_in(minutes[0], minutes[-1])
        outdoors = [(a, b) for a, b, zone in facts if zone is not None and zone.outdoors]
        for minute in candidates:
            if minute >= self.tracks["wbgt"].base:
                inputs = {name: column[minute] for name, column in heat if minute in column}
                here = Surroundings(minute, any(a <= minute <= b for a, b in outdoors), self.sources.position)
                sized = [(size, column[minute]) for size, column in globes if minute in column]
                with suppress(ValueError):
                    found = wbgt_of(inputs, sized, here)
                    if found is not None:
                        wbgt[minute] = found
                if minute in ta and minute in rh:
                    with suppress(ValueError):
                        air, humidity = inputs["ta"], inputs["rh"]
                        index[minute] = heat_index(air[0], humidity[0]), max(air[1], humidity[1])
        return wbgt, index


_HEAT = frozenset({"ta", "rh", "va", "p", "tnw", "wbgt", "solar"})


def spans_of(sources: ZoneSources, read: Read, first: int, last: int) -> dict[int, dict[int, Span]]:
    """The stored minutes of a zone's channels, by channel and minute."""
    channels = sources.channels()
    spans: dict[int, dict[int, Span]] = {channel: {} for channel in channels}
    for span in read(channels, first, last):
        spans[span.channel][span.end] = span
    return spans


def _without_failed(spans: Mapping[int, dict[int, Span]], *found: Flags) -> Spans:
    """Take out the minutes that failed and lower the grade of those that are suspect."""
    for flags in found:
        for channel, minutes in flags.items():
            for minute, flag in minutes.items():
                span = spans[channel].get(minute)
                if span is None:
                    continue
                if flag.flag == _FAIL:
                    del spans[channel][minute]
                elif span.grade < _INCOMPLETE:
                    spans[channel][minute] = span._replace(grade=_INCOMPLETE)
    return spans


def _by_diameter(globes: Sequence[Source]) -> dict[float, list[Source]]:
    found: dict[float, list[Source]] = {}
    for source in globes:
        found.setdefault(source.diameter_m, []).append(source)
    return found


def _mean_of(span: Span) -> float:
    return span.mean


def _high_of(span: Span) -> float:
    return span.high


def _column(
    name: str, sources: Sequence[Source], minutes: range, spans: Spans, pick: Callable[[Span], float]
) -> Column:
    """What the sources of an input say, minute by minute."""
    column: Column = {}
    if len(sources) == 1 and sources[0].hold == 1:  # nearly always, and much faster
        source = sources[0]
        stored = {} if source.channel is None else spans[source.channel]
        for minute, only in stored.items():
            if minute in minutes and source.stands_at(minute):
                column[minute] = pick(only), only.grade
        return column
    for minute in minutes:
        found = [span for source in sources if (span := _span_at(source, minute, spans)) is not None]
        if found:
            values = [pick(span) for span in found]
            value = max(values) if name in HIGHEST_INPUTS else math.fsum(values) / len(values)
            column[minute] = value, max(span.grade for span in found)
    return column


def _span_at(source: Source, minute: int, spans: Spans) -> Span | None:
    """What a source says of a minute: that minute, or the last one for which its reading still speaks."""
    if source.channel is None or not source.stands_at(minute):
        return None
    stored = spans[source.channel]
    hold = source.hold
    if hold == 1:
        return stored.get(minute)
    earliest = max(minute - hold, source.placed[0] - 1)
    return next((stored[m] for m in range(minute, earliest, -1) if m in stored), None)


def _noise(levels: Column) -> dict[str, Column]:
    """Energy and doses of each minute; a level that cannot be has none of them."""
    columns: dict[str, Column] = {name: {} for name in ("la_energy", *_CRITERIA)}
    for minute, entry in levels.items():
        level, grade = entry[0], entry[1]
        with suppress(ValueError):
            found = {name: dose_rate_percent(level, _MINUTE_H, rule) for name, rule in _CRITERIA.items()}
            columns["la_energy"][minute] = energy(level), grade
            for name, rate in found.items():
                columns[name][minute] = rate, grade
    return columns
