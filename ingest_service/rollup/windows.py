"""One exposure: a kind's window that ends at a minute, as a row.

A row is made for a window that holds data, and for one without where the zone should have data: in a shift,
for channels that are due, until a day has passed since the zone's last reading (from then on its silence
speaks).
A window that misses the capture rule of its kind has the value None: cannot tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ingest_service.rollup.heat import wbgt_method
from ingest_service.rollup.kinds import Kind
from ingest_service.rollup.periods import first_minute
from ingest_service.rollup.tracks import Track, Window, longest_gap
from ingest_service.rollup.zone_series import DAY, LEAST_OF_HOUR, ZoneSeries
from ingest_service.series.port import ExposureRow
from osh_domain.coverage import Coverage, capture
from osh_domain.exposure import CALCULATION
from osh_domain.exposure.heat_stress import effective_wbgt
from osh_domain.exposure.noise import level
from osh_domain.quality import Grade
from osh_domain.shifts import ShiftInstance

_MINUTES_8H = 480.0
NO_DATA = "no_data"
Windowed = tuple[Window, Coverage]


@dataclass(slots=True)
class Moment:
    """A minute for which rows are made: its shift, and the local day that ends with it, if one does."""

    minute: int
    shift: ShiftInstance | None
    day: tuple[int, int] | None = None
    _coverage: Coverage | None = field(default=None, init=False)
    _windows: dict[str, Window] = field(default_factory=dict, init=False)

    def shift_so_far(self, series: ZoneSeries, track: str) -> Windowed:
        """The shift up to the minute. A break is averaged where it was measured, not missed where not."""
        assert self.shift is not None  # noqa: S101 - asked for in a shift only
        if self._coverage is None:  # energy and doses of a minute are there together
            self._coverage = _at_work(series.tracks[track], self.minute, self.shift)
        window = self._windows.get(track)
        if window is None:
            window = series.tracks[track].window(first_minute(self.shift.start), self.minute)
            self._windows[track] = window
        return window, self._coverage


def exposure(kind: Kind, series: ZoneSeries, moment: Moment) -> ExposureRow | None:
    """The exposure of a kind in the window ending at a minute, or None where there is nothing to say.

    A function of the stored minutes and the register alone.
    """
    if (kind.form == "shift" and moment.shift is None) or (kind.form == "day" and moment.day is None):
        return None
    if kind.length == 1 and (entry := series.tracks[kind.track].entry(moment.minute)) is not None:
        value, grade, code = entry  # most rows are of a single minute
        method = kind.method or wbgt_method(code)
        zone = series.sources.zone.id
        return ExposureRow(zone, kind.name, moment.minute, value, 1.0, 1, 1, 0.0, method, grade, CALCULATION)
    window, coverage = _window(kind, series, moment)
    if window.received == 0 and not absence_counts(kind, series, moment):
        return None
    enough = window.received > 0 and capture(kind.name).enough(coverage)
    return ExposureRow(
        series.sources.zone.id,
        kind.name,
        moment.minute,
        _value(kind, window, series, moment) if enough else None,
        coverage.share,
        coverage.expected,
        coverage.received,
        coverage.worst_gap_s,
        kind.method or (wbgt_method(window.code) if window.received else NO_DATA),
        window.grade if window.received else int(Grade.C),
        CALCULATION,
    )


def absence_counts(kind: Kind, series: ZoneSeries, moment: Moment) -> bool:
    """Whether missing data are worth a row: in a shift, from channels due, of a zone not long dead."""
    minute = moment.minute
    if moment.shift is None and kind.form != "day":
        return False
    due = any(all(series.sources.due_at(name, minute) for name in some) for some in kind.inputs)
    return due and series.tracks["alive"].received(minute - DAY + 1, minute) > 0


def _window(kind: Kind, series: ZoneSeries, moment: Moment) -> Windowed:
    track, minute = series.tracks[kind.track], moment.minute
    if kind.form == "shift":
        return moment.shift_so_far(series, kind.track)
    if kind.form == "hours":
        window = _of_hours(series, kind.track, minute - DAY + 1, minute)
    elif kind.form == "day" and moment.day is not None:
        window = _of_hours(series, kind.track, *moment.day)
    else:
        window = track.window(minute - kind.length + 1, minute)
    return window, Coverage(window.expected, window.received, 60.0 * window.gap)


def _of_hours(series: ZoneSeries, name: str, first: int, last: int) -> Window:
    """A stretch as a window of its hours, from its begin on; only those with 75 % of their minutes count."""
    hours = series.tracks[f"{name}_hours"]
    whole = (last - first + 1) // 60
    received, total = hours.every(first + 59, 60, whole)
    rest = (last - first + 1) % 60
    if rest:  # where clocks change by half an hour
        measured, part = series.tracks[name].sum(last - rest + 1, last)
        if measured * 60 >= LEAST_OF_HOUR * rest:
            received, total = received + 1, total + part / measured
    window = series.tracks[name].window(first, last, summed=False)
    return Window(whole + (rest > 0), received, total, window.gap, window.grade, window.code)


def _at_work(track: Track, minute: int, shift: ShiftInstance) -> Coverage:
    pieces: list[bytes] = []
    begin = first_minute(shift.start)
    for start, end in shift.breaks:
        pieces.append(track.present(begin, min(first_minute(start) - 1, minute)))
        begin = first_minute(end)
    pieces.append(track.present(begin, minute))
    at_work = b"".join(pieces)
    return Coverage(len(at_work), at_work.count(1), 60.0 * longest_gap(at_work))


class Measured(NamedTuple):
    """The mean over the measured minutes of a window, with what else a value may depend on."""

    mean: float
    minutes: int
    """Minutes of the window, measured or not."""
    shift_minutes: float


_VALUE: dict[str, Callable[[Measured], float]] = {
    "la.leq60": lambda m: level(m.mean),
    # What was not measured of a shift is taken as loud as the rest: a gap is never silence.
    "la.lex8h": lambda m: level(m.mean * (m.minutes / _MINUTES_8H)),
    "la.niosh_dose": lambda m: m.mean * m.minutes,
    "la.osha_dose": lambda m: m.mean * m.minutes,
    "la.osha_hc_dose": lambda m: m.mean * m.minutes,
    "la.projected_lex8h": lambda m: level(m.mean * (m.shift_minutes / _MINUTES_8H)),
}
"""How the mean of a window becomes the value, where it is not the mean itself."""


def _value(kind: Kind, window: Window, series: ZoneSeries, moment: Moment) -> float | None:
    if kind.form == "rise":
        return _rise(series.tracks[kind.track], moment.minute, kind.length - 1)
    mean = window.total / window.received
    if kind.name.startswith("wbgt_eff."):
        return _effective(mean, series, moment.minute - kind.length + 1, moment.minute)
    convert = _VALUE.get(kind.name)
    if convert is None:
        return mean
    minutes = moment.shift.length_s / 60.0 if moment.shift is not None else _MINUTES_8H
    return convert(Measured(mean, window.expected, minutes))


def _rise(track: Track, minute: int, before: int) -> float | None:
    """By how much a minute is above the lowest of the minutes before it; of a missing minute, None."""
    now = track.get(minute)
    past = [value for m in range(minute - before, minute) if (value := track.get(m)) is not None]
    return None if now is None or not past else now - min(past)


def _effective(mean: float, series: ZoneSeries, first: int, last: int) -> float | None:
    """Effective WBGT; clothing counts minute by minute, and unknown clothing leaves no value."""
    facts = series.sources.facts_in(first, last)
    if len(facts) == 1:
        zone = facts[0][2]
        return None if zone is None or zone.clothing_caf is None else effective_wbgt(mean, zone.clothing_caf)
    received = 0
    parts: list[float] = []
    for begin, end, zone in facts:
        measured, total = series.tracks["wbgt"].sum(begin, end)
        if measured:
            if zone is None or zone.clothing_caf is None:
                return None
            parts.append(measured * effective_wbgt(total / measured, zone.clothing_caf))
            received += measured
    return math.fsum(parts) / received
