"""WHO global air quality guidelines 2021: context for the general public, never a limit of a workplace.

24-hour values are 99th percentiles (three to four days a year may be above). One widely copied table prints
50 for the 24-hour guideline of sulfur dioxide; 40 is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .validity import within


@dataclass(frozen=True, slots=True)
class Guideline:
    """Guideline level and interim targets from the loosest (1) on, with unit and averaging time."""

    level: float
    targets: tuple[float, ...]
    unit: str
    averaging: str


GUIDELINES: Final[dict[str, Guideline]] = {
    "pm2_5_24h": Guideline(15.0, (75.0, 50.0, 37.5, 25.0), "ug/m3", "24 h"),
    "pm2_5_annual": Guideline(5.0, (35.0, 25.0, 15.0, 10.0), "ug/m3", "year"),
    "pm10_24h": Guideline(45.0, (150.0, 100.0, 75.0, 50.0), "ug/m3", "24 h"),
    "pm10_annual": Guideline(15.0, (70.0, 50.0, 30.0, 20.0), "ug/m3", "year"),
    "o3_8h": Guideline(100.0, (160.0, 120.0), "ug/m3", "8 h"),
    "o3_peak_season": Guideline(60.0, (100.0, 70.0), "ug/m3", "peak season"),
    "no2_24h": Guideline(25.0, (120.0, 50.0), "ug/m3", "24 h"),
    "no2_annual": Guideline(10.0, (40.0, 30.0, 20.0), "ug/m3", "year"),
    "so2_24h": Guideline(40.0, (125.0, 50.0), "ug/m3", "24 h"),
    "co_24h": Guideline(4.0, (7.0,), "mg/m3", "24 h"),
}
"""Name -> guideline; all verified in the document."""

HCHO_INDOOR_MG_M3: Final = 0.1
"""WHO indoor guideline for formaldehyde [mg/m3, 30 min]; general knowledge, unverified."""


def who_step(name: str, value: float) -> str:
    """Return where a mean of the guideline's own averaging time stands, in the guideline's own unit.

    "guideline met", "interim target N met" for the strictest target that is kept, or "no target met"; a value
    equal to a level keeps it. ValueError for an unknown guideline or a value below 0, NaN or infinite.

    >>> who_step("pm2_5_24h", 15.0), who_step("pm2_5_24h", 38.0), who_step("pm2_5_24h", 75.1)
    ('guideline met', 'interim target 2 met', 'no target met')
    """
    if name not in GUIDELINES:
        raise ValueError(f"guideline {name!r} is unknown; known: {', '.join(GUIDELINES)}")
    row = GUIDELINES[name]
    within("concentration", value, 0.0, 1e9, row.unit)
    if value <= row.level:
        return "guideline met"
    kept = sum(value <= target for target in row.targets)
    return f"interim target {kept} met" if kept else "no target met"
