"""The kinds of exposure: which window of which track, what it becomes, and by which method.

A row is made for a window that holds data, and for one without where the zone should have data: in a shift,
for channels that are due, until a day has passed since the zone's last reading (from then on its silence
speaks).
A window that misses the capture rule of its kind has the value None: cannot tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ingest_service.rollup.tracks import Track, Window, longest_gap
from ingest_service.rollup.zone_series import DAY, ZoneSeries, wbgt_method
from ingest_service.series.port import ExposureRow
from osh_domain.coverage import Coverage, capture
from osh_domain.exposure import CALCULATION
from osh_domain.exposure.heat_stress import effective_wbgt
from osh_domain.exposure.noise import level
from osh_domain.quality import Grade
from osh_domain.shifts import ShiftInstance

_HOURS = 24
_MINUTES_8H = 480.0
_LEAST_OF_HOUR = 45  # Directive 2008/50/EC Annexes VII and XI: 75 % of an hour
NO_DATA = "no_data"
HEAT_INPUTS = ("ta", "rh")


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table. `length` in minutes; 0 is the shift so far.

    `inputs`: what must be due for the absence of data to be worth a row.
    """

    name: str
    track: str
    length: int
    inputs: tuple[str, ...]
    method: str
    hourly: bool = False

    @property
    def reach(self) -> int:
        """Minutes after a reading, its own included, whose windows hold it."""
        return self.length or DAY


NOISE = ("la",)
KINDS: tuple[Kind, ...] = (
    Kind("wbgt.minute", "wbgt", 1, HEAT_INPUTS, ""),
    Kind("wbgt_eff.twa60", "wbgt", 60, HEAT_INPUTS, ""),
    Kind("wbgt_eff.twa120", "wbgt", 120, HEAT_INPUTS, ""),
    Kind("heat_index.minute", "heat_index", 1, HEAT_INPUTS, "nws_regression"),
    Kind("ta.mean60", "ta", 60, ("ta",), "area_mean"),
    Kind("rh.mean60", "rh", 60, ("rh",), "area_mean"),
    Kind("la.leq1", "la", 1, NOISE, "area_laeq"),
    Kind("la.leq60", "la_energy", 60, NOISE, "area_laeq"),
    Kind("la.lex8h", "la_energy", 0, NOISE, "area_estimate"),
    Kind("la.niosh_dose", "la_dose", 0, NOISE, "area_estimate_minute_levels"),
    Kind("la.projected_lex8h", "la_energy", 0, NOISE, "area_projected"),
    Kind("pm2_5.mean60", "pm2_5", 60, ("pm2_5",), "optical_uncorrected"),
    Kind("pm2_5.mean24h", "pm2_5", DAY, ("pm2_5",), "optical_uncorrected", hourly=True),
    Kind("pm10.mean60", "pm10", 60, ("pm10",), "optical_uncorrected"),
    Kind("pm10.mean24h", "pm10", DAY, ("pm10",), "optical_uncorrected", hourly=True),
    Kind("co.minute_max", "co_max", 1, ("co",), "area_highest"),
    Kind("co.twa8h", "co", 480, ("co",), "area_mean"),
    Kind("co2.minute", "co2", 1, ("co2",), "area_mean"),
    Kind("co2.stel15", "co2", 15, ("co2",), "area_mean"),
    Kind("co2.twa8h", "co2", 480, ("co2",), "area_mean"),
)

Windowed = tuple[Window, Coverage]


def exposure(kind: Kind, series: ZoneSeries, minute: int, shift: ShiftInstance | None) -> ExposureRow | None:
    """The exposure of a kind in the window ending at a minute, or None where there is nothing to say.

    `shift`: the one the minute lies in. A function of the stored minutes and the register alone.
    """
    if kind.length == 0 and shift is None:
        return None
    window, coverage = _window(kind, series, minute, shift)
    if window.received == 0 and not absence_counts(kind, series, minute, shift):
        return None
    enough = window.received > 0 and capture(kind.name).enough(coverage)
    return ExposureRow(
        zone=series.sources.zone.id,
        kind=kind.name,
        minute=minute,
        value=_value(kind, window, series, shift) if enough else None,
        coverage=coverage.share,
        expected=coverage.expected,
        received=coverage.received,
        worst_gap_s=coverage.worst_gap_s,
        method=kind.method or (wbgt_method(window.code) if window.received else NO_DATA),
        grade=window.grade if window.received else int(Grade.C),
        calc=CALCULATION,
    )


def absence_counts(kind: Kind, series: ZoneSeries, minute: int, shift: ShiftInstance | None) -> bool:
    """Whether missing data are worth a row: in a shift, from channels due, of a zone not long dead."""
    return (
        shift is not None
        and all(series.sources.due_at(name, minute) for name in kind.inputs)
        and series.tracks["alive"].received(minute - DAY + 1, minute) > 0
    )


def first_minute(start: float) -> int:
    """The first minute whose middle is not before an instant [s]."""
    return math.ceil((start + 30.0) / 60.0)


def _window(kind: Kind, series: ZoneSeries, minute: int, shift: ShiftInstance | None) -> Windowed:
    track = series.tracks[kind.track]
    if kind.length == 0 and shift is not None:
        return _shift_so_far(track, minute, shift)
    window = _day_of_hours(track, minute) if kind.hourly else track.window(minute - kind.length + 1, minute)
    return window, Coverage(window.expected, window.received, 60.0 * window.gap)


def _day_of_hours(track: Track, minute: int) -> Window:
    """The 24 hours back from the minute as a window of hourly means, of hours with 75 % of their minutes."""
    means: list[float] = []
    for last in range(minute, minute - DAY, -60):
        received, total = track.sum(last - 59, last)
        if received >= _LEAST_OF_HOUR:
            means.append(total / received)
    whole = track.window(minute - DAY + 1, minute)
    return Window(_HOURS, len(means), math.fsum(means), whole.gap, whole.grade, whole.code)


def _shift_so_far(track: Track, minute: int, shift: ShiftInstance) -> Windowed:
    """The shift up to the minute. A break is averaged where it was measured, and not missed where not."""
    first = first_minute(shift.start)
    pieces: list[bytes] = []
    begin = first
    for start, end in shift.breaks:
        pieces.append(track.present(begin, min(first_minute(start) - 1, minute)))
        begin = first_minute(end)
    pieces.append(track.present(begin, minute))
    at_work = b"".join(pieces)
    return track.window(first, minute), Coverage(len(at_work), at_work.count(1), 60.0 * longest_gap(at_work))


class Measured(NamedTuple):
    """The mean over the measured minutes of a window, with what else a value may depend on."""

    mean: float
    minutes: int
    """Minutes of the window, measured or not."""
    shift_minutes: float
    clothing_caf: float | None


def _effective(measured: Measured) -> float | None:
    """No value where clothing is not known: it would count as none."""
    if measured.clothing_caf is None:
        return None
    return effective_wbgt(measured.mean, measured.clothing_caf)


_VALUE: dict[str, Callable[[Measured], float | None]] = {
    "wbgt_eff.twa60": _effective,
    "wbgt_eff.twa120": _effective,
    "la.leq60": lambda m: level(m.mean),
    # What was not measured of a shift is taken as loud as the rest: a gap is never silence.
    "la.lex8h": lambda m: level(m.mean * (m.minutes / _MINUTES_8H)),
    "la.niosh_dose": lambda m: m.mean * m.minutes,
    "la.projected_lex8h": lambda m: level(m.mean * (m.shift_minutes / _MINUTES_8H)),
}
"""How the mean of a window becomes the value, where it is not the mean itself."""


def _value(kind: Kind, window: Window, series: ZoneSeries, shift: ShiftInstance | None) -> float | None:
    mean = window.total / window.received
    convert = _VALUE.get(kind.name)
    if convert is None:
        return mean
    minutes = shift.length_s / 60.0 if shift is not None else _MINUTES_8H
    return convert(Measured(mean, window.expected, minutes, series.sources.zone.clothing_caf))
