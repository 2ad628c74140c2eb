"""A zone's values minute by minute: combined from its sources, turned into WBGT, heat index, noise energy.

Where several sensors of a zone measure the same thing, noise, dust and gases take the highest: people work
beside the worst machine. Temperatures, humidity, air speed and pressure take the arithmetic mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from ingest_service.rollup.sources import HIGHEST_INPUTS, Source, ZoneSources
from ingest_service.rollup.tracks import Entry, Track
from ingest_service.series.port import Span
from osh_domain.exposure.heat_index import heat_index
from osh_domain.exposure.heat_stress import ASSUMED_AIR_SPEED, ASSUMED_GLOBE, MEASURED_GLOBE, indoor_wbgt
from osh_domain.exposure.noise import energy
from osh_domain.exposure.noise_dose import dose_rate_percent, noise_criterion
from osh_domain.exposure.psychrometric import STANDARD_PRESSURE_PA
from osh_domain.quality import Grade

DAY = 1440
REACH: dict[str, int] = {
    "ta": 60,
    "rh": 60,
    "wbgt": 120,
    "heat_index": 1,
    "la": DAY,  # a shift may be as long as a day
    "la_energy": DAY,
    "la_dose": DAY,
    "pm2_5": DAY,
    "pm10": DAY,
    "co": 480,
    "co_max": 1,
    "co2": 480,
    "alive": DAY,
}
"""Track -> how many minutes its longest window looks back, the window's own minute included."""

NO_GLOBE, ASSUMED_VA = 1, 2
_SLACK = 240
_NIOSH = noise_criterion("niosh")
_MINUTE_H = 1.0 / 60.0

Column = dict[int, Entry]
"""Minute -> value and grade, and method bits where there are any."""
Spans = Mapping[int, Mapping[int, Span]]
"""Channel -> minute -> statistics."""


def wbgt_method(code: int) -> str:
    """The method tag of joined method bits: the weakest part of a window names it."""
    globe = ASSUMED_GLOBE if code & NO_GLOBE else MEASURED_GLOBE
    return globe + ASSUMED_AIR_SPEED if code & ASSUMED_VA else globe


class ZoneSeries:
    """The tracks of one zone over a stretch of minutes, filled from stored minutes only."""

    def __init__(
        self, sources: ZoneSources, first: int, read: Callable[[list[int], int, int], Sequence[Span]]
    ):
        """`first`: the earliest minute whose windows will be asked for; `read` gives stored minutes."""
        self.sources = sources
        self.base = first - DAY
        self.filled_to = self.base - 1
        self._read = read
        self.tracks = {name: Track(first - reach) for name, reach in REACH.items()}

    def holds(self, first: int) -> bool:
        """Whether windows ending at `first` and later can be answered."""
        return first - DAY >= self.base

    def fill(self, first: int, last: int) -> None:
        """Take the stored minutes `first` to `last` anew."""
        first = max(first, self.base)
        channels = self.sources.channels()
        spans: dict[int, dict[int, Span]] = {channel: {} for channel in channels}
        for span in self._read(channels, first - self.sources.longest_hold() + 1, last):
            spans[span.channel][span.end] = span
        values = {
            name: _column(name, sources, range(first, last + 1), spans, _mean_of)
            for name, sources in self.sources.by_input.items()
        }
        columns: dict[str, Column] = {name: column for name, column in values.items() if name in REACH}
        columns["alive"] = {minute: (1.0, 0) for column in values.values() for minute in column}
        columns["wbgt"], columns["heat_index"] = self._heat(values)
        columns["la_energy"], columns["la_dose"] = _noise(values.get("la", {}))
        if "co" in values:
            peaks = _column("co", self.sources.by_input["co"], range(first, last + 1), spans, _high_of)
            columns["co_max"] = peaks
        for name, track in self.tracks.items():
            track.replace(first, last, columns.get(name, {}))
        self.filled_to = max(self.filled_to, last)

    def trim(self) -> None:
        """Forget what no window of the last hours needs."""
        if self.filled_to - self.base > DAY + 2 * _SLACK:
            self.base = self.filled_to - DAY - _SLACK
            for name, track in self.tracks.items():
                track.forget_before(self.filled_to - REACH[name] - _SLACK)

    def _heat(self, values: Mapping[str, Column]) -> tuple[Column, Column]:
        """WBGT and heat index; a minute with an input outside a method's range of validity has none.

        Cannot tell, then; the inputs themselves are stored and shown.
        """
        ta, rh = values.get("ta", {}), values.get("rh", {})
        wbgt: Column = {}
        index: Column = {}
        for minute in ta.keys() & rh.keys():
            if minute >= self.tracks["wbgt"].base:
                inputs = {name: column[minute] for name, column in values.items() if minute in column}
                with suppress(ValueError):
                    wbgt[minute] = _wbgt(inputs)
                with suppress(ValueError):
                    air, humidity = inputs["ta"], inputs["rh"]
                    index[minute] = heat_index(air[0], humidity[0]), max(air[1], humidity[1])
        return wbgt, index


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


def _wbgt(inputs: Mapping[str, Entry]) -> Entry:
    globe, speed = inputs.get("tg"), inputs.get("va")
    used = [inputs[name] for name in ("ta", "rh", "tg", "va", "p") if name in inputs]
    found = indoor_wbgt(
        inputs["ta"][0],
        inputs["rh"][0],
        None if globe is None else globe[0],
        air_speed=None if speed is None else speed[0],
        pressure=inputs["p"][0] if "p" in inputs else STANDARD_PRESSURE_PA,
    )
    code = (NO_GLOBE if globe is None else 0) | (ASSUMED_VA if speed is None else 0)
    return found.value, int(Grade.C) if globe is None else max(entry[1] for entry in used), code


def _noise(levels: Column) -> tuple[Column, Column]:
    """Energy and NIOSH dose of each minute; a level that cannot be has neither."""
    energies: Column = {}
    doses: Column = {}
    for minute, entry in levels.items():
        level, grade = entry[0], entry[1]
        with suppress(ValueError):
            energies[minute] = energy(level), grade
            doses[minute] = dose_rate_percent(level, _MINUTE_H, _NIOSH), grade
    return energies, doses
