"""What a WBGT estimate without a globe may be wrong by: each source of error, worked out for the conditions.

The figures come from the methods themselves: the estimate against what it would have been. They are no
property of an instrument and no proof of anything; they say which measurement would help most.
"""

from __future__ import annotations

from dataclasses import dataclass

from .heat_stress import indoor_wbgt, wbgt_indoor
from .methods import Bias
from .psychrometric import STANDARD_PRESSURE_PA, psychrometric_wet_bulb


@dataclass(frozen=True, slots=True)
class ErrorSource:
    """One source of error; `effect` [C WBGT] is the estimate less the truth, below 0: it is low."""

    source: str
    effect: float

    @property
    def bias(self) -> Bias:
        """Which way the estimate errs.

        >>> ErrorSource("a globe 2 C above air", -0.8).bias
        'low'
        """
        return "low" if self.effect < 0 else "high"


def no_globe_budget(air: float, rh: float, air_speed: float = 0.3) -> tuple[ErrorSource, ...]:
    """Return the error budget of `assumed_tg_eq_ta` at `air` [C], `rh` [%] and a true air speed [m/s].

    Rows: a globe truly 1, 2 and 5 C above air; the psychrometric taken for the natural wet bulb, alone and
    with a globe 2 C above air; 0.3 m/s assumed where it is 0.1 and 1.0; air temperature read 0.5 C and
    humidity 3 % too high; 900 hPa taken for 1013.25. Ranges are those of `indoor_wbgt`.

    >>> [round(one.effect, 2) for one in no_globe_budget(33.0, 60.0)][:3]
    [-0.41, -0.82, -2.04]
    """
    estimate = _value(air, rh, air, air_speed)
    aspirated = wbgt_indoor(psychrometric_wet_bulb(air, rh), air)
    rows = [
        (f"globe truly {excess:g} C above air", estimate - _value(air, rh, air + excess, air_speed))
        for excess in (1.0, 2.0, 5.0)
    ]
    rows += [
        ("psychrometric instead of natural wet bulb", aspirated - estimate),
        ("both, globe 2 C above air", aspirated - _value(air, rh, air + 2.0, air_speed)),
        ("air speed taken as 0.3, truly 0.1 m/s", _value(air, rh, air, 0.3) - _value(air, rh, air, 0.1)),
        ("air speed taken as 0.3, truly 1.0 m/s", _value(air, rh, air, 0.3) - _value(air, rh, air, 1.0)),
        ("air temperature 0.5 C high", _value(air + 0.5, rh, air + 0.5, air_speed) - estimate),
        ("humidity 3 % high", _value(air, min(100.0, rh + 3.0), air, air_speed) - estimate),
        ("1013.25 hPa taken for 900", estimate - _value(air, rh, air, air_speed, 90_000.0)),
    ]
    return tuple(ErrorSource(source, effect) for source, effect in rows)


def _value(
    air: float, rh: float, globe: float, air_speed: float, pressure: float = STANDARD_PRESSURE_PA
) -> float:
    return indoor_wbgt(air, rh, globe, air_speed=air_speed, pressure=pressure).value
