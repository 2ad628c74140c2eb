"""Noise dose: the share of a day's allowance taken up, by NIOSH or OSHA, and the level it stands for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from .validity import positive, within


@dataclass(frozen=True, slots=True)
class NoiseCriterion:
    """Criterion level [dBA] for 8 h, exchange rate and threshold [dB], the printed coefficient of the TWA."""

    name: str
    criterion: float
    exchange: float
    threshold: float
    coefficient: float
    source: str


NOISE_CRITERIA: dict[str, NoiseCriterion] = {
    row.name: row
    for row in (
        # The coefficient is printed as 10.0 in NIOSH Table 1-2 and as 16.61 by OSHA; 3/lg 2 would be 9.966.
        NoiseCriterion("niosh", 85.0, 3.0, 80.0, 10.0, "NIOSH 98-126 section 1.1"),
        NoiseCriterion("osha_pel", 90.0, 5.0, 90.0, 16.61, "29 CFR 1910.95(a)-(b)"),
        NoiseCriterion("osha_hc", 90.0, 5.0, 80.0, 16.61, "29 CFR 1910.95(c)-(d)"),
    )
}


def noise_criterion(name: str) -> NoiseCriterion:
    """Return the criterion `niosh`, `osha_pel` or `osha_hc`; ValueError for another name.

    >>> noise_criterion("niosh").threshold
    80.0
    """
    if name not in NOISE_CRITERIA:
        raise ValueError(f"noise criterion {name!r} is unknown; known: {', '.join(NOISE_CRITERIA)}")
    return NOISE_CRITERIA[name]


def allowed_hours(level: float, criterion: float, exchange: float) -> float:
    """Return how long a level [dBA] may last [h]: 8 / 2^((L - criterion)/exchange).

    NIOSH 98-126 equation of Table 1-1; 29 CFR 1910.95 Appendix A Table G-16a. Printed misprints (99 dBA in
    Table 1-1) are not followed.

    >>> allowed_hours(88.0, 85.0, 3.0)
    4.0
    """
    within("level", level, 0.0, 200.0, "dBA")
    return float(8.0 / 2.0 ** ((level - criterion) / positive("exchange rate", exchange, "dB")))


def dose_percent(samples: Iterable[tuple[float, float]], criterion: NoiseCriterion) -> float:
    """Return D = 100 sum(C/T) [%] of (level [dBA], hours) pairs, levels below the threshold left out.

    NIOSH 98-126 section 1.1; 29 CFR 1910.95 Appendix A. Thresholds belong to levels of one second; from
    minute or hour levels the dose is an approximation in intermittent noise and has to say so.

    >>> dose_percent([(88.0, 4.0), (91.0, 2.0), (70.0, 2.0)], noise_criterion("niosh"))
    200.0
    """
    # Checked before the threshold is applied: NaN is below every threshold and would look like quiet.
    pairs = [
        (within("level", one, -50.0, 200.0, "dBA"), within("duration", hours, 0.0, 24.0, "h"))
        for one, hours in samples
    ]
    return 100.0 * math.fsum(
        hours / allowed_hours(one, criterion.criterion, criterion.exchange)
        for one, hours in pairs
        if one >= criterion.threshold
    )


def dose_rate_percent(level: float, hours: float, criterion: NoiseCriterion) -> float:
    """Return the dose [%] that a level [dBA] adds in some hours; 0 below the threshold.

    >>> round(dose_rate_percent(85.0, 1.0 / 60.0, noise_criterion("niosh")), 4)
    0.2083
    """
    return dose_percent(((level, hours),), criterion)


def dose_to_twa(dose: float, criterion: NoiseCriterion) -> float | None:
    """Return the 8-hour TWA [dBA] of a dose [%]; None for a dose of 0, which has no level (not 0 dB).

    10.0 lg(D/100) + 85 (NIOSH 98-126 Table 1-2) or 16.61 lg(D/100) + 90 (29 CFR 1910.95 Appendix A).

    >>> round(dose_to_twa(200.0, noise_criterion("niosh")), 2)
    88.01
    >>> round(dose_to_twa(50.0, noise_criterion("osha_hc")), 1)
    85.0
    """
    within("dose", dose, 0.0, 1e12, "%")
    return criterion.coefficient * math.log10(dose / 100.0) + criterion.criterion if dose > 0 else None


def projected_dose(dose: float, measured_hours: float, shift_hours: float) -> float:
    """Return dose x shift/measured [%]: only where the measured part is representative; label it projected.

    OSHA Technical Manual III:5.

    >>> projected_dose(75.0, measured_hours=6.0, shift_hours=8.0)
    100.0
    """
    within("dose", dose, 0.0, 1e12, "%")
    return dose * positive("shift", shift_hours, "h") / positive("measured time", measured_hours, "h")


def osha_action_level(shift_hours: float) -> float:
    """Return OSHA's action level [dBA] for an extended shift: 16.61 lg(50/(12.5 h)) + 90.

    OSHA Technical Manual III:5. The permissible limit is not lowered.

    >>> round(osha_action_level(10.0), 1)
    83.4
    """
    return 16.61 * math.log10(50.0 / (12.5 * positive("shift", shift_hours, "h"))) + 90.0
