"""Sound levels: energy averages, daily and weekly exposure levels, exposure points.

Decibels average as energy. A fixed microphone gives the level at a point: results are area levels, and an
area-based estimate for a person who stays there all shift. They are no personal exposure and certify nothing
under a limit (ISO 9612).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from .validity import positive, within

REFERENCE_HOURS = 8.0
WORKING_DAYS = 5
_REFERENCE_PA = 20e-6


def energy(level: float) -> float:
    """Return 10^(L/10), the energy of a level [dB] relative to 0 dB. Level -50 to 200 dB, else ValueError.

    >>> energy(90.0)
    1000000000.0
    """
    return float(10.0 ** (within("level", level, -50.0, 200.0, "dB") / 10.0))


def level(relative_energy: float) -> float:
    """Return 10 lg E [dB], the inverse of `energy`; ValueError for an energy that is not above 0.

    >>> level(1e9)
    90.0
    """
    return 10.0 * math.log10(positive("energy", relative_energy, ""))


def energy_average(levels: Iterable[float]) -> float:
    """Return the equivalent level LAeq [dB] of levels that last equally long: 10 lg(mean 10^(L/10)).

    IEC 61672-1, ISO 1999. ValueError without levels.

    >>> round(energy_average([80.0, 90.0]), 2)
    87.4
    """
    energies = [energy(one) for one in levels]
    if not energies:
        raise ValueError("an average needs at least one level")
    return level(math.fsum(energies) / len(energies))


def daily_exposure_level(samples: Iterable[tuple[float, float]]) -> float:
    """Return LEX,8h [dB] of (LAeq [dB], hours) pairs: 10 lg(sum (t/8) 10^(L/10)), no threshold.

    Directive 2003/10/EC Article 2, ISO 1999:2013. Long and short shifts are included by t/8.
    ValueError when no time is given (a level of minus infinity is no number) or for negative hours.

    >>> round(daily_exposure_level([(85.0, 10.0)]), 2)
    85.97
    """
    total = math.fsum(
        energy(one) * within("duration", hours, 0.0, 24.0, "h") / REFERENCE_HOURS for one, hours in samples
    )
    return level(total)


def weekly_exposure_level(daily: Iterable[float]) -> float:
    """Return 10 lg((1/5) sum 10^(LEX,i/10)) [dB]; the divisor is five whatever the number of days worked.

    Directive 2003/10/EC Article 3(3): only where exposure varies markedly from day to day.

    >>> round(weekly_exposure_level([88.0, 88.0, 82.0, 82.0, 82.0]), 2)
    85.41
    """
    energies = [energy(one) for one in daily]
    if len(energies) > 7:
        raise ValueError(f"a week has at most 7 days, not {len(energies)}")
    return level(math.fsum(energies) / WORKING_DAYS)


def exposure_points(samples: Iterable[tuple[float, float]]) -> float:
    """Return HSE exposure points of (LAeq [dB], hours) pairs: 100 (t/8) 10^((L-85)/10); 100 are 85 dB LEX,8h.

    HSE L108 Appendix 3. Points of a day's tasks add up.

    >>> round(exposure_points([(88.0, 4.0)]), 2)
    99.76
    """
    reference = energy(85.0)
    return 100.0 * math.fsum(
        within("duration", hours, 0.0, 24.0, "h") / REFERENCE_HOURS * (energy(one) / reference)
        for one, hours in samples
    )


def projected_daily_level(equivalent: float, shift_hours: float) -> float:
    """Return LEX,8h [dB] if the rest of a shift stays as loud as the part measured: LAeq + 10 lg(Te/8 h).

    ISO 9612; holds only when that part is representative: label it projected.

    >>> round(projected_daily_level(85.0, 10.0), 2)
    85.97
    """
    return daily_exposure_level([(equivalent, shift_hours)])


def sound_pressure_level(pressure_pa: float) -> float:
    """Return Lp = 20 lg(p/20 uPa) [dB] of a sound pressure [Pa].

    Directive 2003/10/EC Article 3 prints 200/140/112 Pa as 140/137/135 dB(C).

    >>> round(sound_pressure_level(1.0), 2)
    93.98
    """
    return 20.0 * math.log10(positive("sound pressure", pressure_pa, "Pa") / _REFERENCE_PA)
