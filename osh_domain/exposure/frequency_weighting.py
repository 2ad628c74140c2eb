"""A and C frequency weighting of sound levels, IEC 61672-1:2013 Annex E."""

from __future__ import annotations

import math

from .validity import positive

_F1, _F2, _F3, _F4 = 20.598997, 107.65265, 737.86223, 12194.217
# These make 1 kHz exactly 0 dB; rounded to two decimals they turn one entry of Table 3.
_A_OFFSET, _C_OFFSET = 1.9997, 0.0619


def exact_frequency(band: int) -> float:
    """Return the exact base-10 centre frequency [Hz] 1000 x 10^(n/10); `band` 0 is 1 kHz, -20 is 10 Hz.

    >>> exact_frequency(-20), round(exact_frequency(1), 1)
    (10.0, 1258.9)
    """
    return float(1000.0 * 10.0 ** (band / 10.0))


def a_weighting(frequency: float) -> float:
    """Return the A weighting [dB] at a frequency [Hz]; use exact, not nominal, frequencies.

    >>> round(a_weighting(exact_frequency(-10)), 1)
    -19.1
    """
    f2 = positive("frequency", frequency, "Hz") ** 2
    response = _F4**2 * f2**2 / ((f2 + _F1**2) * math.sqrt((f2 + _F2**2) * (f2 + _F3**2)) * (f2 + _F4**2))
    return 20.0 * math.log10(response) + _A_OFFSET


def c_weighting(frequency: float) -> float:
    """Return the C weighting [dB] at a frequency [Hz]; use exact, not nominal, frequencies.

    >>> round(c_weighting(exact_frequency(-20)), 1)
    -14.3
    """
    f2 = positive("frequency", frequency, "Hz") ** 2
    return 20.0 * math.log10(_F4**2 * f2 / ((f2 + _F1**2) * (f2 + _F4**2))) + _C_OFFSET
