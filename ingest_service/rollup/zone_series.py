"""A zone's values minute by minute: combined from its sources, turned into WBGT, heat index, noise energy.

Where several sensors of a zone measure the same thing, noise, dust and gases take the highest: people work
beside the worst machine. Temperatures, humidity, air speed and pressure take the arithmetic mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from ingest_service.rollup.sources import HIGHEST_INPUTS, Source, ZoneSources
from ingest_service.rollup.tracks import Track
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

Value = tuple[float, int]
"""Value and grade of one input in one minute."""
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
        for minute in range(first, last + 1):
            self._fill_minute(minute, spans)
        self.filled_to = max(self.filled_to, last)

    def trim(self) -> None:
        """Forget what no window of the last hours needs."""
        if self.filled_to - self.base > DAY + 2 * _SLACK:
            self.base = self.filled_to - DAY - _SLACK
            for name, track in self.tracks.items():
                track.forget_before(self.filled_to - REACH[name] - _SLACK)

    def _fill_minute(self, minute: int, spans: Spans) -> None:
        values = {
            name: found
            for name, sources in self.sources.by_input.items()
            if (found := _combined(name, sources, minute, spans, _mean_of)) is not None
        }
        derived: dict[str, tuple[float, int, int]] = {
            name: (value, grade, 0) for name, (value, grade) in values.items() if name in REACH
        }
        if values:
            derived["alive"] = (1.0, 0, 0)
        derived.update(_heat(values))
        if "la" in values:
            derived.update(_noise(*values["la"]))
        if "co" in values:
            peak = _combined("co", self.sources.by_input["co"], minute, spans, _high_of)
            if peak is not None:
                derived["co_max"] = (*peak, 0)
        for name, track in self.tracks.items():
            if minute < track.base:
                continue
            if name in derived:
                track.put(minute, *derived[name])
            else:
                track.clear(minute)


def _mean_of(span: Span) -> float:
    return span.mean


def _high_of(span: Span) -> float:
    return span.high


def _combined(
    name: str, sources: Sequence[Source], minute: int, spans: Spans, pick: Callable[[Span], float]
) -> Value | None:
    found = [span for source in sources if (span := _span_at(source, minute, spans)) is not None]
    if not found:
        return None
    grade = max(span.grade for span in found)
    values = [pick(span) for span in found]
    if name in HIGHEST_INPUTS:
        return max(values), grade
    return (values[0] if len(values) == 1 else math.fsum(values) / len(values)), grade


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


def _heat(values: Mapping[str, Value]) -> dict[str, tuple[float, int, int]]:
    """WBGT and heat index of a minute; an input outside a method's range of validity gives none.

    Cannot tell, then; the inputs themselves are stored and shown.
    """
    ta, rh = values.get("ta"), values.get("rh")
    if ta is None or rh is None:
        return {}
    result: dict[str, tuple[float, int, int]] = {}
    with suppress(ValueError):
        result["wbgt"] = _wbgt(ta, rh, values)
    with suppress(ValueError):
        result["heat_index"] = (heat_index(ta[0], rh[0]), max(ta[1], rh[1]), 0)
    return result


def _wbgt(ta: Value, rh: Value, values: Mapping[str, Value]) -> tuple[float, int, int]:
    globe, speed = values.get("tg"), values.get("va")
    pressure = values.get("p", (STANDARD_PRESSURE_PA, int(Grade.A)))
    found = indoor_wbgt(
        ta[0],
        rh[0],
        None if globe is None else globe[0],
        air_speed=None if speed is None else speed[0],
        pressure=pressure[0],
    )
    code = (NO_GLOBE if globe is None else 0) | (ASSUMED_VA if speed is None else 0)
    grade = max(part[1] for part in (ta, rh, globe, speed, pressure) if part is not None)
    return found.value, int(Grade.C) if globe is None else grade, code


def _noise(level: float, grade: int) -> dict[str, tuple[float, int, int]]:
    try:
        return {
            "la_energy": (energy(level), grade, 0),
            "la_dose": (dose_rate_percent(level, _MINUTE_H, _NIOSH), grade, 0),
        }
    except ValueError:
        return {}
