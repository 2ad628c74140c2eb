"""Which microphone may say what: peaks, uncertainty, and when a calibration voids a campaign.

Small microphones have a noise floor near 30 dBA and clip at 115 to 120 dB: a C-weighted peak of 135 dB is
out of their reach, so they report that they clipped, and no peak.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from .validity import within

Instrument = Literal["class1", "class2", "dosimeter", "without_class"]

UNCERTAINTY_DB: Final[dict[Instrument, float]] = {
    "class1": 2.0,  # no figure of its own was read: not better than class 2
    "class2": 2.0,
    "dosimeter": 2.0,
    "without_class": 3.0,
}
"""Half-width [dB] by kind of instrument; general knowledge, unverified. OSHA grants dosimeters 2 dBA.

For a microphone without class, or one that was not calibrated, it is the least.
"""

LARGEST_SHIFT_DB: Final = 0.5
_HEADROOM_DB: Final = 3.0


@dataclass(frozen=True, slots=True)
class Peak:
    """A peak that may be reported [dB(C)], or None and why not."""

    value: float | None
    why_not: str | None


def reportable_peak(lc_peak: float, *, highest_input: float, clipped: bool, instrument: Instrument) -> Peak:
    """Return a C-weighted peak [dB] only if the instrument can measure it; else None with the reason.

    Directive 2003/10/EC and OSHA judge 135 to 140 dB: the instrument needs a class and a highest input level
    (`highest_input` [dB], its data sheet) at least 3 dB above the peak, and must not have clipped. ValueError
    for levels outside 0 to 220 dB.

    >>> reportable_peak(118.0, highest_input=120.0, clipped=True, instrument="without_class").value is None
    True
    """
    peak = within("peak level", lc_peak, 0.0, 220.0, "dB")
    most = within("highest input level", highest_input, 0.0, 220.0, "dB")
    if instrument not in UNCERTAINTY_DB:
        raise ValueError(f"instrument {instrument!r} is unknown; known: {', '.join(UNCERTAINTY_DB)}")
    if clipped:
        return Peak(None, "the microphone clipped: the true peak is higher")
    if instrument == "without_class":
        return Peak(None, "a microphone without class measures no peaks in dB(C)")
    if peak > most - _HEADROOM_DB:
        return Peak(None, f"the peak is within {_HEADROOM_DB:g} dB of the highest level it can take")
    return Peak(peak, None)


def level_uncertainty(instrument: Instrument, *, calibrated: bool) -> float:
    """Return the uncertainty [dB] of a level by the instrument; without calibration that of no class.

    >>> level_uncertainty("class2", calibrated=True), level_uncertainty("class2", calibrated=False)
    (2.0, 3.0)
    """
    if instrument not in UNCERTAINTY_DB:
        raise ValueError(f"instrument {instrument!r} is unknown; known: {', '.join(UNCERTAINTY_DB)}")
    return UNCERTAINTY_DB[instrument] if calibrated else UNCERTAINTY_DB["without_class"]


def calibration_holds(before_db: float, after_db: float) -> bool:
    """Say whether a campaign stands: the calibrator's reading moved by at most 0.5 dB (ISO 9612).

    Both readings [dB] of the same 94 dB, 1 kHz calibrator. The rule is general knowledge, unverified.

    >>> calibration_holds(94.0, 94.5), calibration_holds(94.0, 93.4)
    (True, False)
    """
    first = within("reading before", before_db, 60.0, 140.0, "dB")
    last = within("reading after", after_db, 60.0, 140.0, "dB")
    # A shift of exactly half a decibel still holds, whatever the last bit of the difference.
    return abs(last - first) <= LARGEST_SHIFT_DB + 1e-9
