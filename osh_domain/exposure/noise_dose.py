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
    """Return the criterion `niosh`, `osha_pel` or `osha_hc`; ValueError for another name."""
    if name not in NOISE_CRITERIA:
        raise ValueError(f"noise criterion {name!r} is unknown; known: {', '.join(NOISE_CRITERIA)}")
    return NOISE_CRITERIA[name]


def allowed_hours(level: float, criterion: float, exchange: float) -> float:
    """Return how long a level [dBA] may last [h]: 8 / 2^((L - criterion)/exchange).

    NIOSH 98-126 equation of Table 1-1; 29 CFR 1910.95 Appendix A Table G-16a. Printed misprints (99 dBA in
    Table 1-1) are not followed. Example: 88 dBA, criterion 85, exchange 3 gives 4 h.
    """
    within("level", level, 0.0, 200.0, "dBA")
    return float(8.0 / 2.0 ** ((level - criterion) / positive("exchange rate", exchange, "dB")))


def dose_percent(samples: Iterable[tuple[float, float]], criterion: NoiseCriterion) -> float:
    """Return D = 100 sum(C/T) [%] of (level [dBA], hours) pairs, levels below the threshold left out.

    NIOSH 98-126 section 1.1; 29 CFR 1910.95 Appendix A. Thresholds belong to levels of one second; from
    minute or hour levels the dose is an approximation in intermittent noise and has to say so.
    Example: 88 dBA for 4 h, 91 for 2 h and 70 for 2 h, NIOSH, is 200 %.
    """
    return 100.0 * math.fsum(
        within("duration", hours, 0.0, 24.0, "h")
        / allowed_hours(one, criterion.criterion, criterion.exchange)
        for one, hours in samples
        if one >= criterion.threshold
    )


def dose_rate_percent(level: float, hours: float, criterion: NoiseCriterion) -> float:
    """Return the dose [%] that a level [dBA] adds in some hours; 0 below the threshold.

    Example: 85 dBA for 1/60 h, NIOSH, adds 0.2083 %.
    """
    return dose_percent(((level, hours),), criterion)


def dose_to_twa(dose: float, criterion: NoiseCriterion) -> float | None:
    """Return the 8-hour TWA [dBA] of a dose [%]; None for a dose of 0, which has no level (not 0 dB).

    10.0 lg(D/100) + 85 (NIOSH 98-126 Table 1-2) or 16.61 lg(D/100) + 90 (29 CFR 1910.95 Appendix A).
    Example: 200 % NIOSH is 88.01 dBA; 50 % OSHA is 85.0 dBA.
    """
    within("dose", dose, 0.0, 1e12, "%")
    return criterion.coefficient * math.log10(dose / 100.0) + criterion.criterion if dose > 0 else None


def projected_dose(dose: float, measured_hours: float, shift_hours: float) -> float:
    """Return dose x shift/measured [%]: only where the measured part is representative; label it projected.

    OSHA Technical Manual III:5. Example: 75 % in 6 h of an 8 h shift projects to 100 %.
    """
    within("dose", dose, 0.0, 1e12, "%")
    return dose * positive("shift", shift_hours, "h") / positive("measured time", measured_hours, "h")


def osha_action_level(shift_hours: float) -> float:
    """Return OSHA's action level [dBA] for an extended shift: 16.61 lg(50/(12.5 h)) + 90.

    OSHA Technical Manual III:5. The permissible limit is not lowered. Example: 10 h gives 83.4 dBA.
    """
    return 16.61 * math.log10(50.0 / (12.5 * positive("shift", shift_hours, "h"))) + 90.0
