"""Default thresholds of the quality tests for each quantity; proposals of this project, to tune per site.

They are meant for minute values. None leaves a test out: for gases the rate depends on the sensor's response
time (`rate_of_t90`), and levels of sound may rightly jump.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from osh_domain.quality_tests import Span


@dataclass(frozen=True, slots=True)
class FlatLine:
    """Times [s] and tolerance [unit] of the flat line test; at or below `floor` it is not applied."""

    suspect_s: float
    fail_s: float
    tolerance: float
    floor: float | None = None


@dataclass(frozen=True, slots=True)
class QcThresholds:
    """Thresholds of one quantity, in its own unit; `rate_per_s` per second, `spike` (suspect, fail)."""

    fail: Span | None = None
    suspect: Span | None = None
    rate_per_s: float | None = None
    flat: FlatLine | None = None
    spike: Span | None = None


_HOUR = 3600.0
_TEMPERATURE_FLAT = FlatLine(_HOUR, 3 * _HOUR, 0.05)
# A microphone's own noise is about 30 dB and steady to hundredths: a quiet night is no broken microphone.
# A globe that stands still may hide heat; the estimate without one says how far it may be wrong.
_GLOBE_FLAT = FlatLine(_HOUR, _HOUR, 0.05)
_SOUND_FLAT = FlatLine(600.0, 1800.0, 0.1, floor=35.0)
_SPIKE = (3.0, 6.0)


def _counts(count: float) -> FlatLine:
    """Of gases and particles: one count of the value's resolution, and clean air may well stand still."""
    return FlatLine(_HOUR, 6 * _HOUR, count, floor=count)


# A level above a small microphone's 120 dB is suspect and not failed: leaving the loudest minutes out would
# make a bad hall look better. The same holds for gases above their sensor's span: see the driver's own flag.
_SOUND = QcThresholds(fail=(0.0, 160.0), suspect=(30.0, 120.0), flat=_SOUND_FLAT)

DEFAULTS: Final[dict[str, QcThresholds]] = {
    "ta": QcThresholds((-40.0, 85.0), (0.0, 50.0), 2.0 / 60.0, _TEMPERATURE_FLAT, _SPIKE),
    "tg": QcThresholds((-40.0, 120.0), None, 5.0 / 60.0, _GLOBE_FLAT, _SPIKE),
    "tnw": QcThresholds((-40.0, 60.0), None, None, _TEMPERATURE_FLAT, _SPIKE),
    "wbgt": QcThresholds((-40.0, 80.0), None, None, _TEMPERATURE_FLAT, _SPIKE),
    "rh": QcThresholds((0.0, 100.0), (5.0, 99.0), 10.0 / 60.0, _TEMPERATURE_FLAT),
    "va": QcThresholds((0.0, 60.0)),
    "p": QcThresholds((50_000.0, 115_000.0)),
    "solar": QcThresholds((-20.0, 1500.0), (-20.0, 1400.0)),
    "la": _SOUND,
    "lc": _SOUND,
    "co": QcThresholds((-5.0, 10_000.0), flat=_counts(0.1)),
    "co2": QcThresholds((0.0, 100_000.0), (300.0, 40_000.0), flat=_counts(1.0)),
    "hcho": QcThresholds((-20.0, 10_000.0), flat=_counts(1.0)),
    "no2": QcThresholds((-50.0, 100_000.0), flat=_counts(1.0)),
    "pm1": QcThresholds((0.0, 10_000.0), flat=_counts(0.1)),
    "pm2_5": QcThresholds((0.0, 10_000.0), flat=_counts(0.1)),
    "pm4": QcThresholds((0.0, 10_000.0), flat=_counts(0.1)),
    "pm10": QcThresholds((0.0, 20_000.0), flat=_counts(0.1)),
}
"""Quantity id -> its thresholds; a quantity that is not here is not tested."""


def rate_of_t90(span: float, t90_s: float) -> float:
    """Return the rate [unit/s] above which a gas value is suspect: five times the slope of its sensor's T90.

    The slope is 0.9 x span/T90: a sensor cannot follow anything faster. ValueError unless both are above 0.

    >>> rate_of_t90(500.0, 30.0)
    75.0
    """
    if not (span > 0 and t90_s > 0):
        raise ValueError(f"span and t90_s must be above 0, not {span!r} and {t90_s!r}")
    return 5.0 * 0.9 * span / t90_s
