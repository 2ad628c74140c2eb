"""What a number is worth: flags of a reading, quality of its time, grade of both together."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final, Literal


class Flag(IntFlag):
    """Bits of the SenML label ``q_`` (docs/wire-protocol.md); a reading without trouble carries 0."""

    CLIPPED = 1
    WARMING_UP = 2
    CALIBRATION_OVERDUE = 4
    PARTLY_COVERED = 8
    SUBSTITUTED = 16
    SENSOR_FAULT = 32
    CALIBRATION_RUN = 64
    MISPLACED = 128


ALL_FLAGS: Final = 255

NEVER_EXPOSURE: Final = (
    Flag.WARMING_UP | Flag.SUBSTITUTED | Flag.SENSOR_FAULT | Flag.CALIBRATION_RUN | Flag.MISPLACED
)
"""A reading with any of these was not a measurement of what people breathed, felt or heard.

It is kept and shown but never enters an exposure. A clipped value stays in: leaving the highest values out
would make a bad hall look better. Overdue calibration and partial cover stay in as well and lower the
grade or the coverage instead.
"""

FUTURE_S: Final = 300.0
"""A reading further ahead of its arrival than this has no usable time."""


class TimeQuality(IntEnum):
    """How far a time may be wrong; a smaller number is better."""

    SYNCED = 0
    CORRECTED = 1
    COARSE = 2
    BOUNDED = 3
    UNKNOWN = 4


_BOUNDS_S: Final = ((1.0, TimeQuality.SYNCED), (10.0, TimeQuality.CORRECTED), (60.0, TimeQuality.COARSE))


def time_quality(clk: str | None, err: float | None, *, ahead_s: float = 0.0) -> TimeQuality:
    """Quality of the times of a batch whose header says ``clk`` and ``err`` (s).

    ``ahead_s``: how far its newest reading lies ahead of the arrival; more than 5 minutes makes the time
    unknown. ``clk`` None is a device that says nothing about its clock (bare SenML): coarse, never better.
    ``clk`` "none" or an error above 60 s is bounded: the times say no more than "not before".
    """
    if ahead_s > FUTURE_S:
        return TimeQuality.UNKNOWN
    if clk is None:
        return TimeQuality.COARSE
    if clk == "none" or err is None:
        return TimeQuality.BOUNDED
    for bound, quality in _BOUNDS_S:
        if err <= bound:
            return quality
    return TimeQuality.BOUNDED


class Grade(IntEnum):
    """A evidential, B incomplete, C indicative; smaller is better, the worse of two is their ``max``."""

    A = 0
    B = 1
    C = 2


def grade(
    signed: bool, time_quality: TimeQuality, calibration: Literal["valid", "overdue", "unknown"]
) -> Grade:
    """The grade of a reading: A needs a verified signature, a time good to 10 s and a valid calibration.

    Unsigned data, and data whose time is only bounded or unknown, is indicative (C); what is signed and lacks
    something else is incomplete (B).
    """
    if not signed or time_quality >= TimeQuality.BOUNDED:
        return Grade.C
    if calibration == "valid" and time_quality <= TimeQuality.CORRECTED:
        return Grade.A
    return Grade.B
